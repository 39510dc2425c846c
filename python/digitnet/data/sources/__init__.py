"""Named data sets: their origin, hashes and loaders.

To add one: write sources/<name>.py with a function that returns a Source, and add it
to all() below. Parsing stays in C++.
"""

from __future__ import annotations

from typing import Any

from digitnet._utils.registry import find_named, names_of
from digitnet.data.dataset import Dataset
from digitnet.data.sources import digits, fashion_mnist, mnist, mnist_m, optdigits, svhn
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


def load(name: str, *, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Load a named data set.

    Files are looked for in the folder DIGITNET_DATA, then in the cache
    (XDG_CACHE_HOME/digitnet), else downloaded; their SHA-256 is checked every time.
    With DIGITNET_OFFLINE=1 nothing is downloaded.

    Args:
        name: One of `names()`.
        seed: Seed of the split, where the set has no official one ("digits" and
            "optdigits-pooled": a stratified fifth is held out), or of the photographs'
            patches ("mnist-m").
    Returns:
        (train, test).
    Raises:
        ValueError: unknown name.
        DataError: a file is not what it should be.
        FileNotFoundError: offline and not there; says which file goes where.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> len(train), len(test), train.max_value
        (1438, 359, 16.0)
    """
    return find(name).load(seed)
