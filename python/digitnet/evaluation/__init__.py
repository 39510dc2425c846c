"""Evaluation beyond one report: two models compared, cross-validation, learning curves."""

from digitnet.evaluation.comparison import Comparison, compare
from digitnet.evaluation.cross_validation import CrossValidation, cross_validate
from digitnet.evaluation.learning_curves import (
    LearningRates,
    find_learning_rate,
    learning_curve,
)

__all__ = [
    "Comparison",
    "CrossValidation",
    "LearningRates",
    "compare",
    "cross_validate",
    "find_learning_rate",
    "learning_curve",
]
