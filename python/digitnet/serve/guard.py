"""Middleware between the network and the model: limits, times, headers.

Plain ASGI, because every request passes here.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, fields
from typing import Any

from digitnet._utils.deprecation import renamed_arguments, warn_renamed
from digitnet.serve.hosts import Hosts, is_cross_site

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

POLICY = b"content-security-policy"
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
# The page's own texts and nothing else.
_POLICY = (
    b"default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'"
)
_SAFE = ("GET", "HEAD", "OPTIONS")  # methods that change nothing and compute little
_MAX_CLIENTS = 10_000  # whose rates are remembered


_OLD_NAMES = {"body_bytes": "max_bytes", "pixels": "max_pixels"}


@dataclass(frozen=True)
class Limits:
    """What a request may be.

    Attributes:
        max_bytes: Size of a request's body; more gets status 413.
        max_pixels: Pixels of a picture, before it is unpacked.
        batch: Images in one request.
        rate: Requests a second of one client, on average; more get status 429.
        burst: Requests at once.
        seconds: For a body to arrive; later gets status 408. As long may a request's
            header take, and a client that reads a response: `serve` closes those
            connections.
    """

    max_bytes: int = 4_000_000
    max_pixels: int = 8_000_000
    batch: int = 256
    rate: float = 1_000.0
    burst: int = 2_000
    seconds: float = 10.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(
                    f"serve.{field.name}: expected a positive number, got {value}"
                )

    def __getattr__(self, name: str) -> Any:
        if name not in _OLD_NAMES:
            raise AttributeError(f"Limits: unknown limit '{name}'")
        warn_renamed("Limits", name, _OLD_NAMES[name])
        return getattr(self, _OLD_NAMES[name])


Limits.__init__ = renamed_arguments(**_OLD_NAMES)(Limits.__init__)  # type: ignore[method-assign]


class Guard:
    """Checks whom a request is for, its size, rate and time; counts; adds headers.

    Args:
        app: The ASGI application behind it.
        limits: Limits.
        counted: Called with (path, status, seconds) of every request.
        hosts: Names by which the server may be called. Default: any.
    """

    def __init__(
        self,
        app: Any,
        limits: Limits,
        counted: Callable[[str, int, float], None],
        hosts: Hosts | None = None,
    ) -> None:
        self.app, self.limits, self.counted = app, limits, counted
        self.hosts = hosts
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens, when

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        path = scope["path"]
        status, started = 500, False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                milliseconds = 1e3 * (time.perf_counter() - start)
                timing = f"app;dur={milliseconds:.3f}".encode()
                headers = [
                    *message["headers"],
                    *_HEADERS,
                    (b"server-timing", timing),
                ]
                if all(name != POLICY for name, _ in headers):  # /docs has its own
                    headers.append((POLICY, _POLICY))
                message = {**message, "headers": headers}
            await send(message)

        try:
            reason = self._refused(scope)
            if reason:
                await _refuse(send_with_headers, *reason)
                return
            body = await self._body(receive)
            if isinstance(body, tuple):
                await _refuse(send_with_headers, *body)
            elif body is not None:  # None: the client has gone
                await self.app(scope, _replay(body, receive), send_with_headers)
        except Exception:  # a fault of ours, which the server logs
            if not started:
                await _refuse(
                    send_with_headers, 500, "the server failed; its log says how"
                )
            raise
        finally:
            self.counted(path, status, time.perf_counter() - start)

    def _refused(self, scope: Any) -> tuple[int, str] | None:
        """Status and reason, if it is clear before the body comes."""
        client = (scope.get("client") or ("",))[0]
        if not self._may(client):
            return 429, f"expected at most {self.limits.rate:g} requests a second"
        reason = self.hosts.refusal(scope["headers"]) if self.hosts else None
        if reason:
            return 421, f"{reason}; give serve its name (--allow-host)"
        if scope["method"] not in _SAFE and is_cross_site(scope["headers"]):
            return 403, "expected a request of this server's own pages or of no page"
        for name, value in scope["headers"]:
            if name == b"content-length":
                if not value.isdigit() or len(value) > 18:
                    return 400, "expected a whole number as Content-Length"
                if int(value) > self.limits.max_bytes:
                    return 413, self._too_large()
        return None

    def _too_large(self) -> str:
        return f"expected a body of at most {self.limits.max_bytes} bytes"

    def _may(self, client: str) -> bool:
        """A bucket of tokens for each client: one a request, refilled at the rate."""
        now = time.monotonic()
        burst = float(self.limits.burst)
        tokens, before = self._buckets.pop(client, (burst, now))
        tokens = min(burst, tokens + (now - before) * self.limits.rate)
        may = tokens >= 1
        self._buckets[client] = (tokens - 1 if may else tokens, now)
        if len(self._buckets) > _MAX_CLIENTS:
            del self._buckets[next(iter(self._buckets))]  # who was silent longest
        return may

    async def _body(self, receive: Receive) -> bytes | tuple[int, str] | None:
        parts, size = [], 0
        try:
            async with _within(self.limits.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    part = message.get("body", b"")
                    size += len(part)
                    if size > self.limits.max_bytes:
                        return 413, self._too_large()
                    parts.append(part)
                    if not message.get("more_body"):
                        return b"".join(parts)
        except asyncio.TimeoutError:
            return 408, f"expected the body within {self.limits.seconds:g} seconds"


class _within:
    """`asyncio.timeout`, which Python 3.10 lacks."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.late = seconds, False

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        loop = asyncio.get_running_loop()
        self.handle = loop.call_later(self.seconds, self._end)

    def _end(self) -> None:
        self.late = True
        self.task.cancel()

    async def __aexit__(self, kind: Any, value: Any, trace: Any) -> None:
        self.handle.cancel()
        if self.late and kind is asyncio.CancelledError:
            if hasattr(self.task, "uncancel"):
                self.task.uncancel()
            raise asyncio.TimeoutError


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that returns the body that was read, then what comes after it."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(send: Send, status: int, reason: str) -> None:
    content = json.dumps({"detail": reason}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
