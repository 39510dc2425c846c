"""Connections: a deadline for a request's header, room for those who have a request, and
few lines in the log."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

_SECONDS = 60.0  # in which a message is logged once
_LEAVING_SECONDS = 0.3  # for clients to send or read the rest when the server ends


def protocol(base: Any, seconds: float, most_waiting: int) -> Any:
    """uvicorn's protocol, whose connections end if a request's header is not whole in time.

    Args:
        base: uvicorn's class of a connection.
        seconds: For a header, from its first byte or from the connection's start; and for
            a client to read what it was sent.
        most_waiting: Connections without a whole request, beyond which the one that has
            waited longest is closed: half-open ones cannot keep others out.
    """
    waiting: dict[Any, None] = {}  # in the order of their starts

    class Connection(base):  # type: ignore[misc]
        _header: asyncio.TimerHandle | None = None
        _reading: asyncio.TimerHandle | None = None
        _begun = False

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._await_header()

        def data_received(self, data: bytes) -> None:
            cycle = self.cycle
            super().data_received(data)
            if self.cycle is not cycle:
                self._stop_header()
            elif self._is_between() and not self._begun:
                self._await_header()
                self._begun = True
            if not self._is_between() and not self.cycle.more_body:
                waiting.pop(self, None)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self._is_between() and not self.transport.is_closing():
                self._await_header()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._reading = self.loop.call_later(seconds, self._end, "did not read")

        def resume_writing(self) -> None:
            super().resume_writing()
            self._stop_reading()

        def shutdown(self) -> None:
            super().shutdown()
            self.loop.call_later(_LEAVING_SECONDS, self._leave)

        def _leave(self) -> None:
            """What is computed may still be finished; slow clients are not waited for."""
            sending = not self._is_between() and self.cycle.more_body
            if sending or self.transport.get_write_buffer_size():
                self._end("kept the server from ending")

        def connection_lost(self, exc: Exception | None) -> None:
            waiting.pop(self, None)
            self._stop_header()
            self._stop_reading()
            super().connection_lost(exc)

        def _is_between(self) -> bool:
            """No request's header has come since the last response."""
            return self.cycle is None or self.cycle.response_complete

        def _await_header(self) -> None:
            self._stop_header()
            self._header = self.loop.call_later(seconds, self._end, "sent no request")
            waiting.pop(self, None)
            waiting[self] = None
            if len(waiting) > most_waiting:
                oldest = next(iter(waiting))
                del waiting[oldest]
                oldest._end("waited longest")

        def _stop_header(self) -> None:
            self._begun = False
            if self._header is not None:
                self._header.cancel()
                self._header = None

        def _stop_reading(self) -> None:
            if self._reading is not None:
                self._reading.cancel()
                self._reading = None

        def _end(self, reason: str) -> None:
            self.logger.warning("Closed a connection that %s.", reason)
            self.transport.abort()

    return Connection


class Brief(logging.Filter):
    """Lets a message through once a minute, with the number of those left out."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[str, tuple[float, int]] = {}  # when, and how many since

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        when, left_out = self._seen.get(str(record.msg), (-_SECONDS, 0))
        if now - when < _SECONDS:
            self._seen[str(record.msg)] = when, left_out + 1
            return False
        self._seen[str(record.msg)] = now, 0
        if left_out:
            record.msg = f"{record.getMessage()} ({left_out} more like it before)"
            record.args = ()
        return True
