"""Placeholder data: small sets that look like the named ones, where those are absent."""

from __future__ import annotations

import numpy as np

from digitnet.data import sources
from digitnet.data.dataset import Dataset
from digitnet.data.mnist_m import make_mnist_m


def needs_placeholder(name: str, mode: str) -> bool:
    """Whether a placeholder stands in: in smoke mode, for a set that is not here.

    SVHN has none: nothing here looks like it.
    """
    return mode == "smoke" and name != "svhn" and not sources.find(name).here()


def placeholder(name: str) -> tuple[Dataset, Dataset]:
    """The embedded digits in the form of a named set, (train, test)."""
    train, test = sources.load("digits")
    if name.startswith("optdigits"):
        return train, test
    parts = [_enlarged(part) for part in (train, test)]
    if name == "mnist-m":
        parts = [make_mnist_m(part, _photographs(), seed=0) for part in parts]
    for part, split in zip(parts, ("train", "test"), strict=True):
        part.name = f"placeholder for {name} {split}"
    return parts[0], parts[1]


def _enlarged(data: Dataset) -> Dataset:
    """8x8 digits of 16 levels as 28x28 of 255."""
    large = data.images.repeat(3, 1).repeat(3, 2).astype(np.float32)
    bytes_ = np.minimum(large * 16, 255).astype(np.uint8)
    return Dataset(np.pad(bytes_, ((0, 0), (2, 2), (2, 2))), data.labels, max_value=255)


def _photographs() -> list[np.ndarray]:
    """Smooth colours with some grain."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:80, :80] / 80
    photos = []
    for _ in range(8):
        a, b, c = rng.random((3, 3, 1, 1)) * 200
        plane = a * x + b * y + c / 4 + rng.normal(0, 8, (3, 80, 80))
        photos.append(np.clip(plane, 0, 255).astype(np.uint8))
    return photos
