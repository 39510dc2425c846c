"""Pixels as people have them: bytes, or numbers from 0 to 1, of any type."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError

_FULL = 255


def settled_pixels(
    array: npt.NDArray[Any],
    max_value: float | None,
    where: str,
    *,
    signed: bool = False,
) -> npt.NDArray[np.uint8 | np.float32]:
    """Numbers of any type as uint8, if all are whole and at most 255, else as float32.

    What goes from -1 to 1 becomes 0 to 1.

    Args:
        array: Of any shape.
        max_value: The pixel value of full intensity, if it is known.
        where: For errors.
        signed: They go from -1 to 1 even if none is below 0, as those of another part do.
    Raises:
        DataError: no numbers, numbers that are not finite, below 0, or above 255 where
            `max_value` is not given.
    Example:
        >>> from digitnet.data.pixels import settled_pixels
        >>> settled_pixels(np.array([0.0, 255.0]), None, "a"), settled_pixels(
        ...     np.array([-1.0, 1.0]), None, "a")
        (array([  0, 255], dtype=uint8), array([0., 1.], dtype=float32))
    """
    if array.dtype == np.uint8 and not signed:
        return array
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where}: expected numbers, got {array.dtype}")
    if array.size == 0:
        return array.astype(np.uint8)
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise DataError(f"{where}: expected finite numbers, got {low:g} to {high:g}")
    if low < 0 or signed:
        if low < -1 or high > 1:
            raise DataError(
                f"{where}: expected pixels from 0 to 255, 0 to 1 or -1 to 1, got {low:g} to "
                f"{high:g}; are they standardised? Undo that first"
            )
        return (array.astype(np.float32) + np.float32(1)) / np.float32(2)
    if high > _FULL and max_value is None:
        raise DataError(
            f"{where}: expected pixels from 0 to 255, got up to {high:g}; if that is right, "
            "give max_value"
        )
    if high <= _FULL and (array.dtype.kind != "f" or _all_whole(array)):
        return array.astype(np.uint8)
    return array.astype(np.float32)


def _all_whole(array: npt.NDArray[Any]) -> bool:
    """A part at a time: where pixels are fractions, the first ones tell."""
    flat = array.reshape(-1)
    return all(
        bool((part == np.floor(part)).all())
        for part in np.array_split(flat, 64)
        if part.size
    )
