"""Classifiers of small images: a C++ core that trains, a Python face that shows.

Example:
    >>> train, test = digitnet.data.load("digits")
    >>> model = digitnet.models.make("optdigits-cnn")
    >>> history = model.fit(train, epochs=1, progress=False)
    >>> report = model.evaluate(test)
    >>> 0 <= report["accuracy"] <= 1
    True
"""

from digitnet import _startup
from digitnet._build_info import TORCH_VERSION

_startup.check_torch(TORCH_VERSION)

from digitnet import (  # noqa: E402  (only after torch was checked)
    attack,
    augment,
    calibration,
    callbacks,
    card,
    corrupt,
    data,
    distributed,
    export,
    features,
    layers,
    metrics,
    models,
    papers,
    plot,
    preprocess,
    runs,
    serve,
    studies,
    train,
)
from digitnet._core import DataError, OutOfMemory  # noqa: E402
from digitnet._startup import VERSION as __version__  # noqa: E402
from digitnet.comparison import Comparison, compare  # noqa: E402
from digitnet.crossval import CrossValidation, cross_validate  # noqa: E402
from digitnet.data import Dataset  # noqa: E402
from digitnet.doctor import show_versions  # noqa: E402
from digitnet.history import History  # noqa: E402
from digitnet.learning import (  # noqa: E402
    LearningRates,
    find_learning_rate,
    learning_curve,
)
from digitnet.model import Model  # noqa: E402
from digitnet.report import Report  # noqa: E402

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
    "layers",
    "learning_curve",
    "metrics",
    "models",
    "papers",
    "plot",
    "preprocess",
    "runs",
    "serve",
    "show_versions",
    "studies",
    "train",
]
