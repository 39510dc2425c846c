"""Evaluation of a classifier: a report of metrics and a confusion matrix."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digitnet import metrics
from digitnet._utils.figures import Display, draw
from digitnet._utils.registry import check_name
from digitnet._utils.text import shortened
from digitnet.data.dataset import Dataset

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = (
    "accuracy",
    "balanced_accuracy",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "log_loss",
    "auc_macro",
    "calibration_error",
)


class Confusion:
    """Counts of true against predicted classes, and the images behind each.

    Attributes:
        matrix: int64 (K, K), rows true, columns predicted.
        classes: Class names.
        data: The Dataset that was evaluated, or None.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> history = model.fit(train, epochs=1, progress=False)
        >>> confusion = model.evaluate(test).confusion
        >>> images = confusion[4, 9]  # of a cell; a notebook shows them
        >>> len(images) == int(confusion.matrix[4, 9])
        True
    """

    def __init__(
        self,
        labels: npt.NDArray[np.int64],
        predicted: npt.NDArray[np.int64],
        classes: tuple[str, ...],
        data: Dataset | None = None,
    ) -> None:
        self.matrix = metrics.confusion_matrix(labels, predicted, classes=len(classes))
        self.classes = classes
        self._labels, self._predicted, self.data = labels, predicted, data

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_data" in state:  # of a pickle of version 0.1
            state = {**state, "data": state["_data"]}
            del state["_data"]
        vars(self).update(state)

    def __getitem__(self, cell: tuple[int | str, int | str]) -> Dataset:
        """The samples of a cell, (true, predicted): `confusion[4, 9]`, a set that a
        notebook shows.

        Raises:
            IndexError: something else than two classes.
            ValueError: an unknown class; a matrix that was made without a Report.
        """
        if not (isinstance(cell, tuple) and len(cell) == 2):
            raise IndexError(
                f"confusion: expected a cell [true, predicted], got {cell!r:.40}"
            )
        if self.data is None:
            raise ValueError(
                "confusion: expected the matrix of a Report, got one alone"
            )
        chosen: Dataset = self.data[self.examples(*cell)]
        true, predicted = (self.classes[self._class(value)] for value in cell)
        return chosen.renamed(f"{true} taken for {predicted}")

    def examples(self, true: int | str, predicted: int | str) -> npt.NDArray[np.int64]:
        """Indices of the samples of class `true` that were taken for `predicted`."""
        cell = self._class(true), self._class(predicted)
        return np.flatnonzero((self._labels == cell[0]) & (self._predicted == cell[1]))

    def _class(self, value: int | str) -> int:
        if isinstance(value, str):
            check_name("class", value, self.classes)
            return self.classes.index(value)
        if not 0 <= value < len(self.classes):
            raise ValueError(
                f"confusion: expected a class from 0 to {len(self.classes) - 1}, got {value}"
            )
        return int(value)

    def most_confused(self, count: int = 10) -> pd.DataFrame:
        """The largest cells off the diagonal: true, predicted, count, share of the true class."""
        import pandas as pd

        off = self.matrix.copy()
        np.fill_diagonal(off, 0)
        order = np.argsort(-off, axis=None, kind="stable")[:count]
        rows = []
        for true, predicted in zip(*np.unravel_index(order, off.shape), strict=True):
            if off[true, predicted]:
                share = off[true, predicted] / self.matrix[true].sum()
                rows.append(
                    (
                        self.classes[true],
                        self.classes[predicted],
                        int(off[true, predicted]),
                        share,
                    )
                )
        return pd.DataFrame(rows, columns=["true", "predicted", "count", "share"])

    def plot(self, ax: Any = None, **options: Any) -> Display:
        """See `digitnet.plot.confusion_matrix`."""
        return draw(self, ax=ax, **options)

    def __repr__(self) -> str:
        return f"Confusion({len(self.classes)} classes, {int(np.trace(self.matrix))} of {self.matrix.sum()} right)"


class Report(Mapping[str, float]):
    """Metrics by name (`digitnet.metrics.names()`), and what they were computed from.

    Attributes:
        labels, predicted: int64 (N,).
        probabilities: float64 (N, K).
        confusion: Confusion.
        data: The Dataset that was evaluated.
    """

    def __init__(
        self,
        labels: npt.NDArray[np.int64],
        probabilities: npt.NDArray[np.float64],
        classes: tuple[str, ...],
        *,
        data: Dataset,
        model: str = "",
    ) -> None:
        labels, probabilities = np.asarray(labels), np.asarray(probabilities)
        self.labels, self.probabilities, self.classes = labels, probabilities, classes
        self.data, self.model = data, model
        self.predicted: npt.NDArray[np.int64] = probabilities.argmax(axis=1)
        self._values: dict[str, float] = metrics.evaluate(labels, probabilities)
        self.confusion = Confusion(labels, self.predicted, classes, data)

    def __getitem__(self, name: str) -> float:
        if name not in self._values:
            raise KeyError(
                f"Report: unknown metric '{shortened(str(name))}'; known: {', '.join(self._values)}"
            )
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def mistakes(self) -> npt.NDArray[np.int64]:
        """Indices of misclassified samples, the most confident mistakes first."""
        wrong = np.flatnonzero(self.labels != self.predicted)
        confidence = self.probabilities[wrong, self.predicted[wrong]]
        return wrong[np.argsort(-confidence, kind="stable")]

    @property
    def per_class(self) -> pd.DataFrame:
        """Support, precision, recall, F1, specificity and G-measure, a row a class."""
        import pandas as pd

        table = metrics.per_class(
            self.labels, self.predicted, classes=len(self.classes)
        )
        return pd.DataFrame(table, index=pd.Index(self.classes, name="class"))

    def to_frame(self) -> pd.DataFrame:
        """One row a metric."""
        import pandas as pd

        return pd.DataFrame({"value": self._values}).rename_axis("metric")

    def __str__(self) -> str:
        wrong = int((self.labels != self.predicted).sum())
        lines = [
            f"{self.model} on {self.data.name}: {wrong} of {len(self.labels)} wrong"
        ]
        lines += [f"  {name:<20} {self[name]:.4f}" for name in _SHOWN]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return (
            f"<p>{html.escape(str(self).splitlines()[0])}</p>"
            + str(self.to_frame().to_html(float_format="{:.4f}".format))
            + str(self.per_class.to_html(float_format="{:.4f}".format))
        )
