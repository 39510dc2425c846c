"""What several recipes show alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.data.dataset import Dataset
from digitnet.history import History
from digitnet.papers.workshop import Workshop
from digitnet.report import Report


def class_counts(workshop: Workshop, sets: Mapping[str, Dataset]) -> None:
    """A table of the samples of each class, one column a set."""
    names = next(iter(sets.values())).classes
    counts = pd.DataFrame(
        {name: data.class_counts() for name, data in sets.items()},
        index=pd.Index(names, name="class"),
    )
    workshop.table("class_counts", "Samples of each class", counts)


def scores(
    workshop: Workshop,
    title: str,
    rows: Sequence[Sequence[float]],
    columns: Sequence[str],
    histories: Sequence[History],
) -> None:
    """A table of one row a seed, each column measured; seconds an epoch; first curves."""
    frame = pd.DataFrame(rows, columns=list(columns))
    frame.insert(0, "seed", workshop.seeds)
    workshop.table("scores", title, frame)
    for key in columns:
        workshop.measure(key, frame[key])
    workshop.measure("seconds", [float(np.mean(h["seconds"])) for h in histories])
    first: Any = histories[0]
    workshop.figure("curves", "Training curves", lambda: plot.training_curves(first))


def confusion(workshop: Workshop, report: Report) -> None:
    workshop.figure(
        "confusion_matrix",
        "Confusion matrix",
        lambda: plot.confusion_matrix(report.confusion),
    )
