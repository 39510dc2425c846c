"""Class counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digitnet.plot.display import BLUE, Display, axes_for

if TYPE_CHECKING:
    from digitnet.data import Dataset


def class_counts(data: Dataset, ax: Any = None) -> Display:
    """How many samples each class has, as bars."""
    import pandas as pd

    counts = data.class_counts()
    ax = axes_for(ax, 6, 3.2)
    bars = ax.bar(range(len(counts)), counts, color=BLUE)
    ax.bar_label(bars, fontsize=8)
    rotated = max(map(len, data.classes)) > 3
    ax.set_xticks(
        range(len(counts)),
        data.classes,
        rotation=30 if rotated else 0,
        ha="right" if rotated else "center",
    )
    ax.set_ylabel("samples")
    ax.set_title(f"Class counts of {data.name}")
    ax.margins(y=0.12)
    return Display(ax.figure, ax, pd.Series(counts, index=data.classes, name="samples"))
