"""Learning rate, batch size, depth and width, searched by four methods on equal budgets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context
from digitnet.models.model import Model
from digitnet.papers.mlp.settings import (
    START,
    Settings,
    fit_options,
    make,
    parts,
    short_epochs,
)
from digitnet.search import METHODS, Params, Search, search

# Every point of the grid is visited; the others draw as many from the ranges.
GRID: dict[str, Any] = {
    "learning_rate": [0.001, 0.004],
    "batch_size": [64, 128],
    "depth": [1, 2, 3],
    "width": [256, 512],
}
FINE_GRID: dict[str, Any] = {
    "learning_rate": [0.0005, 0.002, 0.008],
    "batch_size": [64, 128, 256],
    "depth": [1, 2, 3],
    "width": [128, 256, 512],
}
RANGES: dict[str, Any] = {
    "learning_rate": (0.0003, 0.02, "log"),
    "batch_size": [64, 128, 256],
    "depth": (1, 3),
    "width": (64, 640, "log"),
}


def grid(context: Context) -> dict[str, Any]:
    return context.size(smoke=GRID, quick=GRID, default=GRID, full=FINE_GRID)


def trials(context: Context) -> int:
    """Of each method: as many as the grid has points, two in smoke mode."""
    return 2 if context.mode == "smoke" else math.prod(map(len, grid(context).values()))


def build(epochs: int, params: Params, seed: int) -> tuple[Model, Mapping[str, Any]]:
    settings = START | params
    return make(settings, (28, 28), seed), fit_options(settings, epochs, seed)


def searched(context: Context, method: str) -> Search:
    """A search, or what is left of it; its journal is in the folder."""
    train, validation, _ = parts(context)
    folder = context.out / "searches"
    folder.mkdir(parents=True, exist_ok=True)
    return search(
        partial(build, short_epochs(context)),
        grid(context) if method == "grid" else RANGES,
        train,
        validation,
        trials=trials(context),
        method=method,
        file=folder / f"{method}.log",
        prune=False,  # equal budgets of epochs, too
        seed=context.seeds[0],
    )


def finalists(context: Context, base: Settings) -> dict[Any, Settings]:
    """The base, and the best settings of each search."""

    def best_of_each() -> dict[str, Settings]:
        return {m: searched(context, m).best_params for m in METHODS}

    best_params = context.cached("found by searches", best_of_each)
    return {"start": base, **{m: base | params for m, params in best_params.items()}}


def search_stage(context: Context) -> None:
    _show_space(context)
    searches = dict(
        zip(
            METHODS,
            context.parallel_map(partial(searched, context), METHODS),
            strict=True,
        )
    )
    _show_searches(context, searches)
    for method, one in searches.items():
        context.figure(
            f"trials_{method}",
            f"Every trial of the {method} search, and the best",
            one.plot,
        )
    _show_grid(context, searches["grid"])
    _show_importance(context, searches["random"])


def _show_space(context: Context) -> None:
    frame = pd.DataFrame(
        [(name, str(grid(context)[name]), str(RANGES[name])) for name in RANGES],
        columns=["setting", "grid", "choices or range of the other methods"],
    )
    context.table("space", "What is searched", frame)
    train, validation, _ = parts(context)
    context.text(
        f"{trials(context)} trainings a method, each of {short_epochs(context)} epochs "
        f"over {len(train):,} images, none cut short; scored by the accuracy on "
        f"{len(validation):,} validation images. Seconds are those of one core: the "
        "searches run side by side."
    )


def _show_searches(context: Context, searches: Mapping[str, Search]) -> None:
    rows = []
    for method, one in searches.items():
        context.measure(f"{method} best", one.best_value)
        table = one.table
        seconds = float(table["seconds"].sum())
        rows.append((method, len(table), seconds, one.best_value, one.best_params))
    names = list(RANGES)
    frame = pd.DataFrame(
        [(*row[:-1], *(row[-1][name] for name in names)) for row in rows],
        columns=["method", "trials", "seconds", "best", *names],
    )
    context.table("searches", "Four searches on equal budgets, and what won", frame)
    curves = pd.DataFrame({m: one.best_so_far() for m, one in searches.items()})
    context.table("best_so_far", "Best validation accuracy so far", curves)
    context.figure(
        "best_so_far",
        "Best validation accuracy after each trial",
        lambda: plot.progress(curves, "validation accuracy"),
    )


def _show_grid(context: Context, one: Search) -> None:
    """The best accuracy of each depth and width, over rates and batch sizes."""
    best = one.table.groupby(["depth", "width"])["accuracy"].max().reset_index()
    frame = best.rename(columns={"depth": "hidden layers"})
    context.table("shapes", "The grid's best accuracy by depth and width", frame)
    context.figure(
        "shapes",
        "The grid's best validation accuracy by depth and width",
        lambda: plot.heat_map(
            frame.pivot(index="hidden layers", columns="width", values="accuracy"),
            "validation accuracy",
        ),
    )
    rates = one.table.pivot_table(
        index="learning_rate", columns="batch_size", values="accuracy", aggfunc="max"
    )
    context.figure(
        "rates",
        "The grid's best validation accuracy by learning rate and batch size",
        lambda: plot.heat_map(rates, "validation accuracy"),
    )


def _show_importance(context: Context, one: Search) -> None:
    if one.table["accuracy"].nunique() > 1:
        importance = one.importance()
        context.figure(
            "importance",
            "How much of the random search's variance each setting explains",
            lambda: plot.comparison(importance),
        )
