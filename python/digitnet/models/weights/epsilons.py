"""Epsilons of norms: they are no tensors, but part of what a norm's tensors mean."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from digitnet.models.base import BaseModel

_TORCH = 1e-5  # of its batch and layer norms
CLASSES = {"batch_norm": "BatchNorm", "layer_norm": "LayerNorm"}


def of_network(tree: Any) -> dict[str, float]:
    """By layer, of a network as `Layer.to_dict` gives it; of a file's, which may be odd."""
    return {
        path: float(options["epsilon"])
        for path, kind, options in _layers(tree)
        if kind in CLASSES and isinstance(options.get("epsilon"), int | float)
    }


def of_module(module: Any) -> dict[str, float]:
    """By module, of a torch Module's norms."""
    return {
        name: float(part.eps)
        for name, part in module.named_modules()
        if isinstance(getattr(part, "eps", None), float)
    }


def _layers(tree: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    waiting = [(tree, "")]
    while waiting:
        layer, path = waiting.pop()
        options = layer.get("options") if isinstance(layer, dict) else None
        if not isinstance(options, dict):
            continue
        yield path, layer.get("kind"), options
        children = layer.get("layers")
        for child in children if isinstance(children, list) else ():
            name = child.get("name") if isinstance(child, dict) else None
            waiting.append((child, f"{path}.{name}".lstrip(".")))


def differences(
    model: BaseModel, theirs: Mapping[str, float], pairs: Mapping[str, str]
) -> list[str]:
    """Norms of a model whose epsilon is not that of the layer they are loaded from.

    Args:
        model: What takes the weights.
        theirs: The source's epsilons by layer.
        pairs: Layers of the source by layers of the model.
    Returns:
        Sentences that say what to build.
    """
    network = model.core.network.to_dict()
    kinds = {path: kind for path, kind, _ in _layers(network)}
    return [
        f"{path}: expected epsilon {ours:g}, got {theirs[pairs[path]]:g} in the source; "
        f"{to_build(kinds[path], path, theirs[pairs[path]])}"
        for path, ours in of_network(network).items()
        if pairs.get(path) in theirs and not are_equal(ours, theirs[pairs[path]])
    ]


def unsaid(model: BaseModel, layers: Collection[str]) -> list[str]:
    """Norms among these whose epsilon is not torch's default, where a source says none."""
    return [
        f"{path}: torch's default epsilon is {_TORCH:g}, this layer has {ours:g}, and the "
        "source does not say"
        for path, ours in of_network(model.core.network.to_dict()).items()
        if path in layers and not are_equal(ours, _TORCH)
    ]


def are_equal(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=1e-6)


def to_build(kind: str, path: str, epsilon: float) -> str:
    """The layer to type for an epsilon."""
    name = path.rpartition(".")[2]
    return f"build {CLASSES[kind]}(epsilon={epsilon}, name='{name}')"
