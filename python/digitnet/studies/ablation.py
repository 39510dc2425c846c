"""Ablation study: one thing changed at a time, the same seeds on both sides."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context, paired
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts, scores_by_seed
from digitnet.layers import (
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    ReLU,
)
from digitnet.models.model import Model

BASE = "base"
TURN, MOVE = "rotate 10deg", "shift 2px"


def network(
    *,
    norm: str = "all",
    pool: str = "max",
    dropout: float = 0.25,
    depth: int = 2,
) -> list[Any]:
    """Blocks of `depth` 3x3 convolutions, each block halved; one dense layer.

    Args:
        norm: Batch norm behind "all" convolutions, the "first" of each block, or "none".
        pool: "max", "average", or "none": the last convolution of a block has a stride.
        dropout: Behind each block.
        depth: Convolutions a block.
    """
    layers: list[Any] = []
    for channels in (16, 32):
        for i in range(depth):
            normed = norm == "all" or (norm == "first" and i == 0)
            stride = 2 if pool == "none" and i == depth - 1 else 1
            layers.append(Conv(channels, 3, stride, 1, bias=not normed))
            layers += [BatchNorm()] * normed + [ReLU()]
        if pool != "none":
            layers.append(MaxPool(2) if pool == "max" else AveragePool(2))
        layers += [Dropout(dropout)] * (dropout > 0)
    return [*layers, Flatten(), Dense(10)]


# What differs from the base: options of the network, or of fit.
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "batch norm": {
        "no batch norm": {"norm": "none"},
        "batch norm behind the first only": {"norm": "first"},
    },
    "pooling": {"average": {"pool": "average"}, "strides": {"pool": "none"}},
    "augmentation": {
        "rotation": {"augment": TURN},
        "translation": {"augment": MOVE},
        "both": {"augment": f"{MOVE} | {TURN}"},
        "both and flips": {
            "augment": f"{MOVE} | {TURN} | horizontal_flip 50% | vertical_flip 50%"
        },
    },
    "dropout": {"no dropout": {"dropout": 0.0}, "dropout .5": {"dropout": 0.5}},
    "optimizer": {
        "SGD": {"optimizer": ("sgd", {"momentum": 0.9}), "learning_rate": 0.1},
        "RMSprop": {"optimizer": "rmsprop", "learning_rate": 0.001},
        "constant rate": {"schedule": "constant", "learning_rate": 0.001},
    },
    "depth": {"one a block": {"depth": 1}, "three a block": {"depth": 3}},
}
OF_NETWORK = ("norm", "pool", "dropout", "depth")
Case = tuple[str, int]


def parts(context: Context) -> tuple[Dataset, Dataset]:
    """(training, validation), both of the training images."""
    train, _ = context.data("mnist")
    count = context.size(smoke=150, quick=2_500, default=10_000, full=None)
    first, validation = context.memoize(
        "parts", lambda: train.split((0.8, 0.2), seed=0)
    )
    return context.part(first, count), context.part(validation, count)


def seeds(context: Context) -> list[int]:
    """At least two: a difference needs a standard deviation."""
    minimum = context.size(smoke=2, quick=3, default=5, full=10)
    return [*range(max(minimum, len(context.seeds)))]


def changes(variant: str) -> dict[str, Any]:
    by_name = {n: c for kind in VARIANTS.values() for n, c in kind.items()}
    return {} if variant == BASE else by_name[variant]


def score(context: Context, variant: str, seed: int) -> float:
    def one() -> float:
        train, validation = parts(context)
        changed = changes(variant)
        layers = network(**{k: v for k, v in changed.items() if k in OF_NETWORK})
        model = Model(layers, train.shape, train.classes, seed=seed)
        options = {k: v for k, v in changed.items() if k not in OF_NETWORK}
        epochs = context.size(smoke=1, quick=6, default=10, full=20)
        model.fit(
            train,
            **{"epochs": epochs, "learning_rate": 0.004, "batch_size": 64} | options,
            seed=seed,
            progress=False,
        )
        return model.evaluate(validation)["accuracy"]

    return float(context.cached(f"{variant} {seed}", one))


# -- stages --------------------------------------------------------------------


def data_stage(context: Context) -> None:
    train, validation = parts(context)
    class_counts(context, {"training": train, "validation": validation})
    context.figure(
        "augmented",
        "What is done to an image by turns, shifts and flips",
        partial(plot.augmented, train, changes("both and flips")["augment"], 3, 8),
    )


def kind_stage(kind: str) -> Callable[[Context], None]:
    def stage(context: Context) -> None:
        names = [BASE, *VARIANTS[kind]]
        scores = scores_by_seed(context, score, names, seeds(context))
        rows = [
            (
                *(name, scores[name].mean()),
                *paired((scores[name] - scores[BASE]).to_numpy()),
            )
            for name in names
        ]
        columns = ["variant", "accuracy", "difference", "sd of difference", "better"]
        frame = pd.DataFrame(rows, columns=columns)
        slug = kind.replace(" ", "_")
        context.table(slug, f"{kind.capitalize()}: against the base", frame)
        context.figure(
            slug,
            f"{kind.capitalize()}: every seed a point",
            lambda: plot.distribution(scores, "validation accuracy"),
        )
        for name in VARIANTS[kind]:
            context.measure(name, (scores[name] - scores[BASE]).to_numpy())

    return stage


def summary_stage(context: Context) -> None:
    train, validation = parts(context)
    repeated = seeds(context)
    base = [score(context, BASE, seed) for seed in repeated]
    context.measure("base accuracy", base)
    every = [name for kind in VARIANTS.values() for name in kind]
    gains = pd.Series(
        {
            name: np.mean([score(context, name, s) for s in repeated]) - np.mean(base)
            for name in every
        },
        name="difference",
    ).sort_values(ascending=False)
    frame = gains.rename_axis("variant").reset_index()
    context.table("summary", "All changes, the best first", frame)
    context.text(
        f"Base: two blocks of two 3x3 convolutions (16 and 32 channels) with batch norm, "
        "max-pool and dropout .25, Adam with one cycle, no augmentation. "
        f"{len(train):,} training and {len(validation):,} validation images, "
        f"{len(repeated)} paired seeds: the same first weights and order where the network "
        "is the same. Short trainings do not show what augmentation and dropout are worth "
        "in long ones."
    )


def recipe() -> Recipe:
    kinds = tuple(
        Stage(k.replace(" ", "_"), k.capitalize(), kind_stage(k), 1 + len(VARIANTS[k]))
        for k in VARIANTS
    )
    return Recipe(
        name="ablation",
        title="What each part is worth",
        paper="Proposed by the thesis on Kaggle's digits",
        summary="batch norm, pooling, augmentation, flips, dropout, optimizer, depth; "
        "paired seeds",
        claims=(
            Claim("base accuracy", "the base, validation accuracy", None),
            *(
                Claim(name, f"{name} ({kind}), against the base", None, "points")
                for kind, variants in VARIANTS.items()
                for name in variants
            ),
        ),
        stages=(
            Stage("data", "Data", data_stage, 1),
            *kinds,
            Stage("summary", "All changes", summary_stage, 1),
        ),
        remarks=(
            "Validation accuracy: the test images are not touched by these comparisons.",
            "Flips turn a 6 into a 9; the thesis does so.",
        ),
        seeds=5,
        data=("mnist",),
    )
