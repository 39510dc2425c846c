"""The images of `vgg16-transfer`, and what is done to them before VGG16 sees them."""

from __future__ import annotations

from typing import Any

from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context

METHOD = "nearest"  # of resizing, as in the paper
SMOKE = 40  # images of each part in smoke mode
EVALUATED = 5_000  # training images that a network is evaluated on
# What torchvision's weights expect pixels from 0 to 1 to be divided by.
STD = (0.229, 0.224, 0.225)


def side(context: Context) -> int:
    """Pixels a side: the paper's 48, or the least that VGG16 takes."""
    return context.size(smoke=32, quick=32, default=48, full=48)


def parts(context: Context) -> tuple[Dataset, Dataset, Dataset]:
    """(training, validation, test); the paper validates on the test set."""
    return context.memoize("parts", lambda: _parts(context))


def _parts(context: Context) -> tuple[Dataset, Dataset, Dataset]:
    train, test = context.data("mnist")
    count = context.size(smoke=SMOKE, quick=20_000, default=20_000, full=None)
    train = context.part(train, count)
    test = context.part(
        test, context.size(smoke=SMOKE, quick=None, default=None, full=None)
    )
    if context.protocol == "paper":
        return train, test, test
    first, validation = train.split((0.9, 0.1), seed=0)
    return first, validation, test


def garments(context: Context) -> tuple[Dataset, Dataset]:
    """Fashion-MNIST, (training, test): all of it but in smoke mode."""
    train, test = context.data("fashion-mnist")
    count = context.size(smoke=SMOKE, quick=None, default=None, full=None)
    return context.part(train, count), context.part(test, count)


def mean_of(train: Dataset) -> float:
    """The mean of all pixels; grey as RGB has it in each channel."""
    return float(train.images.mean())


def steps_for(train: Dataset, pixels: int) -> list[Any]:
    """Grey to three equal channels, resized, less the training images' mean.

    Then divided by a constant, which the weights expect: VGG16 has no normalisation.
    """
    return [
        ("grey_to_rgb", {}),
        ("resize", {"height": pixels, "width": pixels, "method": METHOD}),
        ("mean_rgb", {"mean": [mean_of(train)] * 3}),
        ("standardise", {"mean": [0.0] * 3, "std": [train.max_value * s for s in STD]}),
    ]


def steps(context: Context) -> list[Any]:
    """Those of this run's training images."""
    return context.memoize("steps", lambda: steps_for(parts(context)[0], side(context)))
