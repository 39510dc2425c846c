"""Work that takes a while, beside the event loop: pictures, explanations, large networks."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from digitnet.serve.intake import Refusal

T = TypeVar("T")

# Of work a thread, by estimate, before more is refused.
_QUEUED_SECONDS = 6.0
_LEAST_COUNT = 8  # however long each takes


class Workers:
    """A few threads, half as many as cores, and a queue that ends."""

    def __init__(self) -> None:
        threads = max(1, (os.cpu_count() or 2) // 2)
        self._free = asyncio.Semaphore(threads)
        self._most = threads * _QUEUED_SECONDS
        self._pending = 0.0

    async def run(self, work: Callable[[], T], seconds: float) -> T:
        """The result of the work, which takes about so long.

        Raises Refusal(503) if too much waits already.
        """
        cost = min(seconds, self._most / _LEAST_COUNT)
        if self._pending + cost > self._most:
            raise Refusal(
                503, f"expected less than {self._most:g} seconds of work that waits"
            )
        self._pending += cost
        try:
            async with self._free:
                return await _in_thread(work)
        finally:
            self._pending -= cost


async def _in_thread(work: Callable[[], T]) -> T:
    """A daemon: a server that ends does not wait for it, as it would for an executor's."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # it is the waiting task's
            future.set_exception(error)
        else:
            future.set_result(result)

    future.set_running_or_notify_cancel()
    threading.Thread(target=run, name="digitnet-serve", daemon=True).start()
    return await asyncio.wrap_future(future)
