"""Bodies of requests: what they may hold together, where they end, who hears a refusal."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest
from serve.clients import raw, server_process

from digitnet.serve.bodies import Bodies, Body, Refused

pytest.importorskip("uvicorn")

MAX_BYTES = 4_000_000


def head(*lines, method="POST", version="1.1", host="localhost"):
    first = f"{method} /api/predict HTTP/{version}"
    return "\r\n".join([first, f"Host: {host}", *lines, "", ""]).encode()


def response(connection):
    """Status and headers of the first response, once the connection is closed."""
    whole = connection.makefile("rb").read()
    start = whole.partition(b"\r\n\r\n")[0].decode().lower()
    return int(start.split()[1]), start


@pytest.fixture(scope="module")
def server(stick):
    with server_process(stick) as (address, process):
        yield address, process.pid


def resident_bytes(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


def test_unfinished_bodies_share_a_budget_and_small_ones_still_come_in(server):
    address, pid = server
    before = resident_bytes(pid)
    body = json.dumps({"image": [[0] * 28] * 28}).encode()
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(raw(address)) for _ in range(80)]
        for connection in connections:
            connection.sendall(head(f"Content-Length: {MAX_BYTES}"))
            connection.sendall(b"[" * (MAX_BYTES - 10))
        small = stack.enter_context(raw(address))
        small.sendall(head(f"Content-Length: {len(body)}", "Connection: close") + body)
        assert response(small)[0] == 200
        assert resident_bytes(pid) - before < 160_000_000
        status, headers = response(connections[0])
    assert status == 503
    assert "retry-after: " in headers


def test_who_has_been_incomplete_longest_makes_room_and_what_ends_gives_it_back():
    bodies = Bodies(max_bytes=20_000_000, seconds=60)
    parts = [{"body": bytes(10_000_000), "more_body": True}] * 2

    async def flood():
        async def sent(later):
            messages = iter(parts)

            async def receive():
                message = next(messages, None)
                if message is None:
                    await later.wait()
                return {"type": "http.request", **(message or {"body": b"x"})}

            return await Body(bodies).read(receive)

        never, now = asyncio.Event(), asyncio.Event()
        now.set()
        slow = [asyncio.create_task(sent(never)) for _ in range(6)]
        await asyncio.sleep(0.01)
        assert [task.done() for task in slow] == [True] * 2 + [False] * 4
        assert slow[0].result().status == 503
        assert bodies.held == bodies.budget
        too_large = await sent(now)
        assert isinstance(too_large, Refused)
        assert too_large.status == 413
        await asyncio.sleep(0)
        assert [task.done() for task in slow] == [True] * 3 + [False] * 3
        for task in slow[3:]:
            task.cancel()  # as a server does that shuts down
        return await asyncio.gather(*slow[3:], return_exceptions=True)

    assert all(isinstance(e, asyncio.CancelledError) for e in asyncio.run(flood()))
    assert not bodies.incomplete


CHUNKED = "Transfer-Encoding: chunked"
MISFRAMED = {
    "length and chunks": head("Content-Length: 5", CHUNKED),
    "chunks and length": head(CHUNKED, "Content-Length: 5"),
    "a GET": head(CHUNKED, "Content-Length: 5", method="GET"),
    "no length": head(CHUNKED, "Content-Length:"),
    "an old version": head(CHUNKED, version="1.0"),
    "two lengths": head("Content-Length: 5", "Content-Length: 6"),
    "a list of lengths": head("Content-Length: 5, 6"),
    "chunks twice": head(CHUNKED, CHUNKED),
    "another coding": head("Transfer-Encoding: gzip, chunked"),
    "a blank": head("Transfer-Encoding : chunked", "Content-Length: 5"),
}


@pytest.mark.parametrize("request_head", MISFRAMED.values(), ids=MISFRAMED)
def test_a_body_whose_end_is_in_doubt_is_refused_and_nothing_behind_it_read(
    server, request_head
):
    smuggled = b"0\r\n\r\n" + head(method="GET").replace(b"/predict", b"/health")
    with raw(server[0]) as connection:
        connection.sendall(request_head + smuggled)
        whole = connection.makefile("rb").read()
    assert whole.split()[1] == b"400"
    assert whole.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    ("lines", "host", "status"),
    [
        ([f"Content-Length: {MAX_BYTES + 1}"], "localhost", 413),
        ([f"Content-Length: {3 * MAX_BYTES}"], "localhost", 413),
        ([CHUNKED], "localhost", 413),
        ([f"Content-Length: {MAX_BYTES}"], "evil.example", 421),
        ([f"Content-Length: {MAX_BYTES}", "Origin: null"], "localhost", 403),
    ],
    ids=["a byte too much", "thrice too much", "chunks", "another host", "a page"],
)
def test_a_client_that_sends_all_before_it_reads_hears_why_it_is_refused(
    server, lines, host, status
):
    size = MAX_BYTES + 1
    if "Length" in lines[0]:
        size = int(lines[0].split()[1])
    body = bytes(size)
    if CHUNKED in lines:
        body = b"%x\r\n" % size + body + b"\r\n0\r\n\r\n"
    for _ in range(3):  # a reset is a matter of chance
        with raw(server[0]) as connection:
            connection.sendall(head(*lines, host=host) + body)
            assert response(connection)[0] == status


def test_a_client_that_waits_is_refused_before_it_sends(server):
    with raw(server[0]) as connection:
        expects = "Expect: 100-continue"
        connection.sendall(head(f"Content-Length: {MAX_BYTES + 1}", expects))
        assert connection.recv(65_536).split()[1] == b"413"
