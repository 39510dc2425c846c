"""A network's layers in order of execution, with their shapes and the order of features.

Keras flattens a map pixel by pixel, with the channels last; digitnet, as torch does,
channel by channel. What is behind a Flatten sees its features in another order, up to the
next dense layer; `Leaf.order` says which.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet.models.base import BaseModel

Order = npt.NDArray[np.int64]
Shape = tuple[int, ...]

# What works on every feature alone, or with a number of its own for each.
_ELEMENTWISE = (
    *("relu", "relu6", "sigmoid", "tanh", "gelu", "softmax", "dropout"),
    *("batch_norm", "layer_norm"),
)
_ASIDE = ("reconstruct", "domain_head")


@dataclass
class Leaf:
    """One layer that holds no others.

    Attributes:
        path: Its full name.
        kind: "conv", "dense", ...
        options: As given when the network was built.
        input: (C, H, W), or (F,) for features.
        output: The same.
        order: For features behind a Flatten: where Keras has the i-th feature of this
            layer's input. None: in the same place.
    """

    path: str
    kind: str
    options: dict[str, Any]
    input: Shape
    output: Shape
    order: Order | None


def leaves_of(model: BaseModel) -> tuple[list[Leaf], Order | None]:
    """Every leaf of a model's network, in order of execution; and its outputs' order.

    Raises:
        ValueError: features of different orders are added up: no order of weights would
            make up for it.
    """
    walk = _Walk({row["layer"]: tuple(row["output"]) for row in model.core.summary()})
    zeros = np.zeros((1, *model.input_shape), np.uint8)
    first = tuple(model.core.preprocessed(zeros).shape[1:])
    _, order = walk.through(model.core.network, "", first, None)
    return walk.leaves, order


def keras_order(shape: Shape) -> Order | None:
    """Where Keras' Flatten puts the values that digitnet's Flatten takes in turn."""
    channels, height, width = shape
    if channels == 1 or height * width == 1:
        return None
    places = np.arange(math.prod(shape)).reshape(height, width, channels)
    return places.transpose(2, 0, 1).ravel()


class _Walk:
    def __init__(self, outputs: dict[str, Shape]) -> None:
        self.outputs = outputs
        self.leaves: list[Leaf] = []

    def through(
        self, layer: _core.models.Layer, path: str, shape: Shape, order: Order | None
    ) -> tuple[Shape, Order | None]:
        """The shape, and the features' order, behind a layer; its leaves are noted."""

        def child(inner: _core.models.Layer) -> tuple[Shape, Order | None]:
            name = f"{path}.{inner.name}" if path else inner.name
            return self.through(inner, name, shape, order)

        if layer.kind == "sequence":
            for inner in layer.children:
                shape, order = child(inner)
            return shape, order
        if layer.kind in _ASIDE:
            for inner in layer.children:
                child(inner)
            return shape, order
        if layer.kind == "residual":
            parts = [child(inner) for inner in layer.children]
            return _added(path, [*parts, (shape, order)][:2])
        if layer.kind == "concat":
            return _joined([child(inner) for inner in layer.children])
        return self._leaf(layer, path, shape, order)

    def _leaf(
        self, layer: _core.models.Layer, path: str, shape: Shape, order: Order | None
    ) -> tuple[Shape, Order | None]:
        output = self.outputs[path]
        self.leaves.append(
            Leaf(path, layer.kind, dict(layer.options), shape, output, order)
        )
        if layer.kind == "flatten":
            return output, keras_order(shape) if len(shape) == 3 else order
        return output, order if layer.kind in _ELEMENTWISE else None


def _added(
    path: str, parts: list[tuple[Shape, Order | None]]
) -> tuple[Shape, Order | None]:
    (shape, first), (_, second) = parts
    alike = first is second  # both None
    if first is not None and second is not None:
        alike = np.array_equal(first, second)
    if not alike:
        raise ValueError(
            f"load_weights: {path}: expected features in one order, got those behind a "
            "flatten added to others; Keras' weights do not fit there"
        )
    return shape, first


def _joined(parts: list[tuple[Shape, Order | None]]) -> tuple[Shape, Order | None]:
    shapes = [shape for shape, _ in parts]
    whole = (sum(shape[0] for shape in shapes), *shapes[0][1:])
    if all(order is None for _, order in parts):
        return whole, None
    orders, start = [], 0
    for (size, *_), order in parts:
        orders.append(start + (np.arange(size) if order is None else order))
        start += size
    return whole, np.concatenate(orders)
