"""Interpretability: what a network makes of an image, and why it predicts as it does.

Everything is computed in C++; `digitnet.plot` has a figure for each. Maps are over the
network's input, which preprocessing may have resized; a target is a class, by default the
predicted one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils.arrays import as_whole
from digitnet._utils.pieces import in_pieces
from digitnet._utils.registry import check_name
from digitnet.data.dataset import Dataset
from digitnet.data.interop import as_dataset
from digitnet.models import transfer
from digitnet.models.base import BaseModel

Array = npt.NDArray[np.float32]

__all__ = [
    "Maximised",
    "activations",
    "embedding",
    "filters",
    "grad_cam",
    "integrated_gradients",
    "maximise",
    "most_activating",
    "occlusion",
    "saliency",
]

_MAX_IMAGES = 1000  # whose maps are made at once


def activations(
    model: BaseModel, images: Any, layers: Sequence[str] | None = None
) -> dict[str, Array]:
    """An alias of `Model.activations`: outputs of layers for a few images, by name."""
    return model.activations(images, layers)


def filters(model: BaseModel, layer: str) -> Array:
    """A convolution's kernels, (out, in, height, width).

    The weights of a dense layer that is the first to see the image are kernels of the
    image's size.

    Raises:
        ValueError: the layer has no kernels; lists those that have.
    Example:
        >>> digitnet.features.filters(digitnet.models.make("lenet5"), "conv1").shape
        (6, 1, 5, 5)
        >>> digitnet.features.filters(digitnet.models.make("mlp-tiny"), "dense1").shape
        (5, 1, 28, 28)
    """
    weights = {
        name.removesuffix(".weight"): value
        for name, value in model.state_dict().items()
        if name.endswith(".weight")
    }
    first = next(iter(weights), "")
    if first and weights[first].shape[1:] == (np.prod(model.input_shape),):
        weights[first] = weights[first].reshape(-1, *model.input_shape)
    kernels = [name for name, value in weights.items() if value.ndim == 4]
    check_name("filters", layer, kernels)
    return weights[layer]


def saliency(model: BaseModel, images: Any, target: Any = None) -> Array:
    """Saliency: the gradient of the target's logit by each input value, (N, C, H, W).

    Args:
        model: The model.
        images: At most 1,000 raw images, or one.
        target: A class, or one an image. Default: the predicted classes.
    Source:
        Simonyan, Vedaldi, Zisserman, ICLR workshop 2014, section 3 (whose map is the
        largest absolute gradient of a pixel's channels).
    Example:
        >>> model = digitnet.models.make("linear", input_shape=(8, 8), preprocess=())
        >>> gradients = digitnet.features.saliency(model, np.ones((8, 8), np.float32), 3)
        >>> weights = model.state_dict()["dense1.weight"][3]
        >>> bool(np.allclose(gradients.ravel(), weights))
        True
    """
    with _with_targets(model, images, target, "saliency") as (base, units):
        return in_pieces(partial(_core.features.saliency, model.predictor), base, units)


def grad_cam(
    model: BaseModel, images: Any, target: Any = None, *, layer: str | None = None
) -> Array:
    """Grad-CAM: where the maps of a layer speak for the target, at least 0, (N, h, w).

    Args:
        model, images, target: As in `saliency`.
        layer: One that gives a map. Default: the last outermost one.
    Raises:
        ValueError: no such layer, or one that gives no map.
    Source:
        Selvaraju et al., Grad-CAM, ICCV 2017, section 3.
    """
    name = layer or last_map(model)
    with _with_targets(model, images, target, "grad_cam") as (base, units):
        return in_pieces(
            lambda images, units: _core.features.grad_cam(
                model.predictor, images, name, units
            ),
            base,
            units,
        )


def last_map(model: BaseModel) -> str:
    """The last layer that gives a map (C, H, W)."""
    maps = [r["layer"] for r in model.core.summary() if len(r["output"]) == 3]
    if not maps:
        raise ValueError("features.layer: expected a network with maps, got none")
    return str(maps[-1])


def integrated_gradients(
    model: BaseModel,
    images: Any,
    target: Any = None,
    *,
    steps: int = 32,
    baseline: float = 0.0,
) -> Array:
    """Each input value's share in the target's logit, (N, C, H, W).

    A sample's shares sum to the difference between its logit and that of a uniform image,
    the nearer the more steps.

    Args:
        model, images, target: As in `saliency`.
        steps: Gradients taken on the way from the uniform image.
        baseline: The uniform image's raw pixel value.
    Source:
        Sundararajan, Taly, Yan, Axiomatic attribution for deep networks, ICML 2017.
    """
    steps = as_whole(steps, "integrated_gradients.steps", 1, 10_000)
    level = _finite(baseline, "integrated_gradients.baseline")
    where = "integrated_gradients"
    with _with_targets(model, images, target, where) as (base, units):
        return in_pieces(
            lambda images, units: _core.features.integrated_gradients(
                model.predictor, images, units, steps, level
            ),
            base,
            units,
        )


def occlusion(
    model: BaseModel,
    images: Any,
    target: Any = None,
    *,
    size: int | None = None,
    stride: int | None = None,
    value: float = 0.0,
) -> Array:
    """How much of the target's probability is lost where a square covers the image.

    Args:
        model, images, target: As in `saliency`.
        size: Pixels a side of the square. Default: a quarter of the shorter side.
        stride: Pixels between squares. Default: a quarter of the size, at least 1.
        value: The square's raw pixel value.
    Returns:
        (N, H, W) of the raw images: the mean over the squares that cover a pixel.
    Source:
        Zeiler, Fergus, Visualizing and understanding convolutional networks, ECCV 2014.
    """
    shorter = min(model.input_shape[1:])
    size = as_whole(size or max(1, shorter // 4), "occlusion.size", 1, shorter)
    stride = as_whole(stride or max(1, size // 4), "occlusion.stride", 1, 1024)
    level = _finite(value, "occlusion.value")
    with _with_targets(model, images, target, "occlusion") as (base, units):
        return in_pieces(
            lambda images, units: _core.features.occlusion(
                model.predictor, images, units, size, stride, level
            ),
            base,
            units,
        )


def _finite(value: float, where: str) -> float:
    if not np.isfinite(value):
        raise ValueError(f"{where}: expected a finite number, got {value}")
    return float(value)


class Maximised(NamedTuple):
    """The result of `maximise`."""

    images: Array  # (U, C, H, W) of the network's input, 0 empty to 1 full
    first: Array  # (U,): the units' activations for the first images
    last: Array  # (U,): and for the last


def maximise(
    model: BaseModel,
    layer: str = "",
    units: int | Sequence[int] = 0,
    *,
    steps: int = 200,
    rate: float = 0.05,
    l2: float = 0.01,
    variation: float = 0.0,
    blur: float = 0.3,
    jitter: int = 1,
    seed: int = 0,
) -> Maximised:
    """Images that excite units of a layer, by gradient ascent from faint noise.

    Args:
        model: A model.
        layer: A layer's name; "" is the logits.
        units: Channels of a layer that gives a map (their mean counts), or features.
        steps: Steps of the ascent.
        rate: Mean change of a pixel a step, as a part of its range.
        l2: Part of each pixel that is taken back a step.
        variation: Weight of the gradient that lowers total variation; 0 for none.
        blur: Standard deviation, in pixels, of a blur each step; 0 to 0.8.
        jitter: Pixels by which the image is moved about for each step.
        seed: Seed of noise and jitter.
    Raises:
        ValueError: no such layer or unit; a number out of range.
    Source:
        Erhan et al., Visualizing higher-layer features, 2009; regularisers after
        Yosinski et al., ICML workshop 2015.
    """
    listed = [units] if isinstance(units, int | np.integer) else list(units)
    chosen = [as_whole(unit, "maximise.units", 0, 2**31) for unit in listed]
    seed = as_whole(seed, "maximise.seed")
    options = (steps, rate, l2, variation, blur, jitter, seed)
    with model.at_scale(1.0):
        return Maximised(
            *_core.features.maximise(model.predictor, layer, chosen, *options)
        )


def embedding(model: BaseModel, data: Any, layer: str | None = None) -> Array:
    """An alias of `Model.features` whose default layer is the last hidden one: (N, F).

    Args:
        model: The model.
        data: A Dataset, or images.
        layer: A layer's name; maps are flattened. Default: the one before the last dense.
    Example:
        >>> train, _ = digitnet.data.load("digits")
        >>> model = digitnet.models.make("optdigits-cnn")
        >>> digitnet.features.embedding(model, train[:20]).shape
        (20, 512)
    """
    data = (
        data
        if isinstance(data, Dataset)
        else Dataset(model.as_batch(data, "embedding"))
    )
    if not len(data):
        raise ValueError("embedding.data: expected at least one image, got none")
    layer = layer or _last_hidden(model)
    return transfer.features(model, data, layer, progress=False)


def _last_hidden(model: BaseModel) -> str:
    rows = model.core.summary()
    dense = [i for i, row in enumerate(rows) if row["kind"] == "dense"]
    if not dense or dense[-1] == 0:
        raise ValueError(
            "embedding.layer: expected a network with a hidden layer; name one"
        )
    return str(rows[dense[-1] - 1]["layer"])


def most_activating(
    model: BaseModel, data: Any, layer: str, unit: int, count: int = 9
) -> tuple[npt.NDArray[np.int64], Array]:
    """The samples that excite a unit most, the strongest first.

    Args:
        model: The model.
        data: A Dataset or a pair (images, labels).
        layer: A layer's name.
        unit: A channel (its mean over the map counts) or a feature.
        count: How many.
    Returns:
        (indices, strengths), each (count,).
    Raises:
        ValueError: no such layer or unit.
    """
    data = as_dataset(data, "most_activating", max_value=model.max_value)
    model.require_layers([layer])
    count = as_whole(count, "most_activating.count", 1, 2**31)
    unit = as_whole(unit, "most_activating.unit", 0, 2**31)
    with model.checked_images(data, "most_activating") as (base, rows):
        strengths = _core.features.unit_activations(
            model.predictor, base, rows, layer, unit
        )
    best = np.argsort(-strengths, kind="stable")[:count]
    return best, strengths[best]


@contextmanager
def _with_targets(
    model: BaseModel, images: Any, target: Any, where: str
) -> Iterator[tuple[Any, npt.NDArray[np.int64]]]:
    """(images of the model's shape, one class an image), while it goes by their scale."""
    model.require_classes(where)
    with model.checked_images(images, where) as (base, rows):
        base = base if rows is None else base[rows]
        if len(base) > _MAX_IMAGES:
            raise ValueError(
                f"{where}.images: expected at most {_MAX_IMAGES}, got {len(base)}"
            )
        yield base, _targets(model, base, target, where)


def _targets(
    model: BaseModel, base: Any, target: Any, where: str
) -> npt.NDArray[np.int64]:
    if target is None:
        return model.predict(base, device="cpu")
    units = np.asarray(target)
    units = np.full(len(base), units) if units.ndim == 0 else units
    matching = units.shape == (len(base),) and units.dtype.kind in "iu"
    if not (matching and ((units >= 0) & (units < len(model.classes))).all()):
        raise ValueError(
            f"{where}.target: expected classes 0 to {len(model.classes) - 1}, one or one "
            f"an image, got {target!r:.60}"
        )
    return np.ascontiguousarray(units, dtype=np.int64)
