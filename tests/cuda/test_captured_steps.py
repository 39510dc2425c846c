"""Steps captured as CUDA graphs: the same as single ones, and repeatable."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from reference.optional import torch
from train.test_resident_set import assert_weights_close

import digitnet
from digitnet.layers import AdaptiveAveragePool, Conv, Dense, Dropout, Flatten

pytestmark = pytest.mark.cuda

AUGMENT = "shift 1px | rotate 10deg | noise 5%"
NAMES = (
    *("linear", "mlp", "lenet5", "kaggle-cnn", "norm-cnn", "gru", "vit-tiny"),
    *("resnet18", "capsnet", "autoencoder"),
)
CAPTURED = "the data in the device's memory, captured steps, up to "
ENOUGH = {"batch_size": 4, "epochs": 3}  # steps for a capture: 225
MANY = {"batch_size": 2, "epochs": 7}  # steps for several a launch: 1,050


def test_the_data_are_on_the_gpu_and_steps_are_captured(images, fitted):
    # Their number does not go by the clock then.
    history = fitted("lenet5", images, "cuda", deterministic=True, **MANY).history
    assert f"{CAPTURED}16 a launch" in str(history.executor)
    history = fitted("lenet5", images, "cuda", **ENOUGH).history
    assert CAPTURED in str(history.executor)


def test_few_steps_are_launched_one_by_one_and_the_reason_is_given(images, fitted):
    executor = str(fitted("lenet5", images, "cuda").history.executor)
    assert "steps launched one by one: " in executor


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NAMES)
def test_captured_steps_are_those_launched_singly(
    name, precision, images, fitted, monkeypatch
):
    options = {
        "augment": AUGMENT,
        "precision": precision,
        "deterministic": True,
        **ENOUGH,
    }
    captured = fitted(name, images, "cuda", **options)
    monkeypatch.setenv("DIGITNET_CAPTURE", "0")
    single = fitted(name, images, "cuda", **options)
    assert CAPTURED in str(captured.history.executor)
    assert "one by one" in str(single.history.executor)
    assert_weights_close(single, captured, 2e-3 if precision == "float32" else 5e-2)


def test_several_steps_a_launch_are_those_launched_singly(images, fitted, monkeypatch):
    options = {"augment": AUGMENT, "deterministic": True, **MANY}
    captured = fitted("lenet5", images, "cuda", **options)
    monkeypatch.setenv("DIGITNET_CAPTURE", "0")
    single = fitted("lenet5", images, "cuda", **options)
    assert f"{CAPTURED}16 a launch" in str(captured.history.executor)
    assert_weights_close(single, captured)


def test_masks_of_dropout_are_the_same_when_captured(images, fitted, monkeypatch):
    layers = [Flatten(), Dropout(0.5), Dense(10)]
    captured = fitted(layers, images, "cuda", **ENOUGH)
    monkeypatch.setenv("DIGITNET_CAPTURE", "0")
    assert_weights_close(fitted(layers, images, "cuda", **ENOUGH), captured, 1e-5)


@pytest.mark.parametrize("name", ["mlp", "lenet5", "norm-cnn", "resnet18", "gru"])
def test_the_same_seed_gives_the_same_weights_in_deterministic_mode(
    name, images, fitted
):
    before = torch.are_deterministic_algorithms_enabled()
    flags = before, torch.backends.cudnn.deterministic
    options = {"augment": AUGMENT, "deterministic": True, **ENOUGH}
    first, second = (fitted(name, images, "cuda", **options) for _ in range(2))
    assert_weights_close(first, second, 0)
    after = torch.are_deterministic_algorithms_enabled()
    assert (after, torch.backends.cudnn.deterministic) == flags


def test_a_layer_without_a_deterministic_way_is_named(images, fitted):
    uneven = [Conv(4, 3), AdaptiveAveragePool(5), Flatten(), Dense(10)]
    with pytest.raises(ValueError, match="fit.deterministic: expected layers whose"):
        fitted(uneven, images, "cuda", deterministic=True, **ENOUGH)
    assert not torch.are_deterministic_algorithms_enabled()


def test_models_that_train_at_once_on_one_gpu_do_not_disturb_each_other(images, fitted):
    options = {"deterministic": True, **ENOUGH}
    alone = fitted("kaggle-cnn", images, "cuda", **options)
    with ThreadPoolExecutor(4) as pool:
        together = [
            pool.submit(fitted, "kaggle-cnn", images, "cuda", **options)
            for _ in range(4)
        ]
    for model in (job.result() for job in together):
        assert CAPTURED in str(model.history.executor)
        assert_weights_close(alone, model, 0)
    assert torch.cuda.current_stream() == torch.cuda.default_stream()


def test_after_a_capture_that_fails_the_training_goes_on_without(
    images, fitted, monkeypatch
):
    options = {"deterministic": True, **ENOUGH}
    expected = fitted("kaggle-cnn", images, "cuda", **options)
    begin = torch.cuda.CUDAGraph.capture_begin
    spoilt = []

    def begin_and_spoil(graph, *args, **kwargs):
        begin(graph, *args, **kwargs)
        if not spoilt:
            spoilt.append(graph)
            with contextlib.suppress(RuntimeError):  # what no capture allows
                torch.cuda.synchronize()

    with monkeypatch.context() as patched:
        patched.setattr(torch.cuda.CUDAGraph, "capture_begin", begin_and_spoil)
        model = fitted("kaggle-cnn", images, "cuda", **options)
    assert spoilt
    assert "steps not captured: " in str(model.history.executor)
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    assert torch.rand(2, device="cuda").isfinite().all()
    assert_weights_close(expected, model)  # its masks of dropout are the same
    assert_weights_close(expected, fitted("kaggle-cnn", images, "cuda", **options), 0)


def test_validation_and_captured_steps_take_turns(images, fitted):
    model = fitted("lenet5", images, "cuda", validation=images, **ENOUGH)
    assert CAPTURED in str(model.history.executor)
    report = model.evaluate(images, device="cuda")
    assert model.history["val_accuracy"][-1] == pytest.approx(report["accuracy"])


def test_every_gpu_of_a_machine_trains(images, fitted):
    last = f"cuda:{torch.cuda.device_count() - 1}"
    model = fitted("lenet5", images, last, deterministic=True, **ENOUGH)
    assert CAPTURED in str(model.history.executor)
    first = fitted("lenet5", images, "cuda:0", deterministic=True, **ENOUGH)
    assert_weights_close(first, model, 0)
    assert digitnet.train.resolve_device(last) == last
