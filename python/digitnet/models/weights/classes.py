"""Rows of a network's outputs meet by the names of their classes, as labels do."""

from __future__ import annotations

import digitnet._core as _core
from digitnet._utils.text import listed
from digitnet.data.class_names import numbered
from digitnet.models.base import BaseModel
from digitnet.models.weights.naming import Tensors

# What may follow the layer that makes the outputs: each works on a class alone.
_BY_CLASS = (
    *("relu", "relu6", "sigmoid", "tanh", "gelu", "softmax", "dropout", "flatten"),
    *("batch_norm", "layer_norm"),
    *("max_pool", "average_pool", "adaptive_average_pool"),
)
_MAKES_THEM = ("dense", "conv")
_MAX_NAMES = 12  # in a message


def meet_classes(
    model: BaseModel, chosen: Tensors, classes: tuple[str, ...]
) -> tuple[tuple[str, ...], list[str]]:
    """Put the rows that make the outputs where the model has the class of their name.

    Args:
        model: What takes the weights; it stays as it is.
        chosen: The tensors that it takes; rows are moved in it.
        classes: The source's names; () or numbers if it has none.
    Returns:
        (the names that the model's outputs have then, sentences for the report).
    Raises:
        ValueError: both have names, which differ.
    """
    ours = model.classes
    same = set(ours) == set(classes)
    if not (classes and chosen) or ours == classes or (numbered(classes) and not same):
        return ours, []
    tensors = _output_tensors(model)
    last = tensors or _last_layer(model)
    if not any(name in chosen for name in last if name.endswith(".weight")):
        return ours, []
    if numbered(ours) and not same:
        return classes, [f"classes: {listed(classes, _MAX_NAMES)}, as in the source"]
    if not same or not tensors:
        skip = f"leave out what predicts them: skip=['{last[0].rpartition('.')[0]}.*']"
        raise ValueError(
            f"load_weights.classes: expected {listed(ours, _MAX_NAMES)}, got "
            f"{listed(classes, _MAX_NAMES)}; give the model these names in this order"
            + (f", or {skip}" if tensors else "")
        )
    order = [classes.index(name) for name in ours]
    moved = [name for name in tensors if name in chosen]
    for name in moved:
        chosen[name] = chosen[name][order]
    return ours, [f"{', '.join(moved)}: rows put in the order of the model's classes"]


def _output_tensors(model: BaseModel) -> list[str]:
    """Tensors with a row for each class: of the layer that makes the outputs, and of those
    behind it. Empty where rows alone are not what a class is made of."""
    outputs = {row["layer"]: row["output"] for row in model.core.summary()}
    found: list[str] = []
    for path, kind in reversed(_in_turn(model.core.network, "")):
        if kind == "domain_head":  # lets features through
            continue
        if path not in outputs or outputs[path][0] != len(model.classes):
            return []
        found = [*_tensors_of(model, path), *found]
        if kind in _MAKES_THEM:
            return found
        if kind not in _BY_CLASS:
            return []
    return []


def _in_turn(layer: _core.models.Layer, path: str) -> list[tuple[str, str]]:
    """(path, kind) of the layers that follow each other; of sequences, those inside."""
    if layer.kind != "sequence":
        return [(path, layer.kind)]
    return [
        one
        for child in layer.children
        for one in _in_turn(child, f"{path}.{child.name}".lstrip("."))
    ]


def _tensors_of(model: BaseModel, path: str) -> list[str]:
    names = model.core.parameter_names
    return [name for name in names if name.rpartition(".")[0] == path]


def _last_layer(model: BaseModel) -> list[str]:
    """Tensors of the last layer that has any."""
    return _tensors_of(model, model.core.parameter_names[-1].rpartition(".")[0])
