"""Labels as people have them, as whole numbers from 0 and the names of their classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.arrays import Labels
from digitnet._utils.text import listed

_DIGITS = 10


def natural_order(names: Sequence[str]) -> list[str]:
    """Names as people sort them: "-1", "1", "10"; "item 9" before "item 10".

    Example:
        >>> from digitnet.data.labels import natural_order
        >>> natural_order(["item 10", "Item 2", "item 9"]), natural_order(["1", "-1"])
        (['Item 2', 'item 9', 'item 10'], ['-1', '1'])
    """
    if all(re.fullmatch(r"-?\d{1,15}", name) for name in names):
        return sorted(names, key=int)

    def key(name: str) -> list[tuple[int, int, str]]:
        parts = re.findall(r"\d+|\D+", name.casefold())
        return [(0, int(p[:18]), p) if p.isdecimal() else (1, 0, p) for p in parts]

    return sorted(names, key=key)


def classes_of_names(
    labels: npt.NDArray[Any],
    names: Sequence[str],
    classes: Sequence[str] | None,
    where: str,
) -> tuple[Labels, list[str]]:
    """Places among names as they come, as places among the classes.

    Args:
        labels: The places.
        names: What the labels say, each once.
        classes: The classes' names in their order. Default: the names in natural order.
        where: For errors.
    Raises:
        DataError: a name that is no class; a single one where no classes are given.
    Example:
        >>> from digitnet.data.labels import classes_of_names
        >>> classes_of_names(np.array([0, 1, 2]), ["b10", "b9", "a"], None, "file")
        (array([2, 1, 0]), ['a', 'b9', 'b10'])
    """
    order = natural_order(names) if classes is None else [*map(str, classes)]
    if len(order) < 2:
        raise DataError(
            f"{where}: expected labels of two classes at least, got {listed(order)} alone; "
            "give classes=[...] with all names"
        )
    places = {name: place for place, name in enumerate(order)}
    if unknown := [name for name in names if name not in places]:
        raise DataError(
            f"{where}: expected labels among {listed(order)}, got {listed(unknown)}"
        )
    return np.array([places[name] for name in names], np.int64)[labels], order


def classes_of_numbers(labels: Labels) -> tuple[Labels, int | list[str]]:
    """Whole numbers as labels, and the classes that they need.

    Numbers from 0 on, or none above 9 (some of the digits), stay as they are. Others are
    names: classes 1 to 26 are the labels 0 to 25 with the names "1" to "26".

    Example:
        >>> from digitnet.data.labels import classes_of_numbers
        >>> classes_of_numbers(np.array([0, 1, 2, 1]))
        (array([0, 1, 2, 1]), 3)
        >>> classes_of_numbers(np.array([1, 14, 1]))
        (array([0, 1, 0]), ['1', '14'])
    """
    found = np.unique(labels)
    count = int(found[-1]) + 1
    if len(found) == count >= 2:
        return labels, count
    if count <= _DIGITS:
        return labels, _DIGITS
    return np.searchsorted(found, labels), [str(number) for number in found]
