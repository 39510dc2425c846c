"""The same on a GPU as on a CPU. Skipped without one, failed instead under
DIGITNET_REQUIRE_CUDA=1: `make test-cuda`."""

import multiprocessing
import threading

import numpy as np
import pytest
from reference.layers import NETWORKS
from reference.optional import torch
from train.test_resident_set import OPERATIONS, assert_weights_close

import digitnet
from digitnet.layers import Conv, Dense, Dropout, Flatten

pytestmark = pytest.mark.cuda

AUGMENT = "shift 1px | rotate 10deg | noise 5%"
NAMES = ("linear", "mlp", "lenet5", "kaggle-cnn", "norm-cnn", "gru", "vit-tiny")


def fitted(name, data, device, **options):
    model = digitnet.models.make(name, input_shape=data.shape, seed=2)
    settings = {"epochs": 2, "optimizer": "sgd", "learning_rate": 0.05, **options}
    model.fit(data, device=device, progress=False, seed=3, **settings)
    return model


@pytest.fixture(scope="module")
def images():
    """Images of MNIST's size."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (300, 28, 28), dtype=np.uint8)
    return digitnet.Dataset(pixels, rng.integers(0, 10, 300))


@pytest.mark.parametrize("name", NAMES)
def test_training_follows_the_cpu(name, images, monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")
    on_cpu = fitted(name, images, "cpu", augment=AUGMENT)
    assert_weights_close(on_cpu, fitted(name, images, "cuda", augment=AUGMENT))


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_every_layer_predicts_as_on_the_cpu(network, rng):
    images = rng.random((5, 2, 9, 9), dtype=np.float32)
    model = digitnet.Model(network, input_shape=(2, 9, 9), seed=1)
    model.fix_scale(1)
    there = model.predict_logits(images, device="cuda")
    np.testing.assert_allclose(
        there, model.predict_logits(images, device="cpu"), atol=1e-3
    )


def test_a_gpu_is_the_default_and_named_in_the_history(images):
    assert digitnet.train.resolve_device("auto") == "cuda"
    model = fitted("lenet5", images, "auto", epochs=1)
    assert str(model.history.executor).startswith("torch on cuda")


def test_what_was_trained_there_is_saved_and_predicts_anywhere(images, tmp_path):
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


@pytest.mark.parametrize("optimizer", digitnet.train.optimizers())
def test_every_optimizer_follows_the_cpu(optimizer, images, monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")
    options = {
        "optimizer": optimizer,
        "learning_rate": 0.003,
        "l2": 1e-3,
        "clip_norm": 1.0,
        "ema_decay": 0.9,
        "label_smoothing": 0.1,
    }
    on_cpu = fitted("mlp", images, "cpu", **options)
    assert_weights_close(on_cpu, fitted("mlp", images, "cuda", **options))


CAPTURED = "the data in the device's memory, captured steps, up to "


def test_the_data_are_on_the_gpu_and_steps_are_captured(images):
    history = fitted("lenet5", images, "cuda", batch_size=8).history
    assert f"{CAPTURED}16 a launch" in str(history.executor)
    assert CAPTURED in str(fitted("lenet5", images, "cuda").history.executor)


@pytest.mark.parametrize("name", [*NAMES, "resnet18", "capsnet", "autoencoder"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_captured_steps_are_those_launched_singly(name, precision, images, monkeypatch):
    options = {
        "augment": AUGMENT,
        "batch_size": 16,
        "epochs": 1,
        "precision": precision,
    }
    captured = fitted(name, images, "cuda", **options)
    monkeypatch.setenv("DIGITNET_CAPTURE", "0")
    single = fitted(name, images, "cuda", **options)
    assert CAPTURED in str(captured.history.executor)
    assert "one by one" in str(single.history.executor)
    assert_weights_close(single, captured, 2e-3 if precision == "float32" else 5e-2)


def test_masks_of_dropout_are_the_same_when_captured(images, monkeypatch):
    layers = [Flatten(), Dropout(0.5), Dense(10)]

    def trained():
        model = digitnet.Model(layers, (28, 28), seed=1)
        model.fit(images, epochs=2, batch_size=16, device="cuda", progress=False)
        return model

    captured = trained()
    monkeypatch.setenv("DIGITNET_CAPTURE", "0")
    assert_weights_close(trained(), captured, 1e-5)


@pytest.mark.parametrize("augment", OPERATIONS)
def test_every_operation_augments_as_the_host_does(augment, images, monkeypatch):
    options = {"augment": augment, "epochs": 1, "learning_rate": 0.01}
    resident = fitted("linear", images, "cuda", **options)
    monkeypatch.setenv("DIGITNET_RESIDENT", "0")
    from_host = fitted("linear", images, "cuda", **options)
    assert "batches from the host: DIGITNET_RESIDENT is '0'" in str(
        from_host.history.executor
    )
    assert_weights_close(from_host, resident, 1e-4)


def test_the_same_seed_gives_the_same_weights_in_deterministic_mode(images):
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        first, second = (fitted("mlp", images, "cuda") for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(False)
    assert_weights_close(first, second, 0)


def test_the_memory_of_a_training_is_released(images):
    fitted("lenet5", images, "cuda")
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    for _ in range(3):
        fitted("lenet5", images, "cuda")
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() <= before + 2**20


def test_out_of_memory_names_the_batch_and_changes_nothing():
    data = digitnet.Dataset(np.zeros((4096, 512, 512), np.uint8), np.zeros(4096))
    model = digitnet.Model(
        [Conv(1024, 3), Conv(1024, 3), Flatten(), Dense(10)], (512, 512)
    )
    before = model.state_dict()
    with pytest.raises(digitnet.OutOfMemory, match="batch_size=4096; try batch_size="):
        model.fit(data, batch_size=4096, device="cuda", epochs=1, progress=False)
    for name, value in before.items():
        np.testing.assert_array_equal(model.state_dict()[name], value)


def test_divergence_there_brings_the_last_good_weights_back(images):
    model = fitted("mlp", images, "cuda", epochs=1)
    before = model.state_dict()
    with pytest.warns(RuntimeWarning, match="diverged in epoch 1"):
        history = model.fit(
            images, device="cuda", learning_rate=1e30, epochs=3, progress=False
        )
    assert history.status == "diverged"
    for name, value in before.items():
        np.testing.assert_array_equal(model.state_dict()[name], value)


def test_two_models_train_at_once_on_one_gpu(images):
    models = {}

    def work(number):
        models[number] = fitted("lenet5", images, "cuda", epochs=2)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_weights_close(models[0], models[1])


def _child(queue):
    try:
        digitnet.models.make("linear").predict(np.zeros((1, 28, 28), np.uint8))
        queue.put("it answered")
    except RuntimeError as error:
        queue.put(str(error))


def test_a_forked_child_gets_an_error(images):
    fitted("linear", images, "cuda", epochs=1)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_child, args=(queue,))
    child.start()
    assert "forked child" in queue.get(timeout=60)
    child.join(60)


def test_a_stop_keeps_history_and_model(images):
    model = digitnet.models.make("lenet5", seed=1)

    def stop(epoch, logs):
        model.stop_training = True

    history = model.fit(images, epochs=9, device="cuda", callbacks=stop, progress=False)
    assert (history.status, history.epochs) == ("stopped early", 1)
    assert np.isfinite(model.predict_proba(images, device="cpu")).all()
