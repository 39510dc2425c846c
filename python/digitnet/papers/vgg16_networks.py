"""The networks that `vgg16-transfer` compares, and how each of them is trained."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from digitnet import models
from digitnet.data.dataset import Dataset
from digitnet.data.download import find_file
from digitnet.experiments.context import Workshop
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
# The last two blocks, with a rate of their own, and the head.
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


def here(workshop: Workshop, base: str) -> bool:
    """Whether a base can be had; half a gigabyte is checked once a run."""
    if base != "ImageNet":
        return True
    return workshop.remember("ImageNet", imagenet_weights) is not None


def best_base(workshop: Workshop) -> str:
    """ImageNet's if its weights are on this machine, else Fashion-MNIST's."""
    return next(base for base in BASES if here(workshop, base))


def side(workshop: Workshop) -> int:
    """Pixels a side: the paper's 48, or the least that VGG16 takes."""
    return workshop.size(smoke=32, quick=32, default=48, full=48)


def _count(workshop: Workshop) -> int | None:
    return workshop.size(smoke=40, quick=2_500, default=10_000, full=None)


def parts(workshop: Workshop) -> tuple[Dataset, Dataset, Dataset]:
    """(training, validation, test); the paper validates on the test set."""
    return workshop.remember("parts", lambda: _parts(workshop))


def _parts(workshop: Workshop) -> tuple[Dataset, Dataset, Dataset]:
    train, test = workshop.data("mnist")
    train = workshop.part(train, _count(workshop))
    few = workshop.size(smoke=40, quick=1_500, default=10_000, full=None)
    test = workshop.part(test, few)
    if workshop.protocol == "paper":
        return train, test, test
    first, held = train.split((0.9, 0.1), seed=0)
    return first, held, test


def steps(workshop: Workshop) -> list[Any]:
    """Grey to three channels, resized, less the training set's mean; torchvision's scale."""
    return workshop.remember("steps", lambda: _steps(workshop))


def _steps(workshop: Workshop) -> list[Any]:
    train, _, _ = parts(workshop)
    mean = float(train.images.mean()) / train.max_value
    spread = [0.229, 0.224, 0.225]
    return [
        ("grey_to_rgb", {}),
        ("resize", {"height": side(workshop), "width": side(workshop)}),
        ("scale", {}),
        ("standardise", {"mean": [mean] * 3, "std": spread}),
    ]


def fresh(workshop: Workshop, seed: int) -> Model:
    return models.make(
        "vgg16-transfer", (28, 28), seed=seed, preprocess=steps(workshop)
    )


def source(workshop: Workshop) -> tuple[Model, History]:
    """The network that learned Fashion-MNIST, whose base is carried over to digits."""
    return workshop.remember("source", lambda: _source(workshop))


def _source(workshop: Workshop) -> tuple[Model, History]:
    train, _ = workshop.data("fashion-mnist")
    train, held = workshop.part(train, _count(workshop)).split((0.9, 0.1), seed=0)
    return workshop.trained(
        "source",
        lambda: fresh(workshop, 0),
        train,
        held,
        epochs=workshop.size(smoke=1, quick=6, default=8, full=10),
        learning_rate=0.0005,
    )


def based(workshop: Workshop, base: str, seed: int) -> Model:
    """A fresh head on a base."""
    model = fresh(workshop, seed)
    if base == "Fashion-MNIST":
        model.load_weights(models.split_at(source(workshop)[0])[0])
    elif base == "ImageNet":
        path = workshop.remember("ImageNet", imagenet_weights)
        assert path is not None, "asked for weights that are not here"
        model.load_weights(path)
    return model


def frozen(
    workshop: Workshop,
    base: str,
    seed: int,
    *,
    head: str | None = None,
    enlarged: bool = False,
) -> tuple[Model, History]:
    """The head trained behind the frozen base."""
    train, held, _ = parts(workshop)
    head = head or chosen(workshop)
    if enlarged:
        train = train.enlarged(AUGMENT, 1, seed=seed)
    return workshop.trained(
        f"frozen {base} {head} {enlarged} {seed}",
        lambda: based(workshop, base, seed),
        train,
        held,
        method="fit_head",
        batch_size=64,
        seed=seed,
        **HEADS[head] | ({"epochs": 2} if workshop.mode == "smoke" else {}),
    )


def head_score(workshop: Workshop, head: str) -> float:
    """Validation accuracy of a way to train the head."""
    _, history = frozen(workshop, best_base(workshop), 0, head=head)
    return history["val_accuracy"][-1]


def chosen(workshop: Workshop) -> str:
    if workshop.protocol == "paper":
        return "paper"
    return max(HEADS, key=partial(head_score, workshop))


def two_blocks(workshop: Workshop, base: str, seed: int) -> tuple[Model, History]:
    """Fine-tuned from block 4 on: the first three blocks are asked once."""
    train, held, _ = parts(workshop)
    return workshop.trained(
        f"two blocks {base} {seed}",
        lambda: frozen(workshop, base, seed)[0],
        train,
        held,
        method="fit_head",
        base="block3_pool",
        epochs=workshop.size(smoke=1, quick=6, default=12, full=20),
        batch_size=64,
        seed=seed,
        **TUNED,
    )


def scratch(workshop: Workshop, seed: int) -> tuple[Model, History]:
    """The same network, nothing carried over."""
    return _whole(workshop, "scratch", lambda: fresh(workshop, seed), seed, 0.0005)


def lenet5(workshop: Workshop, seed: int) -> tuple[Model, History]:
    return _whole(workshop, "lenet5", lambda: models.make("lenet5", seed=seed), seed)


def alexnet(workshop: Workshop, seed: int) -> tuple[Model, History]:
    resized = [("resize", {"height": 32, "width": 32}), ("scale", {})]
    return _whole(
        workshop,
        "alexnet-small",
        lambda: models.make("alexnet-small", (28, 28), seed=seed, preprocess=resized),
        seed,
        0.001,
    )


def _whole(
    workshop: Workshop,
    name: str,
    make: Callable[[], Model],
    seed: int,
    learning_rate: float | None = None,
) -> tuple[Model, History]:
    train, held, _ = parts(workshop)
    return workshop.trained(
        f"{name} {seed}",
        make,
        train,
        held,
        epochs=workshop.size(smoke=1, quick=6, default=10, full=20),
        learning_rate=learning_rate,
        seed=seed,
    )


def networks(workshop: Workshop) -> dict[str, Callable[[int], tuple[Model, History]]]:
    """Everything that is compared, by name; each is trained from a seed."""
    found: dict[str, Callable[[int], tuple[Model, History]]] = {}
    had = [base for base in BASES if here(workshop, base)]
    for base in had:
        found[f"frozen, {base}"] = partial(frozen, workshop, base)
    best = best_base(workshop)
    found[f"frozen, {best}, augmented"] = partial(frozen, workshop, best, enlarged=True)
    for base in had:
        if base != "random":
            found[f"two blocks, {base}"] = partial(two_blocks, workshop, base)
    found["from scratch"] = partial(scratch, workshop)
    found["LeNet-5"] = partial(lenet5, workshop)
    found["AlexNet, small"] = partial(alexnet, workshop)
    return found
