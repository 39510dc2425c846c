"""Hand-made features: numbers that describe the strokes of grey images."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils.arrays import as_whole
from digitnet.data.dataset import Dataset

Array = npt.NDArray[np.float32]

__all__ = ["chain_code_histogram", "transition_counts"]

_MAX_PARTS = 64


def chain_code_histogram(
    images: Any, *, zones: int = 4, threshold: float = 0.5
) -> Array:
    """Freeman chain-code histograms: in which directions contours run, by zone.

    Pixels above the threshold are ink. The outer contour of every component of ink is
    followed once, and each step counts in the zone where it begins. The zones are those of
    the box of all ink: neither place nor size of a digit matters.

    Args:
        images: A Dataset, or grey images (N, H, W).
        zones: Rows and columns of zones.
        threshold: Part of full intensity, 0 to below 1.
    Returns:
        (N, zones * zones * 8): zones row after row; in each the directions east,
        north-east, north and so on. They sum to 1, or to 0 for an image without a contour.
    Raises:
        ValueError: images of several channels; a number out of range.
    Source:
        Boukharouba, Bennia, Novel feature extraction technique for the recognition of
        handwritten digits, Applied Computing and Informatics 13, 2017; codes by Freeman,
        IRE Transactions on Electronic Computers 10, 1961.
    Example:
        >>> square = np.zeros((1, 8, 8), np.float32)
        >>> square[:, 2:5, 2:5] = 1
        >>> digitnet.features.chain_code_histogram(square, zones=1).tolist()
        [[0.25, 0.0, 0.25, 0.0, 0.25, 0.0, 0.25, 0.0]]
    """
    where = "chain_code_histogram"
    pixels, level = _grey(images, threshold, where)
    zones = as_whole(zones, f"{where}.zones", 1, _MAX_PARTS)
    steps = _core.features.chain_code_histogram(pixels, level, zones)
    return steps.reshape(len(steps), zones * zones * 8)


def transition_counts(images: Any, *, bands: int = 8, threshold: float = 0.5) -> Array:
    """Transitions between paper and ink along rows and columns, by band.

    Args:
        images: A Dataset, or grey images (N, H, W).
        bands: Bands of rows, and of columns, of the box of all ink.
        threshold: Part of full intensity, 0 to below 1.
    Returns:
        (N, 2 * bands): the mean number of transitions in a row of each band from top to
        bottom, then in a column of each band from left to right.
    Raises:
        ValueError: images of several channels; a number out of range.
    Source:
        Boukharouba, Bennia, Applied Computing and Informatics 13, 2017.
    Example:
        >>> ring = np.ones((1, 3, 3), np.float32)
        >>> ring[:, 1, 1] = 0
        >>> digitnet.features.transition_counts(ring, bands=3).tolist()
        [[2.0, 4.0, 2.0, 2.0, 4.0, 2.0]]
    """
    where = "transition_counts"
    pixels, level = _grey(images, threshold, where)
    bands = as_whole(bands, f"{where}.bands", 1, _MAX_PARTS)
    counts = _core.features.transition_counts(pixels, level, bands)
    return counts.reshape(len(counts), 2 * bands)


def _grey(images: Any, threshold: float, where: str) -> tuple[npt.NDArray[Any], float]:
    """(images (N, 1, H, W), the pixel value above which there is ink)."""
    data = images if isinstance(images, Dataset) else Dataset(images)
    if not isinstance(threshold, Real) or not 0 <= threshold < 1:
        raise ValueError(
            f"{where}.threshold: expected 0 <= threshold < 1, got {threshold!r}"
        )
    return np.ascontiguousarray(data.to_nchw()), float(threshold) * data.max_value
