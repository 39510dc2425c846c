"""Tolerances: how much worse a metric may be than its baseline, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digitnet import metrics as known_metrics
from digitnet.evaluation.comparison import MEANS, per_sample
from digitnet.report import Report
from digitnet.testing.baseline import Baseline

_DEVIATIONS, _ERRORS = 3.0, 2.0  # how many a result may be worse
_LOWER_IS_BETTER = ("loss", "error", "brier", "seconds", "bytes")


@dataclass(frozen=True)
class Row:
    """One metric beside its baseline.

    Attributes:
        verdict: "as before", "worse", "better" (by more than the tolerance) or "new".
        reason: How the tolerance was computed.
    """

    metric: str
    measured: float
    baseline: float | None
    tolerance: float
    reason: str
    higher: bool
    verdict: str

    def __str__(self) -> str:
        if self.baseline is None:
            return f"{self.metric}: {self.measured:.6g} is the new baseline"
        side, sign = ("least", "-") if self.higher else ("most", "+")
        limit = self.baseline + (-1 if self.higher else 1) * self.tolerance
        return (
            f"{self.metric}: expected at {side} {limit:.6g} (baseline {self.baseline:.6g} "
            f"{sign} {self.tolerance:.3g}, {self.reason}), got {self.measured:.6g}"
        )


def row_of(
    name: str,
    new: Baseline,
    old: Baseline | None,
    reports: Sequence[Report],
    direction: str | None,
    tolerance: float | None,
) -> Row:
    """One metric of a run beside the baseline's."""
    higher = _higher(name, direction)
    measured = new.mean(name)
    if old is None or name not in old.metrics:
        return Row(name, measured, None, 0.0, "", higher, "new")
    allowed, reason = _allowed(name, new, old, reports, tolerance)
    gain = (measured - old.mean(name)) * (1 if higher else -1)
    verdict = (
        "worse" if gain < -allowed else "better" if gain > allowed else "as before"
    )
    return Row(name, measured, old.mean(name), allowed, reason, higher, verdict)


def _higher(name: str, direction: str | None) -> bool:
    if direction not in (None, "higher", "lower"):
        raise ValueError(
            f"metric_regression.direction: expected higher or lower for '{name}', got "
            f"{direction!r}"
        )
    if direction is not None:
        return direction == "higher"
    for entry in known_metrics.describe():
        if entry["name"] == name:
            return bool(entry["higher_is_better"])
    return not any(word in name.lower() for word in _LOWER_IS_BETTER)


def _allowed(
    name: str,
    new: Baseline,
    old: Baseline,
    reports: Sequence[Report],
    tolerance: float | None,
) -> tuple[float, str]:
    """How much worse the mean may be, and why."""
    if tolerance is not None:
        if not (math.isfinite(tolerance) and tolerance >= 0):
            raise ValueError(
                f"metric_regression.tolerance: expected 0 or more for '{name}', got "
                f"{tolerance}"
            )
        return float(tolerance), "as given"
    samples = new.samples or old.samples
    error = _standard_error(name, old.mean(name), samples, reports)
    std = old.std(name)
    if std is None and error is None:
        raise ValueError(
            f"metric_regression.tolerance: expected one for '{name}', got none, and there "
            "are neither three seeds nor test images to find it by; give tolerance, or "
            "samples, or --metrics-seeds=0-4 with a function of the seed"
        )
    by_images = _ERRORS * (error or 0.0)
    if std is None:
        return by_images, f"{_ERRORS:g} standard errors of {samples:,} images"
    minimum = 1 / samples if samples else 0.0
    by_seeds = max(_DEVIATIONS * std, minimum)
    reason = f"{_DEVIATIONS:g} sd of {len(old.seeds)} seeds"
    if old.data == new.data:
        return by_seeds, reason
    return math.hypot(by_seeds, by_images), f"{reason}, and other test images"


def _standard_error(
    name: str, value: float, samples: int, reports: Sequence[Report]
) -> float | None:
    """Of a metric over the test images, or None where it cannot be computed."""
    if reports and name in MEANS and name != "accuracy":
        numbers = per_sample(reports[0], name)
        return float(np.std(numbers) / math.sqrt(len(numbers)))
    if samples and 0 <= value <= 1:
        # Agresti and Coull, 1998: never 0, not even where all are right.
        share = (value * samples + 2) / (samples + 4)
        return math.sqrt(share * (1 - share) / samples)
    return None
