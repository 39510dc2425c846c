"""Settings chosen, both networks trained, and scored once on the test parts."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from digitnet import plot
from digitnet._utils.files import write_whole
from digitnet.experiments.context import Context
from digitnet.experiments.report_sections import confusion, score_table
from digitnet.papers.kaggle_cnn import data as kaggle_data
from digitnet.papers.kaggle_cnn.data import NAMES
from digitnet.papers.kaggle_cnn.settings import (
    BIG,
    SETTINGS,
    SMALL,
    chosen,
    epochs,
    trained,
    validation_score,
)
from digitnet.report import Report

KEYS = ("accuracy", "precision_macro", "recall_macro", "f1_macro")
_NUMBERS = {  # of the log, the accuracy, the loss and the predictions
    "digits": ("Fig. XVII", "Fig. XVIII", "Fig. XIX", "Fig. XX"),
    "fashion": ("Fig. XXI", "Fig. XXII", "Fig. XXIII", "Fig. XXIV"),
}
# Validation accuracies that the logs print, from this epoch on.
PRINTED = {
    "digits": (
        23,
        (0.9877, 0.9879, 0.9880, 0.9882, 0.9879, 0.9880, 0.9887, 0.9876, 0.9882)
        + (0.9882, 0.9883, 0.9884, 0.9884, 0.9885, 0.9885, 0.9885, 0.9884, 0.9887),
    ),
    "fashion": (
        19,
        (0.8934, 0.8946, 0.8945, 0.8961, 0.8958, 0.8962, 0.8967, 0.8975, 0.8959)
        + (0.8986, 0.8976, 0.8980, 0.8978, 0.8991, 0.8996, 0.8988, 0.8994, 0.8993)
        + (0.8997, 0.8997, 0.8996),
    ),
}


def choice_stage(context: Context) -> None:
    pairs = [(name, settings) for name in NAMES for settings in SETTINGS]
    results = context.parallel_map(lambda pair: validation_score(context, *pair), pairs)
    rows = [(*pair, score) for pair, score in zip(pairs, results, strict=True)]
    frame = pd.DataFrame(rows, columns=["data", "settings", "accuracy"])
    context.table("choice", "Settings compared on the validation part", frame)
    for name in NAMES:
        context.text(f"Chosen for {name}: {chosen(context, name)}.")


def training_stage(context: Context) -> None:
    """All trainings, the longest first, as many at a time as there are cores."""
    kinds = (("fashion", BIG), ("digits", BIG), ("digits", SMALL))
    cases = [(name, net, seed) for name, net in kinds for seed in context.seeds]

    def train(case: tuple[str, str, int]) -> int:
        name, net, seed = case
        return trained(context, name, seed, net)[1].epochs

    lengths = context.parallel_map(train, cases)
    context.text(
        f"{len(lengths)} trainings of {epochs(context)} epochs, side by side on one thread "
        "each: the seconds an epoch below are of such a thread."
    )


def digits_stage(context: Context) -> None:
    train_and_test(context, "digits")
    submission(context, test_report(context, "digits").predicted)


def fashion_stage(context: Context) -> None:
    train_and_test(context, "fashion")
    logs = context.out / "logs"
    if logs.is_dir():
        context.text(
            f"Logs of {len(list(logs.iterdir()))} trainings are in the folder logs: "
            "tensorboard --logdir logs shows them."
        )


def train_and_test(context: Context, name: str) -> None:
    """Log, curves, scores and predictions of one data set."""
    results = [trained(context, name, seed) for seed in context.seeds]
    log, accuracy, loss, predictions = _NUMBERS[name]
    history: Any = results[0][1]
    context.table(
        f"log_{name}", f"The training's log, {name}", log_of(name, history), of=log
    )
    for number, metric in ((accuracy, "accuracy"), (loss, "loss")):
        context.figure(
            f"{metric}_{name}",
            f"{metric.capitalize()} at each epoch, {name}",
            partial(plot.training_curves, history, (metric,)),
            of=number,
        )
    test = kaggle_data.sets(context, name)[1]
    reports = [model.evaluate(test) for model, _ in results]
    context.memoize(f"test report {name}", lambda: reports[0])
    histories = [history for _, history in results]
    rows = [
        (max(h["val_accuracy"]), *(report[key] for key in KEYS))
        for h, report in zip(histories, reports, strict=True)
    ]
    title = f"Best validation accuracy (log), and scores on the test part, {name}"
    score_table(context, title, rows, ("log", *KEYS), histories, name)
    context.text(
        f"{epochs(context)} epochs with the settings '{chosen(context, name)}'. What is "
        "scored on the test part is the epoch of the best validation accuracy, saved by "
        "the checkpoint."
    )
    context.figure(
        f"predictions_{name}",
        f"20 random predictions, {name}: true class orange, predicted green",
        partial(plot.predictions, reports[0], 20, seed=1),
        of=predictions,
    )
    title = f"Confusion matrix of the test part, {name}"
    confusion(context, reports[0], name, title)


def test_report(context: Context, name: str) -> Report:
    """The first seed's network on the test part."""

    def evaluate() -> Report:
        model, _ = trained(context, name, context.seeds[0])
        return model.evaluate(kaggle_data.sets(context, name)[1])

    return context.memoize(f"test report {name}", evaluate)


def log_of(name: str, history: Any) -> pd.DataFrame:
    """Epochs as Keras prints them, and what the thesis prints where it does."""
    frame = history.to_frame().reset_index()
    first, values = PRINTED[name]
    printed = dict(enumerate(values, first))
    if printed.keys().isdisjoint(frame["epoch"]):
        return frame
    return frame.assign(thesis=[printed.get(epoch) for epoch in frame["epoch"]]).rename(
        columns={"thesis": "val_accuracy of the thesis"}
    )


def submission(context: Context, predicted: npt.NDArray[np.int64]) -> None:
    """submission.csv, as the competition takes it."""
    frame = pd.DataFrame(
        {"ImageId": np.arange(1, len(predicted) + 1), "Label": predicted}
    )
    write_whole(context.out / "submission.csv", frame.to_csv(index=False).encode())
    context.table(
        "submission",
        "The first rows of submission.csv, in the order of the test file",
        frame.head(),
    )


def small_stage(context: Context) -> None:
    _, test = kaggle_data.sets(context, "digits")
    results = [trained(context, "digits", seed, SMALL) for seed in context.seeds]
    accuracies = [model.evaluate(test)["accuracy"] for model, _ in results]
    context.measure("small accuracy", accuracies)
    context.text(
        f"{SMALL} on digits, trained as the large network: the same images, settings "
        f"('{chosen(context, 'digits')}') and {epochs(context)} epochs. Test accuracy "
        f"{100 * np.mean(accuracies):.2f} %."
    )
