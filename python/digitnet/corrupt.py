"""Image corruptions, as in MNIST-C, each at one fixed strength, drawn in C++.

Made from the published descriptions of MNIST-C (Mu, Gilmer, arXiv 1906.02337, 2019); the
draws are digitnet's, so scores on them are not those of the published files.
"""

from __future__ import annotations

import digitnet._core as _core
from digitnet._core.corrupt import describe
from digitnet._utils.arrays import as_whole
from digitnet._utils.registry import names_of
from digitnet.data.dataset import Dataset

__all__ = ["corrupted", "describe", "names"]


def names() -> list[str]:
    """Names that `corrupted` accepts."""
    return names_of(describe())


def corrupted(data: Dataset, name: str, *, seed: int = 0) -> Dataset:
    """A set of its images with one corruption.

    Args:
        data: Images of at least 8 pixels a side; labels stay.
        name: One of `names()`.
        seed: Seed of the draws. The same seed corrupts the same sample alike.
    Raises:
        ValueError: unknown name, or images that are too small.
    Source:
        Mu, Gilmer, "MNIST-C", arXiv 1906.02337, 2019.
    Example:
        >>> _, test = digitnet.data.load("digits")
        >>> foggy = digitnet.corrupt.corrupted(test, "fog")
        >>> foggy.name, len(foggy) == len(test)
        ('digits, fog', True)
    """
    images = _core.corrupt.corrupt(
        name, *data.storage, as_whole(seed, "corrupted.seed"), data.max_value
    )
    return data.with_images(images, name=f"{data.name}, {name}")
