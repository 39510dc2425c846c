"""MNIST-M: digits over photographs, made here or read from the official archive."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._core import DataError
from digitnet._utils.arrays import as_whole
from digitnet._utils.input_files import read_text, shown_name
from digitnet.data.checks import class_count
from digitnet.data.dataset import Dataset
from digitnet.data.picture_files import picture_files, read_picture
from digitnet.data.picture_stack import stacked_pictures

_MAX_LIST_BYTES = 2**28

Photographs = list[npt.NDArray[np.uint8]]


def read_photographs(path: str | PathLike[str]) -> Photographs:
    """Read every picture of a folder in colour, in alphabetical order.

    Returns:
        uint8 arrays of shape (3, H, W), of any sizes.
    Raises:
        DataError: no picture there, or a broken one, by name.
        FileNotFoundError: no such folder.
    """
    root = Path(path)
    if not root.is_dir():
        raise FileNotFoundError(f"read_photographs: expected a folder, got '{root}'")
    files = picture_files(root)
    if not files:
        raise DataError(f"{shown_name(root)}: expected photographs, got none")
    return [read_picture(file, colour=True) for file in files]


def make_mnist_m(
    digits: Dataset,
    photos: str | PathLike[str] | Sequence[Any],
    *,
    seed: int = 0,
    first_index: int = 0,
    binary: bool = False,
) -> Dataset:
    """Blend digits over random patches of photographs: ``|patch - digit|`` per channel.

    Photograph and corner of sample i are a function of (seed, first_index + i) alone.

    Args:
        digits: Grey uint8 images with max_value 255.
        photos: A folder of pictures, or uint8 arrays of shape (3, height, width), each
            at least as large as a digit.
        seed: Seed of the patches.
        first_index: Count samples from here, so that two parts of one set differ.
        binary: Take every pixel of a digit above 0 as 255, as some generators do.
    Returns:
        Dataset of colour images, (N, 3, H, W), with the digits' labels and classes.
    Raises:
        ValueError: digits or photographs of another kind or too small.
        DataError: a folder without pictures or with a broken one.
    Source:
        Ganin, Lempitsky, ICML 2015, section 4; photographs of BSDS500 (Arbelaez et al.,
        PAMI 2011) were theirs.
    Example:
        >>> digits = digitnet.Dataset(np.full((2, 28, 28), 255, np.uint8), [3, 4])
        >>> photo = np.full((3, 40, 50), 55, np.uint8)
        >>> blended = digitnet.data.make_mnist_m(digits, [photo], seed=1)
        >>> blended.shape, int(blended.images.max()), blended.labels.tolist()
        ((3, 28, 28), 200, [3, 4])
    """
    if digits.max_value != 255:
        raise ValueError(
            "make_mnist_m.digits: expected max_value 255 as photographs have, got "
            f"{digits.max_value:g}"
        )
    if isinstance(photos, str | PathLike):
        arrays = read_photographs(photos)
    elif not isinstance(photos, Sequence | np.ndarray):
        raise TypeError(
            f"make_mnist_m.photos: expected a folder or arrays, got {photos!r:.60}"
        )
    else:
        arrays = [_photograph(photo) for photo in photos]
    images = _core.data.mnist_m(
        *digits.storage,
        arrays,
        as_whole(seed, "make_mnist_m.seed"),
        as_whole(first_index, "make_mnist_m.first_index"),
        bool(binary),
    )
    return Dataset(
        images,
        digits.labels,
        classes=digits.classes,
        max_value=255,
        name=f"{digits.name} over {len(arrays)} photographs",
    )


def _photograph(value: Any) -> npt.NDArray[np.uint8]:
    array = np.asarray(value)
    if array.dtype != np.uint8:
        raise ValueError(
            f"make_mnist_m.photos: expected uint8 arrays, got {array.dtype}"
        )
    return np.ascontiguousarray(array)


def read_picture_list(
    folder: str | PathLike[str],
    labels: str | PathLike[str],
    *,
    classes: int | Sequence[str] = 10,
    colour: bool = True,
) -> Dataset:
    """Read pictures of one size that a text file lists with their labels.

    Args:
        folder: Where the pictures lie.
        labels: Lines such as ``00000001.png 5``, as MNIST-M's archive has them.
        classes: K, or the K class names.
        colour: 3 channels; else grey.
    Raises:
        DataError: a line that is none, a picture that is broken or of another size.
        FileNotFoundError: no such folder or file, or a picture that is listed is absent.
    """
    root, list_file = Path(folder), Path(labels)
    count = class_count(classes, "read_picture_list.classes")
    text = read_text(list_file, _MAX_LIST_BYTES)
    files, classes_of = _core.data.read_label_list(
        text.encode(), count, shown_name(list_file)
    )
    images = stacked_pictures(
        [(root / file, f"{shown_name(root)}/{shown_name(file)}") for file in files],
        colour=colour,
        name=shown_name(root),
    )
    return Dataset(
        images, classes_of, classes=classes, max_value=255, name=shown_name(root)
    )
