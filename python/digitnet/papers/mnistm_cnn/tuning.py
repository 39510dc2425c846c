"""Learning rate, batch size and dropout: a grid and random draws on a validation part, and
how sensitive the network is to each around the best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from digitnet import plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.models.model import Model
from digitnet.papers.mnistm_cnn.settings import PAPER, domains, fit_options, make
from digitnet.search import Params, Search, search

# The paper: "exhaustive grid search or randomized exploration". Equal budgets for both.
SPACES: dict[str, dict[str, Any]] = {
    "grid": {
        "learning_rate": [0.001, 0.003, 0.01],
        "batch_size": [32, 128],
        "dropout": [0.1, 0.25],
    },
    "random": {
        "learning_rate": (0.0003, 0.02, "log"),
        "batch_size": [32, 64, 128, 256],
        "dropout": (0.0, 0.4),
    },
}
FINE_GRID: dict[str, Any] = {
    "learning_rate": [0.0005, 0.001, 0.003, 0.01],
    "batch_size": [32, 64, 128],
    "dropout": [0.1, 0.25, 0.4],
}
# Each is varied with the others at the best.
VARIED: dict[str, tuple[float, ...]] = {
    "learning_rate": (0.0003, 0.001, 0.003, 0.01),
    "batch_size": (32, 64, 128, 256),
    "dropout": (0.0, 0.1, 0.25, 0.4),
}


def parts(context: Context) -> tuple[Dataset, Dataset]:
    """(training, validation), both of the training images."""

    def split() -> tuple[Dataset, Dataset]:
        train, _ = domains(context)["MNIST-M"]
        count = context.size(smoke=60, quick=1_500, default=10_000, full=30_000)
        part, validation = context.part(train, count).split((0.8, 0.2), seed=0)
        return part, validation

    return context.memoize("search parts", split)


def options(context: Context, params: Mapping[str, Any], seed: int) -> dict[str, Any]:
    short = context.size(smoke=1, quick=3, default=4, full=6)
    return fit_options(context, params, seed) | {"epochs": short}


def space(context: Context, method: str) -> dict[str, Any]:
    fine = context.mode == "full" and method == "grid"
    return FINE_GRID if fine else SPACES[method]


def points(context: Context) -> int:
    """Of the grid."""
    return math.prod(map(len, space(context, "grid").values()))


def trials(context: Context) -> int:
    """Of each method: as many as the grid has points; in the small modes fewer."""
    whole = points(context)
    return context.size(smoke=2, quick=5, default=whole, full=whole)


def searched(context: Context, method: str) -> Search:
    """A search, or what is left of it; its journal is in the folder."""
    folder = context.out / "searches"
    folder.mkdir(parents=True, exist_ok=True)

    def build(params: Params, seed: int) -> tuple[Model, Mapping[str, Any]]:
        return make(params, seed), options(context, params, seed)

    return search(
        build,
        space(context, method),
        *parts(context),
        trials=trials(context),
        method=method,
        file=folder / f"{method}.log",
        seed=0,
    )


def settings_of(context: Context) -> dict[str, Any]:
    """The paper's, or those that were best on the validation part in either search."""
    if context.protocol == "paper":
        return dict(PAPER)
    return context.memoize("settings", lambda: _best(context))


def _best(context: Context) -> dict[str, Any]:
    # One after the other where the stage of the searches was done by an earlier run.
    searches = [searched(context, method) for method in SPACES]
    return max(searches, key=lambda one: one.best_value).best_params


def validation_accuracy(context: Context, settings: Mapping[str, Any]) -> float:
    def score() -> float:
        part, validation = parts(context)
        model = make(settings, 0)
        model.fit(part, progress=False, **options(context, settings, 0))
        return model.evaluate(validation)["accuracy"]

    key = ", ".join(f"{name} {value:g}" for name, value in sorted(settings.items()))
    return float(context.cached(f"validation of {key}", score))


def search_stage(context: Context) -> None:
    searches = context.parallel_map(partial(searched, context), SPACES)
    tables = [one.table.reset_index() for one in searches]
    for table, one in zip(tables, searches, strict=True):
        table.insert(0, "method", one.method)
    frame = pd.concat(tables, ignore_index=True)
    context.table("search", "Every trial of both searches, on validation", frame)
    for one in searches:
        context.figure(
            f"search_{one.method}", f"Every trial, {one.method}", partial(one.plot)
        )
        context.measure(f"{one.method} search", one.best_value)
    best = settings_of(context)
    part, validation = parts(context)
    context.text(
        f"{len(part):,} images to train and {len(validation):,} to validate; "
        f"{trials(context)} trials a method, of a grid of {points(context)} points; trials "
        "that fall behind the median are ended early. Chosen: "
        + ", ".join(f"{name} {value:.4g}" for name, value in best.items())
        + "."
    )
    _sensitivity(context, best)


def _sensitivity(context: Context, best: dict[str, Any]) -> None:
    varied = VARIED
    if context.mode in ("smoke", "quick"):  # the ends of each range, and the best
        varied = {name: (values[0], values[-1]) for name, values in VARIED.items()}
    cases = [
        (name, value)
        for name, values in varied.items()
        for value in sorted({*values, best[name]})
    ]
    scores = context.parallel_map(
        lambda case: validation_accuracy(context, best | {case[0]: case[1]}), cases
    )
    rows = [(*case, score) for case, score in zip(cases, scores, strict=True)]
    frame = pd.DataFrame(rows, columns=["setting", "value", "accuracy"])
    title = "Validation accuracy around the best, one setting varied at a time"
    context.table("sensitivity", title, frame)
    context.figure(
        "sensitivity",
        "Sensitivity to learning rate, batch size and dropout",
        lambda: plot.sensitivity(frame, "setting", "value", "accuracy"),
    )
    context.measure("worst setting", float(frame["accuracy"].min()))
