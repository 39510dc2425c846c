"""Classes meet by their names, never by their places, where both sides have names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digitnet.data.checks import class_count, numbers, ordered_names
from digitnet.data.dataset import Dataset

_SHOWN = 12  # names in a message


def numbered(classes: Sequence[str]) -> bool:
    """Whether these are the numbers that stand for names which nobody gave."""
    return tuple(classes) == numbers(len(classes))


def names_of_outputs(
    classes: int | Sequence[str] | None, count: int
) -> tuple[str, ...]:
    """The names of `count` outputs; 0 for a network that outputs images."""
    if classes is None:
        return numbers(count)
    names = None
    if not isinstance(classes, int | np.integer):
        names = ordered_names(classes, "Model.classes")
    number = class_count(classes if names is None else names, "Model.classes")
    if number != count:
        what = "names, one an output" if count else "for a network that makes images"
        raise ValueError(
            f"Model.classes: expected {count or 'none'} {what}, got {number}"
        )
    return numbers(count) if names is None else names


def settled(classes: Sequence[str], max_value: float | None) -> bool:
    """Whether a model's classes mean something already: it learned, or they have names."""
    return max_value is not None or not numbered(classes)


def matched(
    data: Dataset, classes: tuple[str, ...], where: str, *, fixed: bool
) -> Dataset:
    """The set with its labels as places in these classes: by name if the set has names,
    which may be fewer and in another order; else as they are.

    Args:
        data: A labelled set.
        classes: A model's, or those that a model will have.
        where: For errors.
        fixed: Whether the classes mean something already. If not, and they are numbers,
            a set with as many other names goes by its own order.
    Raises:
        ValueError: a label whose name is not among the classes; lists both. Another
            number of names, where none is known yet.
    Example:
        >>> from digitnet.data.class_names import matched
        >>> pets = digitnet.Dataset(np.zeros((3, 8, 8)), [0, 1, 1], classes=["dog", "cat"])
        >>> matched(pets, ("ant", "cat", "dog"), "evaluate", fixed=True).labels.tolist()
        [2, 1, 1]
    """
    labels = data.require_labels(where)
    if not data.named or data.classes == classes or not classes:
        return data
    places = {name: place for place, name in enumerate(classes)}
    unknown = [
        data.classes[k] for k in np.unique(labels) if data.classes[k] not in places
    ]
    if not unknown:
        place_of = np.array([places.get(name, -1) for name in data.classes], np.int64)
        return data.with_labels(place_of[labels], classes)
    if not fixed and numbered(classes):
        if len(data.classes) == len(classes):
            return data
        count = len(data.classes)
        raise ValueError(
            f"{where}.classes: expected {len(classes)} names, one an output, got {count}; "
            f"build the network with {count} outputs"
        )
    raise ValueError(
        f"{where}.classes: expected classes among {_listed(classes)}, got "
        f"{_listed(data.classes)}, with samples of {_listed(unknown)}; if they mean the "
        "same in the same order, give the data the model's names: "
        "data.with_labels(data.labels, model.classes)"
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
