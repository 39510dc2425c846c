"""Variants of An's networks: how C1 to C3 are pooled, where M5 has batch norm."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.layers import (
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    MaxPool,
    ReLU,
)
from digitnet.models.model import Model

Array = npt.NDArray[np.float64]

# Channels of the 5x5 convolutions, block by block, and the dense layer before the last.
POOLED: dict[str, tuple[list[list[int]], int]] = {
    "C1": ([[64], [128]], 0),
    "C2": ([[64], [128]], 100),
    "C3": ([[32, 64], [96, 128]], 0),
}
POOLS = ("max", "average", "strides")
M5 = (32, 64, 96, 128, 160)
NORMS = ("none", "convolutions", "all")
AUGMENTATIONS = {
    "none": None,
    "rotation": "rotate 20deg",
    "translation": "shift 20%",
    "both": "shift 20% | rotate 20deg",
}
# As An and others train: Adam, a rate that falls by a fiftieth each epoch.
FALLING: dict[str, Any] = {
    "batch_size": 120,
    "learning_rate": 0.001,
    "schedule": ("step", {"every": 1, "factor": 0.98}),
}
ONE_CYCLE: dict[str, Any] = {"batch_size": 32, "learning_rate": 0.002}


def _convolution(channels: int, *, stride: int = 1, padding: Any = "same") -> list[Any]:
    return [
        Conv(channels, 5, stride, padding, bias=False),
        BatchNorm(),
        ReLU(),
    ]


def pooled(name: str, pool: str) -> list[Any]:
    """C1, C2 or C3, its blocks halved by "max" or "average" pooling, or by "strides": the
    last convolution of a block has one."""
    blocks, units = POOLED[name]
    layers: list[Any] = []
    for block in blocks:
        for channels in block[:-1]:
            layers += _convolution(channels)
        if pool == "strides":
            layers += _convolution(block[-1], stride=2, padding=2)
        else:
            layers += _convolution(block[-1])
            layers.append(MaxPool(2) if pool == "max" else AveragePool(2))
    layers.append(Flatten())
    if units:
        layers += [Dense(units, bias=False), BatchNorm(), ReLU()]
    return [*layers, Dense(10, bias=False), BatchNorm()]


def m5(norm: str = "all") -> list[Any]:
    """M5 with batch norm behind "all" layers, behind the "convolutions" only, or "none"."""
    layers: list[Any] = []
    for channels in M5:
        layers.append(Conv(channels, 5, bias=norm == "none"))
        layers += [BatchNorm()] * (norm != "none") + [ReLU()]
    layers += [Flatten(), Dense(10, bias=norm != "all")]
    return [*layers, *[BatchNorm()] * (norm == "all")]


def parts(context: Context) -> tuple[Dataset, Dataset]:
    """(training, validation), both of MNIST's training images."""
    train, _ = context.data("mnist")
    count = context.size(smoke=20, quick=800, default=2_000, full=None)
    watched = context.size(smoke=20, quick=500, default=1_000, full=None)
    first, validation = context.memoize(
        "parts", lambda: train.split((0.8, 0.2), seed=0)
    )
    return context.part(first, count), context.part(validation, watched)


def paired_seeds(context: Context) -> list[int]:
    """At least two, because a difference needs a standard deviation; 30 in full mode."""
    minimum = context.size(smoke=2, quick=2, default=3, full=30)
    return [*range(max(minimum, len(context.seeds)))]


def curve(context: Context, network: str, pool: str, seed: int) -> Array:
    """Validation accuracy after each epoch, the rate falling slowly."""

    def one() -> dict[str, npt.NDArray[Any]]:
        train, validation = parts(context)
        layers = m5() if network == "M5" else pooled(network, pool)
        model = Model(layers, train.shape, train.classes, seed=seed)
        history = model.fit(
            train,
            validation,
            epochs=context.size(smoke=3, quick=12, default=16, full=100),
            seed=seed,
            progress=False,
            **FALLING,
        )
        return {"accuracy": np.asarray(history["val_accuracy"], dtype=np.float64)}

    return context.cached_arrays(f"curve {network} {pool} {seed}", one)["accuracy"]


def oscillation(accuracies: Array) -> tuple[float, float]:
    """(standard deviation over the last third of the epochs, the largest fall from one
    epoch to the next)."""
    last = accuracies[-max(2, len(accuracies) // 3) :]
    falls = -np.diff(accuracies)
    return float(last.std(ddof=1)), float(max(0.0, falls.max()))


def m5_epochs(context: Context) -> int:
    return context.size(smoke=1, quick=5, default=8, full=50)


def m5_score(context: Context, augmentation: str, norm: str, seed: int) -> float:
    """Validation accuracy of M5 so changed, after a short training."""

    def one() -> float:
        train, validation = parts(context)
        model = Model(m5(norm), train.shape, train.classes, seed=seed)
        model.fit(
            train,
            epochs=m5_epochs(context),
            augment=AUGMENTATIONS[augmentation],
            seed=seed,
            progress=False,
            **ONE_CYCLE,
        )
        return model.evaluate(validation)["accuracy"]

    return float(context.cached(f"m5 {augmentation} {norm} {seed}", one))
