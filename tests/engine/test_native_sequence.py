"""Recurrent layers and capsules on the native executor: gradients and bits."""

import numpy as np
import pytest
from reference.training import (
    assert_gradients_are_exact,
    assert_logits_are_exact,
    assert_threads_change_no_bit,
    draw,
    make,
    one_step,
)

import digitnet
from digitnet import _core
from digitnet.layers import (
    GRU,
    BatchNorm,
    CapsuleLogits,
    Capsules,
    Conv,
    Dense,
    Flatten,
    Position,
    ReLU,
)

every_kernel = pytest.mark.parametrize("kernels", _core.train.kernels())
TAIL = [Flatten(), Dense(3)]
NETWORKS = {
    "positions": (
        (2, 5, 7),
        [Position(), Conv(6, 3, padding="same"), Position(), *TAIL],
    ),
    "positions behind flatten": (
        (3, 4, 5),
        [Conv(5, 2), Flatten(), Position(), Dense(3)],
    ),
    "gru": ((1, 9, 8), [GRU(21), Dense(3)]),
    "gru of many units": ((1, 4, 28), [GRU(128), Dense(3)]),
    "gru behind maps": (
        (2, 6, 5),
        [
            Conv(7, 3, padding="same"),
            ReLU(),
            Conv(5, 3, padding="same"),
            GRU(33),
            Dense(3),
        ],
    ),
    "gru of one step": ((3, 1, 5), [GRU(6), Dense(3)]),
    "gru of one pixel": ((1, 1, 1), [GRU(1), Dense(3)]),
    "capsules": (
        (1, 9, 9),
        [Conv(9, 3), ReLU(), Conv(24, 3, stride=2), Capsules(3, 16), Dense(3)],
    ),
    "capsules routed once": (
        (2, 6, 6),
        [Conv(10, 3), Capsules(4, 3, 5, routing=1), Dense(3)],
    ),
    "capsules behind padding": (
        (1, 4, 5),
        [Conv(8, 3, padding="same"), BatchNorm(), Capsules(5, 2, 4, 2), Dense(3)],
    ),
    "capsules of the image": ((4, 3, 5), [Capsules(2, 5, 4, routing=4), Dense(3)]),
    "capsule logits": (
        (2, 4, 4),
        [Conv(6, 3), Flatten(), Dense(15), CapsuleLogits(5), Dense(3)],
    ),
}
every_network = pytest.mark.parametrize(
    ("shape", "network"), NETWORKS.values(), ids=NETWORKS
)


@pytest.mark.torch
@every_kernel
@every_network
@pytest.mark.parametrize("count", [1, 5, 19])
def test_gradients_are_as_close_to_float64_as_torchs(
    kernels, shape, network, count, rng, monkeypatch
):
    assert_gradients_are_exact(monkeypatch, rng, kernels, shape, network, count)


@pytest.mark.torch
@every_kernel
@every_network
def test_logits_are_as_close_to_float64_as_torchs(
    kernels, shape, network, rng, monkeypatch
):
    assert_logits_are_exact(monkeypatch, rng, kernels, shape, network)


@pytest.mark.parametrize("options", [{}, {"optimizer": "sgd", "clip_norm": 0.1}])
@every_network
def test_the_number_of_threads_does_not_change_a_bit(shape, network, options, rng):
    assert_threads_change_no_bit(rng, shape, network, **options)


@pytest.mark.parametrize(
    ("case", "frozen"),
    [
        ("gru", "gru1.weight_hh_l0"),
        ("gru", "gru1.weight_ih_l0"),
        ("capsules", "capsules1.weight"),
        ("positions", "position1.weight"),
    ],
)
def test_a_frozen_weight_stays_and_the_others_learn(case, frozen, rng):
    shape, network = NETWORKS[case]
    images, labels = draw(rng, shape, 9)
    free = one_step(make(network, shape), images, labels)
    held = one_step(make(network, shape), images, labels, freeze=[frozen])
    for name, gradient in free.items():
        expected = np.zeros_like(gradient) if name == frozen else gradient
        np.testing.assert_array_equal(held[name], expected, err_msg=name)
        assert gradient.any()


def test_a_step_of_the_zoos_gru_moves_every_weight(rng):
    images, labels = draw(rng, (1, 28, 28), 20)
    model = digitnet.models.make("gru", classes=3)
    model.core.max_value = 1
    for name, gradient in one_step(model, images, labels).items():
        assert gradient.any(), name
