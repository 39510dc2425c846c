"""Hyperparameters of `kaggle-cnn`, and which of them the validation part chooses."""

from __future__ import annotations

import importlib.util
from functools import partial
from typing import Any

from digitnet import models
from digitnet.callbacks import TensorBoard
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.models.model import Model
from digitnet.papers.kaggle_cnn import data as kaggle_data
from digitnet.train.history import History

AUGMENT = {
    "paper": "shift 10% | rotate 8deg | zoom 20% | horizontal_flip 50% "
    "| vertical_flip 50% | fill nearest",
    "no flips": "shift 10% | rotate 8deg | zoom 20% | fill nearest",
    "digits": "shift 2px | rotate 10deg | zoom 10%",
    "fashion": "horizontal_flip 50%",
}
# As the paper trains; the floor of the learning rate is a tenth of the first.
RMSPROP: dict[str, Any] = {
    "optimizer": ("rmsprop", {"rho": 0.9, "epsilon": 1e-8}),
    "learning_rate": 0.001,
    "schedule": ("reduce-on-plateau", {"factor": 0.1, "patience": 3, "least": 0.1}),
}
ONE_CYCLE: dict[str, Any] = {
    "learning_rate": 0.002,
    "batch_size": 128,
    "label_smoothing": 0.05,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "paper": {**RMSPROP, "batch_size": 640, "augment": AUGMENT["paper"]},
    "one-cycle": {**ONE_CYCLE, "augment": "by data"},  # AUGMENT's for the data
    "one-cycle, no augmentation": {**ONE_CYCLE, "augment": None},
}


def parts(context: Context, name: str, seed: int) -> tuple[Dataset, Dataset]:
    """(training, validation) of the labelled rows of "digits" or "fashion"."""
    train, _ = kaggle_data.sets(context, name)
    count = context.size(smoke=200, quick=10_000, default=None, full=None)
    fraction = 0.25 if context.protocol == "paper" else 0.1
    first, second = context.part(train, count).split(
        (1 - fraction, fraction), seed=seed
    )
    return first, second


def small_parts(context: Context, name: str, seed: int) -> tuple[Dataset, Dataset]:
    """Fewer, for comparisons of many trainings."""
    train, validation = parts(context, name, seed)
    count = context.size(smoke=100, quick=1_500, default=6_000, full=20_000)
    return context.part(train, count), context.part(validation, count)


def options_of(settings: str, name: str) -> dict[str, Any]:
    """Options of fit for "digits" or "fashion"."""
    options = dict(SETTINGS[settings])
    if options["augment"] == "by data":
        options["augment"] = AUGMENT[name]
    return options


def short_epochs(context: Context) -> int:
    return context.size(smoke=1, quick=6, default=10, full=20)


def validation_score(context: Context, name: str, settings: str) -> float:
    """Accuracy on the validation part after a short training on a subset."""

    def score() -> float:
        train, validation = parts(context, name, 0)
        count = context.size(smoke=100, quick=3_000, default=10_000, full=None)
        train = context.part(train, count)
        model = models.make("kaggle-cnn", classes=train.classes, seed=0)
        # Augmentation pays only in training that is not too short.
        passes = context.size(smoke=1, quick=6, default=12, full=20)
        model.fit(
            train, progress=False, **options_of(settings, name) | {"epochs": passes}
        )
        return model.evaluate(validation)["accuracy"]

    return float(context.cached(f"choice {name} {settings}", score))


def chosen(context: Context, name: str) -> str:
    """The name of the settings that the validation part prefers, or the paper's."""
    if context.protocol == "paper":
        return "paper"
    return max(SETTINGS, key=partial(validation_score, context, name))


def epochs(context: Context) -> int:
    return context.size(smoke=1, quick=8, default=40, full=70)


def trained(context: Context, name: str, seed: int) -> tuple[Model, History]:
    """The network at the epoch of its best validation accuracy, and the whole history."""
    train, validation = parts(context, name, seed)
    settings = chosen(context, name)
    best = context.out / "checkpoints" / f"{name}-{seed}.safetensors"
    best.parent.mkdir(exist_ok=True)
    _, history = context.trained(
        f"{name} {settings} {seed}",
        lambda: models.make("kaggle-cnn", classes=train.classes, seed=seed),
        train,
        validation,
        epochs=epochs(context),
        seed=seed,
        monitor="val_accuracy",
        checkpoint=best,
        callbacks=boards(context, f"{name}-{seed}"),
        **options_of(settings, name),
    )
    return models.load(best), history


def boards(context: Context, run: str) -> list[TensorBoard]:
    """A log for TensorBoard in the folder logs, if it is installed."""
    if importlib.util.find_spec("tensorboard") is None:
        context.note(
            "TensorBoard's logs are not written: pip install 'digitnet[tensorboard]'."
        )
        return []
    return [TensorBoard(context.out / "logs" / run)]


def trained_small(context: Context, seed: int) -> Model:
    """The small network on digits, without augmentation."""
    train, validation = parts(context, "digits", seed)
    model, _ = context.trained(
        f"small {seed}",
        lambda: models.make("kaggle-cnn-small", seed=seed),
        train,
        validation,
        epochs=context.size(smoke=1, quick=5, default=10, full=40),
        batch_size=128,
        seed=seed,
    )
    return model
