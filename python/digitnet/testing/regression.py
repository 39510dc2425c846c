"""The check itself: measured against the baseline, one-sided, with a tolerance that has
a reason."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digitnet import metrics as known_metrics
from digitnet._build_info import COMPILER
from digitnet.comparison import MEANS, per_sample
from digitnet.report import Report
from digitnet.testing.baseline import (
    Baseline,
    BaselineFile,
    today,
    versions,
    weights_sha256,
)
from digitnet.testing.explain import explained

Measured = Mapping[str, float] | Sequence[Any] | Callable[[int], Any]

_SPREADS, _ERRORS = 3.0, 2.0  # how many of them a result may be worse
_SMALL_WORDS = ("loss", "error", "brier", "seconds", "bytes")  # less is better


@dataclass(frozen=True)
class Row:
    """One metric beside its baseline.

    Attributes:
        verdict: "as before", "worse", "better" (by more than the tolerance) or "new".
        reason: Where the tolerance is from.
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


class MetricRegression:
    """What the fixture `metric_regression` is.

    Args:
        path: The baseline's file.
        test: How pytest names the test.
        seeds: That a function is asked for.
        regenerate: "", "fail" (write the baseline anew and fail) or "pass".
        strict: Whether a missing baseline fails instead of being written.
        folder: For pictures of new mistakes.
        told: Called with a dict about every check, for reports.
    """

    def __init__(
        self,
        path: Path,
        test: str,
        *,
        seeds: Sequence[int] = (0,),
        regenerate: str = "",
        strict: bool = False,
        folder: Path | None = None,
        told: Callable[[dict[str, Any]], None] = lambda about: None,
    ) -> None:
        self.path, self.test, self.seeds = path, test, list(seeds)
        self.regenerate, self.strict = regenerate, strict
        self.folder, self.told = folder or path.parent, told
        self._checked: set[str] = set()

    def check(
        self,
        measured: Measured,
        *,
        metrics: Sequence[str] | None = None,
        direction: Mapping[str, str] | None = None,
        tolerance: float | Mapping[str, float] | None = None,
        samples: int = 0,
        name: str = "",
    ) -> None:
        """Compare with the baseline; write it if there is none.

        Args:
            measured: Numbers by name; a Report; a list of either, one a seed; or a function
                of a seed that returns one, which is asked for every seed of the run.
            metrics: Names that count. Default: "accuracy" of Reports, else all.
            direction: "higher" or "lower" is better, by name. Default: what digitnet knows
                of its metrics; else lower for losses and errors.
            tolerance: How much worse a mean may be, one number or by name. Default: three
                standard deviations over the baseline's seeds, if they are three or more;
                else two standard errors of the test images.
            samples: How many test images, where no Report says so.
            name: For a second check in one test, which gets a file of its own.
        Raises:
            AssertionError: worse than the baseline allows, or it is missing and the run is
                strict.
            ValueError: numbers that are not finite; no tolerance can be found; a second
                check without another name.
        """
        __tracebackhide__ = True  # pytest shows the test, not this
        path = self._path(name)
        values, reports = self._asked(measured)
        wanted = _chosen(values, metrics, bool(reports))
        new = _baseline(wanted, reports, self.seeds[: len(values)], samples)
        file, device = BaselineFile(path), _device()
        old = file.devices.get(device)
        write = bool(self.regenerate) or (old is None and not self.strict)
        if old is None and self.strict and not write:
            raise AssertionError(
                f"metric_regression: expected a baseline for {device} in {path}, got "
                "none; run the test once without --metrics-strict and commit the file"
            )
        rows = [
            _row(
                name,
                new,
                None if write else old,
                reports,
                _of(direction, name),
                _of(tolerance, name),
            )
            for name in wanted
        ]
        details = [] if write or old is None else self._details(rows, old, new, reports)
        self._tell(rows, details, "written" if write else "compared")
        if write:
            file.devices[device] = new
            file.save()
        if self.regenerate == "fail":
            raise AssertionError(
                f"metric_regression: the baseline {path} was written anew; look at it "
                "and run again without --metrics-regen"
            )
        if any(row.verdict == "worse" for row in rows):
            lines = [str(row) for row in rows if row.verdict == "worse"] + details
            raise AssertionError("metric_regression: " + "\n  ".join(lines))

    def check_weights(self, model: Any) -> None:
        """Compare the weights of a short deterministic training, bit for bit.

        Weights depend on who computes, so there is one hash for each executor, set of
        kernels, minor version of torch and compiler; a new one is written.

        Args:
            model: A Model that was trained.
        Raises:
            AssertionError: other weights than before.
        """
        __tracebackhide__ = True
        file = BaselineFile(self.path)
        key, found = _computed_by(model), weights_sha256(model)
        old = file.weights.get(key)
        if self.regenerate or (old is None and not self.strict):
            file.weights[key] = found
            file.save()
            self.told({"test": self.test, "weights": "written", "key": key})
            if self.regenerate == "fail":
                raise AssertionError(
                    f"metric_regression: the hash in {self.path} was written anew; run "
                    "again without --metrics-regen"
                )
        elif old != found:
            have = f"the weights of {old[:12]}" if old else "a hash in the baseline"
            raise AssertionError(
                f"metric_regression: expected {have} ({key}), got {found[:12]}\n"
                f"  repeat: pytest '{self.test}'\n"
                f"  accept: pytest '{self.test}' --metrics-regen-all"
            )

    # -- in parts ---------------------------------------------------------------

    def _path(self, name: str) -> Path:
        """The file of a check; a name can be had once a test."""
        if name in self._checked or not re.fullmatch(r"[\w-]*", name):
            raise ValueError(
                "metric_regression.name: expected one word that no check of this test "
                f"had before, got {name!r}"
            )
        self._checked.add(name)
        return (
            self.path.with_name(f"{self.path.stem}.{name}.json") if name else self.path
        )

    def _asked(self, measured: Any) -> tuple[list[Mapping[str, float]], list[Report]]:
        """One mapping a seed, and the Reports among them, all or none."""
        if callable(measured) and not isinstance(measured, Mapping):
            found = [measured(seed) for seed in self.seeds]
        elif isinstance(measured, Mapping):
            found = [measured]
        else:
            found = list(measured)
            self.seeds = list(range(len(found)))
        if not found or not all(isinstance(value, Mapping) for value in found):
            raise ValueError(
                "metric_regression: expected numbers by name or Reports, got "
                f"{found!r:.80}"
            )
        reports = [value for value in found if isinstance(value, Report)]
        return found, reports if len(reports) == len(found) else []

    def _details(
        self,
        rows: Sequence[Row],
        old: Baseline,
        new: Baseline,
        reports: Sequence[Report],
    ) -> list[str]:
        """What else is known about a failure."""
        if not any(row.verdict == "worse" for row in rows):
            return []
        seeds = ",".join(map(str, new.seeds))
        again = f"pytest '{self.test}' --metrics-seeds={seeds}"
        lines = explained(old, new, reports, self.folder)
        lines.append(f"baseline of {old.date}, seeds {list(old.seeds)}: {self.path}")
        changed = [
            f"{name} {old.versions[name]} -> {now}"
            for name, now in new.versions.items()
            if old.versions.get(name, now) != now
        ]
        if changed:
            lines.append("versions since: " + ", ".join(changed))
        return [*lines, f"repeat: {again}", f"accept: {again} --metrics-regen-all"]

    def _tell(self, rows: Sequence[Row], details: Sequence[str], what: str) -> None:
        self.told(
            {
                "test": self.test,
                "what": what,
                "rows": [{**vars(row), "text": str(row)} for row in rows],
                "details": list(details),
                "picture": str(self.folder / "newly_wrong.png"),
            }
        )


def _device() -> str:
    from digitnet.train import resolve_device

    return str(resolve_device("auto"))


def _computed_by(model: Any) -> str:
    import torch

    who = model.history.executor if model.history else "nobody"
    words = who.replace("(", "").replace(")", "").split(",")
    minor = ".".join(torch.__version__.split(".")[:2])
    return f"{words[0].strip()}, torch {minor}, {COMPILER}"


def _of(given: Any, name: str) -> Any:
    return given.get(name) if isinstance(given, Mapping) else given


def _chosen(
    values: Sequence[Mapping[str, float]], names: Sequence[str] | None, of_reports: bool
) -> dict[str, list[float]]:
    """The metrics that count, one value a seed each."""
    if names is None:
        names = ["accuracy"] if of_reports else list(values[0])
    found: dict[str, list[float]] = {}
    for name in names:
        missing = [v for v in values if name not in v]
        if missing:
            raise ValueError(
                f"metric_regression.metrics: unknown metric '{name}'; known: "
                f"{', '.join(map(str, missing[0]))}"
            )
        found[str(name)] = [float(v[name]) for v in values]
        if not all(map(math.isfinite, found[str(name)])):
            raise ValueError(
                f"metric_regression: expected finite numbers for '{name}', got "
                f"{found[str(name)]}"
            )
    if not found:
        raise ValueError("metric_regression: expected at least one metric, got none")
    return found


def _baseline(
    values: Mapping[str, Sequence[float]],
    reports: Sequence[Report],
    seeds: Sequence[int],
    samples: int,
) -> Baseline:
    recalls: dict[str, float] = {}
    predicted = None
    if reports:
        columns = [report.per_class["recall"] for report in reports]
        recalls = {
            str(name): float(np.mean([column[name] for column in columns]))
            for name in columns[0].index
        }
        predicted, samples = reports[0].predicted, len(reports[0].labels)
    data = reports[0].data.sha256() if reports else ""
    return Baseline(
        values, list(seeds), samples, data, recalls, predicted, versions(), today()
    )


def _row(
    name: str,
    new: Baseline,
    old: Baseline | None,
    reports: Sequence[Report],
    direction: str | None,
    tolerance: float | None,
) -> Row:
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
    return not any(word in name.lower() for word in _SMALL_WORDS)


def _allowed(
    name: str,
    new: Baseline,
    old: Baseline,
    reports: Sequence[Report],
    given: float | None,
) -> tuple[float, str]:
    """How much worse the mean may be, and why."""
    if given is not None:
        if not (math.isfinite(given) and given >= 0):
            raise ValueError(
                f"metric_regression.tolerance: expected 0 or more for '{name}', got {given}"
            )
        return float(given), "as given"
    samples = new.samples or old.samples
    error = _standard_error(name, old.mean(name), samples, reports)
    spread = old.spread(name)
    if spread is None and error is None:
        raise ValueError(
            f"metric_regression.tolerance: expected one for '{name}', got none, and there "
            "are neither three seeds nor test images to find it by; give tolerance, or "
            "samples, or --metrics-seeds=0-4 with a function of the seed"
        )
    by_images = _ERRORS * (error or 0.0)
    if spread is None:
        return by_images, f"{_ERRORS:g} standard errors of {samples:,} images"
    least = 1 / samples if samples else 0.0
    by_seeds = max(_SPREADS * spread, least)
    reason = f"{_SPREADS:g} sd of {len(old.seeds)} seeds"
    if old.data == new.data:
        return by_seeds, reason
    return math.hypot(by_seeds, by_images), f"{reason}, and other test images"


def _standard_error(
    name: str, value: float, samples: int, reports: Sequence[Report]
) -> float | None:
    """Of a metric over the test images, or None if it has none that is known."""
    if reports and name in MEANS and name != "accuracy":
        numbers = per_sample(reports[0], name)
        return float(np.std(numbers) / math.sqrt(len(numbers)))
    if samples and 0 <= value <= 1:
        # Agresti and Coull, 1998: never 0, not even where all are right.
        share = (value * samples + 2) / (samples + 4)
        return math.sqrt(share * (1 - share) / samples)
    return None
