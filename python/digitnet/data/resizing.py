"""Images of another size: their mean under each new pixel where they shrink, bilinear where
they grow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._core import DataError
from digitnet._utils.registry import check_name

FITS = ("stretch", "pad", "crop")


def resized(
    images: npt.NDArray[Any], size: tuple[int, int], fit: str
) -> npt.NDArray[Any]:
    """Images of the size (height, width).

    Args:
        images: uint8 or float32, (..., H, W).
        size: (height, width).
        fit: Where the proportions differ: "stretch" gives them up; "pad" keeps them and
            fills what is left with the border's median; "crop" keeps them and cuts the
            middle out.
    Returns:
        The same type, (..., height, width); the images themselves if they fit.
    Example:
        >>> from digitnet.data.resizing import resized
        >>> resized(np.array([[[0, 0, 8, 8]] * 2], np.uint8), (2, 2), "stretch").tolist()
        [[[0, 8], [0, 8]]]
        >>> resized(np.array([[[0, 0, 8, 8]] * 2], np.uint8), (4, 4), "pad")[0].tolist()
        [[4, 4, 4, 4], [0, 0, 8, 8], [0, 0, 8, 8], [4, 4, 4, 4]]
    """
    check_name("fit", fit, FITS)
    height, width = size
    if images.shape[-2:] == (height, width):
        return images
    lead = images.shape[:-2]
    planes = images.reshape(-1, *images.shape[-2:])
    out = np.empty((len(planes), height, width), images.dtype)
    for i, plane in enumerate(planes):
        out[i] = _plane(plane, height, width, fit)
    return out.reshape(*lead, height, width)


def images_of_rows(
    rows: npt.NDArray[Any], size: tuple[int, int] | None, where: str
) -> npt.NDArray[Any]:
    """Rows of pixels, (N, pixels), as (N, C, H, W): of the size that was asked for, if they
    have just so many pixels, else squares, one or three.

    Raises DataError for rows of another length.
    Example:
        >>> from digitnet.data.resizing import images_of_rows
        >>> images_of_rows(np.zeros((5, 48)), None, "a").shape
        (5, 3, 4, 4)
    """
    pixels = rows.shape[1]
    for channels in (1, 3):
        if size is not None and pixels == channels * size[0] * size[1]:
            return rows.reshape(-1, channels, *size)
    for channels in (1, 3):
        side = math.isqrt(pixels // channels)
        if channels * side * side == pixels:
            return rows.reshape(-1, channels, side, side)
    raise DataError(
        f"{where}: expected rows of a square number of pixels, or of three squares, got "
        f"{pixels}; give size=(height, width)"
    )


def _plane(
    plane: npt.NDArray[Any], height: int, width: int, fit: str
) -> npt.NDArray[Any]:
    rows, columns = plane.shape
    if fit == "crop":
        scale = max(height / rows, width / columns)
        keep_rows = min(rows, max(1, round(height / scale)))
        keep_columns = min(columns, max(1, round(width / scale)))
        top, left = (rows - keep_rows) // 2, (columns - keep_columns) // 2
        plane = plane[top : top + keep_rows, left : left + keep_columns]
    if fit != "pad":
        return _scaled(plane, height, width)
    scale = min(height / rows, width / columns)
    tall = min(height, max(1, round(rows * scale)))
    wide = min(width, max(1, round(columns * scale)))
    border = np.concatenate([plane[0], plane[-1], plane[:, 0], plane[:, -1]])
    out = np.full((height, width), np.median(border).astype(plane.dtype), plane.dtype)
    top, left = (height - tall) // 2, (width - wide) // 2
    out[top : top + tall, left : left + wide] = _scaled(plane, tall, wide)
    return out


def _scaled(plane: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[Any]:
    values = plane.astype(np.float32)
    for length, turned in ((height, False), (width, True)):
        rows, columns = values.shape
        size = (rows, length) if turned else (length, columns)
        method = "area" if length < (columns if turned else rows) else "bilinear"
        plane_of = np.ascontiguousarray(values)
        values = _core.data.resize(plane_of, size[0], size[1], method)
    return np.rint(values).astype(np.uint8) if plane.dtype == np.uint8 else values
