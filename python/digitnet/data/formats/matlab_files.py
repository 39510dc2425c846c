"""MATLAB files as data sets: EMNIST's structs, SVHN's, one's own."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet.data.checks import DIGITS
from digitnet.data.containers import most_unpacked
from digitnet.data.formats import hdf5
from digitnet.data.formats.arrays import pieces_of_arrays
from digitnet.data.formats.contents import Contents
from digitnet.data.formats.matlab import Matrix, read_matrices
from digitnet.data.pieces import Piece, ReadOptions

_ORDERS = (b"IM", b"MI")
_SVHN = (32, 32, 3)  # pixels of its images; the last size is their number
_EMNIST = "dataset."  # its struct


def is_kind(content: bytes) -> bool:
    return content[126:128] in _ORDERS and content.startswith(b"MATLAB")


def pieces(contents: Contents, options: ReadOptions) -> list[Piece]:
    if hdf5.is_kind(contents.whole):  # MATLAB's files of level 7.3
        return hdf5.pieces(contents, options)
    arrays = read_matrices(
        io.BytesIO(contents.whole), _is_wanted, most_unpacked, contents.where
    )
    if all(name.startswith(_EMNIST) for name in arrays):
        arrays = {name: _upright(name, array) for name, array in arrays.items()}
    labels = arrays.get("y")
    if (
        labels is not None
        and arrays.keys() == {"X", "y"}
        and arrays["X"].shape[:3] == _SVHN
        and np.isin(labels, np.arange(1, 11)).all()
    ):
        arrays["y"] = labels % 10  # SVHN calls the digit 0 its class 10
        found = pieces_of_arrays(arrays, contents, options)
        return [replace(piece, names=DIGITS) for piece in found]
    return pieces_of_arrays(arrays, contents, options)


def _is_wanted(matrix: Matrix) -> bool:
    return bool(matrix.kind) or matrix.is_struct


def _upright(name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """EMNIST's images are columns of pixels, column by column."""
    side = round(array.shape[-1] ** 0.5)
    if not name.endswith(".images") or array.ndim != 2 or side**2 != array.shape[1]:
        return array
    return array.reshape(-1, side, side).swapaxes(1, 2)
