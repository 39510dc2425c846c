"""Axes and colours that all plots share."""

from __future__ import annotations

from typing import Any

from digitnet._utils.figures import Display
from digitnet.plot.sheet import pixels_of, title_size

__all__ = [
    "BLUE",
    "CYCLE",
    "GREEN",
    "GREY",
    "ORANGE",
    "RED",
    "Display",
    "axes_for",
    "cells",
    "legend_for",
    "legend_label",
    "show_image",
]

# Okabe and Ito's palette: distinct for colour-blind readers too.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#7F7F7F"
CYCLE = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9", "#F0E442", "#000000")


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


def legend_label(name: object) -> str:
    """A label that `legend_for` shows as the name: matplotlib leaves out what begins with
    an underscore."""
    return f" {name}" if str(name).startswith("_") else str(name)


def legend_for(ax: Any, **options: Any) -> None:
    """A legend of everything in the axes that has a label."""
    for text in ax.legend(**options).get_texts():
        if text.get_text().startswith(" _"):
            text.set_text(text.get_text()[1:])


def show_image(ax: Any, image: Any, max_value: float, title: str = "") -> None:
    """One image, (H, W) or (C, H, W), without ticks."""
    ax.imshow(pixels_of(image, max_value), cmap="gray_r", vmin=0, vmax=1)
    ax.set_xticks([])
    ax.set_yticks([])
    if title:
        ax.set_title(title, fontsize=title_size(title), pad=2)
