"""The networks of the study lightweight: the zoo's smallest, and narrower ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from digitnet import models
from digitnet.experiments.recipe import conv_norm_relu
from digitnet.layers import (
    AdaptiveAveragePool,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    MaxPool,
    ReLU,
)
from digitnet.models.model import Model

SHAPE = (28, 28)
HALF = "lenet5, half"
REFERENCE = "lenet5"  # latencies are ratios to its


def lenet5(first: int, second: int, *dense: int) -> list[Any]:
    """LeNet-5's layers with so many channels and units."""
    layers: list[Any] = [Conv(first, 5, padding="same"), ReLU(), MaxPool(2)]
    layers += [Conv(second, 5), ReLU(), MaxPool(2), Flatten()]
    for units in dense:
        layers += [Dense(units), ReLU()]
    return [*layers, Dense(10)]


def separable() -> list[Any]:
    """3x3 convolutions within each channel, then 1x1 across them, as MobileNet's."""
    layers = [*conv_norm_relu(8), MaxPool(2)]
    inputs = 8
    for outputs in (16, 32):
        layers += [
            Conv(inputs, 3, padding="same", bias=False, groups=inputs),
            BatchNorm(),
            ReLU(),
            *conv_norm_relu(outputs, size=1),
        ]
        inputs = outputs
    return [*layers, AdaptiveAveragePool(), Flatten(), Dense(10)]


def _own(layers: Callable[[], list[Any]]) -> Callable[[str, int], Model]:
    return lambda name, seed: Model(layers(), SHAPE, seed=seed, name=name)


def _zoo(name: str, seed: int) -> Model:
    return models.make(name, seed=seed)


NETWORKS: dict[str, Callable[[str, int], Model]] = {
    "separable": _own(separable),
    "mlp-tiny": _zoo,
    "lenet5, quarter": _own(lambda: lenet5(2, 4, 30, 21)),
    "linear": _zoo,
    HALF: _own(lambda: lenet5(3, 8, 60, 42)),
    "lenet5": _zoo,
    "gru": _zoo,
    "kaggle-cnn-small": _zoo,
    "two-conv-small": _zoo,
}


def make(name: str, seed: int) -> Model:
    """A network of NETWORKS."""
    return NETWORKS[name](name, seed)
