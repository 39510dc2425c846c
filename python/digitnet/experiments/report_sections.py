"""Sections of a report that several recipes share: tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.augment import Pipeline
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.models.model import Model
from digitnet.report import Report
from digitnet.train.history import History

# Pipelines that perturb test images, and the strengths that are tried.
PERTURBATIONS: dict[str, tuple[str, tuple[float, ...]]] = {
    "noise": ("noise {}%", (5, 10, 20, 40)),
    "blur": ("blur {}px", (0.5, 1, 2, 4)),
    "rotation": ("rotate {}deg | fill reflect", (10, 20, 40, 80)),
    "shift": ("shift {}px | fill reflect", (1, 2, 4, 8)),
    "contrast": ("contrast {}%", (20, 40, 60, 80)),
    "brightness": ("brightness {}%", (10, 20, 40, 60)),
    "occlusion": ("erase {}%", (5, 10, 20, 40)),
}


def class_counts(context: Context, sets: Mapping[str, Dataset]) -> None:
    """A table of the samples of each class, one column a set."""
    names = next(iter(sets.values())).classes
    counts = pd.DataFrame(
        {name: data.class_counts() for name, data in sets.items()},
        index=pd.Index(names, name="class"),
    )
    context.table("class_counts", "Samples of each class", counts)


def score_table(
    context: Context,
    title: str,
    rows: Sequence[Sequence[float]],
    columns: Sequence[str],
    histories: Sequence[History],
    name: str = "",
    *,
    of: str = "",
) -> None:
    """A table of one row a seed, each column measured, and seconds an epoch; `name` tells
    two apart, `of` is the number of the paper's table."""
    frame = pd.DataFrame(rows, columns=list(columns))
    frame.insert(0, "seed", context.seeds)
    context.table(_named("scores", name), title, frame, of=of)
    for key in columns:
        context.measure(f"{name} {key}".strip(), frame[key])
    seconds = [float(np.mean(h["seconds"])) for h in histories]
    context.measure(f"{name} seconds".strip(), seconds)


def scores(
    context: Context,
    title: str,
    rows: Sequence[Sequence[float]],
    columns: Sequence[str],
    histories: Sequence[History],
) -> None:
    """A table of one row a seed, each column measured; seconds an epoch; first curves."""
    score_table(context, title, rows, columns, histories)
    first: Any = histories[0]
    context.figure("curves", "Training curves", lambda: plot.training_curves(first))


def scores_by_seed(
    context: Context,
    score: Callable[[Context, str, int], float],
    names: Sequence[str],
    seeds: Sequence[int],
) -> pd.DataFrame:
    """`score(context, name, seed)` of everything that is compared: a row a seed, a column
    a name."""
    cases = [(name, seed) for name in names for seed in seeds]
    scores = pd.Series(context.parallel_dict(lambda case: score(context, *case), cases))
    return scores.unstack(0)[list(names)].rename_axis("seed")


def confusion(
    context: Context,
    report: Report,
    name: str = "",
    title: str = "Confusion matrix",
    *,
    of: str = "",
) -> None:
    """The confusion matrix; `name` tells two apart, `of` is the number of the paper's
    figure."""
    context.figure(
        _named("confusion_matrix", name),
        title,
        lambda: plot.confusion_matrix(report.confusion),
        of=of,
    )


def layer_table(
    context: Context, model: Model, name: str = "", *, of: str = ""
) -> None:
    """Layers with output shape and parameters, as a model summary prints them, and their
    total; `name` tells two networks apart, `of` is the number of the paper's table."""
    rows = [
        (row["layer"], "x".join(map(str, row["output"])), row["parameters"])
        for row in model.summary().rows
    ]
    rows.append(("total", "", model.count_params()))
    frame = pd.DataFrame(rows, columns=["layer", "output", "parameters"])
    context.table(_named("layers", name), _titled("Layers", name), frame, of=of)


def cross_validation(
    context: Context,
    folds: int,
    score: Callable[[int, int], list[float]],
    *,
    table: str = "",
    figure: str = "",
) -> None:
    """[loss, accuracy] of every seed and fold, cached one by one.

    Leaves a table and a figure, which have these numbers in the paper, and each fold's
    numbers, their means and standard deviations: by n - 1, and by n as NumPy's.
    """
    pairs = [(seed, fold) for seed in context.seeds for fold in range(folds)]
    results = context.parallel_map(
        lambda pair: context.cached(f"fold {pair[0]} {pair[1]}", partial(score, *pair)),
        pairs,
    )
    rows = [
        (seed, fold + 1, *result)
        for (seed, fold), result in zip(pairs, results, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["seed", "fold", "loss", "accuracy"])
    context.table("folds", "Loss and accuracy of each fold", frame, of=table)
    first = frame[frame["seed"] == context.seeds[0]]
    context.figure(
        "folds",
        f"{folds}-fold cross-validation, shuffled with seed {context.seeds[0]}",
        lambda: plot.folds(first["loss"], first["accuracy"]),
        of=figure,
    )
    by_seed = frame.groupby("seed")
    context.measure("folds", by_seed["accuracy"].mean())
    context.measure("folds sd", by_seed["accuracy"].std())
    context.measure("folds sd by n", by_seed["accuracy"].std(ddof=0))
    context.measure("folds loss", by_seed["loss"].mean())
    for number, part in frame.groupby("fold"):
        for key in ("loss", "accuracy"):
            context.measure(f"fold {number} {key}", part[key])


def perturbations(
    context: Context, model: Model, test: Dataset, name: str = ""
) -> None:
    """A table and a figure of the accuracy at rising strength of every perturbation."""
    clean = model.evaluate(test)["accuracy"]
    rows = []
    for kind, (text, strengths) in PERTURBATIONS.items():
        rows.append((kind, 0.0, clean))
        for strength in strengths:
            score = partial(_perturbed_score, model, test, text.format(strength))
            key = f"{name} {kind} {strength}".strip()
            rows.append((kind, strength, context.cached(key, score)))
    frame = pd.DataFrame(rows, columns=["perturbation", "strength", "accuracy"])
    slug = _named("robustness", name)
    context.table(slug, _titled("Accuracy on perturbed test images", name), frame)
    context.text(
        "Strengths are drawn up to the number shown, an image each (noise has it as its "
        "standard deviation): % of full intensity, pixels, degrees, % of the area."
    )
    context.figure(
        slug,
        _titled("Accuracy at rising strength", name),
        lambda: plot.sensitivity(frame, "perturbation", "strength", "accuracy"),
    )


def perturbed(data: Dataset, text: str) -> Dataset:
    """Its images as a pipeline's text draws them with seed 0; bytes stay bytes."""
    drawn = Pipeline(text)(data.images, seed=0, max_value=data.max_value)
    if data.max_value == 255:
        drawn = np.rint(drawn).astype(np.uint8)
    return data.with_images(drawn)


def _perturbed_score(model: Model, test: Dataset, text: str) -> float:
    return model.evaluate(perturbed(test, text))["accuracy"]


def _named(what: str, name: str) -> str:
    return f"{what}_{name.replace(', ', '_')}" if name else what


def _titled(what: str, name: str) -> str:
    return f"{what}, {name}" if name else what
