"""Networks by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import digitnet._core as _core
from digitnet._core.models import describe
from digitnet.data.dataset import Dataset
from digitnet.models.model import Model

__all__ = ["describe", "make", "maker_for", "names"]


def names() -> list[str]:
    """Names that `make` accepts."""
    return [entry["name"] for entry in describe()]


def make(
    name: str,
    input_shape: Sequence[int] | None = None,
    classes: int | Sequence[str] = 10,
    seed: int = 0,
    *,
    preprocess: Sequence[Any] = ("scale",),
) -> Model:
    """Make a named network.

    Args:
        name: One of `names()`.
        input_shape: (height, width) or (channels, height, width) of the raw images.
            Default: the shape that the network was published for.
        classes: K, or the K class names.
        seed: Of the first weights.
        preprocess: Steps from raw pixels to the network's input, see
            `digitnet.preprocess`. Default: divide by the largest pixel value.
    Raises:
        ValueError: unknown name, or an input that the network cannot take.
    Example:
        >>> digitnet.models.make("lenet5").count_params()
        61706
    """
    count = classes if isinstance(classes, int) else len(classes)
    network, usual = _core.models.make(name, count)
    return Model(
        network,
        input_shape=usual if input_shape is None else input_shape,
        classes=classes,
        preprocess=preprocess,
        seed=seed,
        name=name,
    )


def maker_for(
    given: Callable[[int], Model] | str, data: Dataset
) -> Callable[[int], Model]:
    """What makes a fresh model from a seed: `given` itself, or for a network's name one of
    the data's shape and classes."""
    if not isinstance(given, str):
        return given
    name = given
    return lambda seed: make(name, data.shape, classes=data.classes, seed=seed)
