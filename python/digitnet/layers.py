"""Layers of networks: `Conv(32, 5)`, `ReLU()`, `Residual([...])`.

Each is a value: nothing is computed and no weight exists until a Model is made.

Example:
    >>> from digitnet.layers import Conv, Dense, Flatten, MaxPool, ReLU
    >>> layers = [Conv(8, 3), ReLU(), MaxPool(2), Flatten(), Dense(10)]
    >>> digitnet.Model(layers, input_shape=(1, 8, 8)).count_params()
    810
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import digitnet._core as _core
from digitnet._utils.registry import documented, options_of, signature_of

Layer = _core.models.Layer

if TYPE_CHECKING:  # made below from the core's list; here for editors and mypy
    AdaptiveAveragePool: Callable[..., Layer]
    Attention: Callable[..., Layer]
    AveragePool: Callable[..., Layer]
    BatchNorm: Callable[..., Layer]
    CapsuleLogits: Callable[..., Layer]
    Capsules: Callable[..., Layer]
    Conv: Callable[..., Layer]
    Dense: Callable[..., Layer]
    Dropout: Callable[..., Layer]
    Flatten: Callable[..., Layer]
    GELU: Callable[..., Layer]
    GRU: Callable[..., Layer]
    LayerNorm: Callable[..., Layer]
    MaxPool: Callable[..., Layer]
    Position: Callable[..., Layer]
    ReLU: Callable[..., Layer]
    ReLU6: Callable[..., Layer]
    Sigmoid: Callable[..., Layer]
    Softmax: Callable[..., Layer]
    Tanh: Callable[..., Layer]
    Upsample: Callable[..., Layer]


def describe() -> list[dict[str, Any]]:
    """Every kind of layer with its class name, summary and options."""
    return _core.models.describe_layers()


def as_sequence(layers: Any) -> _core.models.Layer:
    """One layer, or a list of layers as a sequence."""
    if isinstance(layers, Layer):
        return layers
    layers = list(layers)
    for layer in layers:
        if not isinstance(layer, Layer):
            raise TypeError(
                f"layers: expected values of digitnet.layers, got {layer!r}"
            )
    return Layer("sequence", {}, layers)


def _simple(entry: dict[str, Any]) -> Callable[..., _core.models.Layer]:
    def make(*args: Any, name: str = "", **kwargs: Any) -> _core.models.Layer:
        options = options_of(entry["class_name"], entry, args, kwargs)
        return Layer(entry["name"], options, [], name)

    return make


def Sequence(*layers: Any, name: str = "") -> _core.models.Layer:
    """Layers in turn; also what a plain list stands for."""
    return Layer("sequence", {}, list(as_sequence(_flat(layers)).children), name)


def Residual(body: Any, shortcut: Any = None, *, name: str = "") -> _core.models.Layer:
    """body(x) + shortcut(x); without a shortcut x itself.

    Source: He et al., "Deep residual learning", CVPR 2016.
    """
    parts = [as_sequence(body)] + ([] if shortcut is None else [as_sequence(shortcut)])
    return Layer("residual", {}, parts, name)


def Concat(*branches: Any, name: str = "") -> _core.models.Layer:
    """Outputs of all branches, joined along channels or features."""
    return Layer("concat", {}, [as_sequence(branch) for branch in branches], name)


def Reconstruct(
    body: Any, size: int = 16, weight: float = 0.0005, *, name: str = ""
) -> _core.models.Layer:
    """Passes features through; in training `body` must make the image from some of them.

    Those are the `size` features of the true class, the others being 0. The sum of squared
    errors of each image is added to the loss, times `weight`.

    Source: Sabour, Frosst, Hinton, NeurIPS 2017, section 4.1.
    """
    options = {"size": size, "weight": weight}
    return Layer("reconstruct", options, [as_sequence(body)], name)


def DomainHead(body: Any, weight: float = 1.0, *, name: str = "") -> _core.models.Layer:
    """Passes features through; in training `body` must classify their domain by them.

    What is before it learns that `body` cannot: the gradient is reversed, times a factor
    that rises from 0 to `weight` over the training. `fit` is given the other domain's
    images as `target`. Batch norms go by each domain's own statistics meanwhile, and keep
    the target's (Chang et al., CVPR 2019): that is where the network will work.

    Source: Ganin et al., "Domain-adversarial training of neural networks", JMLR 17, 2016.
    """
    return Layer("domain_head", {"weight": weight}, [as_sequence(body)], name)


def _flat(layers: tuple[Any, ...]) -> list[Any]:
    return (
        list(layers[0])
        if len(layers) == 1 and isinstance(layers[0], list)
        else list(layers)
    )


__all__ = [
    "Concat",
    "DomainHead",
    "Layer",
    "Reconstruct",
    "Residual",
    "Sequence",
    "describe",
]
for _entry in describe():
    if not _entry["composite"]:
        _name = _entry["class_name"]
        _function = documented(_simple(_entry), _name, _entry, __name__)
        _last = inspect.Parameter("name", inspect.Parameter.KEYWORD_ONLY, default="")
        _function.__signature__ = signature_of(_entry, _last)  # type: ignore[attr-defined]
        globals()[_name] = _function
        __all__.append(_name)
