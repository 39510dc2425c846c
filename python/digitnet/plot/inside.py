"""Inside a network: feature maps and filters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from digitnet import features
from digitnet.plot.display import Display, axes_for

if TYPE_CHECKING:
    from digitnet.model import Model


def mosaic(maps: Any, columns: int, gap: int = 1) -> Any:
    """(n, H, W) maps tiled row by row with NaN between them."""
    n, height, width = maps.shape
    rows = -(-n // columns)
    out = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for i in range(n):
        y, x = divmod(i, columns)
        out[
            y * (height + gap) : y * (height + gap) + height,
            x * (width + gap) : x * (width + gap) + width,
        ] = maps[i]
    return out


def feature_maps(
    model: Model,
    image: Any,
    layers: Sequence[str] | None = None,
    ax: Any = None,
    *,
    most: int = 32,
    scale: str = "map",
    cmap: str = "viridis",
) -> Display:
    """What every layer makes of one image.

    Args:
        model: The model.
        image: One raw image, (H, W) or (C, H, W).
        layers: Layer names. Default: all but dropout.
        ax: Axes to draw into.
        most: Channels shown of a layer.
        scale: "map", each map from its least to its largest value; "layer", one scale for
            all maps of a layer; "standard", each map standardised, two deviations either way.
        cmap: Colours, by matplotlib's name.
    Returns:
        Display; its data are the activations by layer name.
    """
    if scale not in ("map", "layer", "standard"):
        raise ValueError(
            f"feature_maps.scale: expected map, layer or standard, got '{scale}'"
        )
    if layers is None:  # dropout does nothing to an answer
        rows = model.summary().rows
        layers = [row["layer"] for row in rows if row["kind"] != "dropout"]
    found = features.activations(model, np.asarray(image)[None], layers)
    shown = {name: _squeezed(value[0]) for name, value in found.items()}
    heights = [
        0.5 + 0.45 * math.ceil(min(most, len(v)) / 16) if v.ndim == 3 else 0.55
        for v in shown.values()
    ]
    ax = axes_for(ax, 8, sum(heights))
    ax.set_axis_off()
    top = 1.0
    for (name, value), height in zip(shown.items(), heights, strict=True):
        share = height / sum(heights)
        panel = ax.inset_axes((0.14, top - share * 0.92, 0.86, share * 0.84))
        top -= share
        _draw_layer(panel, name, value, most, scale, cmap)
    return Display(ax.figure, ax, found)


def _squeezed(value: Any) -> Any:
    """Maps of one pixel as a row of features."""
    return value[:, 0, 0] if value.ndim == 3 and value[0].size == 1 else value


def _scaled(maps: Any, scale: str) -> Any:
    axes: dict[str, Any] = {"axis": (1, 2), "keepdims": True}
    if scale == "map":
        low, high = maps.min(**axes), maps.max(**axes)
        return (maps - low) / np.maximum(high - low, 1e-12)
    if scale == "standard":
        spread = np.maximum(maps.std(**axes), 1e-12)
        return np.clip((maps - maps.mean(**axes)) / spread, -2, 2)
    return maps


def _draw_layer(
    panel: Any, name: str, value: Any, most: int, scale: str, cmap: str
) -> None:
    if value.ndim == 3:
        maps = _scaled(value[:most].astype(float), scale)
        panel.imshow(mosaic(maps, min(16, len(maps))), cmap=cmap)
    else:
        panel.imshow(value[None].astype(float), cmap=cmap, aspect="auto")
    panel.set_axis_off()
    size = "x".join(map(str, value.shape))
    panel.text(
        -0.02,
        0.5,
        f"{name}\n{size}",
        transform=panel.transAxes,
        fontsize=7,
        ha="right",
        va="center",
    )


def filters(model: Model, layer: str, ax: Any = None) -> Display:
    """A convolution's kernels for its first input channel; red adds, blue takes away."""
    kernels = features.filters(model, layer)
    columns = min(8, len(kernels))
    tiles = mosaic(kernels[:, 0].astype(float), columns)
    ax = axes_for(ax, 0.8 * columns + 1, 0.8 * -(-len(kernels) // columns) + 0.4)
    most = float(np.abs(kernels[:, 0]).max())
    shown = ax.imshow(tiles, cmap="RdBu_r", vmin=-most, vmax=most)
    ax.set_axis_off()
    ax.figure.colorbar(shown, ax=ax, shrink=0.8)
    ax.set_title(f"Filters of {layer}", fontsize=10)
    return Display(ax.figure, ax, kernels)
