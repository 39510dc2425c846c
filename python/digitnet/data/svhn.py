"""Street View House Numbers as they are published: MATLAB files of cropped digits."""

from __future__ import annotations

import zlib
from os import PathLike
from pathlib import Path

import numpy as np

from digitnet._core import DataError
from digitnet._utils.extras import extra_packages
from digitnet.data.checks import DIGITS
from digitnet.data.dataset import Dataset

_MOST_IMAGES = 1_000_000


def read_svhn(path: str | PathLike[str]) -> Dataset:
    """Read one file of SVHN's cropped digits, such as train_32x32.mat.

    Args:
        path: A MATLAB file of level 5 with X, uint8 (32, 32, 3, N), and y, 1 to 10.
    Returns:
        Dataset of uint8 images (3, 32, 32) with max_value 255; class 0 is their 10.
    Raises:
        DataError: not such a file; names it and the field.
        FileNotFoundError: no such file.
        ImportError: scipy is not installed; names the extra.
    Source:
        Netzer et al., "Reading digits in natural images", NeurIPS workshop 2011.
    """
    with extra_packages("read_svhn"):
        from scipy.io import loadmat, whosmat
        from scipy.io.matlab import MatReadError

    name = Path(path).name
    with Path(path).open("rb") as content:
        try:
            # Sizes first: nothing is unpacked for a promise that is too large.
            sizes = {field: shape for field, shape, _ in whosmat(content)}
            _check_sizes(sizes, name)
            content.seek(0)
            arrays = loadmat(content, variable_names=["X", "y"])
        except DataError:
            raise
        except (
            *(MatReadError, NotImplementedError, zlib.error, ValueError, TypeError),
            *(OSError, KeyError, IndexError, EOFError, OverflowError),
        ) as error:
            raise DataError(
                f"{name}: expected a MATLAB file of level 5; {error}"
            ) from error
    images, labels = arrays.get("X"), arrays.get("y")
    if images is None or images.dtype != np.uint8:
        raise DataError(f"{name}.X: expected uint8 numbers")
    if labels is None or labels.dtype.kind not in "iuf":
        raise DataError(f"{name}.y: expected numbers")
    digits = labels.ravel()
    if not np.isin(digits, np.arange(1, 11)).all():
        raise DataError(f"{name}.y: expected labels from 1 to 10")
    return Dataset(
        np.ascontiguousarray(images.transpose(3, 2, 0, 1)),
        digits.astype(np.int64) % 10,
        classes=DIGITS,
        max_value=255,
        name=name,
    )


def _check_sizes(sizes: dict[str, tuple[int, ...]], name: str) -> None:
    for field in ("X", "y"):
        if field not in sizes:
            raise DataError(
                f"{name}: expected a field {field}, got {', '.join(sizes) or 'none'}"
            )
    shape = tuple(sizes["X"])
    if len(shape) != 4 or shape[:3] != (32, 32, 3) or not 0 < shape[3] < _MOST_IMAGES:
        raise DataError(f"{name}.X: expected shape (32, 32, 3, N), got {shape}")
    if int(np.prod(sizes["y"])) != shape[3]:
        raise DataError(
            f"{name}.y: expected {shape[3]} labels, one an image, got {sizes['y']}"
        )
