"""Measure digitnet against its peers in one run: steps, inference, augmentation, files,
memory.

Every contender runs in a process of its own; all take turns, round after round. What
counts is the median of the rounds and its ratio to the fastest peer of the same run.
Run by `make bench`; needs the real MNIST (DIGITNET_DATA or a download).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import machine
import small
from contenders import BATCH, CONTENDERS

WORKER = Path(__file__).parent / "worker.py"
# Steps of one turn: about half a second of PyTorch each.
STEPS = {
    "linear": 300,
    "mlp": 100,
    "lenet5": 60,
    "two-conv": 40,
    "torch-example": 6,
    "kaggle-cnn": 4,
    "optdigits-cnn": 100,
    "m5": 2,
}


class Worker:
    """A contender's process, asked by words."""

    def __init__(self, contender: str, network: str, images: int) -> None:
        environment = {**os.environ, **CONTENDERS[contender].environment}
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), contender, network, str(images)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.read()

    def read(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"bench: {self.process.args} ended early")
        return line.strip()

    def ask(self, word: str) -> float:
        assert self.process.stdin
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return float(self.read())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def contenders_for(network: str) -> list[str]:
    return [n for n, c in CONTENDERS.items() if not c.only or network in c.only]


def in_turn(
    word: str, network: str, images: int, rounds: int
) -> dict[str, list[float]]:
    """Each contender's seconds, one turn after the other."""
    workers = {n: Worker(n, network, images) for n in contenders_for(network)}
    try:
        for worker in workers.values():
            worker.ask(word)  # warm up, compile
        seconds: dict[str, list[float]] = {name: [] for name in workers}
        for _ in range(rounds):
            for name, worker in workers.items():
                seconds[name].append(worker.ask(word))
    finally:
        for worker in workers.values():
            worker.close()
    return seconds


def row(question: str, unit: str, values: dict[str, list[float]]) -> dict[str, Any]:
    """Medians and the ratio of digitnet to the fastest peer (above 1: digitnet ahead)."""
    middle = {name: statistics.median(v) for name, v in values.items()}
    peers = {name: v for name, v in middle.items() if name != "digitnet"}
    best = min(peers, key=lambda name: peers[name])
    return {
        "question": question,
        "unit": unit,
        "median": middle,
        "values": values,
        "fastest_peer": best,
        "ratio": peers[best] / middle["digitnet"],
    }


def show(result: dict[str, Any]) -> None:
    parts = [f"{n} {v:.4g}" for n, v in result["median"].items()]
    print(
        f"{result['question']:<28} {result['ratio']:5.2f}x  {result['unit']}: "
        + ", ".join(parts),
        flush=True,
    )


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    results = []

    def keep(result: dict[str, Any]) -> None:
        results.append(result)
        show(result)

    for network in options.networks:
        steps = STEPS[network]
        seconds = in_turn("train", network, steps * BATCH, options.rounds)
        scaled = {n: [1000 * s / steps for s in v] for n, v in seconds.items()}
        keep(row(f"step {network}", "ms", scaled))
    if options.small:
        seconds = in_turn("predict", "lenet5", 10_000, options.rounds)
        scaled = {n: [1000 * s for s in v] for n, v in seconds.items()}
        keep(row("predict 10,000 lenet5", "ms", scaled))
        for question, unit, values in small.questions(options.rounds):
            keep(row(question, unit, values))
        keep(row("peak memory kaggle-cnn", "MiB", memory()))
    return results


def memory() -> dict[str, list[float]]:
    """Peak of one epoch over MNIST's 60,000 images, data included."""
    peaks = {}
    for name in ("digitnet", "pytorch tuned"):
        worker = Worker(name, "kaggle-cnn", 60_000)
        peaks[name] = [worker.ask("memory")]
        worker.close()
    return peaks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--networks", nargs="*", default=list(STEPS), choices=STEPS)
    parser.add_argument("--only-steps", dest="small", action="store_false")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    options = parser.parse_args()
    about = machine.describe()
    print("\n".join(f"{k}: {v}" for k, v in about.items()) + "\n", flush=True)
    results = measure(options)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.json").write_text(
        json.dumps({"machine": about, "results": results}, indent=2)
    )
    machine.chart(results, options.out / "bench.png")
    print(f"\nwritten: {options.out}/bench.json, {options.out}/bench.png")


if __name__ == "__main__":
    main()
