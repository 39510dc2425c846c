"""Arrays of numbers in MATLAB files of level 5, those of structs too, read from the description of
their format.

Of a stranger's file nothing is believed: sizes are compared with what the file has before
memory is taken. (SciPy's reader ends the process at some damaged ones.)
Source: MathWorks, "MAT-File Format", level 5.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15  # kinds of parts
_START = 4096  # bytes of an array's part, in which its name and sizes stand
_MAX_DIMENSIONS, _MAX_NAME = 32, 64
# Numbers as they are stored, and as they are meant.
_STORED = {
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"},
    **{12: "i8", 13: "u8"},
}
_CLASSES = {
    **{6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4"},
    **{14: "i8", 15: "u8"},
}
_COMPLEX = 0x800
_STRUCT = 2
_MAX_DEPTH = 8  # of structs within structs
_MAX_FIELDS = 256


@dataclass(frozen=True)
class Matrix:
    """An array's description: what stands before its numbers."""

    name: str  # in a struct with the struct's: "dataset.train.images"
    shape: tuple[int, ...]
    kind: str  # as NumPy has it; "" for what is no array of real numbers
    at: int  # where its numbers' part begins within the array's
    is_struct: bool = False


def read_matrices(
    stream: IO[bytes],
    check: Callable[[Matrix], bool],
    most_inflated: Callable[[int], int],
    name: str,
) -> dict[str, npt.NDArray[Any]]:
    """The arrays that `check` wants, by name.

    Args:
        stream: The file, at its beginning.
        check: Gets each array's description before any of its numbers is read: whether
            it is wanted. What it raises is raised.
        most_inflated: How many bytes so many compressed ones may become.
        name: For errors.
    Raises:
        DataError: not such a file, damaged, or more in it than is allowed.
    """
    order = {b"IM": "<", b"MI": ">"}.get(stream.read(_HEADER)[_HEADER - 2 :])
    if order is None:
        raise DataError(f"{name}: expected a MATLAB file of level 5")
    arrays: dict[str, npt.NDArray[Any]] = {}
    while tag := stream.read(8):
        if len(tag) < 8:
            raise DataError(f"{name}: expected whole parts, got a truncated file")
        kind, size = struct.unpack(f"{order}II", tag)
        begin = stream.tell()
        start = stream.read(min(size, _START))
        if not _is_wanted(start, kind, order, check, name):
            _pass_over(stream, begin + size, name)
            continue
        stream.seek(begin)
        content = stream.read(size)
        if len(content) < size:
            raise DataError(
                f"{name}: expected a part of {size} bytes, got {len(content)}; the file "
                "is truncated"
            )
        if kind == _COMPRESSED:
            content = _inflated(content, order, most_inflated(size), name)
        matrix = _described(content, order, name)
        found = (
            dict(_fields(content, matrix, order, check, name, 1))
            if matrix.is_struct
            else {matrix.name: _numbers(content, matrix, order, name)}
        )
        for title in found.keys() & arrays:
            raise DataError(f"{name}: expected one {title}, got two")
        arrays.update(found)
    return arrays


def _fields(
    content: bytes,
    struct_: Matrix,
    order: str,
    check: Callable[[Matrix], bool],
    name: str,
    depth: int,
) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """The arrays in a struct that `check` wants, those of structs within it too."""
    if math.prod(struct_.shape) != 1 or depth > _MAX_DEPTH:
        return
    kind, length, at = _part(content, struct_.at, order, name)
    width = struct.unpack(f"{order}i", length[:4])[0] if len(length) >= 4 else 0
    kind, letters, at = _part(content, at, order, name)
    if kind != 1 or not 1 <= width <= _MAX_NAME or len(letters) % width:
        raise DataError(f"{name}.{struct_.name}: expected the names of its fields")
    names = [
        bytes(letters[i : i + width]).split(b"\0", 1)[0].decode("ascii", "replace")
        for i in range(0, len(letters), width)
    ]
    if len(names) > _MAX_FIELDS:
        raise DataError(f"{name}.{struct_.name}: expected at most {_MAX_FIELDS} fields")
    for field in names:
        kind, inside, at = _part(content, at, order, name)
        if kind != _MATRIX or not inside:
            continue
        about = _described(bytes(inside[:_START]), order, name)
        matrix = replace(about, name=f"{struct_.name}.{field}")
        if not check(matrix):
            continue
        if matrix.is_struct:
            yield from _fields(bytes(inside), matrix, order, check, name, depth + 1)
        else:
            yield matrix.name, _numbers(bytes(inside), matrix, order, name)


def _is_wanted(
    start: bytes, kind: int, order: str, check: Callable[[Matrix], bool], name: str
) -> bool:
    """Whether a part that begins so is an array that is to be read."""
    if kind == _COMPRESSED:
        try:
            start = zlib.decompressobj().decompress(start, _START)
        except zlib.error as error:
            raise DataError(f"{name}: expected compressed data; {error}") from error
        if len(start) < 8:
            raise DataError(f"{name}: expected an array, got an empty part")
        kind, start = struct.unpack(f"{order}I", start[:4])[0], start[8:]
    return kind == _MATRIX and bool(start) and check(_described(start, order, name))


def _pass_over(stream: IO[bytes], end: int, name: str) -> None:
    if stream.seek(0, io.SEEK_END) < end:
        raise DataError(f"{name}: expected a whole part; the file is truncated")
    stream.seek(end)


def _inflated(content: bytes, order: str, limit: int, name: str) -> bytes:
    """The array's part within a compressed one that `_is_wanted` has seen."""
    stream = zlib.decompressobj()
    try:
        start = stream.decompress(content, _START)
        size = struct.unpack(f"{order}I", start[4:8])[0]
        if size > limit:
            raise DataError(
                f"{name}: expected at most {limit:,} bytes in a part, got {size:,}"
            )
        rest = size + 8 - len(start)
        if rest > 0:
            start += stream.decompress(stream.unconsumed_tail, rest)
    except zlib.error as error:
        raise DataError(f"{name}: expected compressed data; {error}") from error
    if len(start) < size + 8:
        raise DataError(
            f"{name}: expected an array of {size} bytes, got {len(start) - 8}"
        )
    return start[8 : size + 8]


def _part(
    content: bytes, at: int, order: str, name: str
) -> tuple[int, memoryview, int]:
    """(kind, bytes, where the next one begins) of a part within an array's."""
    tag = content[at : at + 8]
    if len(tag) < 8:
        raise DataError(f"{name}: expected a part of an array, got its end")
    kind, size = struct.unpack(f"{order}II", tag)
    if kind >> 16:  # size and up to four bytes within the tag
        kind, size, start, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        if size > 4:
            raise DataError(f"{name}: expected at most 4 bytes in a tag, got {size}")
    else:
        start = at + 8
        end = start + (size + 7) // 8 * 8
    if start + size > len(content):
        raise DataError(
            f"{name}: expected {size:,} bytes of an array's part, got "
            f"{len(content) - start:,}"
        )
    return kind, memoryview(content)[start : start + size], end


def _described(content: bytes, order: str, name: str) -> Matrix:
    """What stands at the beginning of an array."""
    kind, flags, at = _part(content, 0, order, name)
    if kind != 6 or len(flags) != 8:
        raise DataError(f"{name}: expected an array's flags, got a part of kind {kind}")
    about = struct.unpack(f"{order}II", flags)[0]
    kind, sizes, at = _part(content, at, order, name)
    count = len(sizes) // 4
    if kind != 5 or len(sizes) % 4 or not 2 <= count <= _MAX_DIMENSIONS:
        raise DataError(f"{name}: expected the sizes of an array, got kind {kind}")
    shape = struct.unpack(f"{order}{count}i", sizes)
    if min(shape) < 0:
        raise DataError(f"{name}: expected sizes of at least 0, got {min(shape)}")
    kind, letters, at = _part(content, at, order, name)
    if kind != 1 or len(letters) > _MAX_NAME or not bytes(letters).isascii():
        raise DataError(f"{name}: expected an array's name, got kind {kind}")
    numbers = "" if about & _COMPLEX else _CLASSES.get(about & 0xFF, "")
    is_struct = about & 0xFF == _STRUCT
    return Matrix(bytes(letters).decode(), shape, numbers, at, is_struct)


def _numbers(content: bytes, matrix: Matrix, order: str, name: str) -> npt.NDArray[Any]:
    kind, values, _ = _part(content, matrix.at, order, name)
    if not matrix.kind or kind not in _STORED:
        raise DataError(f"{name}.{matrix.name}: expected real numbers")
    dtype = np.dtype(order + _STORED[kind])
    if len(values) != math.prod(matrix.shape) * dtype.itemsize:
        raise DataError(
            f"{name}.{matrix.name}: expected {math.prod(matrix.shape):,} numbers, got "
            f"{len(values):,} bytes of {dtype.itemsize} each"
        )
    array = np.frombuffer(values, dtype).reshape(matrix.shape, order="F")
    with np.errstate(all="ignore"):
        return array.astype(matrix.kind, copy=False)
