"""Steps that compute in bfloat16 while weights stay in float32."""

import numpy as np
import pytest
from reference.layers import NETWORKS
from reference.optional import torch
from train.test_resident_set import assert_close, fit_both_modes, some_images

import digitnet
from digitnet.layers import BatchNorm, Conv, Dense, Flatten, ReLU


def stepped(network, images, labels, precision):
    """What one step of plain descent takes from the weights: the gradient."""
    model = digitnet.Model(network, input_shape=images.shape[1:], seed=3)
    model.fix_scale(255)
    before = model.state_dict()
    model.fit(
        (images, labels),
        epochs=1,
        batch_size=len(images),
        optimizer="sgd",
        learning_rate=1.0,
        schedule="constant",
        precision=precision,
        progress=False,
        device="cpu",
    )
    after = model.state_dict()
    return {name: before[name] - after[name] for name in before}


@pytest.mark.torch
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_gradients_of_every_layer_are_those_of_float32_but_for_rounding(
    network, rng, monkeypatch
):
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")  # for the masks of dropout
    if "domain_head" in str(digitnet.Model(network, input_shape=(2, 9, 9)).summary()):
        pytest.skip("needs two domains")
    offs = [off_by_rounding(network, rng) for _ in range(5)]
    # The median: rounding can turn a ReLU or a maximum, and few samples have many.
    for name in offs[0]:
        assert np.median([off[name] for off in offs]) <= 1, name
    assert any(value > 0 for off in offs for value in off.values())


def off_by_rounding(network, rng):
    """Distance of each gradient of a batch from float32's, of what is allowed."""
    images = rng.integers(0, 256, (16, 2, 9, 9)).astype(np.uint8)
    labels = rng.integers(0, 3, 16)
    exact = stepped(network, images, labels, "float32")
    rounded = stepped(network, images, labels, "bfloat16")
    largest = max(np.abs(g).max() for g in exact.values())
    norm = np.linalg.norm
    return {
        name: norm(rounded[name] - g) / (0.2 * norm(g) + 0.02 * largest)
        for name, g in exact.items()
    }


def small_net():
    layers = [Conv(8, 3), BatchNorm(), ReLU(), Flatten(), Dense(16), ReLU(), Dense(3)]
    return digitnet.Model(layers, input_shape=(1, 10, 12), seed=1)


@pytest.mark.torch
def test_weights_keep_all_their_digits(rng):
    model = small_net()
    model.fit(some_images(rng), epochs=2, precision="bfloat16", progress=False)
    for name, values in model.state_dict().items():
        there = torch.from_numpy(np.asarray(values))
        assert not torch.equal(there, there.bfloat16().float()), name


@pytest.mark.torch
@pytest.mark.parametrize("name", ["mlp", "norm-cnn", "vit-tiny"])
def test_digits_are_learned_as_well(name, digits):
    train, test = digits
    reports = {}
    for precision in ("float32", "bfloat16"):
        model = digitnet.models.make(name, input_shape=train.shape, seed=1)
        model.fit(train, epochs=4, precision=precision, progress=False, seed=2)
        reports[precision] = model.evaluate(test)["accuracy"]
    assert reports["float32"] > 0.88
    assert abs(reports["bfloat16"] - reports["float32"]) < 0.02


@pytest.mark.torch
def test_data_on_the_device_are_rounded_alike(monkeypatch, rng):
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")
    options = {"precision": "bfloat16", "augment": "shift 1px", "ema_decay": 0.9}
    first, second = fit_both_modes(monkeypatch, small_net, some_images(rng), **options)
    # Rounding may move a sample or two of the 50 across the boundary.
    assert_close(first, second, 0.02, losses=0.02, hits=2 / 50)


@pytest.mark.torch
def test_frozen_layers_stay_and_their_statistics_too(rng):
    model = small_net()
    before = model.state_dict()
    model.fit(
        some_images(rng),
        epochs=2,
        precision="bfloat16",
        freeze=["conv1*", "batch_norm1*"],
        progress=False,
    )
    after = model.state_dict()
    for name in before:
        same = np.array_equal(before[name], after[name])
        assert same == name.startswith(("conv1", "batch_norm1")), name


@pytest.mark.torch
def test_the_native_executor_says_why_it_is_not_the_one(rng):
    model = small_net()
    history = model.fit(
        some_images(rng), epochs=1, precision="bfloat16", progress=False, device="cpu"
    )
    assert "the native executor computes in float32" in str(history.executor)


def test_other_precisions_are_refused(rng):
    with pytest.raises(
        ValueError, match="unknown precision 'half'; known: bfloat16, float32"
    ):
        small_net().fit(some_images(rng), epochs=1, precision="half", progress=False)
