"""Training again and again takes no more memory, files or threads."""

import gc
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from train.test_resume import EXECUTORS

import digitnet

MEBI = 2**20

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="/proc is Linux's"
)


def held():
    """(bytes in memory, open files, threads) of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    counts = [len(os.listdir(f"/proc/self/{what}")) for what in ("fd", "task")]  # noqa: PTH208
    return pages * os.sysconf("SC_PAGE_SIZE"), *counts


def fit(train, failing=False):
    model = digitnet.models.make("linear", (8, 8))
    try:
        model.fit(
            train,
            validation=0.2,
            epochs=2,
            batch_size=16,
            augment="shift 1px",
            ema_decay=0.9,
            callbacks=(lambda *_: 1 / 0) if failing else (),
            progress=False,
        )
    except ZeroDivisionError:
        assert failing
    model.predict(train)


def grown(times, **options):
    """How much of each is held after so many fits that was not after the first ones."""
    rng = np.random.default_rng(0)
    train = digitnet.Dataset(
        rng.integers(0, 17, (64, 8, 8), dtype=np.uint8),
        np.arange(64) % 10,
        max_value=16,
    )
    for _ in range(20):
        fit(train, **options)
    before = held()
    for _ in range(times):
        fit(train, **options)
    return [now - then for now, then in zip(held(), before, strict=True)]


@pytest.mark.parametrize("failing", [False, True], ids=["finished", "failed"])
def test_a_hundred_fits_hold_nothing_behind(failing):
    memory, files, threads = grown(100, failing=failing)
    assert memory < 4 * MEBI
    assert files <= 0
    assert threads <= 0


@pytest.mark.slow
@pytest.mark.parametrize("failing", [False, True], ids=["finished", "failed"])
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_thousand_fits_hold_nothing_behind(executor, failing, monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", executor)
    memory, files, threads = grown(1000, failing=failing)
    assert memory < 8 * MEBI
    assert files <= 0
    assert threads <= 0
