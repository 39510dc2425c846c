"""Every kind of layer against torch.nn, and networks that do not fit together."""

import numpy as np
import pytest
from reference.layers import NETWORKS
from reference.optional import torch

import digitnet
from digitnet import layers
from digitnet.layers import (
    GRU,
    Attention,
    BatchNorm,
    CapsuleLogits,
    Capsules,
    Concat,
    Conv,
    Dense,
    DomainHead,
    Dropout,
    Flatten,
    MaxPool,
    Reconstruct,
    ReLU,
    Residual,
    Sequence,
)

# What these add to the loss has tests of its own: test_capsules.py, test_domains.py.
WITHOUT_ASIDES = {
    name: network
    for name, network in NETWORKS.items()
    if name not in ("reconstruct", "domain_head")
}


def make(network, **options):
    return digitnet.Model(network, input_shape=(2, 9, 9), **options)


@pytest.fixture
def images(rng):
    return rng.random((5, 2, 9, 9), dtype=np.float32)


def test_every_kind_of_layer_is_tested():
    assert {name.split()[0] for name in NETWORKS} == {
        e["name"] for e in layers.describe()
    }


@pytest.mark.torch
@pytest.mark.parametrize("executor", ["native", "torch"])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_every_layer_equals_its_torch_module(network, images, executor, monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", executor)
    model = make(network)
    data = digitnet.Dataset(images, [0, 1, 2, 0, 1], classes=3)
    has_head = any(layer.kind == "domain_head" for layer in network)
    other = images[::-1].copy() if has_head else None
    # Moves running statistics.
    model.fit(data, epochs=3, batch_size=5, target=other, progress=False)
    module = model.to_torch()
    with torch.no_grad():
        theirs = module(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(model.predict_logits(images), theirs, atol=2e-5)
    state = {name: value.numpy() for name, value in module.state_dict().items()}
    assert list(state) == list(model.state_dict())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(state[name], value)


def margin_loss(logits, labels):
    """Of capsules; Sabour et al., 2017, equation 4."""
    lengths = logits.sigmoid()
    there = torch.nn.functional.one_hot(labels, logits.shape[1])
    present, absent = (0.9 - lengths).relu() ** 2, (lengths - 0.1).relu() ** 2
    return (there * present + 0.5 * (1 - there) * absent).sum(1).mean()


@pytest.mark.torch
@pytest.mark.parametrize("executor", ["native", "torch"])
@pytest.mark.parametrize("network", WITHOUT_ASIDES.values(), ids=WITHOUT_ASIDES)
def test_training_follows_torch_for_every_layer(network, images, executor, monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", executor)
    model = make([layer for layer in network if layer.kind != "dropout"])
    labels = np.array([0, 1, 2, 0, 1])
    module = model.to_torch().train()
    model.core.max_value = 1
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    capsules = network[-1].kind == "capsule_logits"
    loss_of = margin_loss if capsules else torch.nn.functional.cross_entropy
    for _ in range(3):
        optimizer.zero_grad()
        loss_of(module(torch.from_numpy(images)), torch.from_numpy(labels)).backward()
        optimizer.step()
    data = digitnet.Dataset(images, labels, classes=3)
    model.fit(
        data,
        epochs=3,
        batch_size=5,
        optimizer="sgd",
        schedule="constant",
        learning_rate=0.1,
        progress=False,
    )
    for name, value in module.state_dict().items():
        np.testing.assert_allclose(
            model.state_dict()[name], value.numpy(), rtol=2e-5, atol=2e-5, err_msg=name
        )


def test_names_are_kind_and_number_or_those_of_the_user():
    model = make(
        [
            Conv(2, 3, name="edges"),
            Conv(2, 3),
            Residual([Conv(2, 1)]),
            Flatten(),
            Dense(2),
        ]
    )
    assert list(model.state_dict()) == [
        "edges.weight",
        "edges.bias",
        "conv2.weight",
        "conv2.bias",
        "residual1.sequence1.conv1.weight",
        "residual1.sequence1.conv1.bias",
        "dense1.weight",
        "dense1.bias",
    ]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ([Dense(3)], "layer 'dense1': dense: expected flat features, got 2x9x9"),
        ([Flatten(), Conv(2, 3)], "layer 'conv1': conv: expected images"),
        (
            [Conv(2, 3)],
            "at least 2 flat outputs, or in images of its input's shape, got 2x7x7",
        ),
        ([Flatten(), Dense(1)], "at least 2 flat outputs, or in images.*got 1;"),
        ([MaxPool(10), Flatten(), Dense(2)], "at least 10 pixels a side, got 2x9x9"),
        (
            [Residual([Conv(3, 3)]), Flatten(), Dense(2)],
            "residual: expected body and shortcut of one",
        ),
        (
            [Concat(Conv(2, 3), Conv(2, 1)), Flatten(), Dense(2)],
            "concat: expected branches of equal",
        ),
        (
            [Conv(2, 3, name="a"), Conv(2, 3, name="a"), Flatten(), Dense(2)],
            "one layer called 'a'",
        ),
        (
            [Conv(9, 3, groups=2), Flatten(), Dense(2)],
            "conv.groups: expected a divisor of 2 and 9 channels, got 2",
        ),
        (
            [MaxPool(3, padding=2), Flatten(), Dense(2)],
            "max_pool.padding: expected at most half of size 3, got 2",
        ),
        (
            [Conv(8, 3), Attention(2), Flatten(), Dense(2)],
            "attention: expected channels that 3 x 2 heads divide, got 8x7x7",
        ),
        ([Flatten(), GRU(4), Dense(2)], "layer 'gru1': gru: expected images"),
        ([Capsules(2), CapsuleLogits()], "channels that 8 inputs divide, got 2x9x9"),
        (
            [Flatten(), CapsuleLogits(4)],
            "capsule_logits: expected flat features that 4 divide, got 162",
        ),
        (
            [Flatten(), Dense(8), Reconstruct([Dense(9)], 4), Dense(2)],
            "makes the 162 values of its input 2x9x9, got 9; resize",
        ),
        (
            [Flatten(), Dense(9), Reconstruct([Dense(162)], 4), Dense(2)],
            "reconstruct: expected flat features that 4 divide, got 9",
        ),
        (
            [Flatten(), DomainHead([Dense(3)]), Dense(2)],
            "domain_head: expected a network that ends in 2 flat outputs, got 3",
        ),
        ([], "at least 2 flat outputs"),
    ],
)
def test_layers_that_do_not_fit_are_named(network, message):
    with pytest.raises(ValueError, match=message):
        make(network)


@pytest.mark.parametrize(
    ("make_layer", "message"),
    [
        (
            lambda: Conv(0, 3),
            "conv.channels: expected a whole number from 1 to 16384, got 0",
        ),
        (lambda: Conv(2.5, 3), "conv.channels: expected a whole number"),
        (lambda: Conv(4), "conv.kernel: expected .*got nothing; give it"),
        (lambda: Conv(4, 3, padding="round"), "or one of same, valid, got 'round'"),
        (
            lambda: Conv(4, 3, strid=2),
            "conv: unknown option 'strid'; known: channels, kernel",
        ),
        (lambda: Dropout(1.0), "dropout.rate: expected a number from 0 to 0.99"),
        (lambda: Dropout(float("nan")), "dropout.rate: expected a number"),
        (lambda: Dense([3]), "dense.units: expected a whole number"),
        (lambda: Conv(4, 3, name="a.b"), "conv.name: expected letters"),
    ],
)
def test_wrong_options_say_what_is_right(make_layer, message):
    with pytest.raises(ValueError, match=message):
        make_layer()


def test_positional_arguments_follow_the_declared_order():
    import inspect

    assert Conv(4, 3, 2).options["stride"] == 2
    assert list(inspect.signature(Conv).parameters)[:2] == ["channels", "kernel"]
    with pytest.raises(TypeError, match="got 'kernel' twice"):
        Conv(4, 3, kernel=5)
    with pytest.raises(TypeError, match="at most 0 arguments"):
        ReLU(1)


def test_a_tree_without_end_is_refused():
    layer = Flatten()
    for _ in range(40):
        layer = Sequence(layer)
    with pytest.raises(ValueError, match="at most 32 nested layers"):
        make([layer, Dense(2)])


def test_more_parameters_than_memory_are_refused_before_they_are_allocated():
    with pytest.raises(ValueError, match="expected at most 2000000000 parameters"):
        make([Flatten(), Dense(1_000_000), Dense(1_000_000), Dense(2)])


def test_dropout_is_off_in_prediction_and_on_in_training(images, rng):
    model = make([Flatten(), Dropout(0.9), Dense(3)])
    module = make([Flatten(), Dense(3)])
    module.load_state_dict(
        dict(zip(module.state_dict(), model.state_dict().values(), strict=True))
    )
    np.testing.assert_array_equal(
        model.predict_logits(images), module.predict_logits(images)
    )
    data = digitnet.Dataset(images, [0, 1, 2, 0, 1], classes=3)
    for m in (model, module):
        m.fit(data, epochs=1, progress=False)
    assert not np.array_equal(
        model.state_dict()["dense1.weight"], module.state_dict()["dense1.weight"]
    )


@pytest.mark.parametrize(
    ("init", "bounds"),
    [
        ("torch", (1 / np.sqrt(18), 1 / np.sqrt(245))),
        ("glorot", (np.sqrt(6 / (18 + 45)), np.sqrt(6 / (245 + 30)))),
        ("he", (np.sqrt(6 / 18), np.sqrt(6 / 245))),
    ],
)
def test_weights_start_within_the_bounds_of_their_init(init, bounds):
    """conv: 2 * 9 inputs, 5 * 9 outputs; dense: 245 inputs, 30 outputs."""
    layers_ = [Conv(5, 3, init=init), Flatten(), Dense(30, init=init), Dense(2)]
    state = digitnet.Model(layers_, (2, 9, 9), seed=1).state_dict()
    for name, bound in zip(("conv1", "dense1"), bounds, strict=True):
        weight = state[f"{name}.weight"]
        assert 0.8 * bound < np.abs(weight).max() <= bound
        assert abs(weight.mean()) < 0.1
        assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.25)
        assert (state[f"{name}.bias"] == 0).all() == (init != "torch")


@pytest.mark.parametrize(
    "executor", ["native", pytest.param("torch", marks=pytest.mark.torch)]
)
@pytest.mark.parametrize(
    "network",
    [
        [Flatten(), Dense(9), BatchNorm()],
        [Conv(4, 9), BatchNorm(), Flatten()],
        # Of the first each channel has many values, which are saved for backward.
        [Conv(4, 3), BatchNorm(), Flatten(), Dense(4), BatchNorm()],
    ],
)
def test_a_last_batch_of_one_sample_leaves_batch_norms_finite(
    network, executor, images, monkeypatch
):
    """One value a channel has no variance: LibTorch's own estimate is 0 / 0."""
    monkeypatch.setenv("DIGITNET_EXECUTOR", executor)
    model = make([*network, Dense(3)])
    data = digitnet.Dataset(images, [0, 1, 2, 0, 1], classes=3)
    history = model.fit(data, data, epochs=2, batch_size=4, progress=False)
    assert all(np.isfinite(value).all() for value in model.state_dict().values())
    assert np.isfinite(history["val_loss"]).all()
