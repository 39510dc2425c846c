"""K-fold cross-validation: every sample is predicted by a model that has not seen it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from digitnet._utils.figures import Display, draw
from digitnet._utils.parallel import parallel_map
from digitnet.data.dataset import Dataset
from digitnet.models.model import Model
from digitnet.models.zoo import maker_for
from digitnet.report import Report
from digitnet.train.history import History

if TYPE_CHECKING:
    import pandas as pd


class CrossValidation:
    """The models of all folds, and one report over all samples.

    Attributes:
        report: Report over all samples, each with the probabilities of the model that it
            was held out from.
        models: One a fold, in order.
        histories: Their training.
        parts: (training, test) indices of each fold.
    """

    def __init__(
        self,
        report: Report,
        models: list[Model],
        histories: list[History],
        parts: list[Any],
    ) -> None:
        self.report, self.models, self.histories = report, models, histories
        self.parts = parts

    @property
    def table(self) -> pd.DataFrame:
        """One row a fold: samples, loss and accuracy of its held-out part."""
        import pandas as pd

        rows = []
        for _, test in self.parts:
            probabilities = self.report.probabilities[test]
            fold = Report(
                self.report.labels[test],
                probabilities,
                self.report.classes,
                data=self.report.data,
            )
            rows.append((len(test), fold["log_loss"], fold["accuracy"]))
        index = pd.RangeIndex(1, len(rows) + 1, name="fold")
        return pd.DataFrame(rows, index, columns=["samples", "loss", "accuracy"])

    def plot(self, ax: Any = None) -> Display:
        """See `digitnet.plot.folds`."""
        return draw(self, ax=ax)

    def __repr__(self) -> str:
        accuracy = self.table["accuracy"]
        return (
            f"CrossValidation({len(self.parts)} folds, accuracy "
            f"{accuracy.mean():.4f}, sd {accuracy.std():.4f})"
        )


def cross_validate(
    make: Callable[[int], Model] | str,
    data: Dataset,
    folds: int = 5,
    *,
    seed: int = 0,
    stratify: bool = True,
    jobs: int | None = None,
    **options: Any,
) -> CrossValidation:
    """Train a model for each fold, on the other folds, and predict the samples of the fold.

    Args:
        make: Called with a seed, returns a fresh Model; or the name of a network. Fold k
            gets the seed `seed * folds + k`.
        data: A labelled Dataset; the folds share its images.
        folds: How many parts.
        seed: Seed of the division and the models.
        stratify: Divide every class alike.
        jobs: How many trainings at a time. Default: get_num_threads(), 1 on a GPU.
        **options: Options of `Model.fit`.
    Returns:
        A CrossValidation.
    Raises:
        ValueError: fewer samples than folds, or options that `fit` refuses.
    Example:
        >>> train, _ = digitnet.data.load("digits")
        >>> result = digitnet.cross_validate("linear", train, folds=3, epochs=2)
        >>> result.table["samples"].tolist(), len(result.report.labels)
        ([480, 479, 479], 1438)
    """
    make = maker_for(make, data)
    parts = data.k_fold(folds, seed=seed, stratify=stratify)
    options.setdefault("seed", seed)

    def fold(k: int) -> tuple[Model, History, Any]:
        model = make(seed * folds + k)
        history = model.fit(data[parts[k][0]], **{"progress": False} | options)
        return model, history, model.predict_proba(data[parts[k][1]])

    results = parallel_map(fold, range(len(parts)), jobs=jobs)
    probabilities = np.zeros((len(data), len(data.classes)))
    for (_, test), (_, _, predicted) in zip(parts, results, strict=True):
        probabilities[test] = predicted
    labels = data.require_labels("cross_validate")
    report = Report(labels, probabilities, data.classes, data=data, model="the folds")
    return CrossValidation(
        report, [m for m, _, _ in results], [h for _, h, _ in results], parts
    )
