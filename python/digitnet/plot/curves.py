"""Lines: training curves, ROC, precision and recall, reliability."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from digitnet import metrics
from digitnet._utils.deprecation import renamed_arguments
from digitnet.evaluation.learning_curves import LearningRates
from digitnet.plot.classes import MAX_COLOURED, label_of, left_out
from digitnet.plot.display import (
    BLUE,
    CYCLE,
    GREY,
    ORANGE,
    Display,
    axes_for,
    legend_for,
    legend_label,
)
from digitnet.report import Report
from digitnet.train.history import History

if TYPE_CHECKING:
    import pandas as pd

_MAX_CURVES = 100  # one a class
_MAX_POINTS = 20_000  # of a curve
_MOST_INSIDE = 2  # runs whose legend fits among their curves


def training_curves(
    runs: History | Mapping[str, History],
    metrics: tuple[str, ...] = ("loss", "accuracy"),
    ax: Any = None,
) -> Display:
    """Training (dashed) and validation (solid) curves of one or several runs.

    Args:
        runs: One History, or several by name.
        metrics: Columns of the History; each gets a panel.
        ax: Axes to draw into; divided if there are several metrics.
    """
    import pandas as pd

    named = {"": runs} if isinstance(runs, History) else dict(runs)
    # A network that makes images has no accuracy.
    metrics = (
        tuple(m for m in metrics if any(m in h for h in named.values())) or metrics
    )
    outer = axes_for(ax, 5.2 * len(metrics), 3.4)
    if len(metrics) == 1:
        panels = [outer]
    else:
        outer.set_axis_off()
        wide = 1 / len(metrics)
        panels = [
            outer.inset_axes((i * wide + 0.02, 0.1, wide - 0.1, 0.82))
            for i in range(len(metrics))
        ]
    for panel, metric in zip(panels, metrics, strict=True):
        for (name, history), colour in zip(
            named.items(), CYCLE * (1 + len(named) // len(CYCLE)), strict=False
        ):
            _curve(panel, history, metric, name, colour)
        panel.set_xlabel("epoch")
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.set_ylabel(metric)
        panel.grid(alpha=0.3)
        panel.margins(y=0.1)
    _legends(panels, beside=len(named) > _MOST_INSIDE)
    frame = pd.concat(
        {name: history.to_frame() for name, history in named.items()}, names=["run"]
    )
    return Display(outer.figure, panels[0] if len(panels) == 1 else panels, frame)


def _legends(panels: Sequence[Any], beside: bool) -> None:
    """One in each panel, or one beside the last: many runs would be hidden by theirs."""
    for panel in panels[-1:] if beside else panels:
        if panel.get_lines():
            place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1)} if beside else {}
            legend_for(panel, fontsize=8, **place)


def _curve(ax: Any, history: History, metric: str, name: str, colour: str) -> None:
    epochs = np.arange(1, history.epochs + 1)
    prefix = f"{legend_label(name)} " if name else ""
    marker = "o" if history.epochs == 1 else None
    if metric in history:
        ax.plot(
            epochs,
            history[metric],
            "--",
            color=colour,
            label=f"{prefix}training",
            marker=marker,
        )
    column = f"val_{metric}"
    if column in history:
        colour = colour if name else ORANGE
        ax.plot(
            epochs,
            history[column],
            color=colour,
            label=f"{prefix}validation",
            marker=marker,
        )
        best = int(
            np.argmin(history[column])
            if metric == "loss"
            else np.argmax(history[column])
        )
        ax.plot(epochs[best], history[column][best], "o", color=colour, markersize=5)
        ax.annotate(
            f"{history[column][best]:.4g}",
            (epochs[best], history[column][best]),
            fontsize=8,
            textcoords="offset points",
            xytext=(0, 6),
            ha="center",
        )


def folds(losses: Any, accuracies: Any, ax: Any = None) -> Display:
    """Loss and accuracy of each fold of a cross-validation, with their means.

    Args:
        losses, accuracies: One value a fold.
        ax: Axes to draw into; divided in two.
    """
    import pandas as pd

    frame = pd.DataFrame({"loss": list(losses), "accuracy": list(accuracies)})
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="fold")
    outer = axes_for(ax, 9, 3.2)
    outer.set_axis_off()
    panels = [outer.inset_axes((i / 2 + 0.08, 0.12, 0.41, 0.8)) for i in (0, 1)]
    for panel, name, colour in zip(panels, frame, (BLUE, ORANGE), strict=True):
        mean = float(frame[name].mean())
        panel.plot(frame.index, frame[name], "o-", color=colour)
        panel.axhline(mean, color=GREY, linestyle="--", label=f"mean {mean:.4f}")
        panel.set(xlabel="fold", ylabel=name, xticks=frame.index)
        panel.grid(alpha=0.3)
        legend_for(panel, fontsize=8)
    return Display(outer.figure, panels, frame)


def roc(report: Report, ax: Any = None, *, zoom: bool = True) -> Display:
    """ROC curves, each class against the rest, and their micro average; of many classes
    those of the smallest areas.

    Args:
        report: From `model.evaluate`.
        ax: Axes to draw into.
        zoom: A logarithmic false-positive axis, where models that are 99 % right differ.
    """
    import pandas as pd

    ax = axes_for(ax, 5.4, 4.4)
    count = len(report.classes)
    numbers, curves = _lowest(report, metrics.roc_curve, lambda curve: curve["auc"])
    areas = dict(zip(report.classes, numbers, strict=True))
    few = count <= MAX_COLOURED
    for k in sorted(curves):
        label = f"{label_of(report.classes[k])} ({curves[k]['auc']:.4f})" if few else ""
        colour = CYCLE[k % len(CYCLE)] if few else "lightgrey"
        _roc_line(ax, curves[k], zoom, report, label, colour, 1)
    micro = metrics.roc_curve(report.labels, report.probabilities)
    areas["micro"] = micro["auc"]
    _roc_line(ax, micro, zoom, report, f"micro ({micro['auc']:.4f})", "black", 2)
    if zoom:
        ax.set_xscale("log")
    ax.set_xlabel("false positive rate")
    ax.set_ylabel("true positive rate")
    ax.set_title(_one_against_the_rest("ROC", report, "area"))
    ax.grid(alpha=0.3)
    legend_for(ax, fontsize=7, loc="lower right")
    return Display(ax.figure, ax, pd.Series(areas, name="auc"))


def _against_rest(report: Report, k: int) -> tuple[Any, Any]:
    """(labels, probabilities) of two classes: all others, and this one."""
    own = report.probabilities[:, k]
    return (report.labels == k).astype(np.int64), np.stack([1 - own, own], 1)


def _lowest(
    report: Report,
    curve_of: Callable[..., dict[str, Any]],
    number_of: Callable[[dict[str, Any]], float],
) -> tuple[list[float], dict[int, dict[str, Any]]]:
    """Each class's number, and the curves that are drawn, by class: all, or those of the
    smallest numbers. No more are kept at once: each has a point a sample."""
    numbers: list[float] = []
    curves: dict[int, dict[str, Any]] = {}
    for k in range(len(report.classes)):
        curves[k] = curve_of(*_against_rest(report, k), k=1)
        numbers.append(number_of(curves[k]))
        if len(curves) > _MAX_CURVES:
            del curves[max(curves, key=lambda one: (np.nan_to_num(numbers[one]), one))]
    return numbers, curves


def _one_against_the_rest(what: str, report: Report, number: str = "") -> str:
    """The title of a figure with a curve for each class."""
    count = len(report.classes)
    if count > _MAX_CURVES:
        return f"{what}, the {_MAX_CURVES} lowest of {left_out(count)}"
    if count > MAX_COLOURED:
        return f"{what}, {left_out(count)}"
    return f"{what}, one class against the rest{f' ({number})' if number else ''}"


def _some_points(count: int) -> Any:
    """Which points of a long curve are drawn, on a linear and a logarithmic axis."""
    if count <= _MAX_POINTS:
        return slice(None)
    places = [np.linspace(0, count - 1, _MAX_POINTS // 2)]
    places += [np.geomspace(1, count - 1, _MAX_POINTS // 2)]
    return np.unique(np.concatenate(places).astype(np.int64))


def _roc_line(
    ax: Any,
    curve: dict[str, Any],
    zoom: bool,
    report: Report,
    label: str,
    colour: str,
    width: float,
) -> None:
    floor = 0.5 / (len(report.labels) * len(report.classes)) if zoom else 0
    rate = np.maximum(curve["false_positive_rate"], floor)
    drawn = _some_points(len(rate))
    ax.plot(
        rate[drawn],
        curve["true_positive_rate"][drawn],
        color=colour,
        label=label,
        linewidth=width,
        drawstyle="steps-post",
    )


def precision_recall(report: Report, ax: Any = None) -> Display:
    """Precision against recall, each class against the rest; of many classes those of the
    lowest mean precision, and the table has these alone."""
    import pandas as pd

    ax = axes_for(ax, 5.4, 4.4)
    few = len(report.classes) <= MAX_COLOURED
    _, curves = _lowest(
        report,
        metrics.precision_recall_curve,
        lambda curve: float(np.mean(curve["precision"])),
    )
    frames = {}
    for k in sorted(curves):
        name, curve = report.classes[k], curves[k]
        columns = {key: curve[key] for key in ("recall", "precision")}
        frames[name] = pd.DataFrame(columns)
        drawn = _some_points(len(curve["recall"]))
        ax.plot(
            curve["recall"][drawn],
            curve["precision"][drawn],
            color=CYCLE[k % len(CYCLE)] if few else "lightgrey",
            label=label_of(name) if few else "",
            linewidth=1,
        )
    ax.set_xlabel("recall")
    ax.set_ylabel("precision")
    ax.set_title(_one_against_the_rest("Precision and recall", report))
    ax.grid(alpha=0.3)
    if few:
        legend_for(ax, fontsize=7, loc="lower left")
    return Display(ax.figure, ax, pd.concat(frames, names=["class"]))


def reliability(report: Report, ax: Any = None, *, bins: int = 15) -> Display:
    """Accuracy against confidence, with the number of samples in each bin."""
    import pandas as pd

    table = pd.DataFrame(
        metrics.reliability(report.labels, report.probabilities, bins=bins)
    )
    error = metrics.expected_calibration_error(
        report.labels, report.probabilities, bins=bins
    )
    ax = axes_for(ax, 4.8, 4.4)
    used = table[table["count"] > 0]
    ax.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="perfectly calibrated")
    ax.bar(
        used["low"],
        used["accuracy"],
        width=1 / bins,
        align="edge",
        color=BLUE,
        alpha=0.35,
        edgecolor="white",
    )
    ax.plot(
        used["confidence"],
        used["accuracy"],
        "o-",
        color=BLUE,
        markersize=4,
        label="this model",
    )
    for _, row in used.iterrows():
        ax.annotate(
            f"{row['count']:.0f}",
            ((row["low"] + row["high"]) / 2, 0.01),
            fontsize=6,
            ha="center",
        )
    ax.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy")
    ax.set_title(f"Reliability: calibration error {100 * error:.2f} %")
    ax.legend(fontsize=8, loc="upper left")
    return Display(ax.figure, ax, table)


def progress(
    values: pd.DataFrame, label: str = "", ax: Any = None, *, steps: bool = True
) -> Display:
    """One line a column over the rows: the best value of several methods after each trial.

    Args:
        values: One column a method, one row a trial; missing values are left out.
        label: Label of the values.
        ax: Axes to draw into.
        steps: Whether a value holds until the next one; else they are joined, as is right
            for values that rise and fall, such as accuracies by epoch.
    """
    ax = axes_for(ax, 5.5, 3.6)
    for (name, column), colour in zip(
        values.items(), CYCLE * (1 + values.shape[1] // len(CYCLE)), strict=False
    ):
        present = column.dropna()
        style = (
            {"drawstyle": "steps-post"} if steps else {"marker": "o", "markersize": 3}
        )
        ax.plot(present.index, present, color=colour, label=legend_label(name), **style)
    ax.set(xlabel=values.index.name or "", ylabel=label)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3)
    if ax.get_lines():
        legend_for(ax, fontsize=8)
    return Display(ax.figure, ax, values)


@renamed_arguments(found="result")
def learning_rates(result: LearningRates, ax: Any = None) -> Display:
    """The loss against a rising rate; where it falls fastest is marked.

    Args:
        result: From `digitnet.find_learning_rate`.
        ax: Axes to draw into.
    """
    ax = axes_for(ax, 5.5, 3.4)
    ax.plot(result.rates, result.losses, color=GREY, alpha=0.4, label="each step")
    ax.plot(result.rates, result.smoothed, color=BLUE, label="smoothed")
    ax.axvline(
        result.steepest, color=ORANGE, label=f"falls fastest: {result.steepest:.2g}"
    )
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
    ax.grid(alpha=0.3)
    legend_for(ax, fontsize=8)
    return Display(ax.figure, ax, np.stack([result.rates, result.smoothed], 1))


def learning_curve(frame: pd.DataFrame, ax: Any = None) -> Display:
    """Accuracy against the number of samples: every training a point, lines their means.

    Args:
        frame: From `digitnet.learning_curve`.
        ax: Axes to draw into.
    """
    ax = axes_for(ax, 5.5, 3.4)
    means = frame.groupby("samples").mean()
    for name, style, colour in (("training", "--", BLUE), ("validation", "-", ORANGE)):
        ax.plot(frame["samples"], frame[name], "o", color=colour, alpha=0.5)
        ax.plot(means.index, means[name], style, color=colour, label=name)
    ax.set(xlabel="training samples", ylabel="accuracy")
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    return Display(ax.figure, ax, means)
