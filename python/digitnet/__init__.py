"""Classifiers of small images: a C++ core that trains, a Python face that shows.

Modules and names are imported when they are first used.

Example:
    >>> train, test = digitnet.data.load("digits")
    >>> model = digitnet.models.make("optdigits-cnn")
    >>> history = model.fit(train, epochs=1, progress=False)
    >>> report = model.evaluate(test)
    >>> 0 <= report["accuracy"] <= 1
    True
"""

import importlib
from typing import TYPE_CHECKING, Any

from digitnet._build_info import VERSION as __version__
from digitnet._utils.old_modules import find_old_modules

if TYPE_CHECKING:  # what type checkers and editors see; below is the same for Python
    from digitnet import (  # "as": reachable, but not in __all__
        _core as _core,
        attack,
        augment,
        calibration,
        callbacks,
        card,
        corrupt,
        data,
        distributed,
        evaluation as evaluation,
        export,
        features,
        layers,
        metrics,
        models,
        neighbors,
        papers,
        plot,
        preprocess,
        report as report,
        runs,
        search as search,
        serve,
        studies,
        testing as testing,
        train,
        web as web,
    )
    from digitnet._core import DataError, OutOfMemory
    from digitnet._core.engine import num_threads as get_num_threads, set_num_threads
    from digitnet._utils.versions import show_versions
    from digitnet.data.dataset import Dataset
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

_MODULES = (
    *("_core", "attack", "augment", "calibration", "callbacks", "card", "corrupt"),
    *("data", "distributed", "evaluation", "export", "features", "layers", "metrics"),
    *("models", "neighbors", "papers", "plot", "preprocess", "report", "runs"),
    *("search", "serve", "studies", "testing", "train", "web"),
)
# Public names, the modules that have them, and what they are called there.
_NAMES = {
    "Comparison": ("evaluation.comparison", "Comparison"),
    "CrossValidation": ("evaluation.cross_validation", "CrossValidation"),
    "DataError": ("_core", "DataError"),
    "Dataset": ("data.dataset", "Dataset"),
    "History": ("train.history", "History"),
    "LearningRates": ("evaluation.learning_curves", "LearningRates"),
    "Model": ("models.model", "Model"),
    "OutOfMemory": ("_core", "OutOfMemory"),
    "Report": ("report", "Report"),
    "compare": ("evaluation.comparison", "compare"),
    "cross_validate": ("evaluation.cross_validation", "cross_validate"),
    "find_learning_rate": ("evaluation.learning_curves", "find_learning_rate"),
    "get_num_threads": ("_core.engine", "num_threads"),
    "learning_curve": ("evaluation.learning_curves", "learning_curve"),
    "set_num_threads": ("_core.engine", "set_num_threads"),
    "show_versions": ("_utils.versions", "show_versions"),
}

if not TYPE_CHECKING:  # a type checker would take any name for known

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return importlib.import_module(f"digitnet.{name}")
        if name in _NAMES:
            module, attribute = _NAMES[name]
            value = getattr(importlib.import_module(f"digitnet.{module}"), attribute)
            globals()[name] = value
            return value
        raise AttributeError(f"module 'digitnet' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name[:2] == "__")})


find_old_modules(
    {
        "digitnet.history": "digitnet.train.history",
        "digitnet.model_file": "digitnet.models.model",
        "digitnet.weights": "digitnet.models.weights",
        "digitnet.summary": "digitnet.models.summary",
        "digitnet.comparison": "digitnet.evaluation.comparison",
        "digitnet.crossval": "digitnet.evaluation.cross_validation",
        "digitnet.learning": "digitnet.evaluation.learning_curves",
    }
)

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
    "find_learning_rate",
    "get_num_threads",
    "layers",
    "learning_curve",
    "metrics",
    "models",
    "neighbors",
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
