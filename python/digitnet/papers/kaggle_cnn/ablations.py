"""Ablations of `kaggle-cnn`, copies of weak classes, and how far the weights moved."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import models, plot
from digitnet.experiments.context import Context, mean_and_std
from digitnet.experiments.recipe import conv_norm_relu
from digitnet.layers import Dense, Dropout, Flatten, MaxPool, ReLU
from digitnet.models.model import Model
from digitnet.papers.kaggle_cnn import data as kaggle_data
from digitnet.papers.kaggle_cnn.data import NAMES
from digitnet.papers.kaggle_cnn.settings import (
    AUGMENT,
    RMSPROP,
    parts,
    short_epochs,
    small_parts,
    trained,
)

BASE = "as the paper, no flips"
VARIANTS: dict[str, dict[str, Any]] = {
    BASE: {},
    "flips": {"augment": AUGMENT["paper"]},
    "no augmentation": {"augment": None},
    "batch norm": {"batch_norm": True},
    "early stopping": {"early_stopping": 3, "monitor": "val_accuracy"},
}
WEAKEST, COPIES = 3, 3  # so many classes get so many copies of each of their images


def normed_network() -> list[Any]:
    """`kaggle-cnn` with batch norm behind each convolution."""
    layers: list[Any] = []
    for channels, size in ((32, 5), (64, 3)):
        layers += [
            *conv_norm_relu(channels, channels, size=size),
            MaxPool(2),
            Dropout(0.25),
        ]
    return [*layers, Flatten(), Dense(256), ReLU(), Dropout(0.5), Dense(10)]


def paired_seeds(context: Context) -> list[int]:
    """At least two: a difference needs a standard deviation."""
    return context.size(smoke=[0], quick=[0, 1], default=[0, 1, 2], full=[*range(5)])


def variant_score(context: Context, name: str, variant: str, seed: int) -> float:
    def score() -> float:
        train, validation = small_parts(context, name, seed)
        changes = dict(VARIANTS[variant])
        if changes.pop("batch_norm", False):
            model = Model(normed_network(), train.shape, train.classes, seed=seed)
        else:
            model = models.make("kaggle-cnn", classes=train.classes, seed=seed)
        options = (
            RMSPROP | {"augment": AUGMENT["no flips"], "batch_size": 128} | changes
        )
        epochs = short_epochs(context)
        model.fit(
            train, validation, epochs=epochs, seed=seed, progress=False, **options
        )
        return model.evaluate(validation)["accuracy"]

    return float(context.cached(f"variant {name} {variant} {seed}", score))


def ablation_stage(context: Context) -> None:
    seeds = paired_seeds(context)
    cases = [(n, v, s) for n in NAMES for v in VARIANTS for s in seeds]
    results = {case: variant_score(context, *case) for case in context.progress(cases)}
    train, validation = small_parts(context, "digits", seeds[0])
    context.text(
        f"RMSprop and the plateau schedule, batch 128, {short_epochs(context)} epochs on "
        f"{len(train):,} images, scored on {len(validation):,} validation images; "
        f"{len(seeds)} paired seeds: the same images and first weights in each row."
    )
    rows = []
    for name in NAMES:
        scores = {v: np.array([results[name, v, s] for s in seeds]) for v in VARIANTS}
        means = {variant: float(values.mean()) for variant, values in scores.items()}
        for variant, values in scores.items():
            mean, std = mean_and_std(values - scores[BASE])
            rows.append((name, variant, means[variant], mean, std))
        context.figure(
            f"ablation_{name}",
            f"With and without, {name}",
            partial(plot.comparison, pd.Series(means, name="validation accuracy")),
        )
    columns = ["data", "variant", "accuracy", "difference", "sd of difference"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("ablation", "With and without", frame)


def copies_scores(context: Context, name: str, seed: int) -> dict[str, Any]:
    """The weakest classes of the training part, and recall by class on the validation part
    before and after they got copies."""
    train, validation = small_parts(context, name, seed)
    options = {**RMSPROP, "batch_size": 128, "epochs": short_epochs(context)}
    options |= {"seed": seed, "progress": False}

    def fitted(**more: Any) -> Model:
        model = models.make("kaggle-cnn", classes=train.classes, seed=seed)
        model.fit(train, validation, **options, **more)
        return model

    before = fitted()
    recalls_before = before.evaluate(train).per_class["recall"].to_numpy()
    weakest = np.argsort(recalls_before, kind="stable")[:WEAKEST].tolist()
    copies = dict.fromkeys(weakest, COPIES)
    after = fitted(augment=AUGMENT["no flips"], copies=copies)
    recalls = [
        m.evaluate(validation).per_class["recall"].tolist() for m in (before, after)
    ]
    return {"weakest": weakest, "before": recalls[0], "after": recalls[1]}


def weak_classes_stage(context: Context) -> None:
    context.text(
        f"Trained without augmentation, then again with {COPIES} augmented copies of each "
        f"image of the {WEAKEST} classes that the confusion matrix of the training part "
        "shows to be the weakest; recall on the validation part, the same seeds."
    )
    seeds = paired_seeds(context)
    rows = []
    cases = [(name, seed) for name in NAMES for seed in seeds]
    for name, seed in context.progress(cases):
        results = context.cached(
            f"copies {name} {seed}", partial(copies_scores, context, name, seed)
        )
        before, after = np.array(results["before"]), np.array(results["after"])
        weak = results["weakest"]
        others = [k for k in range(len(before)) if k not in weak]
        classes = kaggle_data.sets(context, name)[0].classes
        rows.append(
            (
                name,
                seed,
                ", ".join(classes[k] for k in weak),
                before[weak].mean(),
                after[weak].mean(),
                before[others].mean(),
                after[others].mean(),
            )
        )
    columns = ["data", "seed", "weakest", "before", "after", "others", "others after"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("copies", "Mean recall of the weakest classes and the others", frame)
    _show_gains(context, frame)


def _show_gains(context: Context, frame: pd.DataFrame) -> None:
    for name, part in frame.groupby("data", sort=False):
        weak = part["after"] - part["before"]
        others = part["others after"] - part["others"]
        context.text(
            f"{name}: the weakest classes gained {100 * weak.mean():+.2f} points, the "
            f"others {100 * others.mean():+.2f}."
        )


def weights_stage(context: Context) -> None:
    seed = context.seeds[0]
    named = {
        "start": models.make("kaggle-cnn", seed=seed),
        "digits": trained(context, "digits", seed)[0],
        "fashion": trained(context, "fashion", seed)[0],
    }
    states = {name: model.state_dict() for name, model in named.items()}
    rows = []
    for key, first in states["start"].items():
        if not key.endswith("weight"):
            continue
        moved = {n: states[n][key].ravel() - first.ravel() for n in NAMES}
        length = float(np.linalg.norm(first))
        norms = [float(np.linalg.norm(moved[n])) for n in NAMES]
        apart = float(np.linalg.norm(moved["digits"] - moved["fashion"]))
        cosine = float(moved["digits"] @ moved["fashion"]) / max(
            1e-12, math.prod(norms)
        )
        layer = key.removesuffix(".weight")
        rows.append((layer, *(n / length for n in norms), apart / length, cosine))
    columns = ["layer", "digits from start", "fashion from start", "apart", "cosine"]
    frame = pd.DataFrame(rows, columns=columns)
    context.text(
        "From one starting point: distances as parts of the starting weights' length, and "
        "the cosine between the two directions."
    )
    context.table("distances", "How far the weights of each layer went", frame)
    context.figure(
        "weight_histograms",
        "Weights before and after",
        lambda: plot.weight_histograms(named),
    )
    context.figure(
        "first_filters",
        "The first filters from one start",
        lambda: plot.filters(named, "conv1"),
    )
    tiny_network(context)


def tiny_network(context: Context) -> None:
    """784-5-10: five pictures are all it knows."""
    train, validation = parts(context, "digits", 0)
    model, _ = context.trained(
        "tiny",
        lambda: models.make("mlp-tiny"),
        train,
        epochs=context.size(smoke=1, quick=20, default=20, full=40),
    )
    accuracy = model.evaluate(validation)["accuracy"]
    context.text(
        f"A network of {model.count_params():,} parameters, 784-5-10, reaches "
        f"{100 * accuracy:.1f} % on the validation part. Its five hidden units are five "
        "pictures that are laid over the digit."
    )
    context.figure(
        "tiny_weights",
        "Weights of the five hidden units",
        lambda: plot.filters(model, "dense1"),
    )
