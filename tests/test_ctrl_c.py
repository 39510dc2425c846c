"""Ctrl-C is heard at once, wherever a computation is; what it stopped can be used again."""

import functools
import gzip
import os
import shutil
import signal
import struct
import threading
import time

import numpy as np
import pytest
from PIL import Image

import digitnet
import digitnet._core as _core

# What a person does not feel as a delay; the median of so many tries, since a busy machine
# can hold any of them up.
MAX_SECONDS, TRIES = 0.3, 3


@pytest.fixture(scope="module")
def images():
    """28x28 noise: more than any of the operations below get through."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (3000, 28, 28), dtype=np.uint8)


@pytest.fixture(scope="module")
def data(images):
    return digitnet.Dataset(images, np.arange(len(images)) % 10, max_value=255)


@pytest.fixture(scope="module")
def model():
    return digitnet.models.make("m5")


def many(data, count):
    """So many of them, which stay where they are."""
    return data[np.arange(count) % len(data)]


@functools.cache
def large_model():
    return digitnet.models.make("resnet18")


@functools.cache
def rows(count, size):
    few = np.random.default_rng(0).integers(0, 256, (200, size), dtype=np.uint8)
    return np.tile(few, (count // 200, 1))


def csv_text():
    row = ",".join(["7"] * 785)
    return f"{row}\n".encode() * 60_000


def interrupted(operation, delay):
    """Seconds from SIGINT until KeyboardInterrupt left the operation."""
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    # A shell's background job starts with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(delay, interrupt)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            operation()
            timer.cancel()
        return time.monotonic() - sent[0]
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


def assert_prompt(operation, delay=0.1):
    seconds = [interrupted(operation, delay) for _ in range(TRIES)]
    assert sorted(seconds)[TRIES // 2] <= MAX_SECONDS, seconds


OPERATIONS = {
    "enlarged": lambda data, _: data.enlarged("elastic 2px | blur 1px", 40, seed=0),
    "a pipeline": lambda data, _: digitnet.augment.Pipeline("elastic 2px | blur 1px")(
        many(data, 40_000).to_nchw()
    ),
    "corrupted": lambda data, _: digitnet.corrupt.corrupted(
        many(data, 100_000), "glass_blur"
    ),
    "predict": lambda data, model: model.predict(data),
    "evaluate": lambda data, model: model.evaluate(data),
    "attacked": lambda data, model: digitnet.attack.attacked(model, data, "pgd"),
    "saliency": lambda data, model: digitnet.features.saliency(model, data[:500]),
    "integrated gradients": lambda data, model: digitnet.features.integrated_gradients(
        model, data[:50]
    ),
    "occlusion": lambda data, model: digitnet.features.occlusion(model, data[:50]),
    "grad-cam": lambda data, _: digitnet.features.grad_cam(large_model(), data[:500]),
    "saliency of a large network": lambda data, _: digitnet.features.saliency(
        large_model(), data[:500], 0
    ),
    "activations": lambda data, _: large_model().activations(data[:500]),
    "components of many rows": lambda *_: digitnet.features.project(rows(60_000, 784)),
    "components of long rows": lambda *_: digitnet.features.project(rows(2_000, 6_000)),
    "embedding": lambda data, model: digitnet.features.embedding(model, data),
    "adapt": lambda data, model: model.adapt(data),
    "ssim": lambda data, _: digitnet.metrics.ssim(
        *[many(data, 40_000).to_nchw()] * 2, max_value=255
    ),
    "hash": lambda data, _: many(data, 400_000).sha256(),
    "fit_head": lambda data, _: large_model().fit_head(data, progress=False),
    "fit_head's training": lambda data, model: model.fit_head(
        data[:200], epochs=10**5, progress=False
    ),
    "calibrate": lambda data, _: large_model().calibrate(data),
    "chain codes": lambda data, _: digitnet.features.chain_code_histogram(
        many(data, 100_000)
    ),
}


@pytest.mark.parametrize("what", OPERATIONS)
def test_it_is_heard_in(what, data, model):
    _ = large_model(), rows(60_000, 784), rows(2_000, 6_000)  # made once
    assert_prompt(lambda: OPERATIONS[what](data, model))


def test_it_is_heard_while_text_is_read():
    content = csv_text()
    assert_prompt(
        lambda: _core.data.read_text(
            content, "first", "no", None, 10, False, 0, "big.csv"
        ),
        0.05,
    )


def idx_file(folder):
    """(path, images in it) of a packed one that takes a second."""
    few = np.random.default_rng(0).integers(0, 256, (50, 784), dtype=np.uint8)
    count = 200_000
    content = struct.pack(">IIII", 0x803, count, 28, 28)
    content += np.tile(few, (count // 50, 1)).tobytes()
    path = folder / "images.gz"
    path.write_bytes(gzip.compress(content, 1))
    return path


def test_it_is_heard_while_packed_idx_files_are_read(tmp_path):
    path = idx_file(tmp_path)
    assert_prompt(lambda: [digitnet.data.read_idx(path) for _ in range(20)])


def test_it_is_heard_while_pictures_are_read(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    for k in range(200):
        folder = tmp_path / str(k % 2)
        folder.mkdir(exist_ok=True)
        if k < 2:
            Image.fromarray(noise).save(folder / "first.png")
        else:
            shutil.copy(folder / "first.png", folder / f"{k}.png")
    assert_prompt(lambda: digitnet.data.read_folder(tmp_path))


def test_it_is_heard_while_weights_are_read(tmp_path):
    path, other = tmp_path / "a.safetensors", digitnet.models.make("resnet18", seed=1)
    large_model().save(path)
    before = {name: value.copy() for name, value in other.state_dict().items()}

    def read():
        for _ in range(1000):
            other.load_weights(path)

    assert_prompt(read)
    state, saved = other.state_dict(), large_model().state_dict()
    same = {name: np.array_equal(state[name], saved[name]) for name in state}
    assert all(same.values()) or all(
        np.array_equal(state[name], before[name]) for name in state
    )


def test_a_fit_within_preprocessing_and_its_first_steps(data):
    model = digitnet.models.make("lenet5")
    assert_prompt(lambda: model.fit(data, epochs=1000, progress=False))
    assert model.history.status == "interrupted"


def test_an_interrupted_adapt_leaves_the_statistics_as_they_were(data):
    model = digitnet.models.make("m5")
    before = model.state_dict()
    interrupted(lambda: model.adapt(data), 0.1)
    for name, values in model.state_dict().items():
        np.testing.assert_array_equal(values, before[name], err_msg=name)


def test_what_was_interrupted_gives_the_same_as_if_it_had_not(data, model):
    few = data[:40]
    expected = digitnet.models.make("m5").predict_logits(few)
    for _ in range(3):
        interrupted(lambda: model.predict(data), 0.05)
        np.testing.assert_array_equal(model.predict_logits(few), expected)
    interrupted(lambda: data.enlarged("elastic 2px", 100, seed=0), 0.05)
    again = [few.enlarged("elastic 2px", 2, seed=0).sha256() for _ in range(2)]
    assert again[0] == again[1]
