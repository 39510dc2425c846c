"""Readers of files: containers are opened here, their contents are checked in C++."""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

import digitnet._core as _core
from digitnet._core import DataError
from digitnet._utils.input_files import expanded, opened, read_whole, shown_name
from digitnet._utils.text import shortened
from digitnet._utils.warn import warn
from digitnet.data.checks import class_count, ordered_names
from digitnet.data.containers import is_packed, unpacked
from digitnet.data.dataset import Dataset
from digitnet.data.formats.contents import idx_limit
from digitnet.data.formats.idx import first_column, idx_array
from digitnet.data.formats.text import utf8_text
from digitnet.data.labels import (
    classes_of_names,
    classes_of_numbers,
    settled_labels,
)
from digitnet.data.picture_files import picture_files, read_picture
from digitnet.data.picture_stack import stacked_pictures
from digitnet.data.pixels import settled_pixels

__all__ = [
    "idx_payload",
    "read_csv",
    "read_folder",
    "read_idx",
    "read_picture",
]

_MAX_BYTES = 2**33  # of a file
_MAX_TEXT_BYTES = 2**31  # of an unpacked text
_MOST_TRAILING = 2**25  # bytes behind an IDX file's own that are still read and refused
_MOST_HEADER = 20  # bytes of an IDX file's


def idx_payload(path: str | PathLike[str], content: bytes) -> bytes:
    """The bytes of an IDX file, unpacked as far as its header promises."""
    name = shown_name(path)
    return unpacked(content, name, lambda start: idx_limit(start, len(content), name))


def _idx_content(path: str | PathLike[str]) -> bytes:
    """A whole IDX file, plain or unpacked, as long as its header says."""
    name = shown_name(path)
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(_MOST_HEADER)
        if not is_packed(start):
            promised = _core.data.idx_file_bytes(start, name)
            if size - promised > _MOST_TRAILING:
                raise DataError(
                    f"{name}: expected {promised:,} bytes, as its header promises, got "
                    f"{size:,}; the file has trailing bytes"
                )
            _core.engine.require_memory(min(size, promised), name)
            file.seek(0)  # what is joined to its start would be copied
            return file.read(size)
    return idx_payload(path, read_whole(path, _MAX_BYTES))


def read_idx(
    images: str | PathLike[str],
    labels: str | PathLike[str] | None = None,
    *,
    classes: int | Sequence[str] | None = None,
    max_value: float | None = None,
) -> Dataset:
    """Read IDX files, plain or packed, as MNIST and its relatives come.

    Args:
        images: File of images, (N, H, W) or (N, C, H, W), of any of the six types.
        labels: File of labels, (N,), or (N, columns) as QMNIST has them, of which the first
            is the class; None for an unlabelled set.
        classes: K, or the K class names. Default: as many as the labels need.
        max_value: As for Dataset. Default: 255 of whole numbers.
    Returns:
        Dataset of uint8 images, or of float32 where they are fractions.
    Raises:
        DataError: wrong magic, size, count or label; names the file and the field.
        FileNotFoundError: no such file.
    Source: LeCun, Cortes, Burges, "The MNIST database".
    """
    name = shown_name(images)
    pixels = settled_pixels(
        idx_array(_idx_content(images), "images", name), max_value, name
    )
    numbers = None
    if not (classes is None or isinstance(classes, int | np.integer)):
        classes = ordered_names(classes, "read_idx.classes")
    if labels is not None:
        where = shown_name(labels)
        values = first_column(idx_array(_idx_content(labels), "labels", where))
        numbers, classes = settled_labels(values, len(pixels), classes, where)
    if max_value is None and pixels.dtype == np.uint8:
        max_value = 255
    return Dataset(
        pixels,
        numbers,
        classes=10 if classes is None else classes,
        max_value=max_value,
        name=name,
    )


def read_csv(
    path: str | PathLike[str],
    label: str | int | None = "auto",
    header: str | bool = "auto",
    shape: Sequence[int] | None = None,
    classes: int | Sequence[str] | None = None,
    *,
    max_value: float | None = None,
) -> Dataset:
    """Read images as rows of numbers: CSV of Kaggle, Fashion-MNIST, UCI, pandas, NumPy and
    spreadsheets, and LIBSVM's form.

    Commas, semicolons, tabs or blanks separate the columns; quotes and decimals are read,
    decimal commas, too. Columns that number the rows are left out.

    Args:
        path: A text file in UTF-8 or UTF-16, plain or packed (gzip, bzip2, xz, zip).
            Pixels go from 0 to 255, from 0 to 1, or from -1 to 1, which become 0 to 1.
        label: The label column: its name in the header, its place (0 is the first, -1 the
            last), "first", "last", or "none"; "auto" finds it by the header, by being the
            only text, else by the number of columns and what is in them. Labels are whole
            numbers or texts.
        header: True, False or "auto".
        shape: (height, width) or (channels, height, width). Default: square, or three
            squares.
        classes: K, or the K class names. Default: as many as the labels need, or the texts
            in natural order.
        max_value: As for Dataset.
    Warns:
        UserWarning: the file could be read in another way; says how.
    Raises:
        DataError: names the file, line and column.
    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "pets.csv"
        >>> _ = file.write_text("a;b;c;d;pet\\n0,5;1;0;0;dog\\n0;0;0,25;1;cat\\n")
        >>> pets = digitnet.data.read_csv(file)
        >>> pets.classes, pets.labels.tolist(), pets.images[0].tolist()
        (('cat', 'dog'), [1, 0], [[0.5, 1.0], [0.0, 0.0]])
    """
    name = shown_name(path)
    packed = read_whole(path, _MAX_BYTES)
    content = utf8_text(unpacked(packed, name, lambda _: _MAX_TEXT_BYTES), name)
    _core.engine.require_memory(3 * len(content), name)
    header_options = {True: "yes", False: "no"}
    first_line = header_options[header] if isinstance(header, bool) else header
    names = not isinstance(classes, int | np.integer)
    given = None
    if names and classes is not None:
        given = classes = ordered_names(classes, "read_csv.classes")
    count = 0 if classes is None else class_count(classes, "read_csv.classes")
    sizes = None if shape is None else [int(size) for size in shape]
    read = _core.data.read_text(
        content, label, first_line, sizes, count, names, max_value or 0, name
    )
    for note in read["notes"]:
        warn(f"{name}: {note}")
    labels = read["labels"]
    if read["names"]:
        labels, classes = classes_of_names(labels, read["names"], given, name)
    elif labels is not None and classes is None:
        labels, classes = classes_of_numbers(labels)
    return Dataset(
        read["pixels"],
        labels,
        classes=10 if classes is None else classes,
        max_value=max_value,
        name=name,
    )


def read_folder(path: str | PathLike[str], *, colour: bool | None = None) -> Dataset:
    """Read a folder of pictures, one folder a class, classes in alphabetical order, or in
    that of their numbers if all are numbers: 10 behind 9.

    Args:
        path: The folder; pictures lie in its subfolders, all of one size.
        colour: True for 3 channels, False for grey. Default: colour if any picture is.
    Returns:
        Dataset of uint8 images with max_value 255; class names are the folders'.
    Raises:
        DataError: fewer than two classes, a class without pictures, a broken picture,
            sizes that differ.
        FileNotFoundError: no such folder.
    """
    root = expanded(path)
    if not root.is_dir():
        raise FileNotFoundError(
            f"read_folder: expected a folder, got '{shortened(str(root), 300)}'"
        )
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir())
    if all(folder.name.isdecimal() for folder in folders):
        folders.sort(key=lambda folder: int(folder.name))
    if len(folders) < 2:
        raise DataError(
            f"{shown_name(root)}: expected one folder a class and at least two, got {len(folders)}"
        )
    files: list[tuple[Path, int]] = []
    for k, folder in enumerate(folders):
        pictures = picture_files(folder)
        if not pictures:
            raise DataError(
                f"{shown_name(root)}/{shown_name(folder)}: expected pictures, got none"
            )
        files += [(file, k) for file in pictures]
    images = stacked_pictures(
        [(file, f"{shown_name(file.parent)}/{shown_name(file)}") for file, _ in files],
        colour=colour,
        name=shown_name(root),
    )
    return Dataset(
        images,
        [k for _, k in files],
        classes=[folder.name for folder in folders],
        max_value=255,
        name=shown_name(root),
    )
