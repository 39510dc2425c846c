"""Readers of files: containers are opened here, their contents are checked in C++."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._core import DataError, OutOfMemory
from digitnet._utils.input_files import expanded, opened, read_whole, shown_name
from digitnet._utils.text import shortened
from digitnet.data.dataset import Dataset
from digitnet.data.picture_files import (
    is_colour,
    listed_picture,
    picture_files,
    read_picture,
    room_for,
)

__all__ = [
    "idx_payload",
    "inflate",
    "most_inflated",
    "read_csv",
    "read_folder",
    "read_idx",
    "read_picture",
]

_GZIP = b"\x1f\x8b"
_MAX_BYTES = 2**33  # of a file
_MAX_TEXT_BYTES = 2**31  # of an inflated CSV
# What is inside a gzip file may be so many times as large, or have so many bytes: pages
# of MNIST inflate five times, its CSV eight times, and what only zeros do a thousand times.
_MAX_RATIO = 200
_ALWAYS_BYTES = 2**25


def most_inflated(packed_bytes: int) -> int:
    """How many bytes may be inside a compressed file of so many: 200 times as many, or
    32 MiB."""
    return max(_ALWAYS_BYTES, _MAX_RATIO * packed_bytes)


def inflate(content: bytes, name: str, limit: Callable[[bytes], int]) -> bytes:
    """Unzip one gzip stream, or return what is not gzip as it is.

    Args:
        content: The file.
        name: For errors.
        limit: From the first bytes inflated, how many there may be in all.
    Raises:
        DataError: corrupt, longer than the limit or than `most_inflated`, or followed by
            other bytes.
        OutOfMemory: there is no room for it.
    """
    if not content.startswith(_GZIP):
        return content
    try:
        start = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(content, 64)
        max_bytes = limit(start)
        most = most_inflated(len(content))
        stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        inside = stream.decompress(content, min(max_bytes, most) + 1)
    except zlib.error as error:
        raise DataError(f"{name}: expected gzip data; {error}") from error
    except MemoryError as error:
        raise OutOfMemory(
            f"{name}: expected memory for up to {min(max_bytes, most):,} bytes, got less"
        ) from error
    if len(inside) > max_bytes:
        raise DataError(
            f"{name}: expected {max_bytes} bytes inside the gzip file, got at least "
            f"{len(inside)}"
        )
    if len(inside) > most:
        raise DataError(
            f"{name}: expected at most {most} bytes inside a gzip file of {len(content)}, "
            "got more; unzip it first if you trust it"
        )
    if not stream.eof:
        stream_end = stream.decompress(stream.unconsumed_tail, 1)
        if stream_end or not stream.eof:
            raise DataError(f"{name}: expected a whole gzip file, got a truncated one")
    if stream.unused_data:
        raise DataError(f"{name}: expected one gzip stream, got bytes after its end")
    return inside


def idx_payload(path: str | PathLike[str], content: bytes) -> bytes:
    """The bytes of an IDX file, unzipped as far as its header promises."""
    name = shown_name(path)

    def promised(start: bytes) -> int:
        count = _core.data.idx_file_bytes(start, name)
        if count > most_inflated(len(content)):
            raise DataError(
                f"{name}: expected a gzip file that holds the {count:,} bytes of its header, "
                f"got one of {len(content):,} bytes, which may hold "
                f"{most_inflated(len(content)):,}; unzip it first if you trust it"
            )
        return count

    return inflate(content, name, promised)


def _idx_content(path: str | PathLike[str]) -> bytes:
    """A whole IDX file, plain or unzipped, as long as its header says."""
    name = shown_name(path)
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(16)
        if not start.startswith(_GZIP):
            promised = _core.data.idx_file_bytes(start, name)
            if size - promised > _ALWAYS_BYTES:
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
    classes: int | Sequence[str] = 10,
) -> Dataset:
    """Read IDX files, plain or gzip, as MNIST and its relatives come.

    Args:
        images: File of images (magic 0x803).
        labels: File of labels (magic 0x801), or None for an unlabelled set.
        classes: K, or the K class names.
    Returns:
        Dataset of uint8 images with max_value 255.
    Raises:
        DataError: wrong magic, size, count or label; names the file and the field.
        FileNotFoundError: no such file.
    Source: LeCun, Cortes, Burges, "The MNIST database".
    """
    pixels = _idx_content(images)
    sizes, offset = _core.data.read_idx(pixels, 3, shown_name(images))
    array = np.frombuffer(pixels, np.uint8, offset=offset).reshape(sizes)
    numbers = None
    if labels is not None:
        name = shown_name(labels)
        content = _idx_content(labels)
        _, start = _core.data.read_idx(content, 1, name)
        count = classes if isinstance(classes, int) else len(classes)
        _core.data.check_idx_labels(content[start:], sizes[0], count, name)
        numbers = np.frombuffer(content, np.uint8, offset=start).astype(np.int64)
    return Dataset(
        array, numbers, classes=classes, max_value=255, name=shown_name(images)
    )


def read_csv(
    path: str | PathLike[str],
    label: str = "auto",
    header: str | bool = "auto",
    shape: Sequence[int] | None = None,
    classes: int | Sequence[str] = 10,
    *,
    max_value: float | None = None,
) -> Dataset:
    """Read images as rows of pixels: Kaggle's, Fashion-MNIST's and UCI's CSV.

    Args:
        path: A text file, plain or gzip; pixels are whole numbers from 0 to 255.
        label: Where the label column is: "first", "last", "none", or "auto" to find it
            by its name, else by the number of columns and what is in them.
        header: True, False or "auto".
        shape: (height, width) or (channels, height, width). Default: square.
        classes: K, or the K class names.
        max_value: As for Dataset.
    Raises:
        DataError: names the file, line and column.
    """
    name = shown_name(path)
    content = inflate(read_whole(path, _MAX_BYTES), name, lambda _: _MAX_TEXT_BYTES)
    _core.engine.require_memory(3 * len(content), name)
    header_options = {True: "yes", False: "no"}
    first_line = header_options[header] if isinstance(header, bool) else header
    count = classes if isinstance(classes, int) else len(classes)
    sizes = None if shape is None else [int(size) for size in shape]
    pixels, labels = _core.data.read_csv(content, label, first_line, sizes, count, name)
    return Dataset(pixels, labels, classes=classes, max_value=max_value, name=name)


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
    if colour is None:
        colour = any(is_colour(file) for file, _ in files)
    images: npt.NDArray[np.uint8] | None = None
    for i, (file, _) in enumerate(files):
        where = f"{shown_name(file.parent)}/{shown_name(file)}"
        picture = listed_picture(file, where, colour=colour)
        if images is None:
            images = room_for(len(files), picture, shown_name(root))
        if picture.shape != images.shape[1:]:
            raise DataError(
                f"{where}: expected {images.shape[-2:]} pixels as the first picture, "
                f"got {picture.shape[-2:]}; make them one size"
            )
        images[i] = picture
    return Dataset(
        images,
        [k for _, k in files],
        classes=[folder.name for folder in folders],
        max_value=255,
        name=shown_name(root),
    )
