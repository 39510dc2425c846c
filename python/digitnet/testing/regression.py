"""Metric regression: measured against a baseline, one-sided, with a tolerance that has a
reason."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from digitnet._build_info import COMPILER
from digitnet._utils.deprecation import renamed_arguments
from digitnet._utils.torch_engine import minor, torch_version
from digitnet.models.weights import weights_sha256
from digitnet.report import Report
from digitnet.testing.baseline import (
    Baseline,
    BaselineFile,
    today,
    versions,
)
from digitnet.testing.explain import explained
from digitnet.testing.tolerance import Row, row_of
from digitnet.train import resolve_device
from digitnet.train.history import Executor

Measured = Mapping[str, float] | Sequence[Any] | Callable[[int], Any]


class MetricRegression:
    """What the fixture `metric_regression` is.

    Args:
        path: The baseline's file.
        test: The test's node id in pytest.
        seeds: Seeds with which a function is called.
        regenerate: "", "fail" (write the baseline anew and fail) or "pass".
        strict: Whether a missing baseline fails instead of being written.
        folder: Folder for pictures of new mistakes.
        older: Where a version before 0.2 kept the baseline, which is read if `path` is not
            there, and removed when `path` is written.
        shared_with: Other tests that had the same older file: then nobody knows whose it is.
        on_check: Called with a dict about every check, for reports.
    """

    @renamed_arguments(told="on_check")
    def __init__(
        self,
        path: Path,
        test: str,
        *,
        seeds: Sequence[int] = (0,),
        regenerate: str = "",
        strict: bool = False,
        folder: Path | None = None,
        older: Path | None = None,
        shared_with: Sequence[str] = (),
        on_check: Callable[[dict[str, Any]], None] = lambda about: None,
    ) -> None:
        self.path, self.test, self.seeds = path, test, list(seeds)
        self.regenerate, self.strict = regenerate, strict
        self.folder, self.on_check = folder or path.parent, on_check
        self.older, self.shared_with = older, list(shared_with)
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
                of a seed that returns one, called with every seed of the run.
            metrics: Names that count. Default: "accuracy" of Reports, else all.
            direction: "higher" or "lower" is better, by name. Default: what digitnet knows
                of its metrics; else lower for losses and errors.
            tolerance: How much worse a mean may be, one number or by name. Default: three
                standard deviations over the baseline's seeds, if they are three or more;
                else two standard errors of the test images.
            samples: Number of test images, where there is no Report.
            name: Name of a second check in one test, which gets another file.
        Raises:
            AssertionError: worse than the baseline allows, or it is missing and the run is
                strict.
            ValueError: numbers that are not finite; no tolerance can be found; a second
                check without another name.
        """
        __tracebackhide__ = True  # pytest shows the test, not this
        file = self._file(name)
        path = file.path
        values, reports = self._values(measured)
        chosen = _chosen(values, metrics, bool(reports))
        new = _baseline(chosen, reports, self.seeds[: len(values)], samples)
        device = _device()
        old = file.devices.get(device)
        write = bool(self.regenerate) or (old is None and not self.strict)
        if old is None and self.strict and not write:
            raise AssertionError(
                f"metric_regression: expected a baseline for {device} in {path}, got "
                "none; run the test once without --metrics-strict and commit the file"
            )
        rows = [
            row_of(
                name,
                new,
                None if write else old,
                reports,
                _of(direction, name),
                _of(tolerance, name),
            )
            for name in chosen
        ]
        details = (
            [] if write or old is None else self._details(path, rows, old, new, reports)
        )
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
        kernels and compiler, and for LibTorch's each minor version of torch; a new one is
        written.

        Args:
            model: A Model that was trained.
        Raises:
            AssertionError: other weights than before.
        """
        __tracebackhide__ = True
        file = self._opened(self.path)
        key, new = _computed_by(model), weights_sha256(model)
        old = file.weights.get(key)
        if self.regenerate or (old is None and not self.strict):
            file.weights[key] = new
            file.save()
            self.on_check({"test": self.test, "weights": "written", "key": key})
            if self.regenerate == "fail":
                raise AssertionError(
                    f"metric_regression: the hash in {self.path} was written anew; run "
                    "again without --metrics-regen"
                )
        elif old != new:
            have = f"the weights of {old[:12]}" if old else "a hash in the baseline"
            raise AssertionError(
                f"metric_regression: expected {have} ({key}), got {new[:12]}\n"
                f"  repeat: pytest '{self.test}'\n"
                f"  accept: pytest '{self.test}' --metrics-regen-all"
            )

    # -- in parts ---------------------------------------------------------------

    def _opened(self, path: Path) -> BaselineFile:
        """The baseline's file, or the one that an older version wrote."""
        older = None
        if self.older is not None and self.older != self.path:
            older = self.older.with_name(
                self.older.stem + path.name[len(self.path.stem) :]
            )
        if older is None or path.is_file() or not older.is_file():
            return BaselineFile(path)
        if self.shared_with:
            raise ValueError(
                f"metric_regression: expected the baseline {path}, got {older}, which "
                f"{', '.join(self.shared_with)} had too; delete it, and write all of "
                "them anew"
            )
        return BaselineFile(path, older)

    def _file(self, name: str) -> BaselineFile:
        """The file of a check; a name can be used once a test."""
        if name in self._checked or not re.fullmatch(r"[\w-]*", name):
            raise ValueError(
                "metric_regression.name: expected one word that no check of this test "
                f"had before, got {name!r}"
            )
        self._checked.add(name)
        path = self.path
        return self._opened(
            path.with_name(f"{path.stem}.{name}.json") if name else path
        )

    def _values(self, measured: Any) -> tuple[list[Mapping[str, float]], list[Report]]:
        """One mapping a seed, and the Reports among them, all or none."""
        if callable(measured) and not isinstance(measured, Mapping):
            values = [measured(seed) for seed in self.seeds]
        elif isinstance(measured, Mapping):
            values = [measured]
        else:
            values = list(measured)
            self.seeds = list(range(len(values)))
        if not values or not all(isinstance(value, Mapping) for value in values):
            raise ValueError(
                "metric_regression: expected numbers by name or Reports, got "
                f"{values!r:.80}"
            )
        reports = [value for value in values if isinstance(value, Report)]
        return values, reports if len(reports) == len(values) else []

    def _details(
        self,
        path: Path,
        rows: Sequence[Row],
        old: Baseline,
        new: Baseline,
        reports: Sequence[Report],
    ) -> list[str]:
        """What explains a failure, and how to repeat it."""
        if not any(row.verdict == "worse" for row in rows):
            return []
        seeds = ",".join(map(str, new.seeds))
        again = f"pytest '{self.test}' --metrics-seeds={seeds}"
        lines = explained(old, new, reports, self.folder)
        lines.append(f"baseline of {old.date}, seeds {list(old.seeds)}: {path}")
        changed = [
            f"{name} {old.versions[name]} -> {now}"
            for name, now in new.versions.items()
            if old.versions.get(name, now) != now
        ]
        if changed:
            lines.append("versions since: " + ", ".join(changed))
        return [*lines, f"repeat: {again}", f"accept: {again} --metrics-regen-all"]

    def _tell(self, rows: Sequence[Row], details: Sequence[str], what: str) -> None:
        self.on_check(
            {
                "test": self.test,
                "what": what,
                "rows": [vars(row) for row in rows],
                "details": list(details),
                "picture": str(self.folder / "newly_wrong.png"),
            }
        )


def _device() -> str:
    return str(resolve_device("auto"))


def _computed_by(model: Any) -> str:
    """What weights depend on beside the test: a baseline's key."""
    executor = model.history.executor if model.history else None
    if not isinstance(executor, Executor):
        return f"nobody, {COMPILER}"  # not trained here, or by an older version
    if executor.engine == "native":
        return f"native {executor.kernels}, {COMPILER}"
    torch = minor(torch_version())
    return f"torch on {executor.device}, torch {torch}, {COMPILER}"


def _of(option: Any, name: str) -> Any:
    return option.get(name) if isinstance(option, Mapping) else option


def _chosen(
    values: Sequence[Mapping[str, float]], names: Sequence[str] | None, of_reports: bool
) -> dict[str, list[float]]:
    """The metrics that count, one value a seed each."""
    if names is None:
        names = ["accuracy"] if of_reports else list(values[0])
    by_name: dict[str, list[float]] = {}
    for name in names:
        missing = [v for v in values if name not in v]
        if missing:
            raise ValueError(
                f"metric_regression.metrics: unknown metric '{name}'; known: "
                f"{', '.join(map(str, missing[0]))}"
            )
        by_name[str(name)] = [float(v[name]) for v in values]
        if not all(map(math.isfinite, by_name[str(name)])):
            raise ValueError(
                f"metric_regression: expected finite numbers for '{name}', got "
                f"{by_name[str(name)]}"
            )
    if not by_name:
        raise ValueError("metric_regression: expected at least one metric, got none")
    return by_name


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
