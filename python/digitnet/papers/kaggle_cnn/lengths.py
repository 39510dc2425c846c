"""How long to train: 40 epochs, 70, or until early stopping's threshold ends it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context, mean_and_std
from digitnet.papers.kaggle_cnn.data import NAMES
from digitnet.papers.kaggle_cnn.settings import (
    BIG,
    network,
    parts,
    short_options,
)

# Patience 3 is of the code; thresholds of the text, .01 (line 74) and .001 (line 551).
STOPPING: dict[str, dict[str, Any]] = {
    "patience 3": {"early_stopping": 3},
    "patience 3, threshold .001": {"early_stopping": 3, "min_delta": 0.001},
    "patience 3, threshold .01": {"early_stopping": 3, "min_delta": 0.01},
}
WHOLE = "to the end"


def lengths(context: Context) -> tuple[int, int]:
    """Epochs of the thesis, and those that it thinks might be better."""
    return context.size(smoke=(2, 3), quick=(40, 70), default=(40, 70), full=(40, 70))


def length_seeds(context: Context) -> list[int]:
    return context.size(smoke=[0], quick=[0], default=[0, 1, 2], full=[*range(5)])


def validation_curve(context: Context, name: str, rule: str, seed: int) -> list[float]:
    """Validation accuracy after each epoch."""

    def curve() -> list[float]:
        train, validation = parts(context, name, seed)
        count = context.size(smoke=60, quick=400, default=2_500, full=20_000)
        train = context.part(train, count)
        validation = context.part(validation, 2 * count)
        model = network(BIG, train, seed)
        options = short_options(context) | STOPPING.get(rule, {})
        options |= {"epochs": lengths(context)[1], "seed": seed}
        history = model.fit(train, validation, **options)
        return history["val_accuracy"]

    return list(context.cached(f"length {name} {rule} {seed}", curve))


def lengths_stage(context: Context) -> None:
    usual, longer = lengths(context)
    seeds = length_seeds(context)
    rules = (WHOLE, *STOPPING)
    cases = [(n, r, s) for n in NAMES for r in rules for s in seeds]
    curves = context.parallel_dict(lambda case: validation_curve(context, *case), cases)
    context.text(
        f"Trainings of {longer} epochs on parts of the data. The learning rate follows the "
        f"plateau, not the number of epochs: the first {usual} epochs of one of {longer} are a "
        f"training of {usual}. Early stopping's threshold is what the accuracy has to gain "
        "to count; a larger one stops earlier."
    )
    rows = []
    for name in NAMES:
        runs = {f"{usual} epochs": [curves[name, WHOLE, s][:usual] for s in seeds]}
        runs[f"{longer} epochs"] = [curves[name, WHOLE, s] for s in seeds]
        runs |= {rule: [curves[name, rule, s] for s in seeds] for rule in STOPPING}
        best = {rule: np.array([max(c) for c in runs[rule]]) for rule in runs}
        for rule, listed in runs.items():
            mean, std = mean_and_std(best[rule] - best[f"{usual} epochs"])
            length = float(np.mean([len(c) for c in listed]))
            rows.append((name, rule, length, float(best[rule].mean()), mean, std))
        context.measure(
            f"longer {name}", best[f"{longer} epochs"] - best[f"{usual} epochs"]
        )
    columns = [
        "data",
        "ends",
        "epochs",
        "best accuracy",
        "difference",
        "sd of difference",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    title = f"Best validation accuracy, {len(seeds)} paired seeds"
    context.table("lengths", title, frame)
    shown = pd.DataFrame({name: curves[name, WHOLE, seeds[0]] for name in NAMES})
    shown.index = pd.RangeIndex(1, len(shown) + 1, name="epoch")
    context.figure(
        "lengths",
        f"Validation accuracy over {longer} epochs",
        partial(plot.progress, shown, "validation accuracy"),
    )
