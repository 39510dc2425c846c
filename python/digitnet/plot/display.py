"""What every plot returns, and how axes are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Okabe and Ito's palette: distinct for colour-blind readers too.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#7F7F7F"
CYCLE = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9", "#F0E442", "#000000")


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

    def save(self, path: Any, **options: Any) -> None:
        """Write the figure to a file; the format goes by the suffix."""
        self.figure.savefig(path, **{"dpi": 120, "bbox_inches": "tight", **options})

    def close(self) -> None:
        """Forget the figure, so that a notebook does not show it."""
        import matplotlib.pyplot as plt

        plt.close(self.figure)

    def __repr__(self) -> str:
        return "Display(figure, axes, data)"


def axes_for(ax: Any, width: float, height: float) -> Any:
    """`ax`, or the axes of a new figure of so many inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def cells(ax: Any, rows: int, columns: int) -> list[Any]:
    """Divide axes into a grid of small plots, row by row."""
    ax.set_axis_off()
    gap = 0.06
    wide, tall = 1 / columns, 1 / rows
    return [
        ax.inset_axes(
            (
                (column + gap / 2) * wide,
                1 - (row + 1 - gap / 2) * tall,
                wide * (1 - gap),
                tall * (1 - gap),
            )
        )
        for row in range(rows)
        for column in range(columns)
    ]


def show_image(ax: Any, image: Any, max_value: float, title: str = "") -> None:
    """One image, (H, W) or (C, H, W), without ticks."""
    from digitnet.plot.sheet import pixels_of, title_size

    ax.imshow(pixels_of(image, max_value), cmap="gray_r", vmin=0, vmax=1)
    ax.set_xticks([])
    ax.set_yticks([])
    if title:
        ax.set_title(title, fontsize=title_size(title), pad=2)
