"""Fixtures, and every rule by which a test is skipped."""

import os
import secrets
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import digitnet
from digitnet._utils.torch_engine import torch_version

matplotlib.use("Agg")

SEED = int(os.environ.get("DIGITNET_TEST_SEED") or secrets.randbelow(2**31))
os.environ["DIGITNET_TEST_SEED"] = str(SEED)  # xdist's workers have the same


def pytest_report_header():
    return f"digitnet: random tests use DIGITNET_TEST_SEED={SEED}"


TORCH = bool(torch_version())  # which imports none
if not TORCH:
    # device="auto" would warn that nothing can use the GPU.
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


def gpu_here():
    if not TORCH or not digitnet._core.engine.gpu_driver_here():
        return False
    import torch

    return torch.cuda.is_available()


def skip(items, mark, reason):
    """Skips what is marked so, unless it was asked to fail instead."""
    if os.environ.get(f"DIGITNET_REQUIRE_{mark.upper()}") != "1":
        for item in items:
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_modifyitems(items):
    if not TORCH:
        skip(items, "torch", "torch is not installed")
    if any(item.get_closest_marker("cuda") for item in items) and not gpu_here():
        skip(items, "cuda", "no GPU here")


@pytest.fixture(autouse=True)
def torch_where_it_is_marked(request, monkeypatch):
    """A test that is not marked finds no torch in its file and in tests/reference,
    installed or not."""
    marks = {mark.name for mark in request.node.iter_markers()}
    if marks & {"torch", "cuda"}:
        assert TORCH, "expected torch, as DIGITNET_REQUIRE_... asks for, got none"
        return
    references = [m for n, m in sys.modules.items() if n.startswith("reference.")]
    for module in (request.module, *references):
        for name in ("torch", "nn"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, None)


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


@pytest.fixture
def placeholders():
    """Names of the sets for which placeholders stood in, by a run's metrics."""
    end = " is not on this machine: the embedded digits"

    def names(metrics):
        return {n.partition(end)[0] for n in metrics["notes"] if end in n}

    return names


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
