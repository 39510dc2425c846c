"""What a model's training images look like as a whole, so that it notices others: drawn dark
on white for a model of white on black, or with rows and columns exchanged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils.arrays import Images
from digitnet._utils.warn import warn
from digitnet.data.dataset import Dataset
from digitnet.data.image_checks import were_compared

_GRID = 8  # blocks a side of the mean image
_LEARNED, _COMPARED = 10_000, 256  # images, spaced evenly
_MIN_SAMPLES = 100  # whose mean image says something
_MIN_ASYMMETRY = 0.2  # MNIST has .9, Fashion-MNIST .9, MNIST-M .05
# Hundreds of MNIST's and Fashion-MNIST's test images have .8 and more, and a ratio of .8 at
# most (of one class alone, 1.2); with rows and columns exchanged, .7 at most, and 1.7.
_MAX_EXCHANGED, _MIN_RATIO = 0.7, 1.6
_DIGITS = 4


@dataclass(frozen=True)
class ImageStatistics:
    """Statistics of training images, as fractions of full intensity.

    Attributes:
        border_low, border_high: Between which the mean of the outermost frame of pixels
            lies in 99.8 % of the images, by channel; empty for images of less than 3 pixels
            a side.
        brighter_inside: The fraction of images that are brighter within that frame.
        mean_grid: The mean image in 8x8 blocks, row by row; empty for images that are not
            square, or smaller.
    Example:
        >>> from digitnet.data.image_statistics import ImageStatistics
        >>> train, _ = digitnet.data.load("digits")
        >>> known = ImageStatistics.of(train)
        >>> known.brighter_inside, known.border_high[0] < 0.35
        (1.0, True)
        >>> known.difference(*train.storage, train.max_value) is None
        True
        >>> known.difference(16 - train.storage[0], None, 16)
        'images whose border is 0.07 to 0.29 of full intensity, as it learned from, got ...'
    """

    border_low: tuple[float, ...]
    border_high: tuple[float, ...]
    brighter_inside: float
    mean_grid: tuple[float, ...]

    @classmethod
    def of(cls, data: Dataset) -> ImageStatistics:
        """Those of a set; of a large one those of 10,000 images, spaced evenly."""
        return cls.of_images(*data.storage, data.max_value)

    @classmethod
    def of_images(
        cls, images: Images, rows: npt.NDArray[np.int64] | None, max_value: float
    ) -> ImageStatistics:
        """Those of images (N, C, H, W), or of these rows of them."""
        borders = _core.data.BorderStatistics.of(images, rows, max_value)
        return cls(
            _rounded(borders.low),
            _rounded(borders.high),
            round(borders.brighter_inside, _DIGITS),
            _rounded(_core.data.mean_grid(images, rows, max_value, _LEARNED)),
        )

    @cached_property
    def _borders(self) -> _core.data.BorderStatistics:
        return _core.data.BorderStatistics(
            self.border_low, self.border_high, self.brighter_inside
        )

    def with_images_of(self, other: ImageStatistics) -> ImageStatistics:
        """Statistics that what looks like either is within: of a model that was adapted."""
        both = self.brighter_inside, other.brighter_inside
        return ImageStatistics(
            tuple(map(min, self.border_low, other.border_low)),
            tuple(map(max, self.border_high, other.border_high)),
            both[0] if (both[0] > 0.5) == (both[1] > 0.5) else 0.5,
            other.mean_grid,
        )

    def warn_if_unlike(
        self,
        images: Images,
        rows: npt.NDArray[np.int64] | None,
        max_value: float,
        where: str,
    ) -> None:
        """UserWarning if images (N, C, H, W), or these rows of them, clearly differ: what
        was seen, what is known and what to type. Of many images some are looked at."""
        if were_compared():
            return
        found = self.difference(images, rows, max_value)
        if found is not None:
            warn(f"{where}: expected {found}")

    def difference(
        self, images: Images, rows: npt.NDArray[np.int64] | None, max_value: float
    ) -> str | None:
        """What `warn_if_unlike` says, or None."""
        found = self._borders.inverted(images, rows, max_value)
        if found is not None:
            count, seen, border = found
            if 2 * count >= seen:
                return self._inverted(count, seen, border, max_value)
        if len(images if rows is None else rows) >= _MIN_SAMPLES and self.mean_grid:
            grid = _core.data.mean_grid(images, rows, max_value, _COMPARED)
            return self._transposed(grid)
        return None

    def _inverted(self, count: int, seen: int, border: float, max_value: float) -> str:
        low, high = min(self.border_low), max(self.border_high)
        which = "one" if seen == 1 else f"{count} of {seen}"
        return (
            f"images whose border is {low:.2f} to {high:.2f} of full intensity, as it "
            f"learned from, got {which} with {border:.2f} that "
            f"{'looks' if count == 1 else 'look'} inverted; give {max_value:g} - images"
        )

    def _transposed(self, grid: list[float]) -> str | None:
        """Whether a mean image is this one's with rows and columns exchanged."""
        known = np.reshape(self.mean_grid, (_GRID, _GRID))
        seen = np.reshape(grid, (_GRID, _GRID))
        asymmetry = float(np.linalg.norm(known - known.T))
        exchanged = max(float(np.linalg.norm(seen - known.T)), 1e-9)
        ratio = float(np.linalg.norm(seen - known)) / exchanged
        if (
            asymmetry < _MIN_ASYMMETRY
            or exchanged > _MAX_EXCHANGED * asymmetry
            or ratio < _MIN_RATIO
        ):
            return None
        return (
            "images that stand as those it learned from, got such whose mean is "
            f"{min(ratio, 99):.1f} times nearer to theirs with rows and columns exchanged; "
            "give images.swapaxes(-1, -2)"
        )

    # -- files --------------------------------------------------------------------

    def to_plain(self) -> dict[str, Any]:
        """For JSON; `from_plain` reads it."""
        return {
            "border_low": list(self.border_low),
            "border_high": list(self.border_high),
            "brighter_inside": self.brighter_inside,
            "mean_grid": list(self.mean_grid),
        }

    @classmethod
    def from_plain(cls, value: Any, channels: int) -> ImageStatistics:
        """Of a file for images of so many channels.

        Raises:
            ValueError: another form, or numbers that are no fractions.
        """
        expected = {"border_low", "border_high", "brighter_inside", "mean_grid"}
        if not isinstance(value, Mapping) or set(value) != expected:
            raise ValueError(f"expected the fields {', '.join(sorted(expected))}")
        low, high, grid = (
            _fractions(value[name])
            for name in ("border_low", "border_high", "mean_grid")
        )
        if not len(low) == len(high) in (0, channels) or len(grid) not in (0, _GRID**2):
            raise ValueError(f"expected {channels} borders and {_GRID**2} blocks")
        (brighter,) = _fractions([value["brighter_inside"]])
        return cls(low, high, brighter, grid)

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: nothing of the core."""
        return ImageStatistics, (
            self.border_low,
            self.border_high,
            self.brighter_inside,
            self.mean_grid,
        )


def _rounded(values: list[float]) -> tuple[float, ...]:
    return tuple(round(value, _DIGITS) for value in values)


def _fractions(values: Any) -> tuple[float, ...]:
    if not isinstance(values, list):
        raise ValueError("expected a list of fractions")
    for value in values:
        known = isinstance(value, int | float) and not isinstance(value, bool)
        if not known or not math.isfinite(value) or not 0 <= value <= 1:
            raise ValueError(f"expected fractions from 0 to 1, got {value!r:.40}")
    return tuple(float(value) for value in values)
