"""The data, the network and how it is trained: what every stage of the recipe shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.layers import BatchNorm, Conv, Dense, Dropout, Flatten, MaxPool, ReLU
from digitnet.models.model import Model
from digitnet.preprocess import RGBToGrey, Scale  # type: ignore[attr-defined]

AUGMENT = "rotate 10deg | shift 2px | zoom 10% | fill reflect"
EPOCHS = 10  # of the paper's log
# The batch size is that of the log (1,875 steps); rate and dropout are not printed: the
# rate is Keras' default, the dropout ours.
PAPER: dict[str, Any] = {"learning_rate": 0.001, "batch_size": 32, "dropout": 0.25}
KERAS_ADAM = ("adam", {"epsilon": 1e-7})
BATCH_NORM: dict[str, float] = {}  # digitnet's momentum and epsilon
DOMAINS = ("MNIST", "MNIST-M", "both")
NAME = "mnistm-cnn"


def network(
    dropout: float, *, batch_norm: Mapping[str, float] | None = BATCH_NORM
) -> list[Any]:
    """`mnistm-cnn` with another dropout: the rate behind each pair of convolutions, twice it
    in the head. `batch_norm` are the options of its layers; None leaves them out."""
    layers: list[Any] = []
    for channels in (32, 64):
        for _ in range(2):
            layers.append(Conv(channels, 3, padding="same", bias=batch_norm is None))
            layers += [] if batch_norm is None else [BatchNorm(**batch_norm)]
            layers.append(ReLU())
        layers += [MaxPool(2), Dropout(dropout)]
    top = [Flatten(), Dense(256), ReLU(), Dropout(min(0.9, 2 * dropout)), Dense(10)]
    return [*layers, *top]


def make(
    settings: Mapping[str, Any],
    seed: int,
    *,
    grey: bool = True,
    batch_norm: Mapping[str, float] | None = BATCH_NORM,
) -> Model:
    """The network for colour images, which are made grey first, as the paper has it, or not."""
    layers = network(settings["dropout"], batch_norm=batch_norm)
    steps = [RGBToGrey(), Scale()] if grey else [Scale()]
    return Model(layers, (3, 28, 28), preprocess=steps, seed=seed, name=NAME)


def for_grey_images(model: Model, settings: Mapping[str, Any]) -> Model:
    """The same weights in a network whose images are grey already: one that an attack, which
    bounds the change of each pixel of the network's input, can be made on."""
    layers = network(settings["dropout"])
    same = Model(layers, (1, 28, 28), preprocess=[Scale()], name=f"{NAME}, grey images")
    same.load_state_dict(model.state_dict())
    return same


def epochs(context: Context) -> int:
    """As many as the paper's wherever its protocol is followed, but in smoke mode."""
    if context.protocol == "paper":
        return context.size(smoke=1, quick=EPOCHS, default=EPOCHS, full=EPOCHS)
    return context.size(smoke=1, quick=6, default=6, full=EPOCHS)


def fit_options(
    context: Context, settings: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    paper = context.protocol == "paper"
    return {
        "epochs": epochs(context),
        "batch_size": int(settings["batch_size"]),
        "learning_rate": settings["learning_rate"],
        "optimizer": KERAS_ADAM if paper else "adam",
        "schedule": "constant" if paper else "one-cycle",
        "augment": AUGMENT,
        "seed": seed,
    }


def as_colour(data: Dataset) -> Dataset:
    """Grey images with three equal channels."""
    images = np.repeat(data.images[:, None], 3, axis=1)
    return Dataset(images, data.labels, max_value=255, name=f"{data.name} in colour")


def domains(context: Context) -> dict[str, tuple[Dataset, Dataset]]:
    """(training, test) of MNIST, MNIST-M and both."""
    return context.memoize("domains", lambda: _domains(context))


def _domains(context: Context) -> dict[str, tuple[Dataset, Dataset]]:
    grey, blended = context.data("mnist"), context.data("mnist-m")
    count = context.size(smoke=100, quick=5_000, default=None, full=None)
    test_count = context.size(smoke=50, quick=2_000, default=None, full=None)
    (a, b), (c, d) = (
        (context.part(train, count), context.part(test, test_count))
        for train, test in (grey, blended)
    )
    a, b = as_colour(a), as_colour(b)
    return dict(zip(DOMAINS, ((a, b), (c, d), (a.joined(c), b.joined(d))), strict=True))
