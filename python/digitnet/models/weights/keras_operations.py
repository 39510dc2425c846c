"""What happens between layers with weights, in a Keras file and in a network of digitnet.

Both are put into the same words, one an operation; those that change nothing in
predictions (dropout, augmentation) have none.
"""

from __future__ import annotations

from typing import Any

from digitnet.models.base import BaseModel
from digitnet.models.weights.hdf5 import KerasFile
from digitnet.models.weights.keras_layers import (
    KINDS,
    KerasLayer,
    before_each,
    class_of,
    config_of,
    flat_entries,
    name_of,
)
from digitnet.models.weights.keras_shapes import Window, keras_windows, our_window, pair
from digitnet.models.weights.leaves import Leaf, Shape

_NOTHING = {
    *("InputLayer", "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout"),
    *("AlphaDropout", "ActivityRegularization", "Identity"),
}
_PREPROCESSING = {"Rescaling", "Normalization", "Resizing", "CenterCrop"}
_ACTIVATIONS = ("relu", "relu6", "sigmoid", "tanh", "gelu", "softmax")
_GROWING = ("relu", "relu6", "sigmoid", "tanh")  # change places with a max-pool
_POOLS = {
    "MaxPooling2D": "max_pool",
    "AveragePooling2D": "average_pool",
    "GlobalMaxPooling2D": "max_pool",
    "GlobalAveragePooling2D": "average_pool",
}

Pairs = list[tuple[Leaf, KerasLayer]]
Entry = dict[str, Any]


def compare_between(
    model: BaseModel, read: KerasFile, leaves: list[Leaf], pairs: Pairs
) -> tuple[list[str], list[str], list[str]]:
    """Compare the operations between layers that take weights one after the other.

    Returns:
        (notes, warnings, errors): sentences; nothing if the file has no config.
    """
    entries = [entry for _, entry in flat_entries(read.config or {})]
    if not entries:
        return [], [], []
    notes, warnings = [], _preprocessing(model, entries)
    if not (_is_chain(entries) and _is_one_chain(model)):
        notes.append("a network of branches: only layers with weights were compared")
        warnings += [
            f"{name_of(entry)}: a {class_of(entry)} without weights in the file, which "
            "the network must have, too"
            for entry in entries
            if _is_bare_norm(entry)
        ]
        return notes, warnings, []
    weighted = _weighted(model, leaves)
    theirs = [
        -1,
        *(i for i, entry in enumerate(entries) if _has_weights(entry)),
        len(entries),
    ]
    ours = [-1, *weighted, len(leaves)]
    met = {layer.place: leaves.index(leaf) for leaf, layer in pairs}
    met |= {-1: -1}
    if max(weighted, default=-1) == met.get(theirs[-2]):
        met[len(entries)] = len(leaves)
    errors: list[str] = []
    for before, here in zip(theirs, theirs[1:], strict=False):
        if before not in met or here not in met:
            continue
        if ours.index(met[here]) != ours.index(met[before]) + 1:
            continue
        errors += _difference(entries, leaves, (before, here), (met[before], met[here]))
    return notes, warnings, errors


def _difference(
    entries: list[Entry],
    leaves: list[Leaf],
    theirs: tuple[int, int],
    ours: tuple[int, int],
) -> list[str]:
    start = leaves[ours[0]].output if ours[0] >= 0 else leaves[0].input
    expected = _canonical(_keras_operations(entries, theirs, start))
    found = _canonical(_our_operations(leaves[ours[0] + 1 : ours[1]]))
    if ours[1] == len(leaves):  # the loss and predict_proba imply it
        expected, found = _without_softmax(expected), _without_softmax(found)
    if expected == found:
        return []
    where = "in front of the first layer"
    if ours[0] >= 0:
        where = f"behind {leaves[ours[0]].path}"
    return [
        f"{where}: expected {', '.join(expected) or 'nothing'}, as in the file, got "
        f"{', '.join(found) or 'nothing'}"
    ]


def _without_softmax(operations: list[str]) -> list[str]:
    return operations[:-1] if operations[-1:] == ["softmax"] else operations


def _canonical(operations: list[str]) -> list[str]:
    """Max-pools behind the activations with which they may change places."""
    result = list(operations)
    for end in range(len(result), 1, -1):
        for i in range(end - 1):
            if result[i].startswith("max_pool") and result[i + 1] in _GROWING:
                result[i], result[i + 1] = result[i + 1], result[i]
    return result


# -- digitnet's -------------------------------------------------------------------


def _weighted(model: BaseModel, leaves: list[Leaf]) -> list[int]:
    paths = {name.rpartition(".")[0] for name in model.core.parameter_names}
    return [i for i, leaf in enumerate(leaves) if leaf.path in paths]


def _is_one_chain(model: BaseModel) -> bool:
    waiting = [model.core.network]
    while waiting:
        layer = waiting.pop()
        if layer.kind in ("residual", "concat", "reconstruct", "domain_head"):
            return False
        waiting += layer.children
    return True


def _our_operations(leaves: list[Leaf]) -> list[str]:
    return [word for leaf in leaves for word in _our_operation(leaf)]


def _our_operation(leaf: Leaf) -> list[str]:
    options = leaf.options
    if leaf.kind in ("dropout", "flatten"):
        return []
    if leaf.kind in ("max_pool", "average_pool"):
        size = int(options["size"])
        stride = int(options["stride"]) or size
        padding = int(options.get("padding", 0))
        windows = [our_window(size, stride, padding, n) for n in leaf.input[1:]]
        return [_pool(leaf.kind, windows)]
    if leaf.kind == "adaptive_average_pool":
        count = int(options["size"])
        if any(n % count for n in leaf.input[1:]):
            return [f"adaptive_average_pool to {count}"]
        windows = [Window(n // count, n // count, 0, count) for n in leaf.input[1:]]
        return [_pool("average_pool", windows)]
    if leaf.kind == "upsample":
        return [f"upsample by {int(options['factor'])}"]
    return [leaf.kind]


def _pool(kind: str, windows: list[Window]) -> str:
    """In words that are equal for equal pools; those of one window have no stride."""
    size = "x".join(str(window.size) for window in windows)
    more = [
        f"stride {window.stride} from {-window.before} to {window.outputs}"
        if window.outputs > 1 or window.before
        else "one window"
        for window in windows
    ]
    return f"{kind} {size} ({more[0] if more[0] == more[1] else ' and '.join(more)})"


# -- Keras' -----------------------------------------------------------------------


def _is_chain(entries: list[Entry]) -> bool:
    """Whether every layer has its input from the one before it in the list."""
    return all(
        before == place - 1
        for place, before in enumerate(before_each(entries))
        if place
    )


def _has_weights(entry: Entry) -> bool:
    return class_of(entry) in KINDS and not _is_bare_norm(entry)


def _is_bare_norm(entry: Entry) -> bool:
    """Whether it is a norm that has nothing in a file of weights, and still computes."""
    kind, config = class_of(entry), config_of(entry)
    if kind in _PREPROCESSING or not kind.endswith("Normalization"):
        return False
    parts = (config.get("center", True), config.get("scale", True))
    return kind == "UnitNormalization" or (
        kind != "BatchNormalization" and not any(parts)
    )


def _keras_operations(
    entries: list[Entry], between: tuple[int, int], start: Shape
) -> list[str]:
    before, here = between
    words = _activation(config_of(entries[before])) if before >= 0 else []
    shape = start
    for place in range(before + 1, here):
        entry = entries[place]
        if class_of(entry) == "ZeroPadding2D" and place + 1 == here < len(entries):
            continue  # the layer's own padding, compared with it
        more, shape = _operation(entry, shape)
        words += more
    return words


def _operation(entry: Entry, shape: Shape) -> tuple[list[str], Shape]:
    """In words, and the shape behind it."""
    kind, config = class_of(entry), config_of(entry)
    if kind in _NOTHING | _PREPROCESSING or kind.startswith("Random"):
        return [], shape
    if kind == "Activation":
        return _activation(config), shape
    if kind == "Softmax":
        return ["softmax"], shape
    if kind == "ReLU":
        return [_relu(config)], shape
    if kind == "Flatten" or (kind == "Reshape" and _is_row(config)):
        return [], shape
    if kind == "Reshape" and len(shape) == 3 and _is_map(config, shape):
        return [], shape
    if kind in _POOLS and len(shape) == 3:
        return _keras_pool(kind, config, shape)
    if kind == "UpSampling2D" and config.get("interpolation", "nearest") == "nearest":
        height, width = pair(config.get("size", 2))
        if height == width:
            return [f"upsample by {height}"], (
                *shape[:1],
                *(side * height for side in shape[1:]),
            )
    return [f"{kind} '{name_of(entry)}'"], shape


def _keras_pool(kind: str, config: Entry, shape: Shape) -> tuple[list[str], Shape]:
    if kind.startswith("Global"):
        windows = [Window(side, side, 0, 1) for side in shape[1:]]
    else:
        size = config.get("pool_size", 2)
        windows = list(keras_windows(config, size, shape[1:], stride=size))
    if kind == "AveragePooling2D" and any(
        w.before or (w.outputs - 1) * w.stride + w.size > side
        for w, side in zip(windows, shape[1:], strict=True)
    ):
        return ["average_pool that leaves out its padding"], shape
    return [_pool(_POOLS[kind], windows)], (
        shape[0],
        *(window.outputs for window in windows),
    )


def _is_row(config: Entry) -> bool:
    shape = config.get("target_shape")
    return isinstance(shape, list | tuple) and len(shape) == 1


def _is_map(config: Entry, shape: Shape) -> bool:
    """Whether it makes (H, W, C) of what is that already, or is as rows of pixels."""
    target = config.get("target_shape")
    return isinstance(target, list | tuple) and [*target] == [*shape[1:], shape[0]]


def _activation(config: Entry) -> list[str]:
    """In words; a config has its name, or a layer or function as data."""
    value = config.get("activation", "linear")
    if isinstance(value, dict):
        inner = value.get("config")
        if value.get("class_name") == "ReLU":
            return [_relu(inner if isinstance(inner, dict) else {})]
        value = inner if isinstance(inner, str) else value.get("class_name")
    if value in (None, "linear"):
        return []
    word = str(value).lower()
    return [word if word in _ACTIVATIONS else f"activation '{value!s:.40}'"]


def _relu(config: Entry) -> str:
    slope = config.get("negative_slope") or config.get("alpha") or 0
    if slope or config.get("threshold"):
        return "a ReLU with a slope or threshold"
    largest = config.get("max_value")
    if largest is None:
        return "relu"
    return "relu6" if largest == 6 else f"a ReLU up to {largest}"


def _preprocessing(model: BaseModel, entries: list[Entry]) -> list[str]:
    """Steps that are layers in Keras, and the model's preprocessing here."""
    steps = [name for name, _ in model.core.preprocess]
    warnings = []
    for entry in entries:
        kind, config = class_of(entry), config_of(entry)
        if kind not in _PREPROCESSING:
            continue
        scale, moved = config.get("scale"), config.get("offset")
        by_255 = isinstance(scale, int | float) and abs(scale * 255 - 1) < 1e-6
        if kind == "Rescaling" and by_255 and not moved and steps == ["scale"]:
            continue
        what = f" (scale {scale}, offset {moved})" if kind == "Rescaling" else ""
        warnings.append(
            f"{name_of(entry)}: {kind}{what} is a layer in the file; the same must be "
            f"in the model's preprocess, which is {', '.join(steps) or 'empty'}"
        )
    return warnings
