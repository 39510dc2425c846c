"""The server's end: what is computed is answered, slow clients are not waited for."""

import asyncio
import contextlib
import http.client
import json
import signal
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from serve.clients import raw, server_process

from digitnet.serve.workers import Workers

pytest.importorskip("uvicorn")

SIGNALS = [signal.SIGTERM, signal.SIGINT]
HEAD = b"POST /api/predict?explain=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
PAGE = b"GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n"


def wait_until_heard(address):
    """Whatever was sent before has come in, too."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", "/api/health")
        assert connection.getresponse().status == 200


@pytest.mark.parametrize("number", SIGNALS)
def test_it_ends_at_once_whatever_slow_clients_do(stick, number, tmp_path):
    with (
        (tmp_path / "log").open("w") as log,
        server_process(stick, log) as (address, process),
        contextlib.ExitStack() as stack,
    ):
        _, header, body, large, unread = (
            stack.enter_context(raw(address)) for _ in range(5)
        )
        header.sendall(HEAD[:20])
        body.sendall(HEAD % 100 + b"{")
        large.sendall(HEAD % 5_000_000 + b"{")
        unread.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            while True:
                unread.sendall(PAGE * 100)
        wait_until_heard(address)
        start = time.monotonic()
        process.send_signal(number)
        process.wait(30)
        # A second on an idle core; tests share theirs.
        assert time.monotonic() - start < 2.5
    assert "Exception in ASGI" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("number", SIGNALS)
def test_what_came_in_before_is_answered(stick, number):
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28)).tolist()
    content = json.dumps({"images": images}).encode()
    with server_process(stick) as (address, process), contextlib.ExitStack() as stack:
        connections = [stack.enter_context(raw(address)) for _ in range(3)]
        for connection in connections:
            connection.sendall(HEAD % len(content) + content)
        wait_until_heard(address)
        process.send_signal(number)
        for connection in connections:
            head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
            assert head.split()[1] == b"200"
            assert len(json.loads(body)["predictions"]) == 40
        process.wait(30)


def test_an_error_in_a_thread_is_that_of_who_waits():
    with pytest.raises(ZeroDivisionError):
        asyncio.run(Workers().run(lambda: 1 / 0, 1))
