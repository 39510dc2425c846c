"""HDF5 files: USPS', MATLAB's of level 7.3, one's own."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.extras import extra_packages
from digitnet._utils.signatures import HDF5
from digitnet._utils.text import shortened
from digitnet.data.containers import most_unpacked
from digitnet.data.formats.arrays import pieces_of_arrays
from digitnet.data.formats.contents import Contents
from digitnet.data.pieces import Piece, ReadOptions

_BLOCKS = (0, 512, 1024, 2048)  # where it may begin; MATLAB's have a block before it
_MAX_ARRAYS = 256
_MATLAB = "MATLAB_class"  # an attribute of its arrays, which lie the other way round
_ERRORS = (
    *(OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, AssertionError),
)


def is_kind(content: bytes) -> bool:
    return any(content.startswith(HDF5, at) for at in _BLOCKS)


def pieces(contents: Contents, options: ReadOptions) -> list[Piece]:
    where = contents.where
    with extra_packages(f"read '{shortened(where)}'"):
        import h5py

    try:
        with h5py.File(io.BytesIO(contents.whole), "r") as file:
            arrays = _arrays(file, h5py, where, len(contents.whole))
    except DataError:
        raise
    except _ERRORS as error:
        raise DataError(
            f"{where}: expected a whole HDF5 file; {shortened(str(error), 160)}"
        ) from error
    return pieces_of_arrays(arrays, contents, options)


def _arrays(
    file: Any, h5py: Any, where: str, file_bytes: int
) -> dict[str, npt.NDArray[Any]]:
    """Its arrays of numbers and of texts by path, as "train/data"."""
    found: dict[str, Any] = {}

    def see(path: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and not path.startswith("#"):
            found[path] = node

    file.visititems(see)
    if len(found) > _MAX_ARRAYS:
        raise DataError(
            f"{where}: expected at most {_MAX_ARRAYS} arrays, got {len(found)}"
        )
    arrays = {}
    for path, node in found.items():
        text = h5py.check_string_dtype(node.dtype) is not None
        if not text and node.dtype.kind not in "biuf":
            continue
        if node.external or node.is_virtual:
            raise DataError(
                f"{where}.{shortened(path)}: expected numbers within the file, got a link to "
                "another one"
            )
        size = math.prod(node.shape or ()) * (1 if text else node.dtype.itemsize)
        if size > most_unpacked(file_bytes):
            raise DataError(
                f"{where}.{shortened(path)}: expected at most {most_unpacked(file_bytes):,} "
                f"bytes, got {size:,}"
            )
        array = node.asstr()[()].astype(str) if text else node[()]
        arrays[path] = np.asarray(array.T if _MATLAB in node.attrs else array)
    return arrays
