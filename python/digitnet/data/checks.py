"""Checks of what a Dataset is made of: class names, labels, numbers of copies."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils.arrays import (
    Images,
    Labels,
    as_labels,
    as_real,
    as_whole,
    guess_max_value,
)
from digitnet._utils.text import as_seen, listed, plain_name

_MOST_COPIES = 10_000


# What a pixel may be divided by, in 32 bits.
LEAST_SCALE, LARGEST_SCALE = 1e-30, 1e30


def numbers(count: int) -> tuple[str, ...]:
    """The names of classes that nobody named: "0" to `count` - 1."""
    return tuple(str(k) for k in range(count))


DIGITS = numbers(10)  # the classes of sets of digits, by name


def class_name(name: str, where: str) -> str:
    """A class's name as it is compared everywhere: a plain line in Unicode's form NFC.

    Raises ValueError for others; `where` is named in it.
    """
    return unicodedata.normalize("NFC", plain_name(name, where))


def ordered_names(classes: Any, where: str) -> tuple[str, ...]:
    """Class names as they are compared everywhere.

    Raises ValueError for what has no order, and for two that are the same, or look it.
    """
    if isinstance(classes, set | frozenset | Mapping) or not isinstance(
        classes, Iterable
    ):
        raise ValueError(
            f"{where}: expected a number or names in their order, got "
            f"{type(classes).__name__}; give a list"
        )
    names = tuple(class_name(str(name), where) for name in classes)
    if len(set(map(as_seen, names))) < len(names):
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
    elif not LEAST_SCALE <= as_real(max_value) <= LARGEST_SCALE:
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


def checked_fractions(fraction: Any) -> list[float]:
    """Sizes of a split's parts; of one number it and the rest."""
    if not isinstance(fraction, Real):
        return [float(part) for part in fraction]
    if not 0 < as_real(fraction) < 1:
        raise ValueError(f"split.fraction: expected 0 < fraction < 1, got {fraction}")
    return [float(fraction), 1 - float(fraction)]


def by_class(
    value: Any, classes: Sequence[str], where: str, what: str = "numbers"
) -> dict[int, Any]:
    """What is given for classes, by their numbers.

    Args:
        value: One for each class in their order, or a mapping by names or numbers.
        classes: The names.
        where, what: For errors.
    Raises:
        ValueError: another number of values, or a class that is not there.
    Example:
        >>> from digitnet.data.checks import by_class
        >>> by_class({"cat": 3}, ("ant", "cat"), "x"), by_class([1, 2], ("a", "b"), "x")
        ({1: 3}, {0: 1, 1: 2})
    """
    count = len(classes)
    if isinstance(value, set | frozenset) or not isinstance(value, Iterable):
        raise ValueError(
            f"{where}: expected {count} {what}, one a class, or a dict by class, got "
            f"{value!r:.60}"
        )
    if not isinstance(value, Mapping):
        values = list(value)
        if len(values) != count:
            raise ValueError(
                f"{where}: expected {count} {what}, one a class, got {len(values)}"
            )
        return dict(enumerate(values))
    places = {name: place for place, name in enumerate(classes)}
    found: dict[int, Any] = {}
    for key, one in value.items():
        place = key if key in range(count) else None
        if isinstance(key, str):
            place = places.get(unicodedata.normalize("NFC", key))
        if place is None:
            raise ValueError(
                f"{where}: expected classes 0 to {count - 1} or names among "
                f"{listed(classes, 12)}, got {key!r:.60}"
            )
        if int(place) in found:
            raise ValueError(
                f"{where}: expected each class once, got {key!r:.60} twice"
            )
        found[int(place)] = one
    return found


def copies_by_class(
    copies: Mapping[int | str, int] | Sequence[int], classes: Sequence[str]
) -> npt.NDArray[np.int64]:
    """How many copies the samples of each class get; 0 for classes that a dict leaves out."""
    given = by_class(copies, classes, "enlarged.copies")
    return np.array([checked_copies(given.get(k, 0)) for k in range(len(classes))])


def checked_copies(copies: Any) -> int:
    """A number of copies of one image."""
    return as_whole(copies, "enlarged.copies", 0, _MOST_COPIES)
