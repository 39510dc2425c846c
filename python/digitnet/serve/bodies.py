"""Bodies of requests: read in time, and all together within a budget of memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

# What all bodies may hold together, and how many of the largest fit at least.
_ALL_BYTES, _LEAST_COUNT = 64_000_000, 4
# What is still read of a refused request: a client that sends before it reads would find
# its connection reset instead of the response.
_DROPPED_BYTES, _DROPPED_SECONDS = 16_000_000, 2.0


class Refused(NamedTuple):
    """A response without a result: status and reason."""

    status: int
    reason: str


class Bodies:
    """The bodies that a server holds, from their first bytes to their responses.

    Beyond the budget the one that has been incomplete longest is refused: who sends slowly
    cannot keep out who sends at once.

    Args:
        max_bytes: Of one body.
        seconds: For a body to arrive.
    """

    def __init__(self, max_bytes: int, seconds: float) -> None:
        self.max_bytes, self.seconds = max_bytes, seconds
        self.budget = max(_ALL_BYTES, _LEAST_COUNT * max_bytes)
        self.held = 0
        self.incomplete: dict[Body, None] = {}  # in the order of their starts

    def make_room(self, newest: Body) -> None:
        """Refuse bodies until the others fit, the newest one last."""
        full = Refused(503, f"expected at most {self.budget} bytes of all requests")
        while self.held > self.budget and newest.refused is None:
            older = next((b for b in self.incomplete if b is not newest), newest)
            older.end(full)


class Body:
    """One body, which counts in the budget until `release`."""

    def __init__(self, bodies: Bodies) -> None:
        self.refused: Refused | None = None
        self._bodies, self._size = bodies, 0
        self._content = bytearray()
        self._reader: asyncio.Task[Any] | None = None

    async def read(self, receive: Receive) -> bytes | Refused | None:
        """The whole body, or why it is refused; None if the client has gone."""
        self._reader = asyncio.current_task()
        late = Refused(
            408, f"expected the body within {self._bodies.seconds:g} seconds"
        )
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._bodies.seconds, self.end, late)
        self._bodies.incomplete[self] = None
        try:
            whole = await self._receive_all(receive)
        except asyncio.CancelledError:
            if self.refused is None or _is_cancelled_twice(self._reader):
                raise
        else:
            if self.refused is None:
                return whole
        finally:
            timer.cancel()
            self._bodies.incomplete.pop(self, None)
        return self.refused

    async def _receive_all(self, receive: Receive) -> bytes | None:
        while self.refused is None:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            self._add(message.get("body", b""))
            if not message.get("more_body"):
                break
        return bytes(self._content)

    def _add(self, part: bytes) -> None:
        self._content += part
        self._size += len(part)
        self._bodies.held += len(part)
        if self._size > self._bodies.max_bytes:
            self.end(too_large(self._bodies.max_bytes))
        else:
            self._bodies.make_room(self)

    def end(self, refused: Refused) -> None:
        """Give the memory back, and wake the task that waits for more."""
        self.release()
        self._bodies.incomplete.pop(self, None)
        self.refused = refused
        if self._reader is not asyncio.current_task() and self._reader is not None:
            self._reader.cancel()

    def release(self) -> None:
        """Count no longer."""
        self._bodies.held -= self._size
        self._size = 0
        self._content.clear()


def too_large(max_bytes: int) -> Refused:
    """What a larger body is told."""
    return Refused(413, f"expected a body of at most {max_bytes} bytes")


async def drop_rest(receive: Receive) -> None:
    """Read on after a refusal, for a while, so that its response arrives."""
    size, ends = 0, asyncio.get_running_loop().time() + _DROPPED_SECONDS
    while size < _DROPPED_BYTES:
        left = ends - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(receive(), left)
        except asyncio.TimeoutError:
            return
        size += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


def replayed(body: bytes, receive: Receive) -> Receive:
    """A receive that returns the body that was read, then what comes after it."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _is_cancelled_twice(task: asyncio.Task[Any] | None) -> bool:
    """Whether somebody else ends the task, too: a server that shuts down."""
    uncancel = getattr(task, "uncancel", None)  # Python 3.10 has none
    return uncancel is not None and uncancel() > 0
