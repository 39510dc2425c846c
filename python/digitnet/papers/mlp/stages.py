"""The stages in which the validation part chooses."""

from __future__ import annotations

from typing import Any

import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context
from digitnet.experiments.report_sections import class_counts, layer_table
from digitnet.papers.mlp.comparisons import (
    AUGMENTATIONS,
    Score,
    activations,
    augmentation,
    augmented,
    candidates,
    chosen_so_far,
    compared,
    final_settings,
    optimizers,
    penalised,
)
from digitnet.papers.mlp.searches import finalists
from digitnet.papers.mlp.settings import (
    SPLIT_SEED,
    START,
    long_epochs,
    make,
    parts,
)


def data_stage(context: Context) -> None:
    train, validation, test = parts(context)
    context.text(
        f"All images, divided class by class with seed {SPLIT_SEED}: {len(train):,} to "
        f"train, {len(validation):,} to validate, {len(test):,} to test."
    )
    context.figure("samples", "Samples", lambda: plot.sample_grid(train, 4, 10, seed=0))
    class_counts(context, {"training": train, "validation": validation, "test": test})


def network_stage(context: Context) -> None:
    """The network of the paper's description, before anything was chosen."""
    train, _, _ = parts(context)
    model = make(START, train.shape, context.seeds[0])
    context.measure("parameters", model.count_params())
    context.figure("architecture", "The network", lambda: plot.architecture(model))
    layer_table(context, model)


def _show(
    context: Context, name: str, title: str, scores: dict[Any, Score], about: str = ""
) -> None:
    frame = pd.DataFrame(
        [(str(value), *score) for value, score in scores.items()],
        columns=[name, "validation accuracy", "seconds"],
    )
    context.table(name, title, frame)
    series = frame.set_index(name)["validation accuracy"]
    context.figure(name, title, lambda: plot.comparison(series))
    if about:
        context.text(about)


def finalists_stage(context: Context) -> None:
    scores = compared(context, finalists(context, dict(START)))
    _show(
        context,
        "finalists",
        "The best of each search and the start, trained again with the same seeds",
        scores,
        "A search's best is the luckiest of its trials as well as a good one; here all "
        "have the same seeds.",
    )


def activation_stage(context: Context) -> None:
    base = chosen_so_far(context, questions=1)
    _show(
        context,
        "activation",
        "Activations",
        compared(context, activations(context, base)),
    )


def optimizer_stage(context: Context) -> None:
    base = chosen_so_far(context, questions=2)
    measured = compared(context, optimizers(context, base))
    rows = [(name, rate, *score) for (name, rate), score in measured.items()]
    columns = ["optimizer", "learning rate", "validation accuracy", "seconds"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("optimizer", "Optimizers, each at three learning rates", frame)
    named = {f"{name} at {rate:g}": s.accuracy for (name, rate), s in measured.items()}
    series = pd.Series(named, name="validation accuracy")
    context.figure(
        "optimizer",
        "Optimizers, each at three peaks of one cycle",
        lambda: plot.comparison(series),
    )


def penalty_stage(context: Context) -> None:
    base = chosen_so_far(context)
    measured = compared(context, penalised(context, base))
    _show(context, "penalty", "L1, L2 and dropout", measured)


def choice_stage(context: Context) -> None:
    epochs = long_epochs(context)
    measured = compared(context, candidates(context), epochs)
    settings = ", ".join(f"{k} {v}" for k, v in final_settings(context).items())
    _show(
        context,
        "choice",
        f"Candidates, trained for {epochs} epochs",
        measured,
        f"Chosen on the validation part: {settings}.",
    )


def augmentation_stage(context: Context) -> None:
    epochs = long_epochs(context)
    measured = compared(context, augmented(context), epochs)
    listed = "; ".join(f"{name}: {AUGMENTATIONS[name]}" for name in AUGMENTATIONS)
    _show(
        context,
        "augmentation",
        f"Augmentation of the chosen network, {epochs} epochs",
        measured,
        f"{listed}. Of these, {augmentation(context)} is tested.",
    )
