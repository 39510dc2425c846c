"""Which figure each result draws when its own `plot` is called."""

from __future__ import annotations

from typing import Any

from digitnet._utils.figures import Display, draw
from digitnet.data.dataset import Dataset
from digitnet.evaluation.comparison import Comparison, Trainings
from digitnet.evaluation.cross_validation import CrossValidation
from digitnet.evaluation.learning_curves import LearningRates
from digitnet.plot.confusion import confusion_matrix
from digitnet.plot.curves import folds, learning_rates, training_curves
from digitnet.plot.grids import disagreements, sample_grid
from digitnet.plot.measurements import parallel
from digitnet.report import Confusion
from digitnet.search.trials import Search
from digitnet.train.history import History

draw.register(Comparison, disagreements)
draw.register(Confusion, confusion_matrix)
draw.register(Dataset, sample_grid)
draw.register(History, training_curves)
draw.register(LearningRates, learning_rates)
draw.register(Trainings, training_curves)


@draw.register(CrossValidation)
def _folds(result: CrossValidation, ax: Any = None) -> Display:
    table = result.table
    return folds(table["loss"], table["accuracy"], ax=ax)


@draw.register(Search)
def _trials(result: Search, ax: Any = None) -> Display:
    finished = result.table.query("state == 'complete'")
    settings = [c for c in finished if c in result.study.trials[0].params]
    return parallel(finished[[*settings, "accuracy"]], ax=ax)
