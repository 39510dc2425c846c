"""Named data sets: their origin, hashes and loaders.

To add one: write sources/<name>.py with a function that returns a Source, and add it
to all() below. Parsing stays in C++.
"""

from __future__ import annotations

import os
from os import PathLike
from typing import Any

from digitnet._utils.input_files import expanded
from digitnet._utils.registry import find_named, names_of
from digitnet.data.dataset import Dataset
from digitnet.data.read import load_path
from digitnet.data.sources import (
    brought,
    digits,
    fashion_mnist,
    mnist,
    mnist_m,
    optdigits,
    svhn,
)
from digitnet.data.sources.source import Source


def all() -> list[Source]:
    """Every named data set."""
    return [
        digits.source(),
        fashion_mnist.source(),
        mnist.source(),
        mnist_m.source(),
        mnist_m.official_source(),
        optdigits.source(),
        optdigits.pooled_source(),
        svhn.source(),
        *brought.sources(),
    ]


def names() -> list[str]:
    """Names that `load` accepts."""
    return names_of(all())


def find(name: str) -> Source:
    """The source called `name`. Raises ValueError listing the known ones."""
    return find_named("data set", name, {source.name: source for source in all()})


def describe() -> list[dict[str, Any]]:
    """Name, summary, origin and licence of every named data set."""
    return [
        {"name": s.name, "summary": s.summary, "source": s.origin, "licence": s.licence}
        for s in all()
    ]


def is_path(data: str | PathLike[str]) -> bool:
    """Whether `load` takes it for a path, not for the name of a set.

    Example:
        >>> from digitnet.data.sources import is_path
        >>> is_path("mnist"), is_path("./mnist"), is_path("train.csv")
        (False, True, True)
    """
    if not isinstance(data, str):
        return True
    if data in names():
        return False
    return bool(set(data) & {"/", os.sep}) or "." in data or expanded(data).exists()


def load(name: str | PathLike[str], *, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Load a data set: a named one, or what is at a path.

    Files of named sets are looked for in the folder DIGITNET_DATA, then in the cache
    (XDG_CACHE_HOME/digitnet), in the layouts that are usual for them; those with known
    SHA-256 are checked every time, and downloaded where they are missing. With
    DIGITNET_OFFLINE=1 nothing is downloaded.

    Args:
        name: One of `names()`, or the path of a file, folder or archive, as for `read`:
            its parts for training and tests, or a stratified fifth held out.
        seed: Seed of the split, where the set has no official one ("digits",
            "optdigits-pooled", paths), or of the photographs' patches ("mnist-m").
    Returns:
        (train, test).
    Warns:
        UserWarning: a path could be read in another way, or has no part for tests.
    Raises:
        ValueError: neither a known name nor a path.
        DataError: a file is not what it should be.
        FileNotFoundError: a set is not there; says where it was looked for.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> len(train), len(test), train.max_value
        (1438, 359, 16.0)
    """
    if is_path(name):
        return load_path(name, seed=seed)
    return find(str(name)).load(seed)
