"""A served model, in this process and in one of its own."""

import re
import subprocess
import sys

import pytest

import digitnet


@pytest.fixture(scope="session")
def stick(tmp_path_factory):
    """A model of 28x28 images that knows a standing stroke from a lying one."""
    import numpy as np

    rng = np.random.default_rng(0)
    images = np.zeros((400, 28, 28), np.uint8)
    for number, image in enumerate(images):
        place, start, end = (
            rng.integers(9, 19),
            rng.integers(2, 7),
            rng.integers(20, 27),
        )
        part = slice(place - 1, place + 2)
        image[
            (slice(start, end), part) if number % 2 else (part, slice(start, end))
        ] = 255
    data = digitnet.Dataset(images, np.arange(400) % 2, classes=["lying", "standing"])
    model = digitnet.models.make("lenet5", classes=data.classes, seed=1)
    model.fit(data, epochs=6, augment="shift 2px | rotate 10deg", progress=False)
    assert model.evaluate(data)["accuracy"] > 0.99
    path = tmp_path_factory.mktemp("served") / "stick.safetensors"
    model.save(path)
    return path


@pytest.fixture(scope="session")
def address(stick):
    """The address of a server process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "digitnet.cli", "serve", str(stick), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    line = process.stdout.readline()
    match = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert match, line + process.stdout.read()
    with process:
        yield match[0]
        process.terminate()
