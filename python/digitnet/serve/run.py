"""The web server, until Ctrl-C."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
from collections.abc import Iterator, Sequence

from digitnet._utils.extras import extra_packages
from digitnet.models.base import BaseModel
from digitnet.serve.app import make_app
from digitnet.serve.connections import Brief, protocol
from digitnet.serve.guard import Limits
from digitnet.serve.hosts import Hosts

_CONNECTIONS = 512  # open at a time; more get status 503
_WAITING = 384  # of them, without a whole request
# For which Python leaves a thread its turn. The event loop asks for one after each call to
# the system: with Python's .005 a request waits dozens of them beside a busy thread.
_TURN_SECONDS = 0.0005


def serve(
    model: BaseModel,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
    allow_hosts: Sequence[str] = (),
) -> None:
    """Serve a page to draw on and the JSON API, until Ctrl-C.

    Args:
        model: A trained model with classes.
        host: Who may connect: only this machine, or "0.0.0.0" for everyone. There are no
            passwords and no encryption: put a proxy in front of the latter.
        port: 0 for any that is free; the address is printed.
        limits: What a request may be.
        allow_hosts: Names by which it may be called, beside `host` and those of this
            machine (localhost, 127.0.0.1, ::1): behind a proxy the public one. Who
            listens to everyone may be called by any address, too.
    Raises:
        ImportError: FastAPI or uvicorn is not installed; names the extra.
        OSError: the port is taken, or no such host.
    """
    limits = limits or Limits()
    app = make_app(model, limits, Hosts.of(host, allow_hosts))
    with extra_packages("serve"):
        import uvicorn
        from uvicorn.protocols.http.auto import AutoHTTPProtocol
    listening = _bound(host, port)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listening.getsockname()[1]}"
    print(f"serving {model.name} at {address} (Ctrl-C ends)", flush=True)
    config = uvicorn.Config(
        app,
        http=protocol(AutoHTTPProtocol, limits.seconds, _WAITING),
        ws="none",  # would be a way around the limits
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=10,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=3,
    )
    with listening, _brief_logs(), _short_turns():
        uvicorn.Server(config).run(sockets=[listening])


@contextlib.contextmanager
def _brief_logs() -> Iterator[None]:
    """No line in the log for each connection that somebody spoils."""
    brief = Brief()
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "asyncio")]
    for logger in loggers:
        logger.addFilter(brief)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(brief)


@contextlib.contextmanager
def _short_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _bound(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise ValueError(f"serve.port: expected 0 to 65535, got {port}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
    except OSError as error:
        raise OSError(f"serve.host: expected a host, got '{host}' ({error})") from error
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(_CONNECTIONS)  # who comes before the server waits
    except OSError as error:
        listening.close()
        raise OSError(
            f"serve.port: expected a free one, got {port} ({error.strerror}); give another"
        ) from error
    return listening
