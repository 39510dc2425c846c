"""Memory, Ctrl-C, divergence, forks: what a GPU's training leaves behind."""

import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet.layers import AdaptiveAveragePool, Conv, Dense, Flatten

pytestmark = pytest.mark.cuda

ENOUGH = {"batch_size": 4, "epochs": 3}  # steps for a capture


def test_the_memory_of_a_training_is_released(images, fitted):
    fitted("lenet5", images, "cuda", **ENOUGH)
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    for _ in range(3):
        fitted("lenet5", images, "cuda", **ENOUGH)
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() <= before + 2**20


def test_out_of_memory_names_the_batch_and_changes_nothing():
    """The first layer's answer alone would take 541 GB; the weights take 38 MB."""
    data = digitnet.Dataset(np.zeros((2048, 256, 256), np.uint8), np.zeros(2048))
    layers = [Conv(1024, 3), Conv(1024, 3), AdaptiveAveragePool(1), Flatten()]
    model = digitnet.Model([*layers, Dense(10)], (256, 256))
    before = model.state_dict()
    with pytest.raises(digitnet.OutOfMemory, match="batch_size=2048; try batch_size="):
        model.fit(data, batch_size=2048, device="cuda", epochs=1, progress=False)
    for name, value in before.items():
        np.testing.assert_array_equal(model.state_dict()[name], value)


def test_divergence_there_brings_the_last_good_weights_back(images, fitted):
    model = fitted("mlp", images, "cuda", epochs=1)
    before = model.state_dict()
    with pytest.warns(RuntimeWarning, match="diverged in epoch 1"):
        history = model.fit(
            images, device="cuda", learning_rate=1e30, epochs=3, progress=False
        )
    assert history.status == "diverged"
    for name, value in before.items():
        np.testing.assert_array_equal(model.state_dict()[name], value)


@pytest.mark.parametrize("after", [0.02, 0.5])
def test_ctrl_c_ends_a_training_soon(after, images, fitted):
    """While steps are captured, and while thousands of them could be under way."""
    fitted("lenet5", images, "cuda", **ENOUGH)  # loads kernels
    data = digitnet.Dataset(np.tile(images.images, (100, 1, 1)), np.zeros(30_000, int))
    model = digitnet.models.make("lenet5", seed=1)
    sent = []

    def press():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, press)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(data, epochs=1_000, batch_size=16, device="cuda", progress=False)
    assert time.perf_counter() - sent[0] < 0.5
    assert model.history.status == "interrupted"
    assert all(np.isfinite(value).all() for value in model.state_dict().values())


def _child(queue):
    try:
        digitnet.models.make("linear").predict(np.zeros((1, 28, 28), np.uint8))
        queue.put("it answered")
    except RuntimeError as error:
        queue.put(str(error))


def test_a_forked_child_gets_an_error(images, fitted):
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
