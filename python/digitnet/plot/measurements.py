"""Measurements side by side: bars, heat maps, lines, points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from digitnet._utils.deprecation import renamed_arguments
from digitnet.data.dataset import Dataset
from digitnet.data.picture_files import read_picture
from digitnet.models.base import BaseModel
from digitnet.plot.classes import MAX_COLOURED, class_ticks, left_out, short
from digitnet.plot.display import BLUE, GREY, ORANGE, Display, axes_for, show_image
from digitnet.train.history import History

if TYPE_CHECKING:
    import pandas as pd


@renamed_arguments(spread="std")
def comparison(values: pd.Series, ax: Any = None, *, std: Any = None) -> Display:
    """One bar a name, the best in orange; the axis begins near the lowest value.

    Args:
        values: By name; its own name becomes the axis label.
        ax: Axes to draw into.
        std: Standard deviations, as error bars.
    """
    ax = axes_for(ax, 6, 0.35 * len(values) + 1)
    best = int(np.argmax(values))
    colours = [ORANGE if i == best else BLUE for i in range(len(values))]
    ax.barh(range(len(values)), values, xerr=std, color=colours, height=0.7)
    ax.set_yticks(range(len(values)), [str(name) for name in values.index])
    ax.invert_yaxis()
    low, high = float(values.min()), float(values.max())
    room = max(high - low, 0.002)
    ax.set_xlim(max(0.0, low - 0.5 * room), high + 0.3 * room)
    for i, value in enumerate(values):
        ax.text(value, i, f" {value:.4f}", va="center", fontsize=8)
    ax.set_xlabel(str(values.name or ""))
    ax.spines[["top", "right"]].set_visible(False)
    return Display(ax.figure, ax, values)


def class_counts(data: Dataset, ax: Any = None) -> Display:
    """How many samples each class has, as bars."""
    import pandas as pd

    counts = data.class_counts()
    ax = axes_for(ax, 6, 3.2)
    named = class_ticks(ax.xaxis, data.classes, rotation=30, most=MAX_COLOURED)
    if named:
        ax.bar_label(ax.bar(range(len(counts)), counts, color=BLUE), fontsize=8)
    else:
        ax.stairs(counts, np.arange(len(counts) + 1) - 0.5, fill=True, color=BLUE)
        ax.set_xlabel(left_out(len(counts)))
    ax.set_ylabel("samples")
    ax.set_title(f"Class counts of {data.name}")
    ax.margins(y=0.12)
    return Display(ax.figure, ax, pd.Series(counts, index=data.classes, name="samples"))


def heat_map(grid: pd.DataFrame, label: str = "", ax: Any = None) -> Display:
    """A table of numbers as colours, each number written in its cell."""
    ax = axes_for(ax, 1.1 * grid.shape[1] + 2, 0.6 * grid.shape[0] + 1.4)
    values = grid.to_numpy(dtype=float)
    shown = ax.imshow(values, cmap="viridis", aspect="auto")
    names = [str(c) for c in grid.columns]
    tilt: dict[str, Any] = {"rotation": 25, "ha": "right"}
    long = max(map(len, names)) > 12
    ax.set_xticks(range(grid.shape[1]), names, **tilt if long else {})
    ax.set_yticks(range(grid.shape[0]), [str(i) for i in grid.index])
    ax.set(xlabel=grid.columns.name or "", ylabel=grid.index.name or "")
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "black" if value > middle else "white"
            ax.text(j, i, f"{value:.4g}", ha="center", va="center", color=colour)
    ax.figure.colorbar(shown, ax=ax, label=label)
    return Display(ax.figure, ax, grid)


def against_time(
    history: History, metric: str = "val_accuracy", ax: Any = None
) -> Display:
    """A column of a History against the seconds of training; its best epoch is marked."""
    seconds = np.cumsum(history["seconds"])
    values = np.asarray(history[metric])
    ax = axes_for(ax, 5.5, 3.4)
    best = int(values.argmin() if metric.endswith("loss") else values.argmax())
    ax.plot(seconds, values, color=BLUE)
    ax.plot(seconds[best], values[best], "o", color=ORANGE)
    ax.annotate(
        f"epoch {best + 1}: {values[best]:.4g}",
        (seconds[best], values[best]),
        textcoords="offset points",
        xytext=(0, 7),
        ha="center",
        fontsize=8,
    )
    ax.set(xlabel="seconds of training", ylabel=metric)
    ax.margins(y=0.15)
    ax.grid(alpha=0.3)
    return Display(ax.figure, ax, np.stack([seconds, values], 1))


def drawing(picture: Any, image: Any, model: BaseModel, ax: Any = None) -> Display:
    """A picture file, the image that the model is given, and its prediction.

    Args:
        picture: A file's path, or an array.
        image: The image as the model takes it, from `digitnet.models.pictures.prepare`.
        model: The model.
        ax: Axes to draw into.
    """
    pixels = (
        picture
        if isinstance(picture, np.ndarray)
        else read_picture(picture, colour=True)
    )
    ax = axes_for(ax, 7, 2.4)
    ax.set_axis_off()
    left, middle, right = (
        ax.inset_axes(bounds)
        for bounds in ((0, 0, 0.27, 0.9), (0.31, 0, 0.27, 0.9), (0.66, 0.1, 0.34, 0.75))
    )
    show_image(left, pixels, 255, "the file")
    show_image(middle, image, model.max_value or 255, "what the model sees")
    probabilities = model.predict_proba(image)[0]
    best = int(probabilities.argmax())
    colours = [ORANGE if k == best else BLUE for k in range(len(probabilities))]
    right.bar(range(len(probabilities)), probabilities, color=colours)
    if not class_ticks(right.xaxis, model.classes, most=MAX_COLOURED):
        right.set_xlabel(left_out(len(probabilities)), fontsize=7)
    right.tick_params(axis="x", labelsize=7)
    right.set(ylim=(0, 1))
    right.set_title(
        f"{short(model.classes[best])} ({probabilities[best]:.0%})", fontsize=9
    )
    return Display(ax.figure, ax, probabilities)


def sensitivity(
    frame: pd.DataFrame, by: str, x: str, y: str, ax: Any = None
) -> Display:
    """A small panel for each value of a column: how `y` changes with `x`.

    Args:
        frame: One row a measurement.
        by: The column that divides into panels.
        x, y: Columns.
        ax: Axes to draw into.
    """
    groups = list(frame.groupby(by, sort=False))
    columns = min(4, len(groups))
    rows = -(-len(groups) // columns)
    outer = axes_for(ax, 2.6 * columns, 2.2 * rows + 0.2)
    outer.set_axis_off()
    low, high = frame[y].min(), frame[y].max()
    room = 0.08 * max(high - low, 1e-3)
    for i, (name, part) in enumerate(groups):
        row, column = divmod(i, columns)
        bounds = (
            (column + 0.22) / columns,
            1 - (row + 0.8) / rows,
            0.74 / columns,
            0.62 / rows,
        )
        panel = outer.inset_axes(bounds)
        panel.plot(range(len(part)), part[y], "o-", color=BLUE, markersize=4)
        best = int(np.argmax(part[y]))
        panel.plot(best, part[y].iloc[best], "o", color=ORANGE)
        panel.set_xticks(range(len(part)), [f"{v:g}" for v in part[x]], fontsize=7)
        panel.tick_params(axis="y", labelsize=7)
        panel.set_ylim(low - room, high + room)
        panel.set_title(str(name).replace("_", " "), fontsize=9)
        panel.grid(alpha=0.3)
        if column == 0:
            panel.set_ylabel(y, fontsize=8)
    return Display(outer.figure, outer, frame)


def distribution(scores: pd.DataFrame, label: str = "", ax: Any = None) -> Display:
    """A row a column: every value a point, their mean a line, paired values joined.

    Args:
        scores: One column a variant, one row a seed.
        label: Label of the axis.
        ax: Axes to draw into.
    """
    ax = axes_for(ax, 6, 0.45 * scores.shape[1] + 1)
    places = np.arange(scores.shape[1])
    for _, row in scores.iterrows():
        ax.plot(row, places, "-", color=GREY, alpha=0.4, linewidth=0.8)
    means = scores.mean().to_numpy(dtype=float)
    best = int(means.argmax())
    for place, name in enumerate(scores):
        colour = ORANGE if place == best else BLUE
        ax.plot(scores[name], np.full(len(scores), place), "o", color=colour, alpha=0.6)
        ax.vlines(means[place], place - 0.3, place + 0.3, color=colour, linewidth=2.5)
    ax.set_yticks(places, [str(name) for name in scores])
    ax.invert_yaxis()
    ax.set_xlabel(label)
    ax.locator_params(axis="x", nbins=5)  # numbers of four digits stay apart
    ax.grid(axis="x", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    return Display(ax.figure, ax, scores)


def parallel(frame: pd.DataFrame, ax: Any = None) -> Display:
    """Every row a line through its columns, coloured by the last one; the best is orange.

    Args:
        frame: Numbers or text; the last column, of numbers, says how good a row is.
        ax: Axes to draw into.
    """
    import matplotlib as mpl
    import pandas as pd

    ax = axes_for(ax, 1.6 * frame.shape[1] + 1, 3.6)
    places = np.arange(frame.shape[1])
    heights = {}
    for name, column in frame.items():
        numbers = pd.api.types.is_numeric_dtype(column)
        values = sorted(column.unique())
        at = column.astype(float) if numbers else column.map(values.index).astype(float)
        low, high = float(at.min()), float(at.max())
        log = numbers and low > 0 and high / low > 50
        scaled = np.log(at / low) if log else at - low
        heights[name] = np.asarray(scaled / (float(np.max(scaled)) or 1.0))
        ends = (
            [f"{v:.3g}" for v in (low, high)]
            if numbers
            else [str(values[0]), str(values[-1])]
        )
        place = len(heights) - 1
        ax.axvline(place, color=GREY, linewidth=0.8)
        ax.annotate(ends[0], (place, 0), (0, -11), **_BESIDE)
        ax.annotate(ends[1], (place, 1), (0, 4), **_BESIDE)
    lines = np.array(list(heights.values())).T
    last = frame.iloc[:, -1].to_numpy(dtype=float)
    colours = mpl.colormaps["Blues"](0.25 + 0.6 * lines[:, -1])
    for i in np.argsort(last, kind="stable"):
        ax.plot(places, lines[i], color=colours[i], alpha=0.8)
    if len(last):
        ax.plot(places, lines[int(last.argmax())], color=ORANGE, linewidth=2.5)
    ax.set_xticks(places, [str(name) for name in frame])
    ax.tick_params(axis="x", length=0, pad=14)
    ax.set(yticks=[], ylim=(-0.04, 1.06))
    ax.spines[:].set_visible(False)
    return Display(ax.figure, ax, frame)


_BESIDE: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "fontsize": 8}
