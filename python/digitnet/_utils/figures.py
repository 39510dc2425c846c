"""Figures: what every plot returns, and the hook by which results draw themselves.

Results know that they can be drawn, not how: `draw` looks up what `digitnet.plot` registered
for their class in `plot/results.py`, which is imported when something is drawn first.
"""

from __future__ import annotations

import functools
import importlib
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digitnet._utils.files import write_whole

_TEX = re.compile(r"[$#%&~_^{}\\]")  # what means something to TeX


@dataclass
class Display:
    """A drawn plot.

    Attributes:
        figure: The matplotlib Figure.
        axes: The axes drawn into, one or a list.
        data: The numbers behind the drawing, usually a DataFrame.
    """

    figure: Any
    axes: Any
    data: Any

    def __post_init__(self) -> None:
        for axes in self.axes if isinstance(self.axes, list | tuple) else [self.axes]:
            _take_as_it_is(axes)
            for child in axes.get_children():
                if getattr(child, "colorbar", None) is not None:
                    _take_as_it_is(child.colorbar.ax)

    def save(self, path: Any, **options: Any) -> None:
        """Write the figure to a file, whole or not at all; the format goes by the suffix."""
        options = {"dpi": 120, "bbox_inches": "tight", **options}
        if hasattr(path, "write"):
            self.figure.savefig(path, **options)
            return
        path, buffer = Path(path), io.BytesIO()
        if not path.suffix:  # as matplotlib does
            path = path.with_name(f"{path.name}.{options.get('format', 'png')}")
        self.figure.savefig(buffer, **{"format": path.suffix[1:], **options})
        write_whole(path, buffer.getvalue())

    def png(self, **options: Any) -> bytes:
        """The figure as a PNG file's bytes."""
        buffer = io.BytesIO()
        self.save(buffer, format="png", **options)
        return buffer.getvalue()

    def close(self) -> None:
        """Forget the figure, so that a notebook does not show it."""
        import matplotlib.pyplot as plt

        plt.close(self.figure)

    def __repr__(self) -> str:
        return "Display(figure, axes, data)"


def _take_as_it_is(axes: Any) -> None:
    """No dollar sign in the axes' texts begins a formula: they are of names, which may
    have any letters. What has none is left as it is, for formulas to come."""
    from matplotlib.axis import Axis
    from matplotlib.text import Text
    from matplotlib.ticker import FixedFormatter, FuncFormatter

    numbers: set[Any] = set()  # of axes, which matplotlib itself writes as formulas
    for axis in axes.findobj(Axis):
        if not isinstance(axis.get_major_formatter(), FixedFormatter | FuncFormatter):
            numbers.update(axis.findobj(Text))
    numbers -= {axis.label for axis in axes.findobj(Axis)}
    for text in axes.findobj(Text):
        if text in numbers:
            continue
        if "$" in text.get_text():
            text.set_parse_math(False)
        if text.get_usetex() and _TEX.search(text.get_text()):
            text.set_usetex(False)


@functools.singledispatch
def draw(result: Any, ax: Any = None, **options: Any) -> Display:
    """Draw a result in the way registered for its class.

    Args:
        result: A History, Confusion, Comparison, ...
        ax: Axes to draw into. Default: those of a new figure.
        **options: Options of the plot function that is registered.
    Raises:
        TypeError: a class that nothing is registered for.
    """
    importlib.import_module("digitnet.plot")  # registers, if it was not imported yet
    registered = draw.dispatch(type(result))
    if registered is draw.dispatch(object):
        name = type(result).__name__
        raise TypeError(f"draw: expected a result that digitnet.plot draws, got {name}")
    return registered(result, ax=ax, **options)
