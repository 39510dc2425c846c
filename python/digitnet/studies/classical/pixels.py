"""Classifiers on pixels: the nearest neighbour exactly, scikit-learn's, an MLP and a CNN."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.experiments.report_sections import class_counts
from digitnet.studies.classical.parts import (
    classifiers,
    network_scores,
    note_xgboost,
    parts,
    pixels,
    score_table,
    scored,
)

# Correct predictions of the one nearest neighbour among all training images (Euclidean,
# raw pixels), and of how many: what any correct implementation gives.
NEIGHBOURS = {
    "optdigits": (1_761, 1_797),
    "mnist": (9_691, 10_000),
    "fashion-mnist": (8_497, 10_000),
}
ROWS = 500  # of test images whose distances are in memory at a time


def nearest(train: Dataset, test: Dataset) -> int:
    """How many test images have the label of their nearest training image."""
    # Sums of squares of whole numbers: exact in float64, so that ties are ties.
    x_train = train.images.reshape(len(train), -1).astype(np.float64)
    x_test = test.images.reshape(len(test), -1).astype(np.float64)
    lengths = (x_train**2).sum(1)
    correct = 0
    for first in range(0, len(x_test), ROWS):
        part = slice(first, first + ROWS)
        distances = lengths - 2 * x_test[part] @ x_train.T
        labels = train.require_labels("nearest")[distances.argmin(1)]
        correct += int((labels == test.require_labels("nearest")[part]).sum())
    return correct


def data_stage(context: Context) -> None:
    train, test = parts(context)
    class_counts(context, {"training": train, "test": test})
    context.figure("samples", "Samples", partial(plot.sample_grid, train, 3, 10))


def neighbours_stage(context: Context) -> None:
    """Brute force over all training images, where the data are here."""
    names = context.size(
        smoke=["optdigits"],
        quick=["optdigits"],
        default=[*NEIGHBOURS],
        full=[*NEIGHBOURS],
    )
    rows = []
    for name in context.progress(names):
        train, test = context.data(name)
        count = context.size(smoke=200, quick=None, default=None, full=None)
        train, test = context.part(train, count), context.part(test, count)
        correct = context.cached(f"nearest {name}", partial(nearest, train, test))
        context.measure(f"1-NN {name}", correct / len(test))
        rows.append((name, len(train), len(test), correct, correct / len(test)))
    for name in NEIGHBOURS:
        if name not in names:
            context.not_measured(f"1-NN {name}", f"not in {context.mode} mode")
    columns = ["data", "training images", "test images", "right", "accuracy"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("neighbours", "The one nearest neighbour, by brute force", frame)


def pixels_stage(context: Context) -> None:
    train, test = parts(context)
    x_train, x_test = pixels(train), pixels(test)
    seed = context.seeds[0]
    rows: list[Any] = []
    for name, make in context.progress(classifiers(seed).items()):
        work = partial(scored, make, x_train, train, x_test, test)
        rows.append((name, *context.cached(f"pixels {name}", work)))
    for name in ("MLP", "CNN"):
        rows.append((name, *network_scores(context, name, seed)))
    title = "Classifiers on pixels, an MLP and a small CNN"
    frame = score_table(context, "pixels", title, rows)
    for name, score in zip(frame["classifier"], frame["test"], strict=True):
        context.measure(f"pixels {name}", score)
    note_xgboost(context, "pixels XGBoost")
    context.text(
        f"{len(train):,} training and {len(test):,} test images. Training accuracy is of as "
        "many training images as are tested. Seconds are of one run, on this machine."
    )
    _compare_three(context, frame)


def _compare_three(context: Context, frame: pd.DataFrame) -> None:
    """What the paper on the MLP says of SVM, MLP and CNN, read from the table."""
    three = frame.set_index("classifier").loc[["SVM (RBF)", "MLP", "CNN"]]
    context.table("three", "SVM, MLP and CNN", three.reset_index())
    context.text(
        "Of SVM, MLP and CNN the paper on the MLP (line 84) says that CNN is the most "
        "accurate, and that the SVM is fast and the most accurate in training. Here "
        f"{three['test'].idxmax()} has the highest test accuracy, "
        f"{three['training'].idxmax()} the highest training accuracy; "
        f"{three['fit seconds'].idxmin()} is fitted and "
        f"{three['predict seconds'].idxmin()} predicts in the least time."
    )
