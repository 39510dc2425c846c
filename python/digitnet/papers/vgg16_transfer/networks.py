"""The networks that `vgg16-transfer` compares, and how each of them is trained."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from digitnet import models
from digitnet.data.dataset import Dataset
from digitnet.data.download import find_file
from digitnet.experiments.context import Context
from digitnet.models.model import Model
from digitnet.models.weights import PUBLISHED
from digitnet.papers.vgg16_transfer.base import (
    pretraining_of,
    start_at_identity,
    trained_base,
    vgg16_layers,
)
from digitnet.papers.vgg16_transfer.data import METHOD, garments, parts, steps
from digitnet.train.history import History

CONTROLS = ("random", "untrained")  # differ with the seed
# "untrained" is what Fashion-MNIST's base was before it learned.
BASES = ("ImageNet", "Fashion-MNIST", "random", "untrained")
AUGMENT = "rotate 10deg | shift 2px | zoom 10%"
BATCH = 64  # as in the paper
# Options of the head's training: the paper's, and others for the validation part.
HEADS: dict[str, dict[str, Any]] = {
    "paper": {
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "schedule": "constant",
        "epochs": 20,
    },
    "adam": {"learning_rate": 0.001, "epochs": 20},
    "adam, longer": {"learning_rate": 0.003, "epochs": 60},
}
# Of the last two blocks and the head, by Adam; the first where nothing is chosen.
TUNING_RATES = (0.001, 0.0003, 0.003)


def imagenet_weights() -> Path | None:
    """torchvision's file, if it is on this machine; nothing is downloaded."""
    return find_file(PUBLISHED["vgg16"])


def here(context: Context, base: str) -> bool:
    """Whether a base can be had; half a gigabyte is checked once a run."""
    if base != "ImageNet":
        return True
    return context.memoize("ImageNet", imagenet_weights) is not None


def best_base(context: Context) -> str:
    """ImageNet's if its weights are on this machine, else Fashion-MNIST's."""
    return next(base for base in BASES if here(context, base))


def width(context: Context, base: str = "") -> float:
    """The fraction of VGG16's channels: all where ImageNet's weights fill them."""
    return 1 if base == "ImageNet" else pretraining_of(context).width


def fresh(context: Context, seed: int, base: str = "") -> Model:
    """VGG16's convolutions and the paper's head, all of random weights."""
    fraction = width(context, base)
    return Model(
        vgg16_layers(fraction, 10),
        (28, 28),
        seed=seed,
        preprocess=steps(context),
        name="VGG16" if fraction == 1 else f"VGG16, {fraction:g} of the channels",
    )


def source(context: Context) -> tuple[Model, History]:
    """The network that learned Fashion-MNIST, whose base is carried over to digits."""
    return context.memoize("source", lambda: _source(context))


def _source(context: Context) -> tuple[Model, History]:
    folder = context.out / "bases" if context.mode == "smoke" else None
    return trained_base(pretraining_of(context), garments(context)[0], folder)


def with_base(context: Context, base: str, seed: int) -> Model:
    """A fresh head on a base."""
    model = fresh(context, seed, base)
    if base == "Fashion-MNIST":
        model.load_weights(models.split_at(source(context)[0])[0], skip=["dense*"])
    elif base == "ImageNet":
        path = context.memoize("ImageNet", imagenet_weights)
        assert path is not None, "ImageNet weights that are not here"
        model.load_weights(path, skip=["[cd]*"])  # dense1 here, classifier.0 there
    elif base == "untrained":
        start_at_identity(model)
    return model


# -- the head ------------------------------------------------------------------


def features(context: Context, base: str, seed: int, part: str) -> dict[str, Any]:
    """What the frozen base makes of "training", "augmented" or "validation" images, and
    the seconds that it took: computed once, whatever heads are trained on them."""
    key = f"features {base} {seed if base in CONTROLS else ''} {part}"
    if part == "augmented":
        key += f" {seed}"

    def compute() -> dict[str, Any]:
        train, validation, _ = parts(context)
        data = validation if part == "validation" else train
        if part == "augmented":
            data = train.enlarged(AUGMENT, 1, seed=seed)[len(train) :]
        start = time.perf_counter()
        values = with_base(context, base, seed).features(data, progress=False)
        seconds = time.perf_counter() - start
        return {
            "features": values,
            "labels": data.require_labels(),
            "seconds": np.array(seconds),
        }

    return context.memoize(key, lambda: context.cached_arrays(key, compute))


def _head_data(
    context: Context, base: str, seed: int, enlarged: bool
) -> tuple[Dataset, Dataset]:
    names = ["training", "augmented"] if enlarged else ["training"]
    learned = [features(context, base, seed, name) for name in names]
    held_out = features(context, base, seed, "validation")
    largest = max(1e-6, *(float(f["features"].max()) for f in (*learned, held_out)))

    def joined(sets: list[dict[str, Any]]) -> Dataset:
        labels = np.concatenate([f["labels"] for f in sets])
        maps = np.concatenate([f["features"] for f in sets])[:, :, None, None]
        images = Dataset(np.zeros((len(labels), 1, 1), np.uint8), labels, max_value=1)
        return images.with_images(maps, max_value=largest, name=f"features, {base}")

    return joined(learned), joined([held_out])


def frozen(
    context: Context,
    base: str,
    seed: int,
    *,
    head: str | None = None,
    enlarged: bool = False,
) -> tuple[Model, History]:
    """The head trained behind the frozen base, whose features are computed once."""
    head = head or chosen(context)
    train, validation = _head_data(context, base, seed, enlarged)
    top, history = context.trained(
        f"head {base} {head} {enlarged} {seed}",
        lambda: models.split_at(with_base(context, base, seed))[1],
        train,
        validation,
        batch_size=BATCH,
        seed=seed,
        **HEADS[head] | ({"epochs": 2} if context.mode == "smoke" else {}),
    )
    model = with_base(context, base, seed)
    model.load_weights(top, skip=["block*"])
    model.fix_scale(parts(context)[0].max_value)
    return model, history


def head_score(context: Context, head: str) -> float:
    """Validation accuracy of the head, trained with these options."""
    _, history = frozen(context, best_base(context), 0, head=head)
    return history["val_accuracy"][-1]


def chosen(context: Context) -> str:
    if context.protocol == "paper":
        return "paper"
    return max(HEADS, key=partial(head_score, context))


# -- more than the head ----------------------------------------------------------


def two_blocks(context: Context, base: str, seed: int) -> tuple[Model, History]:
    """Fine-tuned from block 4 on, on an augmented copy of every image, too."""
    train = parts(context)[0].enlarged(AUGMENT, 1, seed=seed)
    epochs = context.size(smoke=1, quick=6, default=6, full=8)
    return _tuned(
        context, "two blocks", base, seed, train, epochs, chosen_rate(context)
    )


def _tuned(
    context: Context,
    key: str,
    base: str,
    seed: int,
    train: Dataset,
    epochs: int,
    rate: float,
) -> tuple[Model, History]:
    """The outputs of the first three blocks are computed once."""
    return context.trained(
        f"{key} {base} {rate:g} {seed}",
        lambda: frozen(context, base, seed)[0],
        train,
        parts(context)[1],
        method="fit_head",
        base="block3_pool",
        epochs=epochs,
        batch_size=BATCH,
        learning_rate=rate,
        seed=seed,
    )


def rate_score(context: Context, rate: float) -> float:
    """Validation accuracy of the two blocks after one epoch of images as they are."""
    train = parts(context)[0]
    _, history = _tuned(context, "rate", best_base(context), 0, train, 1, rate)
    return history["val_accuracy"][-1]


def chosen_rate(context: Context) -> float:
    if context.protocol == "paper":  # its validation part is the test set
        return TUNING_RATES[0]
    return max(TUNING_RATES, key=partial(rate_score, context))


def scratch(context: Context, seed: int) -> tuple[Model, History]:
    """The same network, nothing carried over."""
    return _whole(context, "scratch", lambda: fresh(context, seed), seed, 0.0005)


def lenet5(context: Context, seed: int) -> tuple[Model, History]:
    return _whole(context, "lenet5", lambda: models.make("lenet5", seed=seed), seed)


def alexnet(context: Context, seed: int) -> tuple[Model, History]:
    resized = [("resize", {"height": 32, "width": 32, "method": METHOD}), ("scale", {})]
    return _whole(
        context,
        "alexnet-small",
        lambda: models.make("alexnet-small", (28, 28), seed=seed, preprocess=resized),
        seed,
        0.001,
    )


def _whole(
    context: Context,
    name: str,
    make: Callable[[], Model],
    seed: int,
    learning_rate: float | None = None,
) -> tuple[Model, History]:
    train, validation, _ = parts(context)
    return context.trained(
        f"{name} {seed}",
        make,
        train,
        validation,
        epochs=context.size(smoke=1, quick=4, default=5, full=8),
        learning_rate=learning_rate,
        seed=seed,
    )


def networks(context: Context) -> dict[str, Callable[[int], tuple[Model, History]]]:
    """Everything that is compared, by name; each is a function of a seed that trains it."""
    trainers: dict[str, Callable[[int], tuple[Model, History]]] = {}
    available = [base for base in BASES if here(context, base)]
    for base in available:
        trainers[f"frozen, {base}"] = partial(frozen, context, base)
    best = best_base(context)
    trainers[f"frozen, {best}, augmented"] = partial(
        frozen, context, best, enlarged=True
    )
    for base in available:
        if base not in CONTROLS:
            trainers[f"two blocks, {base}"] = partial(two_blocks, context, base)
    trainers["from scratch"] = partial(scratch, context)
    trainers["LeNet-5"] = partial(lenet5, context)
    trainers["AlexNet, small"] = partial(alexnet, context)
    return trainers
