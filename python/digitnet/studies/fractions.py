"""Sample efficiency: how much data each kind of network needs."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import pandas as pd

from digitnet import models, plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts

FRACTIONS = (0.25, 0.5, 0.75, 1.0)
# Options of fit, and the side to which images are resized, if they are.
NETWORKS: dict[str, dict[str, Any]] = {
    "kaggle-cnn": {"learning_rate": 0.002},
    "resnet18": {"learning_rate": 0.002},
    "densenet121": {"learning_rate": 0.002, "side": 32},
    "capsnet": {"learning_rate": 0.001},
}
Case = tuple[str, float, int]


def parts(context: Context) -> tuple[Dataset, Dataset]:
    train, test = context.data("mnist")
    count = context.size(smoke=40, quick=1_200, default=4_000, full=None)
    test_count = context.size(smoke=40, quick=1_000, default=None, full=None)
    return context.part(train, count), context.part(test, test_count)


def epochs(context: Context) -> int:
    return context.size(smoke=1, quick=4, default=8, full=20)


def score(context: Context, name: str, fraction: float, seed: int) -> list[float]:
    """[test accuracy, seconds of training]."""

    def one() -> list[float]:
        train, test = parts(context)
        options = dict(NETWORKS[name])
        side = options.pop("side", None)
        resize = [("resize", {"height": side, "width": side})] if side else []
        model = models.make(
            name,
            train.shape,
            classes=train.classes,
            seed=seed,
            preprocess=[*resize, "scale"],
        )
        history = model.fit(
            train.fraction(fraction, seed=seed),
            epochs=epochs(context),
            seed=seed,
            progress=False,
            **options,
        )
        return [model.evaluate(test)["accuracy"], sum(history["seconds"])]

    return list(context.cached(f"{name} {fraction} {seed}", one))


def fractions(context: Context) -> tuple[float, ...]:
    return FRACTIONS[1::2] if context.mode == "smoke" else FRACTIONS


def data_stage(context: Context) -> None:
    train, test = parts(context)
    sets = {f"{part:.0%}": train.fraction(part) for part in fractions(context)}
    class_counts(context, {**sets, "test": test})


def training_stage(context: Context) -> None:
    used = fractions(context)
    cases = [(n, f, s) for s in context.seeds for n in NETWORKS for f in used]
    results = context.parallel_map(lambda case: score(context, *case), cases)
    rows = [(*case, *scores) for case, scores in zip(cases, results, strict=True)]
    columns = ["network", "fraction", "seed", "accuracy", "seconds"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("fractions", "Each training", frame)
    means = frame.groupby(["network", "fraction"], sort=False).mean().reset_index()
    grid = means.pivot(index="network", columns="fraction", values="accuracy")
    context.table("means", "Mean test accuracy", grid.rename(columns="{:.0%}".format))
    context.figure(
        "fractions",
        "Test accuracy by the part of the training images",
        partial(plot.sensitivity, means, "network", "fraction", "accuracy"),
    )
    for pair, part in frame.groupby(["network", "fraction"]):
        context.measure("{} {}".format(*pair), part["accuracy"])
    for name, fraction in product(NETWORKS, set(FRACTIONS) - set(used)):
        context.not_measured(f"{name} {fraction}", "not in smoke mode")
    context.text(
        f"{epochs(context)} epochs each: the smaller the part, the fewer steps. Adam, one "
        "cycle, batches of 64, no augmentation."
    )


def recipe() -> Recipe:
    return Recipe(
        name="fractions",
        title="Networks on parts of the data",
        paper="Chen et al., arXiv 1811.08278, 2018, cited by the thesis on Kaggle's digits",
        summary="a CNN, ResNet, DenseNet and CapsNet on 25, 50, 75 and 100 % of the images",
        claims=tuple(
            Claim(f"{name} {fraction}", f"{name}, {fraction:.0%} of the images", None)
            for name in NETWORKS
            for fraction in FRACTIONS
        ),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("training", "Training and test", training_stage, 40),
        ),
        remarks=(
            "On all of the data CapsNet is the best of the four there (99.75 %); it needs "
            "far more time than the others.",
            "Their table for each fraction could not be had; no claim is put beside ours.",
        ),
        seeds=2,
        data=("mnist",),
    )
