"""Hyperparameters of `kaggle-cnn`, which of them the validation part chooses, and its trainings."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from digitnet import models
from digitnet.callbacks import TensorBoard
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.models.model import Model
from digitnet.papers.kaggle_cnn import data as kaggle_data
from digitnet.preprocess import Step
from digitnet.train.history import History

BIG, SMALL = "kaggle-cnn", "kaggle-cnn-small"

# Keras' ImageDataGenerator draws the zoom of each axis apart.
_MOVED = "shift 10% | rotate 8deg | zoom 20% axes=2"
AUGMENT = {
    "paper": f"{_MOVED} | horizontal_flip 50% | vertical_flip 50% | fill nearest",
    "no flips": f"{_MOVED} | fill nearest",
    "erasing": f"{_MOVED} | erase 20% | fill nearest",
    "crop": f"{_MOVED} | crop 3px | fill nearest",
    "colour": f"{_MOVED} | channel_gain 20% | brightness 20% | contrast 20% | fill nearest",
    "digits": "shift 2px | rotate 10deg | zoom 10%",
    "fashion": "horizontal_flip 50%",
}
# Steps of the model behind the scaling: test images pass them too.
BLUR: Step = ("blur", {"passes": 5})
SHARPEN: Step = ("sharpen", {"passes": 1})
FILTERS: dict[str, tuple[Step, ...]] = {
    "as they are": (),
    "blurred": (BLUR,),
    "sharpened": (SHARPEN,),
    "blurred, then sharpened": (BLUR, SHARPEN),
}
PAPER_FILTERS = "blurred, then sharpened"

# As the paper trains; the floor of the learning rate is a tenth of the first.
RMSPROP: dict[str, Any] = {
    "optimizer": ("rmsprop", {"rho": 0.9, "epsilon": 1e-8}),
    "learning_rate": 0.001,
    "schedule": ("reduce-on-plateau", {"factor": 0.1, "patience": 3, "least": 0.1}),
    "monitor": "val_accuracy",
}
ONE_CYCLE: dict[str, Any] = {
    "learning_rate": 0.002,
    "batch_size": 128,
    "label_smoothing": 0.05,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "paper": {**RMSPROP, "batch_size": "by steps", "augment": AUGMENT["paper"]},
    "one-cycle": {**ONE_CYCLE, "augment": "by data"},  # AUGMENT's for the data
    "one-cycle, filters": {**ONE_CYCLE, "augment": "by data"},
    "one-cycle, no augmentation": {**ONE_CYCLE, "augment": None},
}
# The log's 50 and 71 steps an epoch fit this batch on three quarters of the rows.
BATCH, TRAINING_FRACTION = 640, 0.75
ROWS = {"digits": 42_000, "fashion": 60_000}
_FILTERED = ("paper", "one-cycle, filters")


def parts(context: Context, name: str, seed: int) -> tuple[Dataset, Dataset]:
    """(training, validation) of the labelled rows of "digits" or "fashion"."""
    train, _ = kaggle_data.sets(context, name)
    count = context.size(smoke=200, quick=10_000, default=None, full=None)
    held_out = 1 - TRAINING_FRACTION if context.protocol == "paper" else 0.1
    first, second = context.part(train, count).split(
        (1 - held_out, held_out), seed=seed
    )
    return first, second


def small_parts(context: Context, name: str, seed: int) -> tuple[Dataset, Dataset]:
    """Fewer, for comparisons of many trainings."""
    train, validation = parts(context, name, seed)
    count = context.size(smoke=100, quick=1_000, default=4_000, full=20_000)
    return context.part(train, count), context.part(validation, count)


def paired_seeds(context: Context) -> list[int]:
    """Two or more but in smoke mode: a difference needs a standard deviation."""
    return context.size(smoke=[0], quick=[0, 1], default=[0, 1, 2], full=[*range(5)])


def short_options(context: Context) -> dict[str, Any]:
    """Of the trainings that are compared: the thesis', but for the batch and the flips.

    Few images need small batches to make enough steps.
    """
    return {
        **RMSPROP,
        "augment": AUGMENT["no flips"],
        "batch_size": context.size(smoke=32, quick=32, default=64, full=128),
        "epochs": context.size(smoke=1, quick=5, default=10, full=20),
        "progress": False,
    }


def described(options: dict[str, Any]) -> str:
    """For a paragraph of the report."""
    return (
        f"RMSprop and the plateau schedule, batch {options['batch_size']}, "
        f"{options['epochs']} epochs"
    )


def options_of(settings: str, name: str, count: int) -> dict[str, Any]:
    """Options of fit for so many images of "digits" or "fashion"."""
    options = dict(SETTINGS[settings])
    if options["batch_size"] == "by steps":
        part = count / (ROWS[name] * TRAINING_FRACTION)
        options["batch_size"] = min(BATCH, math.ceil(BATCH * part))
    if options["augment"] == "by data":
        options["augment"] = AUGMENT[name]
    return options


def filters_of(settings: str) -> tuple[Step, ...]:
    """Steps that every image passes before the network, in training and in tests."""
    return FILTERS[PAPER_FILTERS if settings in _FILTERED else "as they are"]


def network(name: str, data: Dataset, seed: int, filters: Sequence[Step] = ()) -> Model:
    """A network of the zoo for these data, its images filtered."""
    return models.make(
        name, classes=data.classes, seed=seed, preprocess=["scale", *filters]
    )


def validation_score(context: Context, name: str, settings: str) -> float:
    """Accuracy on the validation part after a short training on a subset."""

    def score() -> float:
        train, validation = parts(context, name, 0)
        count = context.size(smoke=100, quick=3_000, default=10_000, full=None)
        train = context.part(train, count)
        model = network(BIG, train, 0, filters_of(settings))
        # Augmentation pays only in training that is not too short.
        passes = context.size(smoke=1, quick=6, default=12, full=20)
        options = options_of(settings, name, len(train)) | {"epochs": passes}
        held_out = validation if "monitor" in options else None
        model.fit(train, held_out, progress=False, **options)
        return model.evaluate(validation)["accuracy"]

    return float(context.cached(f"choice {name} {settings}", score))


def chosen(context: Context, name: str) -> str:
    """The name of the settings that the validation part prefers, or the paper's."""
    if context.protocol == "paper":
        return "paper"
    return max(SETTINGS, key=partial(validation_score, context, name))


def epochs(context: Context) -> int:
    return context.size(smoke=1, quick=8, default=40, full=70)


def trained(
    context: Context, name: str, seed: int, net: str = BIG
) -> tuple[Model, History]:
    """The network at the epoch of its best validation accuracy, and the whole history.

    Both networks are trained by this function: the same images, options and epochs.
    """
    train, validation = parts(context, name, seed)
    settings = chosen(context, name)
    run = f"{name}-{seed}" if net == BIG else f"{name}-small-{seed}"
    best = context.out / "checkpoints" / f"{run}.safetensors"
    best.parent.mkdir(exist_ok=True)
    options = options_of(settings, name, len(train))
    options["monitor"] = "val_accuracy"
    _, history = context.trained(
        f"{net} {name} {settings} {seed}",
        lambda: network(net, train, seed, filters_of(settings)),
        train,
        validation,
        epochs=epochs(context),
        seed=seed,
        checkpoint=best,
        callbacks=boards(context, run),
        **options,
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
