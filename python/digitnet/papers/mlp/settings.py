"""Settings of the perceptron: its data, its network, what `fit` is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from digitnet import layers
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.models.model import Model

SPLIT = (0.6, 0.2, 0.2)
SPLIT_SEED = 0
ACTIVATIONS: dict[str, Callable[[], Any]] = {
    "relu": layers.ReLU,
    "tanh": layers.Tanh,
    "sigmoid": layers.Sigmoid,
    "gelu": layers.GELU,
}
# Where the searches and comparisons begin, and what the paper protocol trains.
START: dict[str, Any] = {
    "depth": 2,
    "width": 512,
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 0.002,  # the peak of one cycle
    "batch_size": 128,
}
Settings = dict[str, Any]


def network(depth: int, width: int, activation: str, dropout: float = 0) -> list[Any]:
    parts: list[Any] = [layers.Flatten()]
    for _ in range(depth):
        parts += [layers.Dense(width), ACTIVATIONS[activation]()]
        if dropout:
            parts.append(layers.Dropout(dropout))
    return [*parts, layers.Dense(10)]


def make(settings: Settings, shape: tuple[int, ...], seed: int) -> Model:
    names = ("depth", "width", "activation", "dropout")
    options = {name: settings[name] for name in names if name in settings}
    return Model(network(**options), shape, seed=seed, name="mlp")


def fit_options(settings: Settings, epochs: int, seed: int) -> dict[str, Any]:
    """Options of `fit`, by the names of its arguments."""
    optimizer = settings["optimizer"]
    momentum: dict[str, float] = {"momentum": 0.9} if optimizer == "sgd" else {}
    names = ("learning_rate", "batch_size", "l1", "l2", "label_smoothing", "augment")
    return {
        "epochs": epochs,
        "optimizer": (optimizer, momentum),
        "seed": seed,
        **{name: settings[name] for name in names if name in settings},
    }


def parts(context: Context) -> tuple[Dataset, Dataset, Dataset]:
    """(training, validation, test) of all 70,000 images."""
    return context.memoize("parts", lambda: _divided(context))


def _divided(context: Context) -> tuple[Dataset, Dataset, Dataset]:
    train, test = context.data("mnist")
    pooled = train.joined(test)
    first, second, third = pooled.split(SPLIT, seed=SPLIT_SEED)
    count = context.size(smoke=300, quick=10_000, default=None, full=None)
    return context.part(first, count), second, third


def short_epochs(context: Context) -> int:
    """Of the trainings that are only compared."""
    return context.size(smoke=1, quick=4, default=8, full=20)


def long_epochs(context: Context) -> int:
    return context.size(smoke=2, quick=12, default=30, full=60)
