"""Recurrent layers and capsules on the native executor: gradients and bits."""

import numpy as np
import pytest
from reference.optional import torch
from reference.training import (
    draw,
    draw_without_ties,
    make,
    one_step,
    torch_gradients,
    trained,
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
    Dropout,
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
    if count == 1 and any(layer.kind == "batch_norm" for layer in network):
        count = 4  # two samples of a feature become -1 and 1 whatever they are
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    model = make(network, shape)
    reference = model.to_torch()
    images, labels = draw_without_ties(rng, shape, count, reference)
    gradients = one_step(model, images, labels)
    exact = torch_gradients(reference, images, labels, torch.float64)
    theirs = torch_gradients(reference, images, labels, torch.float32)
    for name, gradient in exact.items():
        size = np.abs(gradient).max()
        error = np.abs(theirs[name] - gradient).max()
        # The difference of weights of about 1 has errors of its own: 1e-7.
        allowed = 10 * error + 2e-6 * size + 2.5e-7
        assert np.abs(gradients[name] - gradient).max() <= allowed, name


@pytest.mark.torch
@every_kernel
@every_network
def test_logits_are_as_close_to_float64_as_torchs(
    kernels, shape, network, rng, monkeypatch
):
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    model = make(network, shape)
    images, _ = draw(rng, shape, 67)  # more than the plan's 64
    reference = model.to_torch()
    with torch.no_grad():
        theirs = reference(torch.from_numpy(images)).numpy()
        exact = reference.double()(torch.from_numpy(images).double()).numpy()
    allowed = 10 * np.abs(theirs - exact).max() + 2e-6 * np.abs(exact).max()
    assert np.abs(model.predict_logits(images) - exact).max() <= allowed
    np.testing.assert_array_equal(
        model.predict_logits(images[40:41]), model.predict_logits(images)[40:41]
    )


@pytest.mark.parametrize("options", [{}, {"optimizer": "sgd", "clip_norm": 0.1}])
@every_network
def test_the_number_of_threads_does_not_change_a_bit(shape, network, options, rng):
    layers = [*network[:-1], Dropout(0.3), network[-1]]
    images, labels = draw(rng, shape, 50)
    one = trained(layers, shape, images, labels, 1, **options)
    for threads in (2, 3):
        many = trained(layers, shape, images, labels, threads, **options)
        for name, value in one.items():
            np.testing.assert_array_equal(many[name], value, err_msg=name)


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


def test_networks_of_the_zoo_train_natively(rng):
    images, labels = draw(rng, (1, 28, 28), 20)
    model = digitnet.models.make("gru", classes=3)
    model.core.max_value = 1
    one_step(model, images, labels)
