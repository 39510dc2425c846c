"""Deeper networks and stronger regularisation, which the paper proposes to try."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context, paired
from digitnet.experiments.report_sections import scores_by_seed
from digitnet.models.model import Model
from digitnet.papers.optdigits_cnn.settings import (
    SETTINGS,
    fitted_score,
    network,
    options,
    settings_of,
)

BASE = "as it is"

# Names to what changes: of the network, and of fit.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    BASE: ({}, {}),
    "two blocks": ({"channels": (16, 32)}, {}),
    "two convolutions a block": ({"convolutions": 2}, {}),
    "three convolutions a block": ({"convolutions": 3}, {}),
    "no dropout": ({"dropout": 0.0}, {}),
    "dropout .5": ({"dropout": 0.5}, {}),
    "batch norm": ({"batch_norm": True}, {}),
    "L2 penalty .0001": ({}, {"l2": 1e-4}),
    "label smoothing .05": ({}, {"label_smoothing": 0.05}),
}


def repeated(context: Context) -> list[int]:
    """Seeds; at least two, since a difference needs a standard deviation."""
    count = context.size(smoke=2, quick=3, default=5, full=10)
    return [*range(max(count, len(context.seeds)))]


def make(settings: str, changes: dict[str, Any], seed: int) -> Model:
    """A variant of the network, started and scaled as the settings say."""
    paper = settings == "paper"
    layers = network(init="glorot" if paper else "torch", **changes)
    steps = () if paper else ("scale",)
    return Model(layers, (8, 8), preprocess=steps, seed=seed, name="optdigits-cnn")


def epochs(context: Context) -> int:
    """Of each training: those of the settings, in quick mode fewer."""
    whole = int(options(context, settings_of(context), 0)["epochs"])
    return context.size(smoke=whole, quick=15, default=whole, full=whole)


def score(context: Context, variant: str, seed: int) -> float:
    of_network, of_fit = VARIANTS[variant]
    settings = settings_of(context)
    work = partial(
        fitted_score,
        context,
        partial(make, settings, of_network),
        settings,
        seed,
        epochs=epochs(context),
        **of_fit,
    )
    return float(context.cached(f"variant {variant} {seed}", work))


def variants_stage(context: Context) -> None:
    seeds = repeated(context)
    scores = scores_by_seed(context, score, [*VARIANTS], seeds)
    rows = []
    for name, (of_network, _) in VARIANTS.items():
        differences = (scores[name] - scores[BASE]).to_numpy()
        count = make(settings_of(context), of_network, 0).count_params()
        rows.append((name, count, scores[name].mean(), *paired(differences)))
        if name != BASE:
            context.measure(f"gain of {name}", differences)
    columns = ["variant", "parameters", "accuracy", "gain", "sd of gain", "better"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("variants", "Depth and regularisation, on validation", frame)
    context.figure(
        "variants",
        "Depth and regularisation: every seed a point",
        lambda: plot.distribution(scores, "validation accuracy"),
    )
    context.text(
        f"Settings '{settings_of(context)}' "
        f"({SETTINGS[settings_of(context)]['batch_size']} images a step, "
        f"{epochs(context)} epochs), {len(seeds)} seeds, each variant against the network "
        "as it is with the same seed and validation fifth; 'better' counts the seeds that "
        "gain. The test images are not touched."
    )
