"""A multi-layer perceptron for the pooled MNIST, 60/20/20, tuned on validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts, confusion, scores
from digitnet.models.pictures import prepare
from digitnet.papers.mlp.settings import (
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

# Where the pen goes that draws a 3, in pixels of a sheet of 200 x 240.
_PEN = [
    *((62, 58), (78, 40), (104, 33), (130, 42), (140, 64), (132, 88), (112, 104)),
    *((94, 110), (116, 114), (138, 128), (147, 152), (140, 180), (118, 198)),
    *((90, 202), (66, 192), (52, 174)),
]


def data_stage(context: Context) -> None:
    train, validation, test = parts(context)
    context.text(
        f"All images, divided class by class with seed {SPLIT_SEED}: {len(train):,} to "
        f"train, {len(validation):,} to validate, {len(test):,} to test."
    )
    context.figure("samples", "Samples", lambda: plot.sample_grid(train, 4, 10, seed=0))
    class_counts(context, {"training": train, "validation": validation, "test": test})


def shape_stage(context: Context) -> None:
    measured = compared(context, shapes(context))
    rows = [(depth, width, value) for (depth, width), value in measured.items()]
    frame = pd.DataFrame(rows, columns=["hidden layers", "width", "accuracy"])
    context.table("shapes", "Validation accuracy by depth and width", frame)
    grid = frame.pivot(index="hidden layers", columns="width", values="accuracy")
    context.figure(
        "shapes",
        "Validation accuracy by depth and width",
        lambda: plot.heat_map(grid, "validation accuracy"),
    )


def _show(context: Context, name: str, title: str, values: dict[str, float]) -> None:
    frame = pd.DataFrame(
        {name: list(values), "validation accuracy": list(values.values())}
    )
    context.table(name, title, frame)
    series = pd.Series(values, name="validation accuracy")
    context.figure(name, title, lambda: plot.comparison(series))


def activation_stage(context: Context) -> None:
    base = chosen_so_far(context, stages=1)
    measured = compared(context, variants(context, "activation", ACTIVATIONS, base))
    _show(context, "activation", "Activations", measured)


def optimizer_stage(context: Context) -> None:
    base = chosen_so_far(context, stages=2)
    measured = compared(context, variants(context, "optimizer", OPTIMIZERS, base))
    rates = ", ".join(f"{name} {rate:g}" for name, rate in OPTIMIZERS.items())
    context.text(f"Peak learning rates of the one-cycle schedule: {rates}.")
    _show(context, "optimizer", "Optimizers", measured)


def penalty_stage(context: Context) -> None:
    base = chosen_so_far(context, stages=3)
    measured = compared(context, penalised(context, base))
    _show(context, "penalty", "L1, L2 and dropout", measured)


def choice_stage(context: Context) -> None:
    epochs = long_epochs(context)
    measured = compared(context, candidates(context), epochs)
    _show(context, "choice", f"Candidates, trained for {epochs} epochs", measured)
    settings = ", ".join(f"{k} {v}" for k, v in final_settings(context).items())
    context.text(f"Chosen on the validation part: {settings}.")


def _trained(context: Context, seed: int) -> Any:
    train, validation, _ = parts(context)
    settings = final_settings(context)
    return context.trained(
        f"final {context.protocol} {seed}",
        lambda: make(settings, train.shape, seed),
        train,
        validation,
        **fit_options(settings, long_epochs(context), seed),
    )


def training_stage(context: Context) -> None:
    train, _, test = parts(context)
    keys = ["accuracy", "precision_macro", "recall_macro", "f1_macro"]
    rows, histories = [], []
    for seed in context.progress(context.seeds):
        model, history = _trained(context, seed)
        report = model.evaluate(test)
        rows.append([model.evaluate(train)["accuracy"], *(report[key] for key in keys)])
        histories.append(history)
    columns = ["training accuracy", *keys]
    scores(context, "Scores of the trained networks", rows, columns, histories)


def epochs_stage(context: Context) -> None:
    """More epochs without other change are useless: where validation turns."""
    train, validation, _ = parts(context)
    epochs = context.size(smoke=3, quick=30, default=60, full=120)
    options = fit_options(dict(START), epochs, 0) | {"schedule": "constant"}
    options["learning_rate"] = 0.001
    _, history = context.trained(
        "many epochs",
        lambda: make(dict(START), train.shape, 0),
        train,
        validation,
        **options,
    )
    turn = int(np.argmin(history["val_loss"])) + 1
    spent = float(np.sum(history["seconds"][:turn]))
    context.text(
        f"With a constant rate and nothing else changed, the validation loss is least "
        f"after epoch {turn} ({spent:.0f} s); at epoch {epochs} "
        f"({np.sum(history['seconds']):.0f} s) it is "
        f"{history['val_loss'][-1] / min(history['val_loss']):.1f} times that, and the "
        f"accuracy {100 * history['val_accuracy'][-1]:.2f} % after "
        f"{100 * history['val_accuracy'][turn - 1]:.2f} %."
    )
    context.figure("epochs", "Ever more epochs", lambda: plot.training_curves(history))
    context.figure(
        "time",
        "Validation accuracy against seconds of training",
        lambda: plot.against_time(history),
    )
    context.measure("turning epoch", turn)


def report_stage(context: Context) -> None:
    _, _, test = parts(context)
    model, _ = _trained(context, context.seeds[0])
    report = model.evaluate(test)
    confusion(context, report)
    context.figure("predictions", "Predictions", lambda: plot.predictions(report))
    context.table("per_class", "Each class", report.per_class)


def draw_three(path: Path) -> None:
    """Write a picture of a 3 in blue ink on slightly grey paper."""
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", (200, 240), (244, 242, 236))
    pen = ImageDraw.Draw(sheet)
    pen.line(_PEN, fill=(28, 40, 120), width=13, joint="curve")
    for x, y in (_PEN[0], _PEN[-1]):
        pen.ellipse((x - 6, y - 6, x + 6, y + 6), fill=(28, 40, 120))
    sheet.save(path)


def drawing_stage(context: Context) -> None:
    """A drawing from an image file, recognised as `digitnet predict --as scan` does."""
    model, _ = _trained(context, context.seeds[0])
    path = context.out / "drawing.png"
    draw_three(path)
    image = prepare(model, path, "scan")
    probabilities = model.predict_proba(image)[0]
    predicted = model.classes[int(probabilities.argmax())]
    context.text(
        f"A 3 drawn with a pen of one width into drawing.png, 200x240 pixels: located, "
        f"centred as MNIST's digits are, and recognised as {predicted} "
        f"({probabilities.max():.1%})."
    )
    context.figure("drawing", "The drawing", lambda: plot.drawing(path, image, model))


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
            "Layers, widths, optimizer and number of epochs are not reported; the paper "
            "protocol takes 784-512-512-10 with ReLU and Adam.",
            "The paper speaks of an SVM, a CNN and run times without giving their numbers: "
            "they are compared in the studies.",
            "The split of the pooled 70,000 by 60/20/20 is the paper's; its seed is not.",
        ),
    )
