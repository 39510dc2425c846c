"""The data of the recipe optdigits-cnn: all rows, their split, what each number is."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.data import sources
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.experiments.report_sections import class_counts

SPLIT_SEED = 42  # of train_test_split
TEST_FRACTION = 0.2


def pooled(context: Context) -> Dataset:
    """All rows: the training file's, then the test file's."""
    train, test = context.data("optdigits")
    return context.memoize(
        "pooled", lambda: train.joined(test, name="optdigits, all rows")
    )


def split(context: Context) -> tuple[Dataset, Dataset]:
    """The paper's four fifths and fifth, as scikit-learn's train_test_split draws them."""
    data = pooled(context)
    rows = np.random.RandomState(SPLIT_SEED).permutation(len(data))
    count = math.ceil(TEST_FRACTION * len(data))  # train_test_split takes it first
    return data[rows[count:]], data[rows[:count]]


def metadata(data: Dataset) -> pd.DataFrame:
    """What UCI says of the set, and what its rows are."""
    source = sources.find("optdigits")
    rows = {
        "name": data.name,
        "source": source.origin,
        "licence": source.licence,
        "instances": len(data),
        "features": math.prod(data.shape),
        "target": "class",
        "classes": len(data.classes),
        "missing values": int(np.isnan(data.images.astype(float)).sum()),
        "smallest value": int(data.images.min()),
        "largest value": int(data.images.max()),
    }
    index = pd.Index(list(rows), name="what")
    return pd.DataFrame({"value": [str(value) for value in rows.values()]}, index)


def variables(data: Dataset) -> pd.DataFrame:
    """A row a column of UCI's file: 64 features, then the class."""
    columns = data.images.reshape(len(data), -1).astype(float)
    labels = data.require_labels("variables")
    every = np.column_stack([columns, labels])
    count = columns.shape[1]
    return pd.DataFrame(
        {
            "name": [*(f"Attribute{i + 1}" for i in range(count)), "class"],
            "role": ["Feature"] * count + ["Target"],
            "type": ["Integer"] * count + ["Categorical"],
            "missing_values": np.where(np.isnan(every).any(axis=0), "yes", "no"),
            "minimum": every.min(axis=0).astype(int),
            "maximum": every.max(axis=0).astype(int),
            "mean": every.mean(axis=0),
        }
    )


def shapes(parts: dict[str, Dataset]) -> pd.DataFrame:
    """The shapes of images and labels of each part, as the paper prints them."""
    rows = [
        (name, str((len(part), *part.shape[1:])), str((len(part), 1)))
        for name, part in parts.items()
    ]
    return pd.DataFrame(rows, columns=["part", "images", "labels"])


def data_stage(context: Context) -> None:
    train, test = split(context)
    both = pooled(context)
    context.table("metadata", "The data set", metadata(both))
    context.table("variables", "Its variables", variables(both), of="In [2]")
    context.figure(
        "samples",
        "One random sample of each class",
        lambda: plot.one_per_class(both, seed=SPLIT_SEED),
        of="In [11]",
    )
    context.text(
        f"{len(train):,} images to train and {len(test):,} to test, by scikit-learn's "
        f"train_test_split with seed {SPLIT_SEED} over the rows of the training file "
        "followed by those of the test file."
    )
    parts = {"training": train, "test": test}
    context.table("split", "Shapes after the split", shapes(parts), of="In [13]")
    class_counts(context, parts)
