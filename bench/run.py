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

import gradients
import machine
import small
import to_accuracy
from contenders import BATCH, CONTENDERS

HERE = Path(__file__).parent
# Steps of one turn: about a second of PyTorch each; four where setting up, which is
# part of a turn, takes as long as a step.
STEPS = {
    "linear": 300,
    "mlp": 120,
    "lenet5": 100,
    "two-conv": 80,
    "torch-example": 12,
    "kaggle-cnn": 8,
    "optdigits-cnn": 150,
    "m5": 4,
    "mobilenetv2": 4,
    "densenet121": 4,
    "gru": 60,
    "vit-tiny": 20,
    "capsnet": 4,
    "autoencoder": 6,
}
# Images of an epoch whose peak memory is measured: all of MNIST, or some batches.
MEMORY = {
    "kaggle-cnn": 60_000,
    **dict.fromkeys(("mobilenetv2", "densenet121", "capsnet"), 2 * BATCH),
    **dict.fromkeys(("gru", "vit-tiny", "autoencoder"), 20 * BATCH),
}


class Worker:
    """A process that answers lines."""

    def __init__(self, *command: object, environment: dict[str, str] | None = None):
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.read()

    def read(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"bench: {self.process.args} ended early")
        return line.strip()

    def ask(self, line: str) -> list[float]:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return [float(word) for word in self.read().split()]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def contender(name: str, network: str, images: int) -> Worker:
    """One that trains and predicts."""
    return Worker(
        HERE / "worker.py",
        name,
        network,
        images,
        environment=CONTENDERS[name].environment,
    )


def contenders_for(network: str) -> list[str]:
    return [n for n, c in CONTENDERS.items() if not c.only or network in c.only]


def in_turn(
    word: str, network: str, images: int, rounds: int
) -> dict[str, list[float]]:
    """Each contender's seconds, one turn after the other."""
    workers = {n: contender(n, network, images) for n in contenders_for(network)}
    try:
        for worker in workers.values():
            worker.ask(word)  # warm up, compile
        seconds: dict[str, list[float]] = {name: [] for name in workers}
        for _ in range(rounds):
            for name, worker in workers.items():
                seconds[name] += worker.ask(word)
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
        for question, unit, values in gradients.questions(options.rounds):
            keep(row(question, unit, values))
        for network, images in MEMORY.items():
            keep(row(f"peak memory {network}", "MiB", memory(network, images)))
        for target, seconds in times_to_accuracy().items():
            if len(seconds) > 1:
                keep(row(f"to {target:.1%} of MNIST", "s", seconds))
    return results


def memory(network: str, images: int) -> dict[str, list[float]]:
    """Peak of one epoch, data included."""
    peaks = {}
    for name in ("digitnet", "pytorch tuned"):
        worker = contender(name, network, images)
        peaks[name] = worker.ask("memory")
        worker.close()
    return peaks


def times_to_accuracy() -> dict[float, dict[str, list[float]]]:
    """Each target's seconds by contender, of the first rung that reaches it; a contender
    that never does has none."""
    workers = {n: Worker(HERE / "to_accuracy.py", n) for n in to_accuracy.CONTENDERS}
    reached: dict[float, dict[str, list[float]]] = {t: {} for t in to_accuracy.TARGETS}
    try:
        for rung in range(len(to_accuracy.RUNGS)):
            for name, worker in workers.items():
                if all(name in done for done in reached.values()):
                    continue
                seeds = range(to_accuracy.RUNGS[rung].seeds)
                runs = [worker.ask(f"{rung} {seed}") for seed in seeds]
                mean = statistics.mean(accuracy for _, accuracy in runs)
                print(f"{to_accuracy.RUNGS[rung]}: {name} {mean:.2%}", flush=True)
                for target, done in reached.items():
                    if mean >= target:
                        done.setdefault(name, [seconds for seconds, _ in runs])
    finally:
        for worker in workers.values():
            worker.close()
    return reached


def growth() -> dict[str, float]:
    """Microseconds an image of one epoch of lenet5, by the number of images."""
    result = {}
    for images in (1_000, 10_000, 60_000, 600_000):
        worker = contender("digitnet", "lenet5", images)
        try:
            worker.ask("train")
            turns = [worker.ask("train")[0] for _ in range(3)]
            result[f"{images:,}"] = 1e6 * min(turns) / images
        finally:
            worker.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--networks", nargs="*", default=list(STEPS), choices=STEPS)
    parser.add_argument("--only-steps", dest="small", action="store_false")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow is talkative
    about = machine.describe()
    print("\n".join(f"{k}: {v}" for k, v in about.items()) + "\n", flush=True)
    results = measure(options)
    options.out.mkdir(parents=True, exist_ok=True)
    found = {"machine": about, "results": results}
    if options.small:
        found["microseconds an image"] = growth()
        print("microseconds an image, lenet5:", found["microseconds an image"])
    (options.out / "bench.json").write_text(json.dumps(found, indent=2))
    machine.chart(results, options.out / "bench.png")
    print(f"\nwritten: {options.out}/bench.json, {options.out}/bench.png")


if __name__ == "__main__":
    main()
