"""Hyperparameter search: grid, random, Bayesian and evolutionary, on equal budgets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from digitnet import plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts
from digitnet.layers import Conv, Dense, Dropout, Flatten, MaxPool, ReLU
from digitnet.models.model import Model
from digitnet.search import Params, Search, search
from digitnet.search.space import METHODS

SPACE: dict[str, Any] = {
    "learning_rate": (1e-4, 3e-2, "log"),
    "batch_size": [16, 32, 64, 128],
    "dropout": (0.0, 0.5),
    "depth": (1, 3),
    "width": (8, 48, "log"),
}


def parts(context: Context) -> tuple[Dataset, Dataset, Dataset]:
    """(training, validation, test): the search sees the first two."""
    train, test = context.data("optdigits")
    count = context.size(smoke=150, quick=None, default=None, full=None)
    train, test = context.part(train, count), context.part(test, count)
    first, validation = context.memoize(
        "parts", lambda: train.split((0.75, 0.25), seed=0)
    )
    return first, validation, test


def trials(context: Context) -> int:
    return context.size(smoke=3, quick=20, default=30, full=100)


def build(epochs: int, params: Params, seed: int) -> tuple[Model, Mapping[str, Any]]:
    """A network of `depth` convolutions, each twice as wide as the one before."""
    layers: list[Any] = []
    for i in range(params["depth"]):
        layers += [Conv(params["width"] * 2**i, 3, padding="same"), ReLU(), MaxPool(2)]
        layers.append(Dropout(params["dropout"]))
    layers += [Flatten(), Dense(64), ReLU(), Dense(10)]
    options = {name: params[name] for name in ("learning_rate", "batch_size")}
    return Model(layers, (8, 8), seed=seed, name="searched"), options | {
        "epochs": epochs
    }


def searched(context: Context, method: str, seed: int) -> Search:
    """A search, or what is left of it; its journal is in the folder."""
    train, validation, _ = parts(context)
    folder = context.out / "searches"
    folder.mkdir(parents=True, exist_ok=True)
    epochs = context.size(smoke=2, quick=8, default=15, full=20)
    return search(
        partial(build, epochs),
        SPACE,
        train,
        validation,
        trials=trials(context),
        method=method,
        file=folder / f"{method}-{seed}.log",
        seed=seed,
    )


# -- stages --------------------------------------------------------------------


def data_stage(context: Context) -> None:
    train, validation, test = parts(context)
    class_counts(context, {"training": train, "validation": validation, "test": test})
    rows = [(name, str(values)) for name, values in SPACE.items()]
    frame = pd.DataFrame(rows, columns=["setting", "choices or range"])
    context.table("space", "What may be chosen", frame)


def search_stage(context: Context) -> None:
    cases = [(method, seed) for seed in context.seeds for method in METHODS]
    by_case = context.parallel_dict(lambda case: searched(context, *case), cases)
    rows = []
    for (method, seed), one in by_case.items():
        table = one.table
        states = table["state"].value_counts()
        counts = (len(table), int(states.get("pruned", 0)), int(states.get("fail", 0)))
        rows.append((method, seed, *counts, table["seconds"].sum(), one.best_value))
    columns = ["method", "seed", "trials", "pruned", "failed", "seconds", "best"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("searches", "Searches on equal budgets", frame)
    for name, part in frame.groupby("method", sort=False):
        context.measure(f"{name} best", part["best"])
    curves = pd.DataFrame(
        {
            method: pd.DataFrame(
                {s: by_case[method, s].best_so_far() for s in context.seeds}
            ).mean(axis=1)
            for method in METHODS
        }
    ).rename_axis("trial")
    context.table("best_so_far", "Best validation accuracy after each trial", curves)
    context.figure(
        "best_so_far",
        "Best so far, mean over the seeds",
        lambda: plot.progress(curves, "validation accuracy"),
    )


def inside_stage(context: Context) -> None:
    """Which hyperparameters mattered, in the Bayesian search."""
    result = searched(context, "bayesian", context.seeds[0])
    context.table("trials", "Trials of the Bayesian search", result.table)
    context.figure("parallel", "Every trial, and the best", result.plot)
    if result.table.query("state == 'complete'")["accuracy"].nunique() > 1:
        importance = result.importance()
        context.figure(
            "importance",
            "How much each hyperparameter explains",
            lambda: plot.comparison(importance),
        )


def test_stage(context: Context) -> None:
    """Each method's best settings, trained longer on all training rows; tested once."""
    train, validation, test = parts(context)
    whole = train.joined(validation)
    epochs = context.size(smoke=2, quick=15, default=40, full=60)

    def one(case: tuple[str, int]) -> float:
        method, seed = case

        def score() -> float:
            best = searched(context, method, seed).best_params
            model, options = build(epochs, best, seed)
            model.fit(whole, seed=seed, progress=False, **options)
            return model.evaluate(test)["accuracy"]

        return float(context.cached(f"test {method} {seed}", score))

    cases = [(method, seed) for method in METHODS for seed in context.seeds]
    scores = context.parallel_dict(one, cases)
    rows = [(m, s, score) for (m, s), score in scores.items()]
    frame = pd.DataFrame(rows, columns=["method", "seed", "test accuracy"])
    context.table("test", "The best settings of each method, trained longer", frame)
    for name, part in frame.groupby("method", sort=False):
        context.measure(f"{name} test", part["test accuracy"])


def recipe() -> Recipe:
    return Recipe(
        name="search",
        title="Hyperparameter search by four methods",
        paper="Mahender et al. (grid, random, Bayesian and evolutionary search)",
        summary="learning rate, batch size, dropout, depth and width on optdigits; equal "
        "budgets, pruning",
        claims=(
            *(Claim(f"{m} best", f"{m}: best on validation", None) for m in METHODS),
            *(
                Claim(f"{m} test", f"{m}: its best on the test file", None)
                for m in METHODS
            ),
        ),
        stages=(
            Stage("data", "Data and space", data_stage, 1),
            Stage("search", "Searches", search_stage, 20),
            Stage("inside", "What mattered", inside_stage, 1),
            Stage("test", "The best settings", test_stage, 5),
        ),
        remarks=(
            "Equal budgets are equal numbers of trials; those that fall behind the median "
            "are pruned early by all four.",
            "A grid of five settings has hundreds of points: it visits as many of them as "
            "the others have trials, in random order.",
        ),
        seeds=3,
        data=("optdigits",),
        packages=("optuna",),
    )
