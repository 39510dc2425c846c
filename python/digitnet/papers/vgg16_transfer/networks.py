"""The networks that `vgg16-transfer` compares, and how each of them is trained."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from digitnet import models
from digitnet.data.dataset import Dataset
from digitnet.data.download import find_file
from digitnet.experiments.context import Context
from digitnet.models.model import Model
from digitnet.models.weights import PUBLISHED
from digitnet.train.history import History

BASES = ("ImageNet", "Fashion-MNIST", "random")
AUGMENT = "rotate 10deg | shift 2px | zoom 10%"
# Options of the head's training: the paper's, and others for the validation part.
HEADS: dict[str, dict[str, Any]] = {
    "paper": {
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "schedule": "constant",
        "epochs": 20,
    },
    "adam": {"learning_rate": 0.001, "epochs": 20},
    "adam, longer": {"learning_rate": 0.001, "epochs": 60},
}
# The last two blocks, with a smaller learning rate, and the head.
TUNED: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 0.001,
    "lr_scale": {"block*": 0.1},
    "schedule": ("reduce-on-plateau", {"factor": 0.3, "patience": 2}),
    "early_stopping": 4,
}


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


def side(context: Context) -> int:
    """Pixels a side: the paper's 48, or the least that VGG16 takes."""
    return context.size(smoke=32, quick=32, default=48, full=48)


def _count(context: Context) -> int | None:
    return context.size(smoke=40, quick=2_500, default=10_000, full=None)


def parts(context: Context) -> tuple[Dataset, Dataset, Dataset]:
    """(training, validation, test); the paper validates on the test set."""
    return context.memoize("parts", lambda: _parts(context))


def _parts(context: Context) -> tuple[Dataset, Dataset, Dataset]:
    train, test = context.data("mnist")
    train = context.part(train, _count(context))
    count = context.size(smoke=40, quick=1_500, default=10_000, full=None)
    test = context.part(test, count)
    if context.protocol == "paper":
        return train, test, test
    first, validation = train.split((0.9, 0.1), seed=0)
    return first, validation, test


def steps(context: Context) -> list[Any]:
    """Grey to three channels, resized, less the training set's mean; torchvision's scale."""
    return context.memoize("steps", lambda: _steps(context))


def _steps(context: Context) -> list[Any]:
    train, _, _ = parts(context)
    mean = float(train.images.mean()) / train.max_value
    std = [0.229, 0.224, 0.225]
    return [
        ("grey_to_rgb", {}),
        ("resize", {"height": side(context), "width": side(context)}),
        ("scale", {}),
        ("standardise", {"mean": [mean] * 3, "std": std}),
    ]


def fresh(context: Context, seed: int) -> Model:
    return models.make("vgg16-transfer", (28, 28), seed=seed, preprocess=steps(context))


def source(context: Context) -> tuple[Model, History]:
    """The network that learned Fashion-MNIST, whose base is carried over to digits."""
    return context.memoize("source", lambda: _source(context))


def _source(context: Context) -> tuple[Model, History]:
    train, _ = context.data("fashion-mnist")
    train, validation = context.part(train, _count(context)).split((0.9, 0.1), seed=0)
    return context.trained(
        "source",
        lambda: fresh(context, 0),
        train,
        validation,
        epochs=context.size(smoke=1, quick=6, default=8, full=10),
        learning_rate=0.0005,
    )


def based(context: Context, base: str, seed: int) -> Model:
    """A fresh head on a base."""
    model = fresh(context, seed)
    if base == "Fashion-MNIST":
        model.load_weights(models.split_at(source(context)[0])[0])
    elif base == "ImageNet":
        path = context.memoize("ImageNet", imagenet_weights)
        assert path is not None, "ImageNet weights that are not here"
        model.load_weights(path)
    return model


def frozen(
    context: Context,
    base: str,
    seed: int,
    *,
    head: str | None = None,
    enlarged: bool = False,
) -> tuple[Model, History]:
    """The head trained behind the frozen base."""
    train, validation, _ = parts(context)
    head = head or chosen(context)
    if enlarged:
        train = train.enlarged(AUGMENT, 1, seed=seed)
    return context.trained(
        f"frozen {base} {head} {enlarged} {seed}",
        lambda: based(context, base, seed),
        train,
        validation,
        method="fit_head",
        batch_size=64,
        seed=seed,
        **HEADS[head] | ({"epochs": 2} if context.mode == "smoke" else {}),
    )


def head_score(context: Context, head: str) -> float:
    """Validation accuracy of the head, trained with these options."""
    _, history = frozen(context, best_base(context), 0, head=head)
    return history["val_accuracy"][-1]


def chosen(context: Context) -> str:
    if context.protocol == "paper":
        return "paper"
    return max(HEADS, key=partial(head_score, context))


def two_blocks(context: Context, base: str, seed: int) -> tuple[Model, History]:
    """Fine-tuned from block 4 on: the outputs of the first three blocks are computed once."""
    train, validation, _ = parts(context)
    return context.trained(
        f"two blocks {base} {seed}",
        lambda: frozen(context, base, seed)[0],
        train,
        validation,
        method="fit_head",
        base="block3_pool",
        epochs=context.size(smoke=1, quick=6, default=12, full=20),
        batch_size=64,
        seed=seed,
        **TUNED,
    )


def scratch(context: Context, seed: int) -> tuple[Model, History]:
    """The same network, nothing carried over."""
    return _whole(context, "scratch", lambda: fresh(context, seed), seed, 0.0005)


def lenet5(context: Context, seed: int) -> tuple[Model, History]:
    return _whole(context, "lenet5", lambda: models.make("lenet5", seed=seed), seed)


def alexnet(context: Context, seed: int) -> tuple[Model, History]:
    resized = [("resize", {"height": 32, "width": 32}), ("scale", {})]
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
        epochs=context.size(smoke=1, quick=6, default=10, full=20),
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
        if base != "random":
            trainers[f"two blocks, {base}"] = partial(two_blocks, context, base)
    trainers["from scratch"] = partial(scratch, context)
    trainers["LeNet-5"] = partial(lenet5, context)
    trainers["AlexNet, small"] = partial(alexnet, context)
    return trainers
