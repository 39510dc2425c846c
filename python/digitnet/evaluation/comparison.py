"""Two models compared on the same samples: bootstrap intervals and McNemar's test."""

from __future__ import annotations

import html
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digitnet import metrics, models
from digitnet._utils.arrays import as_real, as_whole
from digitnet._utils.figures import Display, draw
from digitnet._utils.files import write_json, write_whole
from digitnet._utils.folder_kinds import check_kind
from digitnet._utils.folders import replacing
from digitnet._utils.html import Page, saved_png
from digitnet.data.dataset import Dataset
from digitnet.models.model import Model
from digitnet.report import Report
from digitnet.train.history import History

if TYPE_CHECKING:
    import pandas as pd

Evaluated = Report | Model | str | PathLike[str]
# Metrics that are means over the samples: their differences have an interval.
MEANS = ("accuracy", "log_loss", "brier")


class Trainings(dict[str, History]):
    """Histories by name, which are drawn together."""


class Comparison:
    """Two reports side by side.

    Attributes:
        names: What the two are called.
        reports: Their Reports, on the same samples.
        histories: Histories of their trainings, by name, where there are any.
        table: One row a metric: both values, the second minus the first, and for means
            over the samples the interval of that difference.
        mcnemar: `digitnet.metrics.mcnemar` of the two.
        level: Confidence level of the intervals.
    """

    def __init__(
        self,
        reports: tuple[Report, Report],
        names: tuple[str, str],
        histories: Mapping[str, History],
        *,
        level: float = 0.95,
        draws: int = 2000,
        seed: int = 0,
    ) -> None:
        self.reports, self.names, self.level = reports, names, level
        self.histories = Trainings(histories)
        first, second = reports
        self.mcnemar: dict[str, Any] = metrics.mcnemar(
            first.labels, first.predicted, second.predicted
        )
        self.table = self._table(draws, seed)

    def _table(self, draws: int, seed: int) -> pd.DataFrame:
        import pandas as pd

        first, second = self.reports
        low, high = {}, {}
        for name in MEANS:
            gains = per_sample(second, name) - per_sample(first, name)
            low[name], high[name] = _interval(gains, self.level, draws, seed)
        frame = pd.DataFrame(
            {self.names[0]: dict(first), self.names[1]: dict(second)}
        ).rename_axis("metric")
        frame["difference"] = frame[self.names[1]] - frame[self.names[0]]
        frame["low"] = pd.Series(low)
        frame["high"] = pd.Series(high)
        return frame

    @property
    def differing(self) -> npt.NDArray[np.int64]:
        """Indices of the samples to which the two give other classes."""
        first, second = self.reports
        return np.flatnonzero(first.predicted != second.predicted)

    def only(self, which: int) -> npt.NDArray[np.int64]:
        """Indices of the samples that only the first (0) or the second (1) has right."""
        if which not in (0, 1):
            raise ValueError(f"only.which: expected 0 or 1, got {which!r}")
        this, other = self.reports[which], self.reports[1 - which]
        right = this.predicted == this.labels
        return np.flatnonzero(right & (other.predicted != other.labels))

    def plot(self, ax: Any = None) -> Display:
        """The samples on which they differ; see `digitnet.plot.disagreements`."""
        return draw(self, ax=ax)

    def plot_curves(self, ax: Any = None) -> Display:
        """Both trainings, overlaid.

        Raises:
            ValueError: models without a history (loaded from a file alone).
        """
        if not self.histories:
            raise ValueError(
                "plot_curves: expected models with a history, got none; compare run "
                "folders or models that were fitted here"
            )
        return draw(self.histories, ax=ax)

    def verdict(self) -> str:
        """One sentence: who is ahead, and how surely."""
        row = self.table.loc["accuracy"]
        sides = (self.mcnemar["only_first"], self.mcnemar["only_second"])
        ahead = self.names[1 if row["difference"] > 0 else 0]
        p = self.mcnemar["p_value"]
        if row["difference"] == 0:
            who = "both are right equally often"
        else:
            points = 100 * abs(row["difference"])
            who = f"{ahead} is ahead by {points:.2f} points"
        return (
            f"{who} ({self.level:.0%} interval of the difference {100 * row['low']:+.2f} to "
            f"{100 * row['high']:+.2f}); only {self.names[0]} is right on {sides[0]} "
            f"samples, only {self.names[1]} on {sides[1]}: McNemar's p = {p:.3g}"
        )

    def to_json(self) -> dict[str, Any]:
        """Names, metrics, McNemar's test and differing samples, as JSON has them."""
        return {
            "names": self.names,
            "test_data": self.reports[0].data.name,
            "metrics": self.table.to_dict("index"),
            "mcnemar": self.mcnemar,
            "level": self.level,
            "differing": self.differing.tolist(),
        }

    def save(self, folder: str | PathLike[str]) -> Path:
        """Write report.html, its pictures as PNG, metrics.csv and comparison.json; returns
        the path of report.html, whose pictures are inside.

        Args:
            folder: Made if it is not there.
        Raises:
            ValueError: it holds results of another kind.
        """
        check_kind(folder, "Comparison.save.folder", "comparison.json")
        with replacing(folder) as root:
            self._write(root)
        return Path(folder) / "report.html"

    def _write(self, root: Path) -> None:
        write_json(root / "comparison.json", self.to_json())
        write_whole(root / "metrics.csv", self.table.to_csv().encode())
        page = Page(" and ".join(self.names))
        page.text(self.verdict())
        page.section("Metrics")
        page.table(self.table)
        figures = {"differing": ("Images on which they differ", self.plot)}
        if self.histories:
            figures["curves"] = ("Training curves", self.plot_curves)
        for name, (title, plot) in figures.items():
            page.section(title)
            png = saved_png(root / f"{name}.png", plot)
            page.picture(title, png, caption=False)
        page.save(root / "report.html")

    def __str__(self) -> str:
        shown = self.table.to_string(float_format="{:.4f}".format, na_rep="")
        return f"{shown}\n{self.verdict()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        table = self.table.to_html(float_format="{:.4f}".format, na_rep="")
        return f"{table}<p>{html.escape(self.verdict())}</p>"


def compare(
    first: Evaluated,
    second: Evaluated,
    data: Dataset | None = None,
    *,
    names: tuple[str, str] | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare two models, runs or reports on the same samples.

    `digitnet.runs.compare` compares the settings and metrics of run folders instead.

    Args:
        first, second: Each a Report, a Model, a model file or the folder of a run.
        data: Labelled Dataset on which both are evaluated; not needed for Reports.
        names: What to call them. Default: their own names, or those of their files.
        level: Confidence level of the intervals, 0 < level < 1.
        draws: Number of bootstrap samples, 100 to 1,000,000.
        seed: Seed of the bootstrap.
    Returns:
        A Comparison: table, McNemar's test, intervals, the samples on which they differ.
    Raises:
        ValueError: no data for models; reports on other samples; wrong options.
        FileNotFoundError: no such file, or a folder without a model.
    Source:
        McNemar, Psychometrika 1947; Efron, Annals of Statistics 1979 (percentile
        intervals over paired samples).
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> models = [digitnet.models.make("linear", (8, 8), seed=s) for s in (0, 1)]
        >>> result = digitnet.compare(*models, test, names=("a", "b"))
        >>> len(result.only(0)) == result.mcnemar["only_first"]
        True
    """
    if not 0 < as_real(level) < 1:
        raise ValueError(f"compare.level: expected 0 < level < 1, got {level!r}")
    draws = as_whole(draws, "compare.draws", 100, 1_000_000)
    seed = as_whole(seed, "compare.seed")
    sides = [_opened(first), _opened(second)]
    called = names or _distinct([name for _, name, _ in sides])
    if len(called) != 2 or called[0] == called[1]:
        raise ValueError(f"compare.names: expected two different names, got {called}")
    reports = [_report_of(source, data) for source, _, _ in sides]
    one, other = reports[0], _in_order_of(reports[0].classes, reports[1])
    if one.classes != other.classes or not np.array_equal(one.labels, other.labels):
        raise ValueError(
            f"compare: expected reports on the same samples, got {len(one.labels)} of "
            f"'{one.data.name}' and {len(other.labels)} of '{other.data.name}'"
        )
    named = zip(called, sides, strict=True)
    histories = {name: h for name, (_, _, h) in named if h is not None and h.epochs}
    return Comparison(
        (one, other),
        (called[0], called[1]),
        histories,
        level=level,
        draws=draws,
        seed=seed,
    )


def _in_order_of(classes: tuple[str, ...], report: Report) -> Report:
    """The report with its classes in this order, if they are the same ones."""
    if report.classes == classes or set(report.classes) != set(classes):
        return report
    theirs = [report.classes.index(name) for name in classes]
    return Report(
        np.argsort(theirs)[report.labels],
        report.probabilities[:, theirs],
        classes,
        data=report.data,
        model=report.model,
    )


def _opened(source: Evaluated) -> tuple[Report | Model, str, History | None]:
    """A report or model, its name, and its training if there is a history."""
    if isinstance(source, Report):
        return source, source.model or "report", None
    if isinstance(source, Model):
        return source, source.name, source.history
    path = Path(source)
    if not path.is_dir():
        return models.load(path), path.stem, None
    if not (path / "model.safetensors").is_file():
        raise FileNotFoundError(
            f"{path}: expected the folder of a run, got no model.safetensors in it"
        )
    return models.load(path / "model.safetensors"), path.name, History.read(path)


def _distinct(names: list[str]) -> tuple[str, str]:
    first, second = names
    return (first, second) if first != second else (f"{first} 1", f"{second} 2")


def _report_of(source: Report | Model, data: Dataset | None) -> Report:
    if isinstance(source, Report):
        return source
    if data is None:
        raise ValueError(
            "compare.data: expected a Dataset to evaluate models on, got none"
        )
    return source.evaluate(data)


def per_sample(report: Report, metric: str) -> npt.NDArray[np.float64]:
    """The numbers whose mean the metric is."""
    rows = np.arange(len(report.labels))
    if metric == "accuracy":
        return (report.predicted == report.labels).astype(np.float64)
    if metric == "log_loss":
        truth = report.probabilities[rows, report.labels]
        return -np.log(np.clip(truth, 2.0**-52, 1))
    off = report.probabilities.copy()
    off[rows, report.labels] -= 1
    return (off**2).sum(1)


def _interval(
    gains: npt.NDArray[np.float64], level: float, draws: int, seed: int
) -> tuple[float, float]:
    """Percentile interval of the mean over samples drawn again with replacement."""
    rng, count = np.random.default_rng(seed), len(gains)
    means = [gains[rng.integers(0, count, count)].mean() for _ in range(draws)]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
