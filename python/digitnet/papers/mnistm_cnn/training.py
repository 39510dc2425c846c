"""The data, the network, its training and test: the paper's four figures; grey or colour."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context, points_text
from digitnet.experiments.report_sections import class_counts, confusion, layer_table
from digitnet.models.model import Model
from digitnet.papers.mnistm_cnn.settings import (
    AUGMENT,
    EPOCHS,
    PAPER,
    domains,
    epochs,
    fit_options,
    make,
)
from digitnet.papers.mnistm_cnn.tuning import settings_of
from digitnet.report import Report
from digitnet.train.history import History

# Our names of the paper's seven metrics, and its words.
METRICS = {
    "accuracy": "accuracy",
    "auc_macro": "AUC",
    "precision_macro": "precision",
    "recall_macro": "recall (sensitivity)",
    "specificity_macro": "specificity",
    "f1_macro": "F1",
    "g_measure_macro": "G-measure",
}


def trained(
    context: Context, name: str, seed: int, *, grey: bool = True
) -> tuple[Model, History]:
    """Trained on a domain; the paper's validation set is the test set."""
    train, test = domains(context)[name]
    validation: Dataset = test
    if context.protocol == "honest":
        train, validation = train.split((0.9, 0.1), seed=seed)
    settings = settings_of(context)
    return context.trained(
        f"{name} {'grey' if grey else 'colour'} {context.protocol} {seed}",
        lambda: make(settings, seed, grey=grey),
        train,
        validation,
        **fit_options(context, settings, seed),
    )


def data_stage(context: Context) -> None:
    train, test = domains(context)["MNIST-M"]
    context.text(
        f"MNIST-M is generated: {context.data('mnist-m')[0].name}. Each digit is blended "
        "over a random patch, |patch - digit| in each channel. Here "
        f"{len(train):,} to train and {len(test):,} to test."
    )
    context.figure("samples", "MNIST-M", lambda: plot.sample_grid(train, 4, 10))
    context.figure(
        "augmented", "Augmentation", lambda: plot.augmented(train, AUGMENT, 3, 8)
    )
    grey = make(PAPER, 0)
    subset = train[:20]
    shown = subset.with_images(grey.preprocessed(subset), max_value=1)
    context.figure(
        "grey",
        "As the network takes them: grey, from 0 to 1",
        lambda: plot.sample_grid(shown, 2, 10),
    )
    class_counts(context, {"training": train, "test": test})


def network_stage(context: Context) -> None:
    model = make(PAPER, 0)
    context.figure(
        "architecture",
        "The network, from left to right",
        lambda: plot.architecture(model),
        of="Fig. 1",
    )
    layer_table(context, model)
    context.measure("parameters", model.count_params())
    steps = ", ".join(name.replace("_", " ") for name, _ in model.core.preprocess)
    context.text(
        f"Before the first layer: {steps}. The paper names the kinds of layers and their "
        "order; how many there are and how wide is ours."
    )


def training_stage(context: Context) -> None:
    _, test = domains(context)["MNIST-M"]
    histories, reports = [], []
    for seed in context.progress(context.seeds):
        model, history = trained(context, "MNIST-M", seed)
        reports.append(model.evaluate(test))
        histories.append(history)
    if epochs(context) != EPOCHS:
        context.note(f"Epochs: {epochs(context)}; the paper's log has {EPOCHS}.")
    _log(context, histories)
    _test(context, reports)
    confusion(context, reports[0])
    context.figure(
        "roc", "ROC, each class against the rest", lambda: plot.roc(reports[0])
    )
    context.figure(
        "misclassified",
        "Mistakes, the most confident first",
        lambda: plot.misclassified(reports[0], 15),
    )


def _log(context: Context, histories: list[History]) -> None:
    """Fig. 2: the log of the first seed; how the last epoch ends, and how long one takes."""
    first = histories[0]
    steps = [_steps(context, history) for history in histories]
    log = first.to_frame().drop(columns="learning_rate")
    log["ms a step"] = 1000 * log["seconds"] / steps[0]
    title = f"Training log, seed {context.seeds[0]}, {steps[0]:,} steps an epoch"
    context.table("log", title, log, of="Fig. 2")
    context.figure("curves", "Training curves", lambda: plot.training_curves(first))
    for column in ("accuracy", "loss", "val_accuracy", "val_loss"):
        context.measure(f"last {column}", [h[column][-1] for h in histories])
    seconds = [float(np.mean(h["seconds"])) for h in histories]
    context.measure("seconds", seconds)
    milliseconds = [1000 * s / n for s, n in zip(seconds, steps, strict=True)]
    context.measure("step", milliseconds)


def _steps(context: Context, history: History) -> int:
    train, _ = domains(context)["MNIST-M"]
    count = len(train)
    if context.protocol == "honest":
        count = len(train.split((0.9, 0.1), seed=context.seeds[0])[0])
    return math.ceil(count / int(settings_of(context)["batch_size"]))


def _test(context: Context, reports: list[Report]) -> None:
    """Fig. 3 and 4: the test set, by accuracy and loss and by the seven metrics."""
    index = pd.Index(context.seeds, name="seed")
    columns = ["accuracy", "log_loss"]
    rows: list[Any] = [[report[key] for key in columns] for report in reports]
    title = f"Accuracy and loss on {len(reports[0].labels):,} test images"
    context.table(
        "test_accuracy", title, pd.DataFrame(rows, index, columns), of="Fig. 3"
    )
    frame = pd.DataFrame([[r[key] for key in METRICS] for r in reports], index)
    frame.columns = pd.Index(METRICS)
    frame["binary specificity"] = [one_cell_specificity(r) for r in reports]
    title = "The seven metrics on the test images, macro; specificity also of one cell"
    context.table("scores", title, frame, of="Fig. 4")
    for key in frame:
        context.measure(str(key), frame[key])
    context.measure("accuracy of the abstract", frame["accuracy"])
    context.measure("log_loss", [report["log_loss"] for report in reports])


def one_cell_specificity(report: Report) -> float:
    """The binary formula on the corner of the matrix of ten classes, as printed there."""
    matrix = report.confusion.matrix
    return float(matrix[0, 0] / max(1, matrix[0, 0] + matrix[0, 1]))


def colour_stage(context: Context) -> None:
    """Grey, as the paper has it, against colour: the same seeds, images and settings."""
    _, test = domains(context)["MNIST-M"]
    rows = []
    for seed in context.progress(context.seeds):
        pair = [
            trained(context, "MNIST-M", seed, grey=grey)[0] for grey in (True, False)
        ]
        rows.append([model.evaluate(test)["accuracy"] for model in pair])
    index = pd.Index(context.seeds, name="seed")
    frame = pd.DataFrame(rows, index, ["grey (the paper)", "colour (ours)"])
    grey, colour = (frame[name] for name in frame)
    difference = colour - grey
    context.figure(
        "colour",
        "Test accuracy, grey and colour, a line a seed",
        lambda: plot.distribution(frame, "test accuracy"),
    )
    context.table(
        "colour",
        "Test accuracy in grey and in colour",
        frame.assign(**{"colour - grey": difference}),
    )
    context.measure("colour accuracy", colour)
    context.measure("colour - grey", difference)
    context.text(
        "The paper converts the images to grey before the network, so all stages but this "
        "one and the attacks have the grey network alone. Colour against grey: "
        f"{points_text(difference.to_numpy())}."
    )
