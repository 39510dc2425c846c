"""A multi-layer perceptron on the pooled MNIST, 60/20/20, explored on validation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Workshop
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts, confusion, scores
from digitnet.papers.drawing import draw_three
from digitnet.papers.mlp_choices import (
    ACTIVATIONS,
    OPTIMIZERS,
    SPLIT_SEED,
    START,
    candidates,
    chosen_so_far,
    compared,
    final_settings,
    fit_options,
    long_epochs,
    make,
    parts,
    penalised,
    shapes,
    variants,
)


def data_stage(workshop: Workshop) -> None:
    train, validation, test = parts(workshop)
    workshop.text(
        f"All images, divided class by class with seed {SPLIT_SEED}: {len(train):,} to "
        f"train, {len(validation):,} to validate, {len(test):,} to test."
    )
    workshop.figure(
        "samples", "Samples", lambda: plot.sample_grid(train, 4, 10, seed=0)
    )
    class_counts(workshop, {"training": train, "validation": validation, "test": test})


def shape_stage(workshop: Workshop) -> None:
    measured = compared(workshop, shapes(workshop))
    rows = [(depth, width, value) for (depth, width), value in measured.items()]
    frame = pd.DataFrame(rows, columns=["hidden layers", "width", "accuracy"])
    workshop.table("shapes", "Validation accuracy by depth and width", frame)
    grid = frame.pivot(index="hidden layers", columns="width", values="accuracy")
    workshop.figure(
        "shapes",
        "Validation accuracy by depth and width",
        lambda: plot.heat_map(grid, "validation accuracy"),
    )


def _show(workshop: Workshop, name: str, title: str, values: dict[str, float]) -> None:
    frame = pd.DataFrame(
        {name: list(values), "validation accuracy": list(values.values())}
    )
    workshop.table(name, title, frame)
    series = pd.Series(values, name="validation accuracy")
    workshop.figure(name, title, lambda: plot.comparison(series))


def activation_stage(workshop: Workshop) -> None:
    base = chosen_so_far(workshop, stages=1)
    measured = compared(workshop, variants(workshop, "activation", ACTIVATIONS, base))
    _show(workshop, "activation", "Activations", measured)


def optimizer_stage(workshop: Workshop) -> None:
    base = chosen_so_far(workshop, stages=2)
    measured = compared(workshop, variants(workshop, "optimizer", OPTIMIZERS, base))
    rates = ", ".join(f"{name} {rate:g}" for name, rate in OPTIMIZERS.items())
    workshop.text(f"Peak learning rates of the one-cycle schedule: {rates}.")
    _show(workshop, "optimizer", "Optimizers", measured)


def penalty_stage(workshop: Workshop) -> None:
    base = chosen_so_far(workshop, stages=3)
    measured = compared(workshop, penalised(workshop, base))
    _show(workshop, "penalty", "L1, L2 and dropout", measured)


def choice_stage(workshop: Workshop) -> None:
    epochs = long_epochs(workshop)
    measured = compared(workshop, candidates(workshop), epochs)
    _show(workshop, "choice", f"Candidates, trained for {epochs} epochs", measured)
    settings = ", ".join(f"{k} {v}" for k, v in final_settings(workshop).items())
    workshop.text(f"Chosen on the validation part: {settings}.")


def _trained(workshop: Workshop, seed: int) -> Any:
    train, validation, _ = parts(workshop)
    settings = final_settings(workshop)
    return workshop.trained(
        f"final {workshop.protocol} {seed}",
        lambda: make(settings, train.shape, seed),
        train,
        validation,
        **fit_options(settings, long_epochs(workshop), seed),
    )


def training_stage(workshop: Workshop) -> None:
    train, _, test = parts(workshop)
    keys = ["accuracy", "precision_macro", "recall_macro", "f1_macro"]
    rows, histories = [], []
    for seed in workshop.each(workshop.seeds):
        model, history = _trained(workshop, seed)
        report = model.evaluate(test)
        rows.append([model.evaluate(train)["accuracy"], *(report[key] for key in keys)])
        histories.append(history)
    columns = ["training accuracy", *keys]
    scores(workshop, "Scores of the trained networks", rows, columns, histories)


def epochs_stage(workshop: Workshop) -> None:
    """More epochs without other change are useless: where validation turns."""
    train, validation, _ = parts(workshop)
    epochs = workshop.size(smoke=3, quick=30, default=60, full=120)
    options = fit_options(dict(START), epochs, 0) | {"schedule": "constant"}
    options["learning_rate"] = 0.001
    _, history = workshop.trained(
        "many epochs",
        lambda: make(dict(START), train.shape, 0),
        train,
        validation,
        **options,
    )
    turn = int(np.argmin(history["val_loss"])) + 1
    spent = float(np.sum(history["seconds"][:turn]))
    workshop.text(
        f"With a constant rate and nothing else changed, the validation loss is least "
        f"after epoch {turn} ({spent:.0f} s); at epoch {epochs} "
        f"({np.sum(history['seconds']):.0f} s) it is "
        f"{history['val_loss'][-1] / min(history['val_loss']):.1f} times that, and the "
        f"accuracy {100 * history['val_accuracy'][-1]:.2f} % after "
        f"{100 * history['val_accuracy'][turn - 1]:.2f} %."
    )
    workshop.figure("epochs", "Ever more epochs", lambda: plot.training_curves(history))
    workshop.figure(
        "time",
        "Validation accuracy against seconds of training",
        lambda: plot.against_time(history),
    )
    workshop.measure("turning epoch", turn)


def report_stage(workshop: Workshop) -> None:
    _, _, test = parts(workshop)
    model, _ = _trained(workshop, workshop.seeds[0])
    report = model.evaluate(test)
    confusion(workshop, report)
    workshop.figure("predictions", "Predictions", lambda: plot.predictions(report))
    workshop.table("per_class", "Each class", report.per_class)


def drawing_stage(workshop: Workshop) -> None:
    """A drawing from an image file, recognised as `digitnet predict --as scan` does."""
    from digitnet.models.pictures import prepare

    model, _ = _trained(workshop, workshop.seeds[0])
    path = workshop.out / "drawing.png"
    draw_three(path)
    image = prepare(model, path, "scan")
    probabilities = model.predict_proba(image)[0]
    answer = model.classes[int(probabilities.argmax())]
    workshop.text(
        f"A 3 drawn with a pen of one width into drawing.png, 200x240 pixels: found, "
        f"centred as MNIST's digits are, and recognised as {answer} "
        f"({probabilities.max():.1%})."
    )
    workshop.figure("drawing", "The drawing", lambda: plot.drawing(path, image, model))


def recipe() -> Recipe:
    return Recipe(
        name="mlp",
        title="A multi-layer perceptron for MNIST",
        paper="Mahender and others, IJRASET 12 (V), 2024",
        summary="depth, width, activation, optimizer and penalties compared on validation",
        claims=(
            Claim("training accuracy", "training accuracy", 0.989),
            Claim("accuracy", "test accuracy", 0.971),
            Claim("precision_macro", "test precision, macro", None),
            Claim("recall_macro", "test recall, macro", None),
            Claim("f1_macro", "test F1, macro", None),
            Claim("turning epoch", "epoch at which validation loss turns", None, ""),
            Claim("seconds", "seconds an epoch", None, "s"),
        ),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("shape", "Depth and width", shape_stage, 12, ("honest",)),
            Stage("activation", "Activations", activation_stage, 5, ("honest",)),
            Stage("optimizer", "Optimizers", optimizer_stage, 4, ("honest",)),
            Stage("penalty", "Penalties", penalty_stage, 9, ("honest",)),
            Stage("choice", "Choice", choice_stage, 15, ("honest",)),
            Stage("training", "Training and test", training_stage, 15),
            Stage("epochs", "Number of epochs", epochs_stage, 8),
            Stage("report", "Errors", report_stage, 1),
            Stage("drawing", "A drawing", drawing_stage, 1),
        ),
        remarks=(
            "Layers, widths, optimizer and number of epochs are not told; the paper "
            "protocol takes 784-512-512-10 with ReLU and Adam.",
            "The paper speaks of an SVM, a CNN and run times without giving their numbers: "
            "they are compared in the studies.",
            "The split of the pooled 70,000 by 60/20/20 is the paper's; its seed is not.",
        ),
    )
