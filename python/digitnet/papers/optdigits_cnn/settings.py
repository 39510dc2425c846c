"""Network and settings of the recipe optdigits-cnn: the paper's, and candidates of ours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import models
from digitnet.experiments.context import Context
from digitnet.layers import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    ReLU,
    Sigmoid,
)
from digitnet.models.model import Model
from digitnet.papers.optdigits_cnn.data import split

PAPER: dict[str, Any] = {
    "epochs": 100,
    "batch_size": 128,
    "optimizer": ("adam", {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}),  # Keras'
    "learning_rate": 0.001,
    "schedule": "constant",
}
ONE_CYCLE: dict[str, Any] = {"epochs": 60, "batch_size": 32, "learning_rate": 0.004}

# Names to options of fit; the paper's pixels go in unscaled, ours as fractions.
SETTINGS: dict[str, dict[str, Any]] = {
    "paper": PAPER,
    "scaled": PAPER,
    "one-cycle": ONE_CYCLE,
    "one-cycle, augmented": {**ONE_CYCLE, "augment": "shift 0.25px | rotate 5deg"},
}


def network(
    *,
    init: str = "glorot",
    channels: Sequence[int] = (16, 32, 64),
    convolutions: int = 1,
    dropout: float = 0.25,
    batch_norm: bool = False,
) -> list[Any]:
    """The paper's layers, or a variant of them.

    Args:
        init: How the weights start: "glorot", as Keras does, or "torch".
        channels: Of each block; a block ends in a pool.
        convolutions: A block.
        dropout: The fraction, behind each block and hidden dense layer; 0 for none.
        batch_norm: Whether it stands behind each convolution.
    """
    layers: list[Any] = []
    dropped = [Dropout(dropout)] * (dropout > 0)
    for count in channels:
        for _ in range(convolutions):
            layers.append(Conv(count, 3, padding="same", init=init))
            layers += [BatchNorm()] * batch_norm + [ReLU()]
        layers += [MaxPool(2), *dropped]
    layers.append(Flatten())
    for units in (128, 512):
        layers += [Dense(units, init=init), Sigmoid(), *dropped]
    return [*layers, Dense(10, init=init)]


def make(settings: str, seed: int) -> Model:
    """Our start goes with our settings, Keras' with the paper's."""
    if settings == "paper":
        return Model(network(), (8, 8), preprocess=(), seed=seed, name="optdigits-cnn")
    return models.make("optdigits-cnn", preprocess=("scale",), seed=seed)


def options(context: Context, settings: str, seed: int) -> dict[str, Any]:
    epochs = SETTINGS[settings]["epochs"]
    shorter = context.size(
        smoke=2, quick=max(10, epochs // 2), default=epochs, full=epochs
    )
    return {**SETTINGS[settings], "epochs": shorter, "seed": seed}


def settings_of(context: Context) -> str:
    """The paper's, or what the validation part chose."""
    if context.protocol == "paper":
        return "paper"
    return str(context.cached("choice", lambda: _choose(context)))


def _choose(context: Context) -> str:
    means = {
        name: np.mean([validation_score(context, name, s) for s in context.seeds])
        for name in SETTINGS
    }
    return max(means, key=lambda name: float(means[name]))


def validation_score(context: Context, name: str, seed: int) -> float:
    """Accuracy on a fifth of the training part, which the training does not see."""
    return context.cached(
        f"validation {name} {seed}",
        partial(fitted_score, context, partial(make, name), name, seed),
    )


def fitted_score(
    context: Context, maker: Any, settings: str, seed: int, **changed: Any
) -> float:
    train, _ = split(context)
    part, validation = train.split((0.8, 0.2), seed=seed)
    part = part[: context.size(smoke=300, quick=None, default=None, full=None)]
    model = maker(seed)
    model.fit(part, progress=False, **{**options(context, settings, seed), **changed})
    return float(model.evaluate(validation)["accuracy"])


def choice_stage(context: Context) -> None:
    cases = [(name, seed) for name in SETTINGS for seed in context.seeds]
    accuracies = context.parallel_map(
        lambda case: validation_score(context, *case), cases
    )
    frame = pd.DataFrame(cases, columns=["settings", "seed"])
    by_name = frame.assign(accuracy=accuracies).groupby("settings", sort=False)
    table = by_name["accuracy"].agg(["mean", "std", "count"]).reset_index()
    table.columns = ["settings", "accuracy", "sd by n - 1", "runs"]
    context.table(
        "choice", "Settings compared on a validation fifth of the training part", table
    )
    context.text(f"Chosen: {settings_of(context)}.")
