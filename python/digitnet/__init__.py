"""Classifiers of small images: a C++ core that trains, a Python face that shows.

Example:
    >>> train, test = digitnet.data.load("digits")
    >>> model = digitnet.models.make("optdigits-cnn")
    >>> history = model.fit(train, epochs=1, progress=False)
    >>> report = model.evaluate(test)
    >>> 0 <= report["accuracy"] <= 1
    True
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from digitnet import (
    attack,
    augment,
    calibration,
    callbacks,
    card,
    corrupt,
    data,
    distributed,
    evaluation,
    export,
    features,
    layers,
    metrics,
    models,
    plot,
    preprocess,
    runs,
    serve,
    train,
)
from digitnet._build_info import VERSION as __version__
from digitnet._core import DataError, OutOfMemory
from digitnet._core.engine import num_threads as get_num_threads
from digitnet._core.engine import set_num_threads
from digitnet._utils.versions import show_versions
from digitnet.data import Dataset
from digitnet.evaluation.comparison import Comparison, compare
from digitnet.evaluation.cross_validation import CrossValidation, cross_validate
from digitnet.evaluation.learning_curves import (
    LearningRates,
    find_learning_rate,
    learning_curve,
)
from digitnet.models.model import Model
from digitnet.report import Report
from digitnet.train.history import History

if TYPE_CHECKING:
    from digitnet import papers, studies

# Packages of recipes: they need pandas, and are imported when somebody names them.
_LAZY = ("papers", "studies")


def __getattr__(name: str) -> ModuleType:
    if name in _LAZY:
        return importlib.import_module(f"digitnet.{name}")
    raise AttributeError(f"module 'digitnet' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


# Pickles that version 0.1 wrote name these modules.
for _old, _module in {
    "history": train.history,
    "model_file": models.model,
    "weights": models.weights,
    "summary": models.summary,
    "comparison": evaluation.comparison,
    "crossval": evaluation.cross_validation,
    "learning": evaluation.learning_curves,
}.items():
    sys.modules[f"digitnet.{_old}"] = _module

__all__ = [
    "Comparison",
    "CrossValidation",
    "DataError",
    "Dataset",
    "History",
    "LearningRates",
    "Model",
    "OutOfMemory",
    "Report",
    "__version__",
    "attack",
    "augment",
    "calibration",
    "callbacks",
    "card",
    "compare",
    "corrupt",
    "cross_validate",
    "data",
    "distributed",
    "export",
    "features",
    "get_num_threads",
    "find_learning_rate",
    "layers",
    "learning_curve",
    "metrics",
    "models",
    "papers",
    "plot",
    "preprocess",
    "runs",
    "serve",
    "set_num_threads",
    "show_versions",
    "studies",
    "train",
]
