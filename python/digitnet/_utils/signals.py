"""Signals that would end the process at once, as a Ctrl-C that can be cleaned up after."""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Signals:
    """SIGTERM and SIGHUP as Ctrl-C while a training that can go on runs: the first one
    lets it keep its state, a second one ends the process at once.

    Attributes:
        received: The signal's number; 0: none.
    """

    def __init__(self, enabled: bool) -> None:
        self.received, self._enabled = 0, enabled
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if (
            not self._enabled
            or threading.current_thread() is not threading.main_thread()
        ):
            return self
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # no SIGHUP on Windows
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                self._before[number] = signal.signal(number, self._interrupt)
        return self

    def _interrupt(self, number: int, _: Any) -> None:
        self.received = number
        self._restore()
        raise KeyboardInterrupt

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def __exit__(self, *_: Any) -> None:
        self._restore()


class CtrlCLater:
    """Ctrl-C is raised where `at_once` or `check` says, and waits elsewhere, so that no library
    is cut off in the middle of a file; a second one does not wait.

    The main thread hears it so if nobody else listens; other threads get what `stop` gives.
    """

    def __init__(self) -> None:
        self._installed = False
        self._waiting, self._lock = False, threading.Lock()
        self._threads: set[int] = set()  # those that may be stopped at once

    def __enter__(self) -> CtrlCLater:
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._heard)
            self._installed = True
        return self

    def _heard(self, _: int, __: Any) -> None:
        if self._waiting or threading.get_ident() in self._threads:
            raise KeyboardInterrupt
        self._waiting = True

    def stop(self) -> None:
        """Stop the threads that use this."""
        with self._lock:
            self._waiting = True
            interrupt(self._threads - {threading.get_ident()})

    def check(self) -> None:
        """Raise KeyboardInterrupt if one waits."""
        if self._waiting:
            raise KeyboardInterrupt

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What Ctrl-C may end anywhere."""
        self.check()
        try:
            with self._lock:
                self._threads.add(threading.get_ident())
            yield
        finally:
            with self._lock:
                self._threads.discard(threading.get_ident())

    @contextmanager
    def in_between(self) -> Iterator[None]:
        """A part of `at_once` that it may not end."""
        with self._lock:
            self._threads.discard(threading.get_ident())
        yield
        with self._lock:
            self._threads.add(threading.get_ident())
        self.check()

    def __exit__(self, kind: Any, *_: Any) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if kind is None:
            self.check()


def interrupt(threads: set[int]) -> None:
    """KeyboardInterrupt in other threads, as soon as they run a line of Python: a
    training does so several times a second."""
    for thread in threads:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt)
        )
