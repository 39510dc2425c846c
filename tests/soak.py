"""Everything that could break, again and again, for as long as one likes: `make soak`, or

    python tests/soak.py --minutes 60 --seed 1

In turn: each fuzzer of tests/fuzz, kills of trainings (tests/train/test_kills.py), kills of
run folders being written (tests/test_folders.py), requests good and hostile to a server. What
a round does hangs on the seed alone, but for when a kill falls. The exit status is 1 if
anything was found.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS)]

from fuzz import __main__ as fuzz, mutations  # noqa: E402
from fuzz.make_corpus import CORPUS  # noqa: E402

import digitnet  # noqa: E402

PART_SECONDS = 20  # of one fuzzer, or of requests, in one round
KILLS = 4  # of one kind in one round


@dataclass
class Tally:
    counts: dict[str, int] = field(
        default_factory=lambda: {"inputs": 0, "kills": 0, "writes": 0, "requests": 0}
    )
    findings: list[str] = field(default_factory=list)

    def count(self, what: str, number: int) -> None:
        self.counts[what] += number


def fuzzers(tally: Tally, seed: int, out: Path) -> Iterator[Callable[[], None]]:
    """A round of each."""

    def one(name: str) -> None:
        for result in fuzz.run(name, PART_SECONDS, seed, out):
            tally.count("inputs", result.inputs)
            tally.findings += [f"{name}: {finding}" for finding in result.findings]

    names = [*fuzz.targets_of_core(), *fuzz.targets_of_python()]
    for name in dict.fromkeys(names):
        yield lambda name=name: one(name)


def training_kills(tally: Tally, seed: int) -> Iterator[Callable[[], None]]:
    from train import test_kills

    def one(case: str, executor: str) -> None:
        test_kills.SEED = seed
        folder = Path(tempfile.mkdtemp(prefix="digitnet-soak-"))
        test_kills.kill_until_done(KILLS, case, executor, folder)
        tally.count("kills", KILLS)
        shutil.rmtree(folder)  # of a finding it stays

    executors = ["native"] + ["torch"] * (find_spec("torch") is not None)
    for case, executor in itertools.product(test_kills.KILLED, executors):
        yield lambda case=case, executor=executor: one(case, executor)


def write_kills(tally: Tally, seed: int) -> Iterator[Callable[[], None]]:
    import test_folders

    def one(system: str) -> None:
        test_folders.SEED = seed
        folder = Path(tempfile.mkdtemp(prefix="digitnet-soak-"))
        test_folders.kill_while_writing(KILLS, folder / "run", system)
        tally.count("writes", KILLS)
        shutil.rmtree(folder)

    for system in ("exchange", "no exchange"):
        yield lambda system=system: one(system)


class Server:
    """`digitnet serve` with a model of the embedded digits, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        train, test = digitnet.data.load("digits")
        model = digitnet.models.make("optdigits-cnn", seed=1)
        model.fit(train, epochs=2, progress=False)
        model.save(folder / "m.safetensors")
        self.images = [image.tolist() for image in test.images[:50]]
        self.labels = [model.classes[k] for k in model.predict(test[:50])]
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "digitnet.cli", "serve"),
                *(str(folder / "m.safetensors"), "--port", "0"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                return
        raise AssertionError(f"the server has ended: {self.process.wait(30)}")

    def post(self, body: bytes, kind: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/api/predict", body, {"content-type": kind})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def raw(self, content: bytes) -> None:
        """What may be no request at all; whatever is answered."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as stream:
            stream.sendall(content)
            stream.shutdown(socket.SHUT_WR)
            while stream.recv(65536):
                pass

    def check(self, k: int) -> None:
        """A good request has the answer that the model has."""
        body = json.dumps({"image": self.images[k]}).encode()
        status, answer = self.post(body, "application/json")
        assert status == 200, f"status {status} for a good request"
        assert json.loads(answer)["label"] == self.labels[k]

    def close(self) -> None:
        self.process.terminate()
        code = self.process.wait(30)
        self.process.stdout.close()
        assert code in (0, -15), code


def requests(tally: Tally, seed: int) -> Iterator[Callable[[], None]]:
    files = [path.read_bytes() for path in sorted((CORPUS / "request").iterdir())]
    heads = [b"POST /api/predict HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n{}"]
    heads += [
        b"GET /%s HTTP/1.1\r\n\r\n" % (b"../" * 9),
        b"\0" * 99,
        b"GET / HTTP/9\r\n",
    ]

    def one() -> None:
        rng = random.Random(seed)
        folder = Path(tempfile.mkdtemp(prefix="digitnet-soak-"))
        with contextlib.closing(
            Server(folder)
        ) as server:  # a failed round ends it, too
            until = time.monotonic() + PART_SECONDS
            count = 0
            while time.monotonic() < until:
                if count % 3 == 0:
                    server.check(rng.randrange(len(server.images)))
                elif count % 3 == 1:
                    kind = rng.choice(["application/json", "image/png", "text/x"])
                    status, answer = server.post(mutations.mutated(rng, files), kind)
                    assert status < 500, f"status {status}: {answer!r:.200}"
                else:
                    # Of what is no request it may close the connection.
                    with contextlib.suppress(ConnectionError, TimeoutError):
                        server.raw(mutations.mutated(rng, heads))
                count += 1
            server.check(0)
        tally.count("requests", count)
        shutil.rmtree(folder)

    if find_spec("fastapi") and find_spec("uvicorn"):
        yield one


def rounds(
    tally: Tally, seed: int, out: Path
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Parts without end, one of each kind after another."""
    for number in itertools.count():
        now = seed + number
        kinds = {
            "fuzzers": fuzzers(tally, now, out),
            "kills of trainings": training_kills(tally, now),
            "kills of writers": write_kills(tally, now),
            "requests": requests(tally, now),
        }
        while kinds:
            for kind, parts in list(kinds.items()):
                part = next(parts, None)
                if part is None:
                    del kinds[kind]
                else:
                    yield kind, part


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().getrandbits(30)
    )
    parser.add_argument("--out", type=Path, default=TESTS.parent / "build/soak")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ["DIGITNET_TEST_SEED"] = str(options.seed)
    start, tally = time.monotonic(), Tally()
    print(f"seed {options.seed}, {options.minutes:g} minutes", flush=True)
    for kind, part in rounds(tally, options.seed, options.out):
        if time.monotonic() - start > 60 * options.minutes:
            break
        try:
            part()
        except Exception as error:
            where = traceback.format_exc()
            (options.out / f"finding-{len(tally.findings)}.txt").write_text(where)
            tally.findings.append(f"{kind}: {type(error).__name__}: {error!s:.200}")
        so_far = ", ".join(f"{n:,} {what}" for what, n in tally.counts.items())
        seconds = time.monotonic() - start
        print(f"{seconds:6.0f} s  {kind}: {so_far}", file=sys.stderr, flush=True)
    print(f"after {(time.monotonic() - start) / 60:.1f} minutes, seed {options.seed}")
    names = ["inputs tried", "kills survived", "writes killed", "requests served"]
    for name, number in zip(names, tally.counts.values(), strict=True):
        print(f"{name:20} {number:12,}")
    print(f"{'findings':20} {len(tally.findings):12,}")
    for finding in tally.findings:
        print(finding)
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
