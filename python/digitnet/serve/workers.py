"""Work that takes a while, beside the event loop: pictures, explanations, large networks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from digitnet.serve.intake import Refusal

T = TypeVar("T")

# Of pictures that wait, as if each were as large as it may be: 62 of 8 megapixels, which
# half of two cores decode in about 12 s.
_QUEUED_PIXELS = 500_000_000
_LEAST_QUEUED = 8


class Workers:
    """A few threads, half as many as cores, and a queue that ends.

    Args:
        max_pixels: Of a picture.
    """

    def __init__(self, max_pixels: int) -> None:
        threads = max(1, (os.cpu_count() or 2) // 2)
        self._pool = ThreadPoolExecutor(threads, "digitnet-serve")
        self._most = threads + max(_LEAST_QUEUED, _QUEUED_PIXELS // max_pixels)
        self._pending = 0

    async def run(self, work: Callable[[], T]) -> T:
        """The result of the work. Raises Refusal(503) if too much waits already."""
        if self._pending >= self._most:
            raise Refusal(503, f"expected at most {self._most} requests that wait")
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._pending -= 1
