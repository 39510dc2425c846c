"""Metrics of classifiers and of images, computed in C++."""

import digitnet._core as _core
from digitnet._core.metrics import (
    confusion_matrix,
    describe,
    evaluate,
    expected_calibration_error,
    mcnemar,
    per_class,
    precision_recall_curve,
    reliability,
    roc_curve,
    top_k_accuracy,
)
from digitnet._utils.deprecation import renamed_arguments
from digitnet._utils.registry import names_of

__all__ = [
    "confusion_matrix",
    "describe",
    "evaluate",
    "expected_calibration_error",
    "mcnemar",
    "names",
    "per_class",
    "precision_recall_curve",
    "psnr",
    "reliability",
    "roc_curve",
    "ssim",
    "top_k_accuracy",
]

psnr = renamed_arguments(wanted="targets")(_core.metrics.psnr)
ssim = renamed_arguments(wanted="targets")(_core.metrics.ssim)


def names() -> list[str]:
    """Metrics that are one number, as keys of a Report."""
    return names_of(describe())
