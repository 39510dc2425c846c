"""Epoch 9 of the paper's log: validation falls from .9852 to .6286 and comes back. How much
does validation accuracy change from one epoch to the next, and does batch norm matter?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.papers.mnistm_cnn.settings import (
    AUGMENT,
    BATCH_NORM,
    EPOCHS,
    KERAS_ADAM,
    PAPER,
    domains,
    make,
)
from digitnet.train.history import History

VALIDATION = (
    0.9858,
    0.9882,
    0.9843,
    0.9891,
    0.9909,
    0.9903,
    0.9923,
    0.9852,
    0.6286,
    0.9925,
)
FALL = max(a - b for a, b in zip(VALIDATION, VALIDATION[1:], strict=False))
SETTLED = 3  # epochs, after which a fall counts
SEEDS = {"smoke": 1, "quick": 2, "default": 3, "full": 5}


@dataclass(frozen=True)
class Variant:
    """A way to train: what its batch norm is, and how the rate goes."""

    batch_norm: Mapping[str, float] | None
    schedule: str = "constant"


VARIANTS = {
    "constant rate": Variant(BATCH_NORM),
    "constant rate, Keras' batch norm": Variant({"momentum": 0.01, "epsilon": 1e-3}),
    "constant rate, no batch norm": Variant(None),
    "one cycle": Variant(BATCH_NORM, "one-cycle"),
}


def parts(context: Context) -> tuple[Dataset, Dataset]:
    """(training, validation): the test set under the paper's protocol."""

    def split() -> tuple[Dataset, Dataset]:
        train, test = domains(context)["MNIST-M"]
        count = context.size(smoke=40, quick=1_500, default=8_000, full=None)
        part = context.part(train, count)
        if context.protocol == "paper":
            count = context.size(smoke=20, quick=500, default=2_000, full=None)
            return part, context.part(test, count)
        first, validation = part.split((0.8, 0.2), seed=0)
        return first, validation

    return context.memoize("fluctuation parts", split)


def watched(context: Context, name: str, seed: int) -> History:
    variant = VARIANTS[name]
    _, history = context.trained(
        f"fluctuation {name} {context.protocol} {seed}",
        lambda: make(PAPER, seed, batch_norm=variant.batch_norm),
        *parts(context),
        epochs=context.size(smoke=4, quick=EPOCHS, default=EPOCHS, full=EPOCHS),
        batch_size=PAPER["batch_size"],
        learning_rate=PAPER["learning_rate"],
        optimizer=KERAS_ADAM,
        schedule=variant.schedule,
        augment=AUGMENT,
        restore_best=False,
        seed=seed,
    )
    return history


def largest_fall(accuracies: Any, settled: int = SETTLED) -> float:
    """How far validation accuracy falls at most from an epoch to the next, the first
    `settled` epochs left out; below 0 if it only rises."""
    return float(-np.diff(accuracies[settled - 1 :]).min())


def stage(context: Context) -> None:
    seeds = range(SEEDS[context.mode])
    cases = [(name, seed) for seed in seeds for name in VARIANTS]
    by_case = context.parallel_dict(lambda case: watched(context, *case), cases)
    rows = []
    for (name, seed), history in by_case.items():
        accuracies = np.asarray(history["val_accuracy"])
        later = accuracies[SETTLED - 1 :]
        fall = largest_fall(accuracies)
        rows.append((name, seed, fall, later.min(), later.std(ddof=1), accuracies[-1]))
    columns = ["variant", "seed", "largest fall", "lowest", "sd of epochs", "last"]
    frame = pd.DataFrame(rows, columns=columns)
    title = f"Validation accuracy from epoch {SETTLED} on, every training"
    context.table("fluctuation", title, frame)
    first = {name: by_case[name, 0] for name in VARIANTS}
    context.figure(
        "fluctuation",
        "From epoch to epoch, seed 0",
        lambda: plot.training_curves(first, ("accuracy", "loss")),
    )
    for variant, part in frame.groupby("variant", sort=False):
        context.measure(f"fall, {variant}", part["largest fall"])
    context.text(_conclusion(context, frame))


def _conclusion(context: Context, frame: pd.DataFrame) -> str:
    worst = frame.iloc[int(np.argmax(frame["largest fall"]))]
    part, validation = parts(context)
    steps = math.ceil(len(part) / PAPER["batch_size"])
    as_large = worst["largest fall"] >= FALL
    return (
        f"{len(frame)} trainings on {len(part):,} images ({steps:,} steps an epoch, the "
        f"paper's has 1,875), validated on {len(validation):,}. The paper's validation accuracy "
        f"falls by {100 * FALL:.2f} points before epoch {int(np.argmin(VALIDATION)) + 1}; the "
        f"largest fall here is {100 * worst['largest fall']:.2f} points ({worst['variant']}, "
        f"seed {worst['seed']}). "
        + ("A fall as large came here, too." if as_large else "None here is as large.")
    )
