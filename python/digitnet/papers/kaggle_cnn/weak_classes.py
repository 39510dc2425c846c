"""More images of the classes that the training part's confusion matrix shows to be weak."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet.experiments.context import Context
from digitnet.models.model import Model
from digitnet.papers.kaggle_cnn import data as kaggle_data
from digitnet.papers.kaggle_cnn.data import NAMES
from digitnet.papers.kaggle_cnn.settings import (
    BIG,
    network,
    paired_seeds,
    short_options,
    small_parts,
)

WEAKEST, COPIES = 3, 3  # so many classes get so many copies of each of their images


def copies_scores(context: Context, name: str, seed: int) -> dict[str, Any]:
    """The weakest classes of the training part, and recall by class on the validation part
    before and after they got copies."""
    train, validation = small_parts(context, name, seed)
    options = short_options(context) | {"seed": seed}
    augment = options.pop("augment")

    def fitted(**more: Any) -> Model:
        model = network(BIG, train, seed)
        model.fit(train, validation, **options, **more)
        return model

    before = fitted()
    recalls_before = before.evaluate(train).per_class["recall"].to_numpy()
    weakest = np.argsort(recalls_before, kind="stable")[:WEAKEST].tolist()
    copies = dict.fromkeys(weakest, COPIES)
    after = fitted(augment=augment, copies=copies)
    recalls = [
        m.evaluate(validation).per_class["recall"].tolist() for m in (before, after)
    ]
    return {"weakest": weakest, "before": recalls[0], "after": recalls[1]}


def cached_scores(context: Context, name: str, seed: int) -> dict[str, Any]:
    work = partial(copies_scores, context, name, seed)
    return context.cached(f"copies {name} {seed}", work)


def weak_classes_stage(context: Context) -> None:
    context.text(
        f"Trained without augmentation, then again with {COPIES} augmented copies of each "
        f"image of the {WEAKEST} classes that the confusion matrix of the training part "
        "shows to be the weakest; recall on the validation part, the same seeds."
    )
    seeds = paired_seeds(context)
    rows = []
    cases = [(name, seed) for name in NAMES for seed in seeds]
    scored = context.parallel_map(lambda case: cached_scores(context, *case), cases)
    for (name, seed), results in zip(cases, scored, strict=True):
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
