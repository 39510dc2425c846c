"""What a network makes of an image, and why it answers as it does.

Everything is computed in C++; `digitnet.plot` has a figure for each. Maps are over the
network's input, which preprocessing may have resized; a target is a class, by default the
one that the model answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils.arrays import as_whole
from digitnet.data.dataset import Dataset, as_dataset

if TYPE_CHECKING:
    from digitnet.models.model import Model

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
    "project",
    "saliency",
]

_MOST_IMAGES = 1000  # whose maps are made at once


def activations(
    model: Model, images: Any, layers: Sequence[str] | None = None
) -> dict[str, Array]:
    """Outputs of layers by name; `Model.activations` is the same."""
    return model.activations(images, layers)


def filters(model: Model, layer: str) -> Array:
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
    known = [name for name, value in weights.items() if value.ndim == 4]
    if layer not in known:
        raise ValueError(f"unknown filters '{layer}'; known: {', '.join(known)}")
    return weights[layer]


def saliency(model: Model, images: Any, target: Any = None) -> Array:
    """How the target's logit changes with each input value: slopes, (N, C, H, W).

    Args:
        model: The model.
        images: At most 1,000 raw images, or one.
        target: A class, or one an image. Default: the model's answers.
    Source:
        Simonyan, Vedaldi, Zisserman, ICLR workshop 2014, section 3 (whose map is the
        largest absolute slope of a pixel's channels).
    Example:
        >>> model = digitnet.models.make("linear", input_shape=(8, 8), preprocess=())
        >>> slopes = digitnet.features.saliency(model, np.ones((8, 8), np.float32), 3)
        >>> weights = model.state_dict()["dense1.weight"][3]
        >>> bool(np.allclose(slopes.ravel(), weights))
        True
    """
    base, units = _asked(model, images, target, "saliency")
    return _core.features.saliency(model._core, base, units)


def grad_cam(
    model: Model, images: Any, target: Any = None, *, layer: str | None = None
) -> Array:
    """Where the maps of a layer speak for the target, at least 0, (N, h, w).

    Args:
        model, images, target: As in `saliency`.
        layer: One that gives a map. Default: the last outermost one.
    Raises:
        ValueError: no such layer, or one that gives no map.
    Source:
        Selvaraju et al., Grad-CAM, ICCV 2017, section 3.
    """
    base, units = _asked(model, images, target, "grad_cam")
    return _core.features.grad_cam(model._core, base, layer or last_map(model), units)


def last_map(model: Model) -> str:
    """The last layer that gives a map (C, H, W)."""
    maps = [r["layer"] for r in model._core.summary() if len(r["output"]) == 3]
    if not maps:
        raise ValueError("features.layer: expected a network with maps, got none")
    return str(maps[-1])


def integrated_gradients(
    model: Model,
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
        steps: Slopes taken on the way from the uniform image.
        baseline: The uniform image's raw pixel value.
    Source:
        Sundararajan, Taly, Yan, Axiomatic attribution for deep networks, ICML 2017.
    """
    base, units = _asked(model, images, target, "integrated_gradients")
    return _core.features.integrated_gradients(
        model._core,
        base,
        units,
        as_whole(steps, "integrated_gradients.steps", 1, 10_000),
        _finite(baseline, "integrated_gradients.baseline"),
    )


def occlusion(
    model: Model,
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
    base, units = _asked(model, images, target, "occlusion")
    shorter = min(model.input_shape[1:])
    size = as_whole(size or max(1, shorter // 4), "occlusion.size", 1, shorter)
    stride = as_whole(stride or max(1, size // 4), "occlusion.stride", 1, 1024)
    level = _finite(value, "occlusion.value")
    return _core.features.occlusion(model._core, base, units, size, stride, level)


def _finite(value: float, where: str) -> float:
    if not np.isfinite(value):
        raise ValueError(f"{where}: expected a finite number, got {value}")
    return float(value)


class Maximised(NamedTuple):
    """What `maximise` found."""

    images: Array  # (U, C, H, W) of the network's input, 0 empty to 1 full
    first: Array  # (U,): the units' answers to the first images
    last: Array  # (U,): and to the last


def maximise(
    model: Model,
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
        model: A model that was fitted or has been asked: it knows its pixels' scale.
        layer: A layer's name; "" is the logits.
        units: Channels of a layer that gives a map (their mean counts), or features.
        steps: Of the ascent.
        rate: Mean change of a pixel a step, as a part of its range.
        l2: Part of each pixel that is taken back a step.
        variation: Weight of a slope against total variation; 0 for none.
        blur: Standard deviation, in pixels, of a blur each step; 0 to 0.8.
        jitter: Pixels by which the image is moved about for each step.
        seed: Of noise and jitter.
    Raises:
        ValueError: no such layer or unit; a number out of range.
    Source:
        Erhan et al., Visualizing higher-layer features, 2009; regularisers after
        Yosinski et al., ICML workshop 2015.
    """
    listed = [units] if isinstance(units, int | np.integer) else list(units)
    chosen = [as_whole(unit, "maximise.units", 0, 2**31) for unit in listed]
    seed = as_whole(seed, "maximise.seed")
    if model.max_value is None and not model._core.max_value:
        model._core.max_value = 1.0
    return Maximised(
        *_core.features.maximise(
            model._core, layer, chosen, steps, rate, l2, variation, blur, jitter, seed
        )
    )


def embedding(model: Model, data: Any, layer: str | None = None) -> Array:
    """What the last hidden layer answers: float32 (N, F).

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
    data = data if isinstance(data, Dataset) else Dataset(data)
    if not len(data):
        raise ValueError("embedding.data: expected at least one image, got none")
    layer = layer or _last_hidden(model)
    parts = [
        model.activations(data[start : start + 500], [layer])[layer]
        for start in range(0, len(data), 500)
    ]
    return np.concatenate([part.reshape(len(part), -1) for part in parts])


def _last_hidden(model: Model) -> str:
    rows = model._core.summary()
    dense = [i for i, row in enumerate(rows) if row["kind"] == "dense"]
    if not dense or dense[-1] == 0:
        raise ValueError(
            "embedding.layer: expected a network with a hidden layer; name one"
        )
    return str(rows[dense[-1] - 1]["layer"])


def project(
    values: npt.NDArray[Any], method: str = "pca", *, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Rows of numbers as points of a plane, by scikit-learn: (N, 2).

    Args:
        values: (N, F).
        method: "pca", the two directions of most variance; "tsne", neighbours stay
            neighbours (minutes for more than a few thousand rows).
        seed: Of t-SNE.
    Raises:
        ValueError: unknown method, or too few rows.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or len(values) < 4:
        raise ValueError(
            f"project.values: expected at least 4 rows (N, F), got shape {values.shape}"
        )
    if method == "pca":
        return PCA(2, svd_solver="full").fit_transform(values)
    if method == "tsne":
        perplexity = min(30.0, (len(values) - 1) / 3)
        return TSNE(
            2, perplexity=perplexity, init="pca", random_state=seed
        ).fit_transform(values)
    raise ValueError(f"unknown projection '{method}'; known: pca, tsne")


def most_activating(
    model: Model, data: Any, layer: str, unit: int, count: int = 9
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
    model._need_layers([layer])
    count = as_whole(count, "most_activating.count", 1, 2**31)
    unit = as_whole(unit, "most_activating.unit", 0, 2**31)
    base, rows = model._images(data, "most_activating")
    strengths = _core.features.strengths(model._core, base, rows, layer, unit)
    best = np.argsort(-strengths, kind="stable")[:count]
    return best, strengths[best]


def _asked(
    model: Model, images: Any, target: Any, where: str
) -> tuple[Any, npt.NDArray[np.int64]]:
    """(images of the model's shape, one class an image)."""
    model._need_classes(where)
    base, rows = model._images(images, where)
    base = base if rows is None else base[rows]
    if len(base) > _MOST_IMAGES:
        raise ValueError(
            f"{where}.images: expected at most {_MOST_IMAGES}, got {len(base)}"
        )
    if target is None:
        return base, model._predictor.predict(base, None, "cpu", False).argmax(1)
    units = np.asarray(target)
    units = np.full(len(base), units) if units.ndim == 0 else units
    right = units.shape == (len(base),) and units.dtype.kind in "iu"
    if not (right and ((units >= 0) & (units < len(model.classes))).all()):
        raise ValueError(
            f"{where}.target: expected classes 0 to {len(model.classes) - 1}, one or one "
            f"an image, got {target!r:.60}"
        )
    return base, np.ascontiguousarray(units, dtype=np.int64)
