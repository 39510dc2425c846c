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
from digitnet.data.checks import class_name

_DIGITS = 10


def settled_labels(
    values: Any, count: int, classes: int | Sequence[str] | None, where: str
) -> tuple[Labels, int | Sequence[str]]:
    """Labels in the forms that people have, as places among the classes.

    Args:
        values: One an image: whole numbers of any type, texts, truth values; (N,), a column
            (N, 1), or one-hot rows (N, K).
        count: N.
        classes: K, or the names. Default: as many as the labels need.
        where: For errors.
    Returns:
        Labels int64 (N,), and K or the names. Of K classes that are counted from 1 to K, the
        first one is 0.
    Raises:
        DataError: another number of labels, fractions, rows that are not one-hot, labels
            that are no class.
    Example:
        >>> from digitnet.data.labels import settled_labels
        >>> settled_labels([[0, 1, 0], [1, 0, 0]], 2, None, "a")
        (array([1, 0]), 3)
        >>> settled_labels(["cat", "ant", "cat"], 3, None, "a")
        (array([1, 0, 1]), ['ant', 'cat'])
    """
    if isinstance(classes, np.integer):
        classes = int(classes)
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2:
        array, classes = _of_one_hot(array, classes, where)
    if array.ndim != 1 or len(array) != count:
        raise DataError(
            f"{where}: expected {count} labels, one for each image, got "
            f"{len(array) if array.ndim == 1 else f'shape {array.shape}'}; do they belong "
            "together?"
        )
    if array.dtype.kind in "OSUb" or (array.dtype.kind in "if" and (array < 0).any()):
        return _of_names(array, classes, where)
    if array.dtype.kind not in "uif":
        raise DataError(
            f"{where}: expected numbers or texts as labels, got {array.dtype}"
        )
    with np.errstate(invalid="ignore"):  # NaN is refused below
        whole = array.astype(np.int64)
    if (whole != array).any():
        place = int(np.flatnonzero(whole != array)[0])
        raise DataError(
            f"{where}: expected labels that are whole numbers, got {array[place]} at "
            f"position {place}"
        )
    if classes is None:
        return classes_of_numbers(whole)
    limit = classes if isinstance(classes, int) else len(classes)
    if whole.size and whole.min() == 1 and whole.max() == limit:  # counted from 1
        whole = whole - 1
        classes = (
            [str(k + 1) for k in range(limit)] if isinstance(classes, int) else classes
        )
    if (whole >= limit).any():
        place = int(np.flatnonzero(whole >= limit)[0])
        raise DataError(
            f"{where}: expected labels 0 to {limit - 1}, got {whole[place]} at position "
            f"{place}"
        )
    return whole, classes


def _of_one_hot(
    rows: npt.NDArray[Any], classes: int | Sequence[str] | None, where: str
) -> tuple[Labels, int | Sequence[str]]:
    limit = rows.shape[1] if classes is None else classes
    width = limit if isinstance(limit, int) else len(limit)
    numbers = rows.dtype.kind in "biuf"
    if not (
        numbers and rows.shape[1] == width >= 2 and ((rows == 0) | (rows == 1)).all()
    ):
        raise DataError(
            f"{where}: expected a label an image, or one-hot rows of {width}, got shape "
            f"{rows.shape} of {rows.dtype}"
        )
    sums = rows.sum(axis=1)
    if (sums != 1).any():
        place = int(np.flatnonzero(sums != 1)[0])
        raise DataError(
            f"{where}: expected one-hot rows, got {int(sums[place])} ones at position {place}"
        )
    return rows.argmax(axis=1).astype(np.int64), limit


def _of_names(
    array: npt.NDArray[Any], classes: int | Sequence[str] | None, where: str
) -> tuple[Labels, Sequence[str]]:
    if isinstance(classes, int):
        raise DataError(
            f"{where}: expected labels 0 to {classes - 1}, got {str(array[0])!r:.40}; give the "
            "names as classes=[...]"
        )
    texts = [
        v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in array
    ]
    names, places = np.unique(texts, return_inverse=True)
    return classes_of_names(places, names.tolist(), classes, where)


def natural_order(names: Sequence[str]) -> list[str]:
    """Names as people sort them: "-1", "1", "10"; "item 9" before "item 10".

    Example:
        >>> from digitnet.data.labels import natural_order
        >>> natural_order(["item 10", "Item 2", "item 9"]), natural_order(["1", "-1"])
        (['Item 2', 'item 9', 'item 10'], ['-1', '1'])
    """
    if all(re.fullmatch(r"-?\d{1,15}", name) for name in names):
        return sorted(names, key=int)

    return sorted(names, key=natural_key)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """By which names are sorted as people do: numbers within them by their size."""
    parts = re.findall(r"\d+|\D+", name.casefold())
    return [(0, int(p[:18]), p) if p.isdecimal() else (1, 0, p) for p in parts]


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
        classes: The classes' names in their order, as `ordered_names` gives them. Default: the names in natural order.
        where: For errors.
    Raises:
        DataError: a name that is no class; a single one where no classes are given.
    Example:
        >>> from digitnet.data.labels import classes_of_names
        >>> classes_of_names(np.array([0, 1, 2]), ["b10", "b9", "a"], None, "file")
        (array([2, 1, 0]), ['a', 'b9', 'b10'])
    """
    try:
        names = [class_name(name, where) for name in names]
    except ValueError as error:
        raise DataError(str(error)) from error
    order = natural_order([*dict.fromkeys(names)]) if classes is None else [*classes]
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
