"""Long computations piece by piece: between two of them Ctrl-C is heard."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

_PIECE_SECONDS = 0.1


def pieces(count: int) -> Iterator[slice]:
    """Slices of `count` samples, each of as many as take about a tenth of a second.

    How long the body of a loop over them takes decides the size of the next.
    """
    first, size = 0, 1
    while first < count or first == 0:
        part = slice(first, min(first + size, count))
        start = time.perf_counter()
        yield part
        spent = time.perf_counter() - start
        first += size
        if spent < _PIECE_SECONDS / 2:
            size *= 2
        elif spent > _PIECE_SECONDS * 2:
            size = max(1, size // 2)


def in_pieces(
    function: Callable[..., npt.NDArray[Any]], *arrays: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """The rows that the function gives for those of arrays of one length."""
    count = len(arrays[0])
    whole = None
    for part in pieces(count):
        rows = function(*(array[part] for array in arrays))
        if whole is None:
            whole = np.empty((count, *rows.shape[1:]), rows.dtype)
        whole[part] = rows
    assert whole is not None  # there is always a first piece
    return whole
