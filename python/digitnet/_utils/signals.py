"""Signals that would end the process at once, as a Ctrl-C that can be cleaned up after."""

from __future__ import annotations

import signal
import threading
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
