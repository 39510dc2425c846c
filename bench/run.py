"""Measure digitnet against PyTorch in one run: step time and peak memory.

Every contender runs in a process of its own, in turn, round after round; what counts is
the median of the rounds and the ratio to the peer of the same run. Run by `make bench`;
needs the real MNIST (DIGITNET_DATA or a download) for the memory part.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from digitnet import doctor

WORKER = Path(__file__).parent / "worker.py"
NETWORKS = ("lenet5", "kaggle-cnn")
CONTENDERS = ("digitnet", "pytorch")


def measure(*arguments: str) -> dict[str, Any]:
    """One contender in a fresh process."""
    command = [sys.executable, str(WORKER), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def interleaved(question: str, network: str, rounds: int) -> dict[str, list[float]]:
    """Each contender's answers, taken in turn."""
    answers: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name in CONTENDERS:
            answers[name].append(measure(question, name, network)["value"])
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the results as JSON too")
    options = parser.parse_args()
    results = []
    for question, unit in (("step", "ms"), ("memory", "MiB")):
        for network in NETWORKS:
            if question == "memory" and network != "kaggle-cnn":
                continue
            rounds = options.rounds if question == "step" else 1
            answers = interleaved(question, network, rounds)
            middle = {
                name: statistics.median(values) for name, values in answers.items()
            }
            ratio = middle["digitnet"] / middle["pytorch"]
            results.append(
                {
                    "question": question,
                    "network": network,
                    "unit": unit,
                    "ratio": ratio,
                    **answers,
                }
            )
            print(
                f"{question:<7} {network:<11} digitnet {middle['digitnet']:8.2f} {unit}   "
                f"pytorch {middle['pytorch']:8.2f} {unit}   ratio {ratio:.2f}",
                flush=True,
            )
    print("\n" + "\n".join(f"{k}: {v}" for k, v in doctor.versions().items()))
    if options.out:
        options.out.write_text(
            json.dumps({"results": results, "versions": doctor.versions()}, indent=2)
        )


if __name__ == "__main__":
    main()
