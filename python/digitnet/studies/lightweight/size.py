"""Accuracy, size and latency of the small networks."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context, mean_and_std
from digitnet.models import make as make_zoo
from digitnet.models.model import Model
from digitnet.studies.lightweight.networks import NETWORKS, REFERENCE, make
from digitnet.studies.lightweight.training import (
    SETS,
    TEACHER,
    accuracy,
    data_of,
    seeds,
)


def file_bytes(model: Model) -> bytes:
    """What `save` writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        return path.read_bytes()


def latencies(
    models: dict[str, Model], images: npt.NDArray[Any], rounds: int, calls: int
) -> pd.DataFrame:
    """Seconds a call, a row a round: in each round every model has its turn, so that what
    slows the machine slows all."""
    for model in models.values():
        model.predict(images)  # the first call makes room
    rows = []
    for _ in range(rounds):
        row = {}
        for name, model in models.items():
            start = time.perf_counter()
            for _ in range(calls):
                model.predict(images)
            row[name] = (time.perf_counter() - start) / calls
        rows.append(row)
    return pd.DataFrame(rows)


def networks_stage(context: Context, name: str) -> None:
    cases = [(network, seed) for network in NETWORKS for seed in seeds(context)]
    accuracies = context.parallel_map(
        lambda case: accuracy(context, name, case[0], 0.0, case[1]), cases
    )
    frame = pd.DataFrame(cases, columns=["network", "seed"])
    scores = frame.assign(accuracy=accuracies).pivot(
        index="seed", columns="network", values="accuracy"
    )[list(NETWORKS)]
    rows = []
    for network in NETWORKS:
        model = make(network, 0)
        mean, std = mean_and_std(scores[network].to_numpy())
        size = len(file_bytes(model))
        rows.append((network, model.count_params(), size, mean, std))
        if name == SETS[0]:
            context.measure(f"{network} accuracy", scores[network])
    columns = ["network", "parameters", "bytes of the file", "accuracy", "sd"]
    table = pd.DataFrame(rows, columns=columns)
    context.table(f"networks_{name}", f"Small networks on {name}", table)
    context.figure(
        f"networks_{name}",
        f"Small networks on {name}: every seed a point",
        lambda: plot.distribution(scores, "accuracy"),
    )


def latency_stage(context: Context) -> None:
    """Weights do not change how long a prediction takes: those of the start will do."""
    _, _, test = data_of(context, SETS[0])
    models = {name: make(name, 0) for name in NETWORKS}
    models[TEACHER] = make_zoo(TEACHER)
    rounds = context.size(smoke=3, quick=15, default=31, full=31)
    one = latencies(models, test.images[:1], rounds, 20)
    many = latencies(models, test.images[:1000], rounds, 1)
    rows = []
    for name in models:
        ratios = [float((t[name] / t[REFERENCE]).median()) for t in (one, many)]
        medians = [1000 * float(t[name].median()) for t in (one, many)]
        rows.append((name, medians[0], ratios[0], medians[1], ratios[1]))
        if name in NETWORKS:
            context.measure(f"{name} latency", ratios[0])
    columns = ["network", "one image, ms", "one image, ratio"]
    columns += ["1,000 images, ms", "1,000 images, ratio"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("latency", f"Latency; ratios are to {REFERENCE}'s", frame)
    speed = pd.Series(1 / frame["one image, ratio"].to_numpy(), list(models))
    context.figure(
        "latency",
        f"One image: how many times as fast as {REFERENCE}",
        lambda: plot.comparison(speed.rename(f"times as fast as {REFERENCE}")),
    )
    context.text(f"Medians of {rounds} interleaved rounds on this machine.")
