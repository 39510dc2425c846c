"""Keeps what others write out of models that are being trained."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

_lock = threading.Lock()
# By the core's id: the thread whose callbacks may write; how many write now.
_training_threads: dict[int, int] = {}
_writers: Counter[int] = Counter()


@contextlib.contextmanager
def training(core: Any, where: str = "fit") -> Iterator[None]:
    """While it lasts this model is not trained a second time, nor written to by other
    threads.

    Raises:
        RuntimeError: it is being trained, by another thread or around this callback, or
            another thread writes to it.
    """
    key = id(core)
    with _lock:
        if key in _training_threads or _writers[key]:
            raise RuntimeError(
                f"{where}: expected a model that is not being trained, got one whose "
                "training still runs; wait for its end, or train a copy (copy.deepcopy)"
            )
        _training_threads[key] = threading.get_ident()
    try:
        yield
    finally:
        with _lock:
            del _training_threads[key]


@contextlib.contextmanager
def writing(core: Any, where: str) -> Iterator[None]:
    """Around everything that writes into a model: no training of another thread runs, nor
    begins before it is written. Callbacks of the training may write.

    Raises:
        RuntimeError: another thread trains the model; what is written now would be lost, or
            change its training in silence.
    """
    key = id(core)
    with _lock:
        if _training_threads.get(key) not in (None, threading.get_ident()):
            raise RuntimeError(
                f"{where}: expected a model that no other thread trains, got one in "
                "training; write from a callback, or wait for its end"
            )
        _writers[key] += 1
    try:
        yield
    finally:
        with _lock:
            _writers[key] -= 1
            if not _writers[key]:
                del _writers[key]
