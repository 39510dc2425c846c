"""The same on a GPU as on a CPU. Skipped without one, failed instead under
DIGITNET_REQUIRE_CUDA=1: `make test-cuda`."""

import numpy as np
import pytest
from reference.layers import NETWORKS
from reference.optional import torch
from train.test_resident_set import OPERATIONS, assert_weights_close

import digitnet
from digitnet.layers import (
    GRU,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    LayerNorm,
    MaxPool,
    ReLU,
)

pytestmark = pytest.mark.cuda

AUGMENT = "shift 1px | rotate 10deg | noise 5%"
# None drops anything out: masks come from the device's own generator.
FOLLOWING = {
    **{name: name for name in ("linear", "mlp", "lenet5", "vit-tiny", "resnet18")},
    "norms": [
        *(Conv(8, 3), BatchNorm(), ReLU(), Conv(16, 3), BatchNorm(), ReLU()),
        *(MaxPool(2), Flatten(), LayerNorm(), Dense(10)),
    ],
    "gru": [GRU(32), Dense(10)],
}


@pytest.mark.parametrize("network", FOLLOWING.values(), ids=FOLLOWING)
def test_training_follows_the_cpu(network, images, fitted, monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")
    on_cpu = fitted(network, images, "cpu", augment=AUGMENT)
    assert_weights_close(on_cpu, fitted(network, images, "cuda", augment=AUGMENT))


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_every_layer_predicts_as_on_the_cpu(network, rng):
    images = rng.random((5, 2, 9, 9), dtype=np.float32)
    model = digitnet.Model(network, input_shape=(2, 9, 9), seed=1)
    model.fix_scale(1)
    there = model.predict_logits(images, device="cuda")
    np.testing.assert_allclose(
        there, model.predict_logits(images, device="cpu"), atol=1e-4
    )


def test_a_gpu_is_the_default_and_named_in_the_history(images, fitted):
    assert digitnet.train.resolve_device("auto") == "cuda"
    model = fitted("lenet5", images, "auto", epochs=1)
    assert str(model.history.executor).startswith("torch on cuda")


def test_what_was_trained_there_is_saved_and_predicts_anywhere(
    images, fitted, tmp_path
):
    model = fitted("norm-cnn", images, "cuda", epochs=1)
    model.save(tmp_path / "m.safetensors")
    again = digitnet.models.load(tmp_path / "m.safetensors")
    assert_weights_close(model, again, 0)
    np.testing.assert_allclose(
        again.predict_proba(images, device="cpu"),
        model.predict_proba(images, device="cuda"),
        atol=1e-3,
    )
    report = model.evaluate(images, device="cuda")
    assert report["accuracy"] == pytest.approx(
        again.evaluate(images)["accuracy"], abs=0.01
    )


def assert_weights_move_alike(start, first, second, fraction):
    """On the average of a parameter: Adam's step has the sign of a gradient, which
    rounding can turn where it is near 0."""
    there = second.state_dict()
    for name, value in first.state_dict().items():
        moved = np.abs(value - start.state_dict()[name]).mean()
        assert moved > 0
        assert np.abs(value - there[name]).mean() <= fraction * moved, name


@pytest.mark.parametrize("optimizer", digitnet.train.optimizers())
def test_every_optimizer_follows_the_cpu(optimizer, images, fitted, monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")
    options = {
        "optimizer": optimizer,
        "learning_rate": 0.003,
        "l2": 1e-3,
        "clip_norm": 1.0,
        "ema_decay": 0.9,
        "label_smoothing": 0.1,
    }
    start = digitnet.models.make("mlp", seed=2)
    on_cpu = fitted("mlp", images, "cpu", **options)
    on_gpu = fitted("mlp", images, "cuda", **options)
    assert_weights_move_alike(start, on_cpu, on_gpu, 0.02)


@pytest.mark.parametrize("augment", OPERATIONS)
def test_every_operation_augments_as_the_host_does(
    augment, images, fitted, monkeypatch
):
    options = {"augment": augment, "epochs": 1, "learning_rate": 0.01}
    resident = fitted("linear", images, "cuda", **options)
    monkeypatch.setenv("DIGITNET_RESIDENT", "0")
    from_host = fitted("linear", images, "cuda", **options)
    assert "batches from the host: DIGITNET_RESIDENT is '0'" in str(
        from_host.history.executor
    )
    assert_weights_close(from_host, resident, 1e-4)


def test_tf32_is_only_what_asks_for_it_by_name(images, fitted):
    """Ten bits of a product: its weights are near, and further than float32's own."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    settings = {"epochs": 1, "deterministic": True}
    exact = fitted("lenet5", images, "cuda", **settings)
    rounded = fitted("lenet5", images, "cuda", precision="tf32", **settings)
    assert_weights_close(exact, rounded, 1e-2)
    if torch.cuda.get_device_capability() >= (8, 0):
        with pytest.raises(AssertionError):
            assert_weights_close(exact, rounded, 0)
    after = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    assert after == before


@pytest.mark.parametrize("state", ["autocast", "inference_mode"])
def test_a_state_of_torch_around_it_changes_nothing(state, images, fitted):
    around = {
        "autocast": lambda: torch.autocast("cuda", torch.bfloat16),
        "inference_mode": torch.inference_mode,
    }
    options = {"learning_rate": 0.05, "deterministic": True}
    plain = fitted("lenet5", images, "cuda", **options)
    with around[state]():
        inside = fitted("lenet5", images, "cuda", **options)
    assert_weights_close(plain, inside, 0)
