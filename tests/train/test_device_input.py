"""What a device makes of images before the network sees them: sums of shifted reads.
Convolutions and matrix products would round pixels to TF32 where the user allows it, and
choose the order of their sums by how many images there are."""

import re
from collections import Counter

import pytest
from train.test_rehearsal import STEPS, fused_optimizers, rehearsed
from train.test_resident_set import OPERATIONS

import digitnet
from digitnet.layers import Dense, Flatten

__all__ = ["fused_optimizers"]

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("fused_optimizers")]

PRODUCTS = re.compile(r"conv|mm\b|addmv|matmul|einsum|im2col|unfold")


def products(rng, *steps, **options):
    """How often each convolution or matrix product occurs in a step of a dense network."""
    model = digitnet.Model(
        [Flatten(), Dense(3)], input_shape=(1, 10, 12), preprocess=list(steps)
    )
    _, (_, single), _ = rehearsed(model, rng, **options)[0]
    return Counter(name for name, _ in single if PRODUCTS.search(name))


def test_the_products_of_the_network_itself_are_seen(rng):
    assert products(rng, "scale").total() >= 2  # forward, gradient of the weights


@pytest.mark.parametrize("augment", OPERATIONS)
def test_no_operation_convolves_or_multiplies_matrices(augment, rng):
    assert products(rng, "scale", augment=augment) == products(rng, "scale")


@pytest.mark.parametrize("name", STEPS)
def test_no_preprocessing_step_convolves_or_multiplies_matrices(name, rng):
    steps = ["grey_to_rgb", STEPS[name]] if name == "rgb_to_grey" else [STEPS[name]]
    assert products(rng, *steps) == products(rng, "scale")
