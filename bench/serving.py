"""The server under load: 500 requests a second of one 28x28 image, for ten seconds.

    python bench/serving.py [model]

Client and server share the machine. Times are the server's own (Server-Timing).
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import digitnet

RATE, SECONDS, CONNECTIONS = 500, 10, 16


def saved(name: str, folder: Path) -> Path:
    train, _ = digitnet.data.load("mnist")
    model = digitnet.models.make(name)
    model.fit(train[:5_000], epochs=1, progress=False)
    path = folder / "model.safetensors"
    model.save(path)
    return path


async def asks(port: int, number: int, found: list[tuple[int, float, float]]) -> None:
    """One connection that asks at its share of the rate."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    image = np.random.default_rng(number).integers(0, 256, (28, 28)).tolist()
    body = json.dumps({"image": image}).encode()
    request = (
        b"POST /api/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    loop = asyncio.get_running_loop()
    begin = loop.time() + number / RATE
    for turn in range(RATE * SECONDS // CONNECTIONS):
        due = begin + turn * CONNECTIONS / RATE
        await asyncio.sleep(max(0.0, due - loop.time()))
        start = loop.time()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = re.search(r"content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        timing = re.search(r"dur=([\d.]+)", head)
        inside = float(timing[1]) if timing else float("nan")
        found.append((int(head.split()[1]), inside, 1e3 * (loop.time() - start)))
    writer.close()


async def load(port: int) -> list[tuple[int, float, float]]:
    found: list[tuple[int, float, float]] = []
    await asyncio.gather(*(asks(port, n, found) for n in range(CONNECTIONS)))
    return found


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "lenet5"
    with tempfile.TemporaryDirectory() as folder:
        words = ["serve", str(saved(name, Path(folder))), "--port", "0"]
        with subprocess.Popen(
            [sys.executable, "-m", "digitnet.cli", *words],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            port = re.search(r":(\d+) ", process.stdout.readline())
            assert port is not None
            found = asyncio.run(load(int(port[1])))
            process.terminate()
    statuses = {status: sum(s == status for s, _, _ in found) for status, _, _ in found}
    inside = sorted(ms for _, ms, _ in found)
    whole = [ms for _, _, ms in found]
    print(f"{name}: {len(found)} requests at {RATE} a second, statuses {statuses}")
    print(
        f"inside the server: median {statistics.median(inside):.2f} ms, "
        f"99 % below {inside[int(0.99 * len(inside))]:.2f} ms; "
        f"with the way there and back: median {statistics.median(whole):.2f} ms"
    )


if __name__ == "__main__":
    main()
