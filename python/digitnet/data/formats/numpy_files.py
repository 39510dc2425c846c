"""NPZ and NPY files: Keras', MedMNIST's, KMNIST's and one's own. Nothing is unpickled."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from digitnet._core import DataError
from digitnet._utils.signatures import zip_names
from digitnet._utils.text import shortened
from digitnet.data.containers import most_unpacked
from digitnet.data.formats.arrays import pieces_of_arrays
from digitnet.data.formats.contents import Contents
from digitnet.data.pieces import Piece, ReadOptions

_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 1 << 16
# What numpy raises of headers that are damaged; it reads them as Python's literals.
_HEADER_DAMAGE = (
    *(ValueError, TypeError, KeyError, OverflowError),
    *(SyntaxError, RecursionError, tokenize.TokenError),
)


def is_kind(content: bytes) -> bool:
    if content.startswith(_MAGIC):
        return True
    return any(name.endswith(".npy") for name in zip_names(content))


def pieces(contents: Contents, options: ReadOptions) -> list[Piece]:
    content = contents.whole
    if content.startswith(_MAGIC):
        arrays = {contents.path.stem: _array(content, contents.where)}
    else:
        arrays = _members(content, contents.where)
    return pieces_of_arrays(arrays, contents, options)


def _members(content: bytes, where: str) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = [i for i in archive.infolist() if i.filename.endswith(".npy")]
            total = sum(info.file_size for info in infos)
            if total > most_unpacked(len(content)):
                raise DataError(
                    f"{where}: expected at most {most_unpacked(len(content)):,} bytes in a "
                    f"file of {len(content):,}, got {total:,}; load and save it by numpy "
                    "first if you trust it"
                )
            for info in infos:
                name = info.filename.removesuffix(".npy")
                if name in arrays:
                    raise DataError(f"{where}: expected one {name}, got two")
                arrays[name] = _array(archive.read(info), f"{where}.{shortened(name)}")
    except DataError:
        raise
    except (
        *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError),
        *(OSError, EOFError, ValueError),
    ) as error:
        raise DataError(
            f"{where}: expected a whole file of numpy.savez; {shortened(str(error))}"
        ) from error
    return arrays


def _array(content: bytes, where: str) -> npt.NDArray[Any]:
    """The array of an NPY file, over its bytes."""
    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        read = (
            npy.read_array_header_1_0 if version[0] == 1 else npy.read_array_header_2_0
        )
        shape, fortran, dtype = read(stream, max_header_size=_MAX_HEADER)
    except _HEADER_DAMAGE as error:
        raise DataError(
            f"{where}: expected an array of numpy.save; {shortened(str(error))}"
        ) from error
    if dtype.hasobject or dtype.names is not None:
        raise DataError(
            f"{where}: expected numbers or texts, got {shortened(str(dtype))}, which would run "
            "code or has fields; save it by a plain type, such as array.astype(str)"
        )
    count, start = math.prod(shape), stream.tell()
    if min(shape, default=1) < 0 or count * dtype.itemsize != len(content) - start:
        raise DataError(
            f"{where}: expected {count * dtype.itemsize:,} bytes of shape {shape}, got "
            f"{len(content) - start:,}"
        )
    if count == 0:
        return np.empty(shape, dtype)
    flat = np.frombuffer(content, dtype, count, start)
    return flat.reshape(shape, order="F" if fortran else "C")
