"""The confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from digitnet.plot.display import Display, axes_for
from digitnet.plot.grids import sample_grid
from digitnet.report import Confusion

_COLUMNS = 10  # of the images of a cell


def confusion_matrix(
    confusion: Confusion,
    ax: Any = None,
    *,
    normalize: str | None = None,
    errors_only: bool = False,
) -> Display:
    """Counts of true (rows) against predicted classes (columns).

    In a window, or under ipympl in a notebook, a click on a cell shows its images.

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
    size = max(4.5, 0.5 * len(confusion.classes))
    ax = axes_for(ax, size + 0.8, size)
    # The square root brings out rare mistakes beside the large diagonal.
    colours = np.sqrt(shown / max(shown.max(), 1e-12))
    ax.imshow(colours, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(shown.shape):
        if shown[i, j] == 0:
            continue
        text = f"{shown[i, j]:.0f}" if normalize is None else f"{100 * shown[i, j]:.1f}"
        ax.text(
            j,
            i,
            text,
            ha="center",
            va="center",
            fontsize=8,
            color="white" if colours[i, j] > 0.6 else "black",
        )
    ticks = range(len(confusion.classes))
    rotated = max(map(len, confusion.classes)) > 3
    ax.set_xticks(
        ticks,
        confusion.classes,
        rotation=45 if rotated else 0,
        ha="right" if rotated else "center",
    )
    ax.set_yticks(ticks, confusion.classes)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    unit = "samples" if normalize is None else "%"
    ax.set_title(f"Confusion matrix ({unit}{', mistakes only' if errors_only else ''})")
    _show_cells_on_click(ax, confusion)
    frame = pd.DataFrame(shown, index=confusion.classes, columns=confusion.classes)
    return Display(ax.figure, ax, frame)


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
