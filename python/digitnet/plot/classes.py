"""Classes along an axis and in a legend: by name as far as names can be read.

Time and memory of a figure grow with its texts; a hundred names of classes in a figure
are seen by nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from digitnet._utils.text import shortened
from digitnet.plot.display import legend_label

MAX_NAMED = 60  # along an axis
MAX_COLOURED = 26  # in a legend
_MAX_LETTERS = 24


def short(name: str) -> str:
    """A name as an axis has room for it."""
    return name if len(name) <= _MAX_LETTERS else shortened(name, _MAX_LETTERS)


def label_of(name: str) -> str:
    """The same for a legend."""
    return legend_label(short(name))


def class_ticks(
    axis: Any, names: Sequence[str], *, rotation: float = 0, most: int = MAX_NAMED
) -> bool:
    """Ticks with the names of classes, or the numbers of some if there are too many.

    Args:
        axis: `ax.xaxis` or `ax.yaxis`.
        names: Of the classes, at 0, 1, ...
        rotation: Degrees, where a name is longer than three letters.
        most: Up to how many are named.
    Returns:
        Whether they are named.
    """
    from matplotlib.ticker import MaxNLocator

    if len(names) > most:
        axis.set_major_locator(MaxNLocator("auto", integer=True))
        return False
    shown = [short(name) for name in names]
    axis.set_ticks(range(len(shown)), shown)
    if rotation and max(map(len, shown)) > 3:
        for label in axis.get_ticklabels():
            label.set(rotation=rotation, ha="right")
    return True


def left_out(count: int, what: str = "names") -> str:
    """What a title says where there are too many classes to name."""
    return f"{count:,} classes, without {what}"
