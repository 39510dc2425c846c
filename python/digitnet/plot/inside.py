"""Inside a network: feature maps, filters, weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np

from digitnet import features
from digitnet._utils.arrays import as_images, as_whole
from digitnet._utils.deprecation import renamed_arguments
from digitnet._utils.registry import check_name
from digitnet.models.base import BaseModel
from digitnet.plot.display import (
    CYCLE,
    Display,
    axes_for,
    cells,
    legend_for,
    legend_label,
)
from digitnet.plot.sheet import pixels_of

INPUT_HEIGHT = 0.95  # inches of the image above its maps


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


@renamed_arguments(most="max_channels")
def feature_maps(
    model: BaseModel,
    image: Any,
    layers: Sequence[str] | None = None,
    ax: Any = None,
    *,
    max_channels: int = 32,
    scale: str = "map",
    cmap: str = "viridis",
    show_input: bool = True,
) -> Display:
    """What every layer makes of one image, below the image itself.

    Args:
        model: The model.
        image: One raw image, (H, W) or (C, H, W).
        layers: Layer names. Default: all but dropout.
        ax: Axes to draw into.
        max_channels: Channels shown of a layer.
        scale: "map", each map from its minimum to its maximum; "layer", one scale for
            all maps of a layer; "standard", each map standardised, two deviations either way.
        cmap: Colours of the maps, by matplotlib's name.
        show_input: Whether the image stands above its maps, as the network is given it.
    Returns:
        Display; its data are the activations by layer name.
    """
    if scale not in ("map", "layer", "standard"):
        raise ValueError(
            f"feature_maps.scale: expected map, layer or standard, got '{scale}'"
        )
    if layers is None:  # dropout does nothing to a prediction
        rows = model.summary().rows
        layers = [row["layer"] for row in rows if row["kind"] != "dropout"]
    max_channels = as_whole(max_channels, "feature_maps.max_channels", 1)
    images = as_images([image], "feature_maps.image")
    activations = features.activations(model, images, layers)
    shown = {name: _squeezed(value[0]) for name, value in activations.items()}
    heights = [
        0.5 + 0.45 * math.ceil(min(max_channels, len(v)) / 16) if v.ndim == 3 else 0.55
        for v in shown.values()
    ]
    total = sum(heights) + (INPUT_HEIGHT if show_input else 0)
    ax = axes_for(ax, 8, total)
    ax.set_axis_off()
    top = 1.0
    if show_input:
        fraction = INPUT_HEIGHT / total
        panel = ax.inset_axes((0.14, top - fraction * 0.94, 0.86, fraction * 0.9))
        top -= fraction
        _draw_input(panel, model, images[0])
    for (name, value), height in zip(shown.items(), heights, strict=True):
        fraction = height / total
        panel = ax.inset_axes((0.14, top - fraction * 0.92, 0.86, fraction * 0.84))
        top -= fraction
        _draw_layer(panel, name, value, max_channels, scale, cmap)
    return Display(ax.figure, ax, activations)


def _squeezed(value: Any) -> Any:
    """Maps of one pixel as a row of features."""
    return value[:, 0, 0] if value.ndim == 3 and value[0].size == 1 else value


def _scaled(maps: Any, scale: str) -> Any:
    axes: dict[str, Any] = {"axis": (1, 2), "keepdims": True}
    if scale == "map":
        low, high = maps.min(**axes), maps.max(**axes)
        return (maps - low) / np.maximum(high - low, 1e-12)
    if scale == "standard":
        std = np.maximum(maps.std(**axes), 1e-12)
        return np.clip((maps - maps.mean(**axes)) / std, -2, 2)
    return maps


def _draw_input(panel: Any, model: BaseModel, image: Any) -> None:
    """The raw image; large values are light, as in the maps below."""
    limit = model.max_value or max(float(image.max()), 1e-12)
    panel.imshow(pixels_of(image, limit), cmap="gray", vmin=0, vmax=1)
    panel.set_axis_off()
    panel.set_anchor("W")  # the row begins where those below do
    shape = image.shape[1:] if len(image) == 1 else image.shape
    _name_row(panel, "input", shape)


def _name_row(panel: Any, name: str, shape: Sequence[int]) -> None:
    """Name and size, left of the panel."""
    size = "x".join(map(str, shape))
    panel.text(
        -0.02,
        0.5,
        f"{name}\n{size}",
        transform=panel.transAxes,
        fontsize=7,
        ha="right",
        va="center",
    )


def _draw_layer(
    panel: Any, name: str, value: Any, max_channels: int, scale: str, cmap: str
) -> None:
    if value.ndim == 3:
        maps = _scaled(value[:max_channels].astype(float), scale)
        panel.imshow(mosaic(maps, min(16, len(maps))), cmap=cmap)
    else:
        panel.imshow(value[None].astype(float), cmap=cmap, aspect="auto")
    panel.set_axis_off()
    _name_row(panel, name, value.shape)


def _several(
    model: BaseModel | Mapping[str, BaseModel], where: str
) -> Mapping[str, BaseModel]:
    """Models by name, also of one alone."""
    models = model if isinstance(model, Mapping) else {"": model}
    if not models:
        raise ValueError(f"{where}: expected at least one model, got none")
    return models


def filters(
    model: BaseModel | Mapping[str, BaseModel],
    layer: str,
    ax: Any = None,
    *,
    max_filters: int | None = None,
) -> Display:
    """A layer's kernels for its first input channel; red adds, blue takes away.

    Args:
        model: One model, or several by name, side by side with the same colours.
        layer: A convolution, or a dense layer that is the first to see the image.
        ax: Axes to draw into.
        max_filters: How many are drawn, the first ones. Default: all.
    Returns:
        Display; its data are the kernels (of each model by name).
    Raises:
        ValueError: a layer without filters.
    """
    models = _several(model, "filters")
    if max_filters is not None:
        max_filters = as_whole(max_filters, "filters.max_filters", 1)
    kernels = {
        name: features.filters(one, layer)[:max_filters] for name, one in models.items()
    }
    count = max(map(len, kernels.values()))
    columns = min(8, count)
    rows = -(-count // columns)
    outer = axes_for(ax, 0.6 * columns * len(models) + 1, 0.6 * rows + 0.5)
    outer.set_axis_off()
    limit = max(float(np.abs(k[:, 0]).max()) for k in kernels.values())
    wide = 0.94 / len(models)
    for i, (name, kernel) in enumerate(kernels.items()):
        panel = outer.inset_axes((i * wide, 0, wide * 0.96, 0.94))
        tiles = mosaic(kernel[:, 0].astype(float), columns)
        shown = panel.imshow(tiles, cmap="RdBu_r", vmin=-limit, vmax=limit)
        panel.set_axis_off()
        panel.set_title(name, fontsize=9)
    bar = outer.inset_axes((0.95, 0.1, 0.02, 0.7))
    outer.figure.colorbar(shown, cax=bar)
    outer.set_title(f"Filters of {layer}", fontsize=10)
    data = kernels if isinstance(model, Mapping) else kernels[""]
    return Display(outer.figure, outer, data)


def weight_histograms(
    models: BaseModel | Mapping[str, BaseModel],
    layers: Sequence[str] | None = None,
    ax: Any = None,
    *,
    bins: int = 60,
) -> Display:
    """Histograms of the weights of each layer, a panel a layer, a line a model.

    Args:
        models: One model, or several by name.
        layers: Names of layers with weights. Default: all convolutions and dense layers.
        ax: Axes to draw into.
        bins: Number of bins.
    Returns:
        Display; its data are (counts, edges) by layer and model.
    Raises:
        ValueError: a layer without weights; lists those with.
    """
    named = _several(models, "weight_histograms")
    states = {name: model.state_dict() for name, model in named.items()}
    with_weights = [
        name.removesuffix(".weight")
        for name, value in next(iter(states.values())).items()
        if name.endswith(".weight") and value.ndim > 1
    ]
    chosen = with_weights if layers is None else list(layers)
    for layer in chosen:
        check_name("weights", layer, with_weights)
    if not chosen:
        raise ValueError("weight_histograms.layers: expected at least one, got none")
    columns = min(3, len(chosen))
    rows = -(-len(chosen) // columns)
    outer = axes_for(ax, 2.8 * columns, 1.9 * rows)
    data: dict[tuple[str, str], Any] = {}
    for panel, layer in zip(cells(outer, rows, columns), chosen, strict=False):
        weights = {name: s[f"{layer}.weight"].ravel() for name, s in states.items()}
        edges = np.histogram_bin_edges(np.concatenate([*weights.values()]), bins)
        for (name, values), colour in zip(weights.items(), cycle(CYCLE), strict=False):
            counts = np.histogram(values, edges)[0]
            data[layer, name] = counts, edges
            panel.stairs(
                np.maximum(counts, 0.5), edges, color=colour, label=legend_label(name)
            )
        panel.set_yscale("log")
        panel.tick_params(labelsize=6)
        panel.text(0.03, 0.9, layer, transform=panel.transAxes, fontsize=8)
    if len(named) > 1:
        legend_for(outer.child_axes[0], fontsize=6, loc="upper right")
    for unused in outer.child_axes[len(chosen) :]:
        unused.set_axis_off()
    outer.set_title("Weights of each layer (counts, logarithmic)", fontsize=10)
    return Display(outer.figure, outer, data)
