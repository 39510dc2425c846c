"""How the operations of a network work, each drawn from what digitnet computes itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet import features
from digitnet._utils.arrays import as_array, as_whole
from digitnet._utils.registry import check_name
from digitnet.data.dataset import Dataset
from digitnet.layers import AveragePool, Dense, Flatten, MaxPool
from digitnet.models.base import BaseModel
from digitnet.models.model import Model
from digitnet.plot.display import (
    BLUE,
    CYCLE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    Display,
    axes_for,
    cells,
    show_image,
)
from digitnet.report import Report

_MAX_NUMBERS = 8  # sides up to which pixels are written as numbers
_SHOWN_CHANNELS = 6
_ACTIVATIONS = (
    "gelu",
    "relu",
    "relu6",
    "sigmoid",
    "softmax",
    "tanh",
)  # kinds of layers


def neuron(
    model: BaseModel,
    image: Any,
    layer: str = "dense1",
    unit: int = 0,
    ax: Any = None,
) -> Display:
    """What one unit of a first dense layer does: pixels times weights, their sum, its output.

    Args:
        model: The model.
        image: One raw image.
        layer: A dense layer that is the first to see the image.
        unit: Which of its units.
        ax: Axes to draw into.
    Returns:
        Display; its data are a dict: the sum with the bias, and the output of the
        activation behind it, which is the sum if there is none.
    Raises:
        ValueError: the layer has no weights of the image's size, or no such unit.
    """
    weights = features.filters(model, layer)
    if not isinstance(unit, int | np.integer) or not 0 <= unit < len(weights):
        raise ValueError(f"neuron.unit: expected 0 to {len(weights) - 1}, got {unit!r}")
    unit = int(unit)
    prepared = model.preprocessed(image)
    if len(prepared) != 1:
        raise ValueError(f"neuron.image: expected one image, got {len(prepared)}")
    pixels = prepared[0]
    if weights[unit].shape != pixels.shape:
        raise ValueError(
            f"neuron.layer: expected weights of shape {pixels.shape}, got "
            f"{weights[unit].shape} of '{layer}'; name the first dense layer"
        )
    values = model.activations(image)
    behind = _activation_behind(model, layer)
    total = float(values[layer][0, unit])
    output = float(values[behind].reshape(1, -1)[0, unit])
    products = (weights[unit] * pixels).sum(0)
    ax = axes_for(ax, 9, 2.5)
    panels = cells(ax, 1, 4)
    limit = float(np.abs(weights[unit]).max()) or 1.0
    shown = pixels if len(pixels) == 3 else pixels[0]
    show_image(panels[0], shown, 1, "input")
    signed = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    for panel, part, title in (
        (panels[1], weights[unit].sum(0), f"times the weights of unit {unit}"),
        (panels[2], products, "products: red adds, blue takes away"),
    ):
        panel.imshow(part, **signed)
        panel.set(xticks=[], yticks=[])
        panel.set_title(title, fontsize=8, pad=2)
    bias = total - float(products.sum())
    lines = (
        f"sum of products  {products.sum():+.2f}",
        f"plus bias  {bias:+.2f}",
        f"= {total:+.2f}",
        f"behind {behind.rstrip('0123456789_')}:  {output:.3f}",
    )
    panels[3].set_axis_off()
    panels[3].text(0, 0.5, "\n\n".join(lines), va="center", fontsize=9)
    return Display(ax.figure, ax, {"sum": total, "output": output})


def _activation_behind(model: BaseModel, layer: str) -> str:
    """The next layer if it is an activation, else the layer itself."""
    rows = model.summary().rows
    at = next(i for i, row in enumerate(rows) if row["layer"] == layer)
    following = rows[at + 1 : at + 2]
    return next((r["layer"] for r in following if r["kind"] in _ACTIVATIONS), layer)


def pooling(image: Any, size: int = 2, ax: Any = None) -> Display:
    """An image, and what max and average pooling leave of it; small ones as numbers.

    Args:
        image: One image (H, W), each side a multiple of `size`.
        size: Side of the windows.
        ax: Axes to draw into; divided in three.
    Returns:
        Display; its data are a dict of the two pooled images.
    Raises:
        ValueError: another shape; pixels that are not from 0 to 255.
    """
    size = as_whole(size, "pooling.size", 1, 64)
    values = as_array(image, "pooling.image").astype(np.float32)
    if values.ndim != 2 or any(side % size or not side for side in values.shape):
        raise ValueError(
            f"pooling.image: expected (H, W), multiples of {size}, got {values.shape}"
        )
    pooled = {
        "max": _through(MaxPool(size), values),
        "average": _through(AveragePool(size), values),
    }
    ax = axes_for(ax, 8.4, 2.9)
    panels = cells(ax, 1, 3)
    named = [
        ("image", values),
        *((f"{n} of {size}x{size}", v) for n, v in pooled.items()),
    ]
    for panel, (name, shown) in zip(panels, named, strict=True):
        show_image(panel, shown, float(values.max()) or 1.0, name)
        if max(shown.shape) <= _MAX_NUMBERS:
            _write_numbers(panel, shown, float(values.max()))
    for edge in range(size, max(values.shape), size):
        panels[0].axhline(edge - 0.5, color=ORANGE, linewidth=0.8)
        panels[0].axvline(edge - 0.5, color=ORANGE, linewidth=0.8)
    return Display(ax.figure, ax, pooled)


def _through(layer: Any, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """One layer's output for one image (H, W), as it is."""
    shape = (1, *values.shape)
    model = Model([layer, Flatten(), Dense(2)], shape, 2, preprocess=[])
    activations = model.activations(values[None, None])
    return next(iter(activations.values()))[0, 0]


def _write_numbers(panel: Any, values: Any, max_value: float) -> None:
    for (y, x), value in np.ndenumerate(values):
        colour = "white" if value > 0.6 * max_value else "black"
        text = f"{value:.3g}"
        panel.text(x, y, text, ha="center", va="center", color=colour, fontsize=7)


def batch_norm(
    model: BaseModel, data: Any, layer: str = "batch_norm1", ax: Any = None
) -> Display:
    """Each channel's values as they enter a batch norm and as they leave it.

    Args:
        model: A model that was trained: before, the statistics are 0 and 1.
        data: Some images.
        layer: The batch norm.
        ax: Axes to draw into; divided in two.
    Returns:
        Display; its data are a frame of the channels' means and standard deviations.
    Raises:
        ValueError: no such batch norm, or no layer with its channels before it; no images.
    """
    import pandas as pd

    values = model.activations(data)
    before = _layer_before(model, layer)
    if not len(values[layer]):
        raise ValueError("batch_norm.data: expected at least one image, got none")
    if values[before].shape[:2] != values[layer].shape[:2]:
        raise ValueError(
            f"batch_norm.layer: expected one that '{before}' leads to, got '{layer}' of "
            "another branch"
        )
    ax = axes_for(ax, 8.4, 2.9)
    ax.set_axis_off()
    panels = [ax.inset_axes((left, 0.14, 0.43, 0.74)) for left in (0.05, 0.55)]
    rows = {}
    for panel, name, title in zip(
        panels, (before, layer), ("before", "after"), strict=True
    ):
        channels = np.moveaxis(values[name], 1, 0).reshape(values[name].shape[1], -1)
        rows[f"mean {title}"] = channels.mean(1)
        rows[f"sd {title}"] = channels.std(1)
        for channel in range(min(len(channels), _SHOWN_CHANNELS)):
            panel.hist(
                channels[channel],
                bins=60,
                histtype="step",
                density=True,
                color=CYCLE[channel],
            )
        panel.set_title(f"{title}: {name}", fontsize=9)
        panel.set_yscale("log")
        panel.grid(alpha=0.3)
        panel.set_xlabel("value", fontsize=8)
    panels[0].set_ylabel("density, a line a channel", fontsize=8)
    frame = pd.DataFrame(rows)
    frame.index.name = "channel"
    return Display(ax.figure, panels, frame)


def _layer_before(model: BaseModel, layer: str) -> str:
    """The one that a batch norm follows."""
    rows = model.summary().rows
    names = [row["layer"] for row in rows]
    check_name("layer", layer, names)
    at = names.index(layer)
    if at == 0:
        raise ValueError("batch_norm.layer: expected one behind another, got the first")
    if rows[at]["kind"] != "batch_norm":
        raise ValueError(
            f"batch_norm.layer: expected a batch norm, got '{layer}', a {rows[at]['kind']}"
        )
    return names[at - 1]


def cross_entropy(report: Report, count: int = 300, ax: Any = None) -> Display:
    """The loss of single samples: minus the logarithm of the true class's probability.

    Args:
        report: From `model.evaluate`.
        count: How many samples are drawn, the first.
        ax: Axes to draw into.
    Returns:
        Display; its data are each sample's loss, whose mean is `report["log_loss"]`.
    """
    count = as_whole(count, "cross_entropy.count", 1)
    rows = np.arange(len(report.labels))
    true = np.clip(report.probabilities[rows, report.labels], 1e-12, 1)
    losses = -np.log(true)
    wrong = report.predicted != report.labels
    ax = axes_for(ax, 5.4, 3.4)
    steps = np.geomspace(min(1e-3, float(true.min())), 1, 200)
    ax.plot(steps, -np.log(steps), color=GREY, label="- log p")
    for part, colour, name in (
        (~wrong, BLUE, "predicted correctly"),
        (wrong, RED, "predicted wrongly"),
    ):
        chosen = np.flatnonzero(part)[:count]
        ax.plot(true[chosen], losses[chosen], "o", color=colour, alpha=0.5, label=name)
    mean = float(losses.mean())
    ax.axhline(mean, color=GREEN, linestyle="--", label=f"mean, the loss: {mean:.3f}")
    ax.set(xlabel="probability of the true class", ylabel="loss of the sample")
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    return Display(ax.figure, ax, losses)


_RATES = {"sgd": 1.0, "rmsprop": 0.2}


def optimizers(
    rates: Mapping[str, float] = _RATES, steps: int = 60, ax: Any = None
) -> Display:
    """The way of optimizers downhill, on a loss of two weights that forms a narrow valley.

    The samples have two pixels, of which the second is a tenth as bright; two units are
    trained on all of them in each step, and the axes are the differences of their weights.

    Args:
        rates: Learning rates by the optimizer's name.
        steps: Steps of each.
        ax: Axes to draw into.
    Returns:
        Display; its data are a dict of each optimizer's frame: both weights and the loss.
    """
    if not isinstance(rates, Mapping) or not rates:
        raise ValueError(
            f"optimizers.rates: expected at least one rate by an optimizer's name, got "
            f"{rates!r}"
        )
    data = _narrow_valley()
    paths = {name: _path(data, name, rate, steps) for name, rate in rates.items()}
    ax = axes_for(ax, 6, 4)
    ends = np.concatenate([path[["w0", "w1"]].to_numpy() for path in paths.values()])
    low, high = ends.min(0) - 1, ends.max(0) + 1
    grid = np.meshgrid(*(np.linspace(low[i], high[i], 80) for i in (0, 1)))
    losses = _logistic_loss(data, np.stack(grid, -1))
    lines = ax.contour(*grid, losses, levels=18, colors=GREY, linewidths=0.6)
    ax.clabel(lines, fontsize=6)
    for (name, path), colour in zip(
        paths.items(), (RED, BLUE, GREEN, ORANGE), strict=False
    ):
        label = f"{name}, rate {rates[name]:g}: loss {path['loss'].iloc[-1]:.3f}"
        ax.plot(path["w0"], path["w1"], "o-", color=colour, markersize=3, label=label)
    ax.set(xlabel="weight of the bright pixel", ylabel="weight of the dark pixel")
    ax.set_title(f"{steps} steps from 0", fontsize=9)
    ax.legend(fontsize=8)
    return Display(ax.figure, ax, paths)


def _narrow_valley(count: int = 200) -> Dataset:
    """Samples of two pixels, and classes that their weighted sum makes likely."""
    rng = np.random.default_rng(0)
    pixels = rng.random((count, 2)) * (1, 0.1)
    likely = 1 / (1 + np.exp(-(pixels @ (4, -40))))
    labels = (rng.random(count) < likely).astype(np.int64)
    images = pixels.reshape(count, 1, 1, 2).astype(np.float32)
    return Dataset(images, labels, classes=2, max_value=1)


def _path(data: Dataset, name: str, rate: float, steps: int) -> Any:
    """Weights before each step, and the loss there."""
    import pandas as pd

    layers = [Flatten(), Dense(2, bias=False)]
    model = Model(layers, data.shape, 2, preprocess=[])
    model.load_state_dict({"dense1.weight": np.zeros((2, 2), np.float32)})
    weights = [np.zeros(2)]

    def record(*_: Any) -> None:
        both = model.state_dict()["dense1.weight"]
        weights.append(both[1] - both[0])

    model.fit(
        data,
        epochs=steps,
        batch_size=len(data),
        optimizer=name,
        learning_rate=rate,
        schedule="constant",
        callbacks=record,
        progress=False,
    )
    frame = pd.DataFrame(np.array(weights), columns=["w0", "w1"])
    frame["loss"] = _logistic_loss(data, frame.to_numpy())
    return frame


def _logistic_loss(data: Dataset, weights: Any) -> npt.NDArray[np.float64]:
    """Mean cross-entropy of two units whose weights differ by these, (..., 2)."""
    signs = 2.0 * data.require_labels("optimizers") - 1
    pixels = data.images.reshape(len(data), 2)
    margins = (weights @ pixels.T.astype(float)) * signs
    return np.logaddexp(0, -margins).mean(-1)
