"""Downloads, against a local server that also lies, stalls, truncates and drops."""

import gzip
import hashlib
import http.server
import os
import random
import struct
import subprocess
import sys
import threading
import time

import pytest

from digitnet import DataError
from digitnet.data import download as fetching
from digitnet.data.download import File, fetch, find_file

CONTENT = struct.pack(">I3I", 0x803, 50, 20, 20) + random.Random(0).randbytes(20_000)
ARCHIVE = gzip.compress(CONTENT, mtime=0)


def sha(content):
    return hashlib.sha256(content).hexdigest()


class Server(http.server.BaseHTTPRequestHandler):
    """The path's first part selects how to behave."""

    requests: list = []

    def do_GET(self):
        behaviour = self.path.split("/")[1]
        Server.requests.append((behaviour, self.headers.get("Range")))
        getattr(self, behaviour)()

    def _send(self, body, length=None, status=200, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def good(self):
        start = int((self.headers.get("Range") or "bytes=0-").split("=")[1].rstrip("-"))
        if not start:
            return self._send(ARCHIVE)
        span = f"bytes {start}-{len(ARCHIVE) - 1}/{len(ARCHIVE)}"
        return self._send(
            ARCHIVE[start:], status=206, headers=[("Content-Range", span)]
        )

    def no_ranges(self):
        self._send(ARCHIVE)

    def lies(self):
        self._send(gzip.compress(CONTENT[:-1] + b"!", mtime=0))

    def rubbish(self):
        self._send(b"<html>sign in first</html>")

    def truncates(self):
        self._send(ARCHIVE[:1000], length=len(ARCHIVE))

    def drops(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(ARCHIVE)))
        self.end_headers()
        self.wfile.write(ARCHIVE[:500])
        self.wfile.flush()
        self.connection.shutdown(2)

    def stalls(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(ARCHIVE)))
        self.end_headers()
        self.wfile.write(ARCHIVE[:100])
        self.wfile.flush()
        time.sleep(3)

    def missing(self):
        self._send(b"no such file", status=404)

    def huge(self):
        self._send(b"x", length=2**40)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("DIGITNET_DATA", raising=False)
    monkeypatch.delenv("DIGITNET_OFFLINE", raising=False)
    Server.requests.clear()
    return tmp_path / "digitnet" / "toy"


def file(address, *behaviours):
    urls = tuple(f"{address}/{b}/toy.gz" for b in behaviours)
    return File("toy", "toy.gz", sha(ARCHIVE), sha(CONTENT), urls)


def test_a_download_is_whole_and_checked_and_happens_once(address, cache):
    toy = file(address, "good")
    path = fetch(toy)
    assert path.read_bytes() == ARCHIVE
    assert fetch(toy) == path
    assert Server.requests == [("good", None)]
    assert sorted(p.name for p in cache.iterdir()) == ["toy.gz"]


@pytest.mark.parametrize(
    "bad", ["lies", "rubbish", "truncates", "drops", "missing", "huge"]
)
def test_the_next_mirror_is_tried_when_one_misbehaves(address, cache, bad):
    assert fetch(file(address, bad, "good")).read_bytes() == ARCHIVE
    assert {b for b, _ in Server.requests} == {bad, "good"}


def test_a_mirror_that_stalls_is_left(address, cache):
    start = time.monotonic()
    assert (
        fetch(file(address, "stalls", "good"), timeout_seconds=0.5).read_bytes()
        == ARCHIVE
    )
    assert time.monotonic() - start < 3


def test_an_unreachable_mirror_is_left(address, cache):
    toy = file(address, "good")
    dead = File(
        "toy",
        "toy.gz",
        toy.sha256,
        toy.content_sha256,
        ("http://127.0.0.1:9/x", *toy.urls),
    )
    assert fetch(dead).read_bytes() == ARCHIVE


@pytest.mark.parametrize("bad", ["lies", "rubbish", "truncates", "drops", "missing"])
def test_nothing_wrong_ever_gets_the_final_name(address, cache, bad):
    with pytest.raises(
        OSError, match="expected a download from one of 1 mirrors"
    ) as caught:
        fetch(file(address, bad))
    assert f"/{bad}/toy.gz: " in str(caught.value)
    assert sha(ARCHIVE) in str(caught.value)
    assert "toy.gz" not in [p.name for p in cache.iterdir()]


def test_a_broken_download_is_gone_on_with(address, cache):
    cache.mkdir(parents=True)
    (cache / "toy.gz.part").write_bytes(ARCHIVE[:700])
    assert fetch(file(address, "good")).read_bytes() == ARCHIVE
    assert Server.requests == [("good", "bytes=700-")]


def test_a_server_without_ranges_sends_it_anew(address, cache):
    cache.mkdir(parents=True)
    (cache / "toy.gz.part").write_bytes(b"z" * 700)
    assert fetch(file(address, "no_ranges")).read_bytes() == ARCHIVE


@pytest.mark.parametrize("left", [b"z" * 700, ARCHIVE + b"too long", ARCHIVE])
def test_a_wrong_rest_of_an_earlier_try_does_not_corrupt_this_one(address, cache, left):
    cache.mkdir(parents=True)
    (cache / "toy.gz.part").write_bytes(left)
    assert fetch(file(address, "good")).read_bytes() == ARCHIVE


def test_a_killed_download_leaves_nothing_that_looks_right(address, cache):
    code = (
        "from digitnet.data.download import File, fetch\n"
        f"fetch(File('toy', 'toy.gz', '', '', ('{address}/stalls/toy.gz',)))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not (cache / "toy.gz.part").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert [p.name for p in cache.iterdir()] == ["toy.gz.part"]
    assert fetch(file(address, "good")).read_bytes() == ARCHIVE


def test_a_corrupt_cache_is_refused_not_used(address, cache):
    path = fetch(file(address, "good"))
    path.write_bytes(ARCHIVE[:-3])
    with pytest.raises(DataError, match="toy.gz: expected SHA-256"):
        fetch(file(address, "good"))


def test_the_same_contents_packed_otherwise_are_accepted(address, cache):
    cache.mkdir(parents=True)
    (cache / "toy.gz").write_bytes(gzip.compress(CONTENT, 1, mtime=5))
    assert find_file(file(address, "good")) == cache / "toy.gz"


@pytest.mark.parametrize("name", ["toy.gz", "toy", "toy/toy.gz", "toy/toy"])
def test_the_users_folder_comes_first(address, cache, tmp_path, monkeypatch, name):
    monkeypatch.setenv("DIGITNET_DATA", str(tmp_path / "mine"))
    place = tmp_path / "mine" / name
    place.parent.mkdir(parents=True)
    place.write_bytes(ARCHIVE if name.endswith(".gz") else CONTENT)
    assert fetch(file(address, "missing")) == place
    assert Server.requests == []


def test_offline_never_downloads_and_says_what_to_put_where(
    address, cache, monkeypatch
):
    monkeypatch.setenv("DIGITNET_OFFLINE", "1")
    with pytest.raises(FileNotFoundError) as caught:
        fetch(file(address, "good"))
    for part in ("toy.gz", str(cache), sha(ARCHIVE), "DIGITNET_OFFLINE"):
        assert part in str(caught.value)
    assert Server.requests == []


def test_a_redirect_from_https_to_http_is_not_followed():
    import urllib.error
    import urllib.request

    (handler,) = (
        h
        for h in fetching._opener().handlers
        if isinstance(h, urllib.request.HTTPRedirectHandler)
    )
    request = urllib.request.Request("https://example.org/a")
    with pytest.raises(urllib.error.URLError, match="expected https"):
        handler.redirect_request(request, None, 302, "", {}, "http://example.org/a")


def test_a_read_only_cache_is_an_os_error(address, cache):
    if os.geteuid() == 0:
        cache.parent.parent.mkdir(exist_ok=True)
        (cache.parent).write_text("a file where the folder should be")
    else:
        cache.mkdir(parents=True)
        cache.chmod(0o500)
    with pytest.raises(OSError):
        fetch(file(address, "good"))
