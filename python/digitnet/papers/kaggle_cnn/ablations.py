"""Parts of the training left out or added, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context, mean_and_std
from digitnet.models.model import Model
from digitnet.papers.kaggle_cnn.data import NAMES
from digitnet.papers.kaggle_cnn.networks import normed_layers
from digitnet.papers.kaggle_cnn.settings import (
    AUGMENT,
    BIG,
    described,
    network,
    paired_seeds,
    short_options,
    small_parts,
)


@dataclass(frozen=True)
class Variant:
    """What differs from the base: options of fit, the network, images made of each one."""

    options: Mapping[str, Any] = field(default_factory=dict)
    batch_norm: bool = False
    images: int = 1  # fixed ones of each image; so many fewer epochs


BASE = "as the paper, no flips"
VARIANTS = {
    BASE: Variant(),
    "flips": Variant({"augment": AUGMENT["paper"]}),
    "no augmentation": Variant({"augment": None}),
    "five fixed copies": Variant({"copies": 4}, images=5),
    "erasing": Variant({"augment": AUGMENT["erasing"]}),
    "crop": Variant({"augment": AUGMENT["crop"]}),
    "colour": Variant({"augment": AUGMENT["colour"]}),
    "batch norm": Variant(batch_norm=True),
}


def fit_options(context: Context, variant: Variant, seed: int) -> dict[str, Any]:
    """As many images pass in each variant."""
    options = short_options(context) | {"seed": seed}
    options["epochs"] = max(1, options["epochs"] // variant.images)
    return options | dict(variant.options)


def variant_score(context: Context, name: str, variant: str, seed: int) -> float:
    def score() -> float:
        train, validation = small_parts(context, name, seed)
        if VARIANTS[variant].batch_norm:
            model = Model(normed_layers(), train.shape, train.classes, seed=seed)
        else:
            model = network(BIG, train, seed)
        model.fit(train, validation, **fit_options(context, VARIANTS[variant], seed))
        return model.evaluate(validation)["accuracy"]

    return float(context.cached(f"variant {name} {variant} {seed}", score))


def ablation_stage(context: Context) -> None:
    seeds = paired_seeds(context)
    cases = [(n, v, s) for n in NAMES for v in VARIANTS for s in seeds]
    results = context.parallel_dict(lambda case: variant_score(context, *case), cases)
    train, validation = small_parts(context, "digits", seeds[0])
    context.text(
        f"{described(short_options(context))} on {len(train):,} images, scored "
        f"on {len(validation):,} validation images; "
        f"{len(seeds)} paired seeds: the same images and first weights in each row. Five "
        "fixed copies are the image and four augmented ones, seen in a fifth of the epochs: "
        "as many images pass as where each epoch draws anew."
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
