"""Clients that mean no good: half-open connections, small files of many pixels, pages of
other sites."""

import asyncio
import contextlib
import http.client
import io
import json
import threading
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from serve.clients import raw, served

import digitnet
from digitnet.serve import Hosts, Limits, make_app
from digitnet.serve.hosts import host_of, is_cross_site
from digitnet.serve.intake import Refusal
from digitnet.serve.responses import Costs
from digitnet.serve.workers import Workers

pytest.importorskip("uvicorn")
from fastapi.testclient import TestClient  # noqa: E402


def get(address, path="/api/health", host=None, **headers):
    """Status of a request, and its seconds."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    start = time.monotonic()
    with contextlib.closing(connection):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(
            "GET", path, headers=names | ({"Host": host} if host else {})
        )
        return connection.getresponse().status, time.monotonic() - start


def is_closed(connection):
    """Whether the server has closed it, however; what it sent before is skipped."""
    connection.settimeout(0.01)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def test_a_header_that_does_not_come_ends_the_connection(stick, tmp_path):
    whole = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    starts = {"nothing": b"", "a half": whole[:20], "a second's": whole + whole[:20]}
    with (tmp_path / "log").open("w") as log, served(stick, log, seconds=1) as address:
        connections = [raw(address) for _ in range(40) for _ in starts]
        for number, connection in enumerate(connections):
            connection.sendall(list(starts.values())[number % 3])
        ends = time.monotonic() + 10
        left = set(connections)
        while left and time.monotonic() < ends:  # and some send a byte now and then
            for number, connection in enumerate(list(left)):
                with contextlib.suppress(OSError):
                    if number % 2:
                        connection.sendall(b"X")
            time.sleep(0.2)
            left = {c for c in left if not is_closed(c)}
        assert not left
        assert get(address)[0] == 200
        for connection in connections:
            connection.close()
    assert len((tmp_path / "log").read_text().splitlines()) < 6  # of 120 connections


def test_half_open_connections_do_not_keep_others_out(stick):
    head = b"POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
    with served(stick, waiting=6, connections=10, seconds=60) as address:
        connections = []
        for number in range(30):
            connections.append(raw(address))
            connections[-1].sendall(head + (b"\r\n{" if number % 2 else b""))
        for _ in range(5):
            assert get(address)[0] == 200
        assert sum(map(is_closed, connections)) >= 20
        for connection in connections:
            connection.close()


def test_a_client_that_does_not_read_is_left(stick):
    request = b"GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with served(stick, seconds=1) as address, raw(address) as connection:
        connection.settimeout(0.5)
        ends = time.monotonic() + 10
        with pytest.raises((ConnectionError, BrokenPipeError)):  # noqa: PT012
            while time.monotonic() < ends:
                with contextlib.suppress(TimeoutError):
                    connection.sendall(request * 100)
        assert get(address)[0] == 200


def large_png():
    """8 megapixels in 31 kB."""
    content = io.BytesIO()
    Image.new("RGBA", (4000, 2000)).save(content, "PNG", compress_level=9)
    assert len(content.getvalue()) < 40_000
    return content.getvalue()


def small_file_of_many_pixels():
    return "/api/predict", large_png(), 1


def many_explanations():
    images = np.random.default_rng(0).integers(0, 256, (64, 28, 28)).tolist()
    return "/api/predict?explain=1", json.dumps({"images": images}), 8


@pytest.mark.parametrize("work", [small_file_of_many_pixels, many_explanations])
def test_others_are_answered_while_a_client_makes_work(address, work):
    (path, content, clients), stop = work(), threading.Event()

    def send():
        netloc = urlsplit(address).netloc
        while not stop.is_set():
            with contextlib.closing(http.client.HTTPConnection(netloc)) as connection:
                connection.request("POST", path, content)
                connection.getresponse().read()

    senders = [threading.Thread(target=send) for _ in range(clients)]
    for sender in senders:
        sender.start()
    try:
        medians = []
        for _ in range(4):  # other tests want the cores, too
            medians.append(np.median([get(address)[1] for _ in range(30)]))
            if medians[-1] < 0.05:
                break
        assert medians[-1] < 0.05, medians
    finally:
        stop.set()
        for sender in senders:
            sender.join()


def test_numbers_are_counted_before_they_are_read(stick, monkeypatch):
    app = make_app(digitnet.models.load(stick), Limits(batch=2))
    with TestClient(app) as client:
        for count, detail in (
            (2 * 784, "expected 28 rows"),
            (2 * 784 + 1, "at most 1568"),
        ):
            body = b'{"image": [' + b",".join([b"1"] * count) + b"]}"
            response = client.post("/api/predict", content=body)
            assert response.status_code == 422
            assert detail in response.json()["detail"]
        monkeypatch.setattr(json, "loads", lambda *_: pytest.fail("they are read"))
        client.post("/api/predict", content=b'{"images": [' + b"1," * 1_900_000)


def test_work_beyond_the_queue_is_refused():
    workers, running = Workers(), threading.Event()

    async def flood():
        tasks = [
            asyncio.create_task(workers.run(running.wait, 1e9)) for _ in range(400)
        ]
        await asyncio.sleep(0.05)
        running.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(flood())
    refused = [r for r in results if isinstance(r, Refusal)]
    assert {error.status for error in refused} == {503}
    assert len(results) - len(refused) >= 8  # however long each takes
    assert len(refused) > 0
    assert asyncio.run(workers.run(lambda: 3, 1)) == 3


def test_work_is_counted_by_its_images_and_what_is_made_of_them(stick):
    costs = Costs(digitnet.models.load(stick), Limits())
    one, many = (
        json.dumps({"images": [[[0] * 28] * 28] * count}).encode() for count in (1, 200)
    )
    seconds = [costs.seconds(body, "", explain=False) for body in (one, many)]
    assert seconds[1] > 100 * seconds[0]
    for body, plain in zip((one, many), seconds, strict=True):
        assert costs.seconds(body, "", explain=True) > 4 * plain
    assert costs.seconds(large_png(), "", explain=False) > 0.1


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST.:1", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:80", 200),
        ("my.name", 200),
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("localhost.evil.example", 421),
        ("evil.example@localhost", 421),
        ("localhost/x", 421),
        ("localhost, evil.example", 421),
        ("192.168.1.4", 421),
        ("a" * 9000, 421),
    ],
)
def test_only_a_request_to_this_server_is_answered(session, host, status):
    assert get(session, host=host)[0] == status


@pytest.fixture(scope="module")
def session(stick):
    with served(stick) as address:
        yield address


def test_a_request_that_names_no_host_or_two_is_refused(session):
    for head in (b"Host: localhost\r\nHost: localhost\r\n", b""):
        with raw(session) as connection:
            connection.sendall(b"GET /api/model HTTP/1.0\r\n" + head + b"\r\n")
            answer = connection.makefile("rb").read()
        assert answer.split()[1][:1] == b"4"
        assert b"input_shape" not in answer


def test_who_listens_to_everyone_may_be_called_by_any_address():
    hosts = Hosts.of("0.0.0.0", ["Lab.Example"])
    for host in ("192.168.1.4:8000", "[fe80::1]", "lab.example"):
        assert hosts.refusal([(b"host", host.encode())]) is None
    assert "got Host 'rebound.example'" in hosts.refusal(
        [(b"host", b"rebound.example")]
    )
    assert host_of("[::1]:80") == "::1"
    assert host_of("a:b") is None


OTHERS = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver:8888"},
    {"Origin": "http://["},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://testserver"},
]
OWN = [
    {},
    {"Origin": "http://testserver"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"},
]


def test_pages_of_other_sites_send_no_pictures(stick):
    body = json.dumps({"image": [[0] * 28] * 28})
    with TestClient(make_app(digitnet.models.load(stick))) as client:
        for headers, status in [(h, 403) for h in OTHERS] + [(h, 200) for h in OWN]:
            for kind in ("text/plain", "application/json"):
                response = client.post(
                    "/api/predict",
                    content=body,
                    headers=headers | {"Content-Type": kind},
                )
                assert response.status_code == status, headers
        assert client.get("/", headers=OTHERS[0]).status_code == 200
    assert not is_cross_site([(b"host", b"a:1"), (b"origin", b"http://A:1")])


def test_numbers_too_large_for_the_weights_are_no_fault_of_the_server(stick):
    model = digitnet.models.load(stick)
    state = model.state_dict()
    for name in [name for name in state if name.startswith(next(iter(state))[:4])]:
        state[name] = np.full_like(state[name], 3e38 * name.endswith("weight"))
    model.load_state_dict(state)
    app = make_app(model, Limits())
    with TestClient(app) as client:
        body = {"image": (np.eye(28) * 255).astype(int).tolist()}
        for path in ("/api/predict", "/api/predict?explain=1"):
            response = client.post(path, json=body)
            assert response.status_code == 422
            assert "expected finite outputs" in response.json()["detail"]
