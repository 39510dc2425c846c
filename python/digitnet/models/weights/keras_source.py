"""Weights of Keras in a network of digitnet: which goes where, and in which form.

Kernels are stored height, width, in, out; features behind a Flatten with the channels
last (see leaves.py); a norm's or layer's tensors that are absent have a fixed value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet.models.base import BaseModel
from digitnet.models.weights.hdf5 import KerasFile
from digitnet.models.weights.keras_layers import KerasLayer, keras_layers
from digitnet.models.weights.keras_network import check_meaning, conv_windows
from digitnet.models.weights.keras_operations import Pairs
from digitnet.models.weights.keras_shapes import keras_windows, offset
from digitnet.models.weights.leaves import Leaf, leaves_of
from digitnet.models.weights.naming import DoesNotFitError, Place, Plan, zeros_or_ones

_TOP = ("fc1", "fc2", "predictions")
_PARTS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


# Convolutions of VGG16; VGG19 has them and three more.
_VGG = [
    (f"block{block}_conv{i + 1}", (3, 3, before if i == 0 else width, width))
    for block, before, width, count in (
        *((1, 3, 64, 2), (2, 64, 128, 2), (3, 128, 256, 3)),
        *((4, 256, 512, 3), (5, 512, 512, 3)),
    )
    for i in range(count)
]


def has_vgg_names(read: KerasFile) -> bool:
    """Whether a file has the layers of Keras' published VGG networks, by name and shape.

    Their weights came from Caffe, whose images are blue, green, red.
    """
    shapes = {
        name: read.tensors[layer.parts[part]].shape
        for layer in keras_layers(read)
        for name in layer.names
        for part in ("kernel", "0")
        if part in layer.parts
    }
    return all(shapes.get(name) == shape for name, shape in _VGG)


class KerasSource:
    """A file's layers beside a model's.

    Args:
        model: The network that takes the weights.
        read: What the file says; tensors that are to be left out are not in it.
        state: The model's tensors, without those that are to stay.
    """

    def __init__(
        self, model: BaseModel, read: KerasFile, state: dict[str, npt.NDArray[Any]]
    ) -> None:
        self.read, self.state, self.model = read, state, model
        self.leaves, self.outputs_order = leaves_of(model)
        self.weighted = [leaf for leaf in self.leaves if self._parts_of(leaf)]
        self.layers = keras_layers(read)

    def _parts_of(self, leaf: Leaf) -> list[str]:
        parts = ("weight", "bias", "running_mean", "running_var")
        return [part for part in parts if f"{leaf.path}.{part}" in self.state]

    def by_name(self) -> Plan:
        """A layer's name is the model's, or a part of its path is."""
        leaves = {leaf.path: leaf for leaf in self.weighted}
        dense = [leaf for leaf in self.weighted if leaf.kind == "dense"]
        if len(dense) == len(_TOP):
            leaves |= dict(zip(_TOP, dense, strict=True))
        pairs: Pairs = []
        for layer in self.layers:
            leaf = next((leaves[name] for name in layer.names if name in leaves), None)
            if leaf is None or any(leaf is taken for taken, _ in pairs):
                continue
            if layer.kind is not None and layer.kind != leaf.kind:
                raise ValueError(
                    f"load_weights: {leaf.path}: expected weights of kind {leaf.kind}, "
                    f"got those of {layer.class_name} '{layer.title}'"
                )
            pairs.append((leaf, layer))
        return self._plan(pairs)

    def by_order(self) -> Plan:
        """Layer after layer where the file gives an order; else kind by kind.

        Raises:
            DoesNotFitError: names the first tensor that does not fit.
        """
        ordered = self.read.ordered or self.read.config is not None
        if ordered:
            pairs = self._paired(self.weighted, self.layers)
        else:
            pairs = []
            for kind in dict.fromkeys(leaf.kind for leaf in self.weighted):
                ours = [leaf for leaf in self.weighted if leaf.kind == kind]
                theirs = [x for x in self.layers if self._kind(x) == kind]
                pairs += self._paired(ours, theirs)
            taken = [layer for _, layer in pairs]
            for layer in self.layers:
                if layer not in taken:
                    raise DoesNotFitError(f"expected no such layer, got {layer.path}")
        for leaf, layer in pairs:
            self._require_fit(leaf, layer)
        plan = self._plan(pairs)
        plan.by_order = [(leaf.path, layer.title) for leaf, layer in pairs]
        return plan

    def _paired(self, ours: Sequence[Leaf], theirs: Sequence[KerasLayer]) -> Pairs:
        for leaf, layer in zip(ours, theirs, strict=False):
            if self._kind(layer) != leaf.kind:
                raise DoesNotFitError(
                    f"{leaf.path}: expected weights of kind {leaf.kind}, got those of "
                    f"'{layer.title}' ({layer.class_name or self._kind(layer)})"
                )
        if len(ours) != len(theirs):
            raise DoesNotFitError(
                f"expected {len(ours)} layers with weights "
                f"({', '.join(leaf.path for leaf in ours[:8])}), got {len(theirs)} "
                f"({', '.join(layer.title for layer in theirs[:8])})"
            )
        return list(zip(ours, theirs, strict=True))

    def _kind(self, layer: KerasLayer) -> str:
        """By the class, else by what the tensors can only be."""
        if layer.kind is not None:
            return layer.kind
        ranks = [self.read.tensors[name].ndim for name in layer.parts.values()]
        if 4 in ranks or 2 in ranks:
            return "conv" if 4 in ranks else "dense"
        batch = "moving_mean" in layer.parts or len(layer.parts) > 2
        return "batch_norm" if batch else "layer_norm"

    # -- tensors --------------------------------------------------------------------

    def _plan(self, pairs: Pairs) -> Plan:
        plan = Plan()
        whole: Pairs = []
        for leaf, layer in pairs:
            places = self._places(leaf, layer)
            plan.places += places
            plan.notes += [
                f"{place.name}: set to {place.value.flat[0]:g}, as '{layer.title}' has none"
                for place in places
                if place.source is None and place.value is not None
            ]
            if all(self._fits(place) for place in places):
                whole.append((leaf, layer))
        if self.outputs_order is not None:
            plan.notes.append(
                "the outputs are those of a flatten: channel by channel, not in Keras' order"
            )
        notes, warnings = check_meaning(self.model, self.read, self.leaves, whole)
        plan.notes += notes
        plan.warnings += warnings
        return plan

    def _fits(self, place: Place) -> bool:
        value = self.state.get(place.name)
        return value is None or (
            place.value is not None and place.value.shape == value.shape
        )

    def _require_fit(self, leaf: Leaf, layer: KerasLayer) -> None:
        places = self._places(leaf, layer)
        for place in sorted(places, key=lambda p: not p.name.endswith(".weight")):
            if not self._fits(place) or place.name not in self.state:
                found = self.read.tensors[place.source or ""].shape
                expected = getattr(self.state.get(place.name), "shape", "none")
                raise DoesNotFitError(
                    f"{place.name} from {place.source}: expected {expected}, got {found}"
                )

    def _places(self, leaf: Leaf, layer: KerasLayer) -> list[Place]:
        named = self._named(leaf, layer)
        places = []
        for part, source in named.items():
            convert = _CONVERT.get(leaf.kind)
            tensor = self.read.tensors[source]
            value = None if convert is None else convert(self, leaf, layer, tensor)
            places.append(Place(f"{leaf.path}.{_PARTS[part]}", source, value))
        if {"kernel", "moving_mean", "gamma", "beta"} & named.keys():
            have = {place.name for place in places}
            for part in self._parts_of(leaf):
                name = f"{leaf.path}.{part}"
                absent = name not in have and part in ("weight", "bias")
                if absent and (leaf.kind in _NORMS or part == "bias"):
                    shape = self.state[name].shape
                    places.append(Place(name, None, zeros_or_ones(name, shape)))
        return places

    def _named(self, leaf: Leaf, layer: KerasLayer) -> dict[str, str]:
        """The tensors by part, where the file numbers them, too."""
        if not layer.numbered:
            return layer.parts
        numbers = sorted(layer.parts, key=int)
        if numbers != [str(i) for i in range(len(numbers))]:
            raise DataError(
                f"{layer.path}: expected floats numbered from 0, got {', '.join(numbers)}; "
                "is the model quantised?"
            )
        parts = self._numbered_parts(leaf, layer, len(numbers))
        return dict(zip(parts, (layer.parts[n] for n in numbers), strict=False))

    def _numbered_parts(self, leaf: Leaf, layer: KerasLayer, count: int) -> list[str]:
        if leaf.kind not in _NORMS:
            return ["kernel", "bias"]
        statistics = ["moving_mean", "moving_variance"] * (leaf.kind == "batch_norm")
        if layer.config is not None:
            scale, center = (layer.config.get(key, True) for key in ("scale", "center"))
        elif count == len(statistics) + 1:
            raise DataError(
                f"{layer.path}: expected {len(statistics) + 2} vectors, got {count}; "
                "the file does not say whether the scale or the center is absent: save "
                "the model as .keras"
            )
        else:
            scale = center = count > len(statistics)
        return ["gamma"] * bool(scale) + ["beta"] * bool(center) + statistics

    def conv(self, leaf: Leaf, layer: KerasLayer, value: npt.NDArray[Any]) -> Any:
        if value.ndim == 1:
            return value
        if value.ndim != 4:
            return None
        depthwise = "depthwise" in (layer.class_name or "").lower() or any(
            "depthwise_kernel" in name for name in layer.parts.values()
        )
        kernel = value.transpose(3, 2, 0, 1)  # out, in, H, W
        if depthwise:  # height, width, in, multiplier
            kernel = value.transpose(2, 3, 0, 1).reshape(-1, 1, *value.shape[:2])
        if layer.config is not None and layer.config.get("kernel_size") is not None:
            kernel = _within(leaf, layer, kernel)
        return np.ascontiguousarray(kernel)

    def dense(self, leaf: Leaf, layer: KerasLayer, value: npt.NDArray[Any]) -> Any:
        if value.ndim == 1:
            return value
        if value.ndim != 2 or (
            leaf.order is not None and len(value) != len(leaf.order)
        ):
            return None
        rows = value if leaf.order is None else value[leaf.order]
        return np.ascontiguousarray(rows.T)

    def norm(self, leaf: Leaf, layer: KerasLayer, value: npt.NDArray[Any]) -> Any:
        if value.ndim != 1 or leaf.order is None:
            return value
        return value[leaf.order] if len(value) == len(leaf.order) else None


_NORMS = ("batch_norm", "layer_norm")
_CONVERT: dict[str, Callable[[KerasSource, Leaf, KerasLayer, Any], Any]] = {
    "conv": KerasSource.conv,
    "dense": KerasSource.dense,
    "batch_norm": KerasSource.norm,
    "layer_norm": KerasSource.norm,
}


def _within(
    leaf: Leaf, layer: KerasLayer, kernel: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """A smaller kernel within the layer's, zeros around, where both windows begin alike."""
    ours = conv_windows(leaf)
    height, width = kernel.shape[2:]
    if (height, width) == (ours[0].size, ours[1].size):
        return kernel
    theirs = keras_windows(
        layer.config or {}, (height, width), leaf.input[1:], layer.zeros
    )
    top, left = (offset(t, o) for t, o in zip(theirs, ours, strict=True))
    if top is None or left is None:
        return kernel
    whole = np.zeros((*kernel.shape[:2], ours[0].size, ours[1].size), kernel.dtype)
    whole[:, :, top : top + height, left : left + width] = kernel
    return whole
