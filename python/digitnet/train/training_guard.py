"""Keeps what others write out of models that are being trained."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

_lock = threading.Lock()
_threads: dict[int, int] = {}  # of the core's id: the thread whose callbacks may write


@contextlib.contextmanager
def training(core: Any) -> Iterator[None]:
    """While it lasts this model is not trained a second time.

    Raises:
        RuntimeError: it is being trained, by another thread or around this callback.
    """
    with _lock:
        if id(core) in _threads:
            raise RuntimeError(
                "fit: expected a model that is not being trained, got one whose training "
                "still runs; wait for its end, or train a copy (copy.deepcopy)"
            )
        _threads[id(core)] = threading.get_ident()
    try:
        yield
    finally:
        with _lock:
            del _threads[id(core)]


def check_writable(core: Any, where: str) -> None:
    """RuntimeError if another thread trains this model: what is written now would be lost,
    or change its training in silence. Callbacks of the training may write."""
    with _lock:
        thread = _threads.get(id(core))
    if thread not in (None, threading.get_ident()):
        raise RuntimeError(
            f"{where}: expected a model that no other thread trains, got one in training; "
            "write from a callback, or wait for its end"
        )
