"""Street View House Numbers as they are published: MATLAB files of cropped digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from os import PathLike

import numpy as np

from digitnet._core import DataError
from digitnet._utils.input_files import opened, shown_name
from digitnet.data.checks import DIGITS
from digitnet.data.containers import most_unpacked
from digitnet.data.dataset import Dataset
from digitnet.data.formats.matlab import Matrix, read_matrices

_MOST = 1_000_000  # images


def read_svhn(path: str | PathLike[str]) -> Dataset:
    """Read one file of SVHN's cropped digits, such as train_32x32.mat.

    Args:
        path: A MATLAB file of level 5 with X, uint8 (32, 32, 3, N), and y, 1 to 10.
    Returns:
        Dataset of uint8 images (3, 32, 32) with max_value 255; class 0 is their 10.
    Raises:
        DataError: not such a file; names it and the field.
        FileNotFoundError: no such file.
    Source:
        Netzer et al., "Reading digits in natural images", NeurIPS workshop 2011.
    """
    name = shown_name(path)
    with opened(path) as content:
        arrays = read_matrices(content, _is_wanted(name), most_unpacked, name)
    for field in ("X", "y"):
        if field not in arrays:
            raise DataError(
                f"{name}: expected a field {field}, got {', '.join(arrays) or 'none'}"
            )
    images, digits = arrays["X"], arrays["y"].ravel()
    if len(digits) != images.shape[3]:
        raise DataError(
            f"{name}.y: expected {images.shape[3]} labels, one an image, got {len(digits)}"
        )
    if not np.isin(digits, np.arange(1, 11)).all():
        raise DataError(f"{name}.y: expected labels from 1 to 10")
    return Dataset(
        np.ascontiguousarray(images.transpose(3, 2, 0, 1)),
        digits.astype(np.int64) % 10,
        classes=DIGITS,
        max_value=255,
        name=name,
    )


def _is_wanted(name: str) -> Callable[[Matrix], bool]:
    """Check an array before it is read: images and labels of a size that can be."""

    def check(matrix: Matrix) -> bool:
        shape = matrix.shape
        if matrix.name == "X":
            if matrix.kind != "u1":
                raise DataError(f"{name}.X: expected uint8 numbers")
            if len(shape) != 4 or shape[:3] != (32, 32, 3) or not 0 < shape[3] < _MOST:
                raise DataError(f"{name}.X: expected shape (32, 32, 3, N), got {shape}")
        if matrix.name == "y" and not 0 < math.prod(shape) < _MOST:
            raise DataError(f"{name}.y: expected labels, one an image, got {shape}")
        return matrix.name in ("X", "y")

    return check
