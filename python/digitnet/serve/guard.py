"""Middleware between the network and the model: limits, times, headers.

Plain ASGI, because every request passes here.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from typing import Any

from digitnet._utils.deprecation import renamed_arguments, warn_renamed
from digitnet.serve.bodies import (
    Bodies,
    Body,
    Message,
    Receive,
    Refused,
    drop_rest,
    replayed,
    too_large,
)
from digitnet.serve.hosts import Headers, Hosts, is_cross_site

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
_FULL = (429, 503)  # a matter of time
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
        self._bodies = Bodies(limits.max_bytes, limits.seconds)
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
                    *([(b"retry-after", b"1")] if status in _FULL else []),
                    *_HEADERS,
                    (b"server-timing", timing),
                ]
                if all(name != POLICY for name, _ in headers):  # /docs has its own
                    headers.append((POLICY, _POLICY))
                message = {**message, "headers": headers}
            await send(message)

        body = Body(self._bodies)
        try:
            content = self._refused(scope) or await body.read(receive)
            if isinstance(content, Refused):
                await _refuse(send_with_headers, content)
            elif content is not None:  # None: the client has gone
                await self.app(scope, replayed(content, receive), send_with_headers)
        except Exception:  # a fault of ours, which the server logs
            if not started:
                fault = Refused(500, "the server failed; its log says how")
                await _refuse(send_with_headers, fault)
                await send({"type": "http.response.body"})
            raise
        finally:
            body.release()
            self.counted(path, status, time.perf_counter() - start)
        if isinstance(content, Refused):
            await drop_rest(receive)
            await send({"type": "http.response.body"})

    def _refused(self, scope: Any) -> Refused | None:
        """Status and reason, if it is clear before the body comes."""
        client = (scope.get("client") or ("",))[0]
        if not self._may(client):
            return Refused(
                429, f"expected at most {self.limits.rate:g} requests a second"
            )
        reason = self.hosts.refusal(scope["headers"]) if self.hosts else None
        if reason:
            return Refused(421, f"{reason}; give serve its name (--allow-host)")
        if scope["method"] not in _SAFE and is_cross_site(scope["headers"]):
            return Refused(
                403, "expected a request of this server's own pages or of no page"
            )
        return _misframed(scope) or _oversized(scope["headers"], self.limits.max_bytes)

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


def _misframed(scope: Any) -> Refused | None:
    """Where this server and a proxy might disagree on where the body ends."""
    names = [name for name, _ in scope["headers"]]
    chunked = b"transfer-encoding" in names
    if chunked and b"content-length" in names:
        return Refused(400, "expected Content-Length or Transfer-Encoding, got both")
    if chunked and scope["http_version"] == "1.0":
        return Refused(400, "expected no Transfer-Encoding in HTTP/1.0")
    return None


def _oversized(headers: Headers, max_bytes: int) -> Refused | None:
    for name, value in headers:
        if name == b"content-length":
            if not value.isdigit() or len(value) > 18:
                return Refused(400, "expected a whole number as Content-Length")
            if int(value) > max_bytes:
                return too_large(max_bytes)
    return None


async def _refuse(send: Send, refused: Refused) -> None:
    """The whole response, after which the connection is still open for the client's rest."""
    content = json.dumps({"detail": refused.reason}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    start = {
        "type": "http.response.start",
        "status": refused.status,
        "headers": headers,
    }
    await send(start)
    await send({"type": "http.response.body", "body": content, "more_body": True})
