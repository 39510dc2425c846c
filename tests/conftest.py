"""Fixtures, and every rule by which a test is skipped."""

import os
import secrets
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import digitnet

matplotlib.use("Agg")

SEED = int(os.environ.get("DIGITNET_TEST_SEED") or secrets.randbelow(2**31))
os.environ["DIGITNET_TEST_SEED"] = str(SEED)  # xdist's workers have the same


def pytest_report_header():
    return f"digitnet: random tests use DIGITNET_TEST_SEED={SEED}"


def pytest_collection_modifyitems(items):
    import torch

    if torch.cuda.is_available():
        return
    required = os.environ.get("DIGITNET_REQUIRE_CUDA") == "1"
    for item in items:
        if "cuda" in item.keywords and not required:
            item.add_marker(pytest.mark.skip(reason="no GPU here"))


@pytest.fixture
def rng():
    """A generator that differs from run to run; its seed is in pytest's header."""
    return np.random.default_rng(SEED)


@pytest.fixture(scope="session")
def digits():
    """(train, test) of the embedded digits."""
    return digitnet.data.load("digits")


@pytest.fixture(scope="session")
def data_folder():
    """The folder of real data; tests that need it skip without it."""
    folder = os.environ.get("DIGITNET_DATA")
    if not folder:
        pytest.skip("real data: DIGITNET_DATA is not set")
    return Path(folder)


@pytest.fixture
def nothing_here(monkeypatch, tmp_path):
    """A machine without data sets."""
    monkeypatch.delenv("DIGITNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DIGITNET_OFFLINE", "1")


@pytest.fixture(scope="session")
def mnist(data_folder):
    """(train, test) of the real MNIST."""
    return digitnet.data.load("mnist")


@pytest.fixture(scope="session")
def trained(digits):
    """A small model that has learned the digits."""
    model = digitnet.models.make("optdigits-cnn", seed=1)
    model.fit(
        digits[0],
        validation=0.1,
        epochs=12,
        batch_size=32,
        learning_rate=0.006,
        schedule="one-cycle",
        progress=False,
    )
    return model


@pytest.fixture(autouse=True)
def closed_figures():
    """No figure outlives its test."""
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
