"""The confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from digitnet.plot.classes import MAX_NAMED, class_ticks, left_out
from digitnet.plot.display import Display, axes_for
from digitnet.plot.grids import sample_grid
from digitnet.report import Confusion

_COLUMNS = 10  # of the images of a cell
_MAX_NUMBERED = 40  # classes whose cells have a number each
_UNNAMED_INCHES = 8.0


def confusion_matrix(
    confusion: Confusion,
    ax: Any = None,
    *,
    normalize: str | None = None,
    errors_only: bool = False,
) -> Display:
    """Counts of true (rows) against predicted classes (columns).

    In a window, or under ipympl in a notebook, a click on a cell shows its images. Of
    more than 40 classes the numbers are left out, of more than 60 the names.

    Args:
        confusion: `report.confusion`.
        ax: Axes to draw into.
        normalize: None for counts, "true" or "pred" for shares of a row or column, "all".
        errors_only: Leave the diagonal out, so that the colours show the mistakes.
    Raises:
        ValueError: normalize is none of these.
    """
    import pandas as pd

    counts = confusion.matrix.astype(float)
    sums = {
        None: 1.0,
        "true": counts.sum(1, keepdims=True),
        "pred": counts.sum(0),
        "all": counts.sum(),
    }
    if normalize not in sums:
        raise ValueError(
            f"normalize: expected None, 'true', 'pred' or 'all', got '{normalize}'"
        )
    shown = counts / np.maximum(sums[normalize], 1)
    if errors_only:
        np.fill_diagonal(shown, 0)
    count = len(confusion.classes)
    size = max(4.5, 0.5 * count)
    if count > _MAX_NUMBERED:
        size = 0.25 * count if count <= MAX_NAMED else _UNNAMED_INCHES
    ax = axes_for(ax, size + 0.8, size)
    # The square root brings out rare mistakes beside the large diagonal.
    colours = np.sqrt(shown / max(shown.max(), 1e-12))
    ax.imshow(colours, cmap="Blues", vmin=0, vmax=1)
    if count <= _MAX_NUMBERED:
        _write_numbers(ax, shown, colours, 1 if normalize is None else 100)
    class_ticks(ax.xaxis, confusion.classes, rotation=45)
    named = class_ticks(ax.yaxis, confusion.classes)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    unit = "samples" if normalize is None else "%"
    unit += ", mistakes only" if errors_only else ""
    if count > _MAX_NUMBERED:
        unit += f"; {left_out(count, 'numbers' if named else 'names and numbers')}"
    ax.set_title(f"Confusion matrix ({unit})")
    _show_cells_on_click(ax, confusion)
    frame = pd.DataFrame(shown, index=confusion.classes, columns=confusion.classes)
    return Display(ax.figure, ax, frame)


def _write_numbers(ax: Any, shown: Any, colours: Any, factor: int) -> None:
    for i, j in zip(*np.nonzero(shown), strict=True):
        ax.text(
            j,
            i,
            f"{shown[i, j]:.0f}" if factor == 1 else f"{factor * shown[i, j]:.1f}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if colours[i, j] > 0.6 else "black",
        )


def _show_cells_on_click(ax: Any, confusion: Confusion) -> None:
    def clicked(event: Any) -> None:
        if event.inaxes is not ax or confusion.data is None:
            return
        true, predicted = round(event.ydata), round(event.xdata)
        images = confusion[true, predicted]
        if not len(images):
            return
        rows = min(5, -(-len(images) // _COLUMNS))
        display = sample_grid(images, rows, _COLUMNS, title=images.name)
        display.figure.show()

    # Figures without a window never send the event.
    ax.figure.canvas.mpl_connect("button_press_event", clicked)
