"""Named networks, and models from files. The networks themselves are in cpp/models/zoo."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import digitnet._core as _core
from digitnet._core.models import describe, parameters_of
from digitnet._utils.registry import check_name, names_of
from digitnet.data.checks import class_count
from digitnet.data.dataset import Dataset
from digitnet.models.file import load_as
from digitnet.models.model import Model

__all__ = ["describe", "load", "make", "maker_for", "names"]


def names() -> list[str]:
    """Names that `make` accepts."""
    return names_of(describe())


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
        seed: Seed of the first weights.
        preprocess: Steps from raw pixels to the network's input, see
            `digitnet.preprocess`. Default: divide by the largest pixel value.
    Raises:
        ValueError: unknown name, or an input that the network cannot take.
    Example:
        >>> digitnet.models.make("lenet5").count_params()
        61706
    """
    check_name("model", name, names())
    count = class_count(classes, "models.make.classes")
    network, usual = _core.models.make(name, count)
    (entry,) = (entry for entry in describe() if entry["name"] == name)
    return Model(
        network,
        input_shape=usual if input_shape is None else input_shape,
        classes=None if entry["outputs_images"] else classes,
        preprocess=preprocess,
        seed=seed,
        name=name,
    )


def count_params(name: str) -> int:
    """How many numbers of a named network are trained, at its usual input and 10 classes.

    No weight is made: counts of large networks are as quick as those of small ones.
    """
    network, shape = _core.models.make(name, 10)
    return sum(
        math.prod(shape)
        for _, shape, buffer in parameters_of(network, shape, ["scale"])
        if not buffer
    )


def maker_for(
    model: Callable[[int], Model] | str, data: Dataset
) -> Callable[[int], Model]:
    """What makes a fresh model from a seed: `model` itself, or for a network's name one of
    the data's shape and classes."""
    if not isinstance(model, str):
        return model
    name = model
    return lambda seed: make(name, data.shape, classes=data.classes, seed=seed)


def load(path: str | PathLike[str]) -> Model:
    """Read a model saved by `Model.save`.

    Raises:
        DataError: not such a file, damaged, of a newer format, or its tensors do not
            fit its network; names the field.
        FileNotFoundError: no such file.
    """
    return load_as(Model, path)
