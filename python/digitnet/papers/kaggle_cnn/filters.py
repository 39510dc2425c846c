"""The novelty that the thesis claims, measured: filters and an autoencoder before the network."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context, paired
from digitnet.papers.kaggle_cnn.data import NAMES
from digitnet.papers.kaggle_cnn.exploration import NOISE, restored, restorer
from digitnet.papers.kaggle_cnn.settings import (
    BIG,
    FILTERS,
    PAPER_FILTERS,
    described,
    network,
    short_options,
    small_parts,
)

BASE, RESTORED = "as they are", "restored by the autoencoder"
INPUTS = (*FILTERS, RESTORED)


def filter_seeds(context: Context) -> list[int]:
    return context.size(smoke=[0], quick=[0, 1], default=[*range(5)], full=[*range(5)])


def filter_score(context: Context, name: str, inputs: str, seed: int) -> float:
    """Validation accuracy; training and validation images went the same way."""

    def score() -> float:
        train, validation = small_parts(context, name, seed)
        if inputs == RESTORED:
            model = restorer(context, name, seed)
            train, validation = restored(model, train), restored(model, validation)
        model = network(BIG, train, seed, FILTERS.get(inputs, ()))
        model.fit(train, validation, seed=seed, **short_options(context))
        return model.evaluate(validation)["accuracy"]

    return float(context.cached(f"inputs {name} {inputs} {seed}", score))


def filters_stage(context: Context) -> None:
    seeds = filter_seeds(context)
    cases = [(n, i, s) for n in NAMES for i in INPUTS for s in seeds]
    results = context.parallel_dict(lambda case: filter_score(context, *case), cases)
    train, validation = small_parts(context, "digits", seeds[0])
    context.text(
        "The thesis passes every image, of training and of test, through a Gaussian blur "
        "and a sharpening filter, and names an autoencoder that takes noise away. Here "
        f"{BIG} learns from images that went each of these ways: "
        f"{described(short_options(context))} on {len(train):,} images, scored "
        f"on {len(validation):,} validation images; {len(seeds)} paired seeds. The "
        f"autoencoder learned from the same training images with {NOISE}."
    )
    rows = []
    for name in NAMES:
        means = {}
        base = np.array([results[name, BASE, s] for s in seeds])
        for inputs in INPUTS:
            scores = np.array([results[name, inputs, s] for s in seeds])
            mean, std, better = paired(scores - base)
            means[inputs] = float(scores.mean())
            rows.append(
                (name, inputs, means[inputs], mean, std, f"{better} of {len(seeds)}")
            )
            if inputs == PAPER_FILTERS:
                context.measure(f"filters {name}", scores - base)
            if inputs == RESTORED:
                context.measure(f"autoencoder {name}", scores - base)
        context.figure(
            f"filters_compared_{name}",
            f"Inputs compared, {name}",
            partial(plot.comparison, pd.Series(means, name="validation accuracy")),
        )
    columns = ["data", "images", "accuracy", "difference", "sd of difference", "better"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("filters", "Images as they are, filtered and restored", frame)
