"""Checks of what a Dataset is made of: class names, labels, numbers of copies."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils.arrays import (
    Images,
    Labels,
    as_labels,
    as_whole,
    guess_max_value,
)
from digitnet._utils.text import listed, plain_name

_MOST_COPIES = 10_000


# What a pixel may be divided by, in 32 bits.
LEAST_SCALE, LARGEST_SCALE = 1e-30, 1e30


def numbers(count: int) -> tuple[str, ...]:
    """The names of classes that nobody named: "0" to `count` - 1."""
    return tuple(str(k) for k in range(count))


DIGITS = numbers(10)  # the classes of sets of digits, by name


def ordered_names(classes: Any, where: str) -> tuple[str, ...]:
    """Class names as they are compared everywhere: text in Unicode's form NFC.

    Raises ValueError for what has no order, and for two that are the same.
    """
    if isinstance(classes, set | frozenset | Mapping) or not isinstance(
        classes, Iterable
    ):
        raise ValueError(
            f"{where}: expected a number or names in their order, got "
            f"{type(classes).__name__}; give a list"
        )
    names = tuple(
        unicodedata.normalize("NFC", plain_name(str(name), where)) for name in classes
    )
    if len(set(names)) < len(names):
        raise ValueError(f"{where}: expected different names, got {listed(names)}")
    return names


def class_count(classes: Any, where: str) -> int:
    """How many classes K, or K names, are."""
    if isinstance(classes, int | np.integer):
        return int(classes)
    return len(ordered_names(classes, where))


def class_names(classes: int | Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """K names, of K or of the names themselves, and whether they were given.

    Raises ValueError for fewer than two, or two that are the same.
    """
    if isinstance(classes, int | np.integer):
        if not 2 <= classes <= 10_000:
            raise ValueError(f"Dataset.classes: expected 2 to 10000, got {classes}")
        return numbers(int(classes)), False
    names = ordered_names(classes, "Dataset.classes")
    if len(names) < 2:
        raise ValueError(
            f"Dataset.classes: expected at least 2 different names, got {listed(names) or 'none'}"
        )
    return names, True


def checked_scale(images: Images, max_value: float | None) -> float:
    """The pixel value of full intensity, by default the smallest usual one.

    Raises ValueError for pixels beyond it.
    """
    if max_value is None:
        largest = _core.data.largest_pixel(images)
        max_value = guess_max_value(largest, "Dataset.images")
    elif not (
        isinstance(max_value, int | float) and LEAST_SCALE <= max_value <= LARGEST_SCALE
    ):
        raise ValueError(
            f"Dataset.max_value: expected a positive number, {LEAST_SCALE:g} to "
            f"{LARGEST_SCALE:g}, got {max_value!r:.60}"
        )
    _core.data.check_images(images, float(max_value), "Dataset.images")
    return float(max_value)


def checked_labels(labels: Any, images: int, classes: int) -> Labels:
    """Labels as int64 (N,), one an image, each in [0, K). Raises ValueError for others."""
    array = as_labels(labels, "Dataset.labels")
    if len(array) != images:
        raise ValueError(
            f"Dataset.labels: expected {images} labels, one an image, got {len(array)}"
        )
    _core.data.check_labels(array, classes, "Dataset.labels")
    return array


def copies_by_class(
    copies: Mapping[int, int] | Sequence[int], classes: int
) -> npt.NDArray[np.int64]:
    """How many copies the samples of each class get; 0 for classes that a dict leaves out."""
    if not isinstance(copies, Mapping):
        if len(copies) != classes:
            raise ValueError(
                f"enlarged.copies: expected {classes} numbers, one a class, got "
                f"{len(copies)}"
            )
        copies = dict(enumerate(copies))
    unknown = [k for k in copies if k not in range(classes)]
    if unknown:
        raise ValueError(
            f"enlarged.copies: expected classes 0 to {classes - 1}, got {unknown}"
        )
    return np.array([checked_copies(copies.get(k, 0)) for k in range(classes)])


def checked_copies(copies: Any) -> int:
    """A number of copies of one image."""
    return as_whole(copies, "enlarged.copies", 0, _MOST_COPIES)
