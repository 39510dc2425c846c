"""Architecture diagrams: a network as boxes."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Sequence
from typing import Any

from digitnet.models.base import BaseModel
from digitnet.plot.display import BLUE, GREEN, GREY, ORANGE, Display, axes_for

# Layers that keep the shape, or only lay it out anew, are not drawn.
_LEFT_OUT = ("relu", "sigmoid", "tanh", "gelu", "softmax", "dropout", "flatten")
_COLOURS = {
    "conv": BLUE,
    "dense": GREEN,
    "max_pool": ORANGE,
    "average_pool": ORANGE,
    "adaptive_average_pool": ORANGE,
}


def architecture(
    model: BaseModel, ax: Any = None, *, frozen: str | Sequence[str] = ()
) -> Display:
    """Layers from left to right: the height is the map's side, the width its channels.

    Activations, dropout and flatten are left out; a dense layer is as high as its units
    are many.

    Args:
        model: The model.
        ax: Axes to draw into.
        frozen: Name patterns of layers that are drawn hatched, such as ``"block*"``.
    Returns:
        Display; its data are the rows of the summary that are drawn.
    """
    patterns = [frozen] if isinstance(frozen, str) else list(frozen)
    every = model.summary().rows
    rows = [row for row in every if row["kind"] not in _LEFT_OUT] or every
    ax = axes_for(ax, max(4.0, 0.55 * len(rows)), 3.6)
    side = max((r["output"][1] for r in rows if len(r["output"]) == 3), default=1)
    left = 0.0
    kinds: dict[str, Any] = {}
    for row in rows:
        shape = row["output"]
        wide = 0.25 + 0.11 * math.log2(shape[0]) if len(shape) == 3 else 0.35
        part = shape[1] / side if len(shape) == 3 else math.log2(shape[0] + 1) / 13
        tall = max(0.06, part)
        still = any(fnmatch.fnmatchcase(row["layer"], p) for p in patterns)
        colour = _COLOURS.get(row["kind"], GREY)
        box = ax.bar(
            left + wide / 2,
            tall,
            wide,
            bottom=-tall / 2,
            color=colour,
            alpha=0.45 if still else 0.9,
            hatch="///" if still else None,
            edgecolor="white",
        )
        kinds.setdefault(f"{row['kind']}{', frozen' if still else ''}", box)
        label = f"{row['layer']}  {'x'.join(map(str, shape))}"
        ax.text(
            left + wide / 2,
            -0.56,
            label,
            rotation=90,
            ha="center",
            va="top",
            fontsize=7,
        )
        left += wide + 0.18
    ax.set(xlim=(-0.2, left), ylim=(-1.55, 0.85), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    names = [name.replace("_", " ") for name in kinds]
    ax.legend(kinds.values(), names, fontsize=7, ncols=len(names), loc="upper right")
    ax.set_title(f"{model.name}: {model.count_params():,} parameters", fontsize=10)
    return Display(ax.figure, ax, rows)
