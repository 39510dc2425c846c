"""Images that a model cannot have learned from: another shape or pixel scale, with what to
type instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

import digitnet._core as _core
from digitnet._utils.arrays import Images, guess_max_value
from digitnet._utils.warn import warn
from digitnet.data.dataset import Dataset

_LARGEST = 255.0  # usual scale
_compared: ContextVar[bool] = ContextVar("compared", default=False)


@contextmanager
def compared_once() -> Iterator[None]:
    """Nothing is said within the block of images that cannot be what a model learned from:
    it was before, or they are meant."""
    token = _compared.set(True)
    try:
        yield
    finally:
        _compared.reset(token)


def were_compared() -> bool:
    """Whether this is within a block of `compared_once`."""
    return _compared.get()


def require_shape(
    shape: Sequence[int], expected: tuple[int, int, int], where: str
) -> None:
    """ValueError unless images (N, C, H, W) have this (C, H, W); says what to type."""
    if tuple(shape[1:]) != expected:
        raise ValueError(
            f"{where}: expected images of shape {expected}, got {tuple(shape[1:])}"
            f"{_shape_hint(tuple(shape), expected)}"
        )


def _shape_hint(shape: tuple[int, ...], expected: tuple[int, int, int]) -> str:
    count, channels, height, width = shape
    c, h, w = expected
    if (height, width) == (h, w):
        if channels == 3 and c == 1:
            return (
                "; the model knows grey images: give the mean over the channels, "
                "images.mean(1) of (N, 3, H, W), images.mean(-1) of (N, H, W, 3)"
            )
        if channels == 1 and c == 3:
            return (
                "; the model knows colours: repeat the grey channel, "
                "images.reshape(-1, 1, H, W).repeat(3, axis=1)"
            ).replace("H, W", f"{h}, {w}")
        if channels == 4:
            more = "" if c == 3 else ".mean(1)"
            return f"; leave out the transparency: images[:, :3]{more}"
    if (channels, height, width) == (h, w, c):
        return "; the channels stand last: give np.moveaxis(images, -1, 1)"
    if channels == c and (height, width) == (w, h):
        return "; rows and columns are exchanged: give images.swapaxes(-1, -2)"
    if (channels, height, width) == (h, w, 4):
        more = "" if c == 3 else ".mean(-1)"
        return f"; leave out the transparency, which stands last: images[..., :3]{more}"
    last = (count, channels, height)  # (H, W, N) is read as H images of one channel
    if (c == 1 and last == (h, 1, w)) or last in ((h, w, c), (c, h, w)):
        return "; the images stand last: give np.moveaxis(images, -1, 0)"
    if (height, width) != (h, w):
        return f"; bring them to {h}x{w} pixels (height x width)"
    return ""


def require_scale(found: float, expected: float, where: str, known: str = "") -> None:
    """ValueError unless a set's full intensity is that of the model; says what to type."""
    if found != expected:
        raise ValueError(
            f"{where}.max_value: expected {expected:g}{known}, got {found:g}; "
            f"give data.with_images(data.images {_factor(found, expected)}, max_value={expected:g})"
        )


def check_pixels(images: Images, max_value: float, where: str) -> None:
    """Check images without a scale of their own against the model's.

    Raises:
        ValueError: pixels out of range, or fractions up to 1 for a model of whole numbers;
            says what to type.
    Warns:
        UserWarning: only zeros and ones for such a model.
    """
    largest = _core.data.largest_pixel(images)
    if largest > max_value and largest <= _LARGEST:
        scale = guess_max_value(largest, where)
        raise ValueError(
            f"{where}: expected pixels from 0 to {max_value:g}, got {largest:g}; the model "
            f"learned from those: if full intensity is {scale:g}, give "
            f"images {_factor(scale, max_value)}"
        )
    if images.dtype != np.uint8 or max_value < _LARGEST:
        _core.data.check_images(images, max_value, where)
    if were_compared() or not 0 < largest <= 1 < max_value:
        return
    seen = (
        f"{where}: expected pixels from 0 to {max_value:g}, got none above {largest:g}; the "
        f"model learned from those: if full intensity is 1, give images * {max_value:g}"
    )
    if not np.array_equal(images, np.round(images)):
        raise ValueError(
            f"{seen}; if they are so dark, a Dataset with max_value={max_value:g}"
        )
    if not images.all():  # both: dark ones alone go by the model's scale
        warn(seen)


def brought_to_scale(data: Dataset, max_value: float | None) -> Dataset:
    """A set on a model's scale, which is said if it has another one; for those who cannot
    type what `require_scale` says."""
    if max_value is None or data.max_value == max_value:
        return data
    warn(
        f"{data.name}: its pixels go up to {data.max_value:g}, the model's to {max_value:g}; "
        f"taken as images {_factor(data.max_value, max_value)}"
    )
    pixels = data.to_nchw().astype(np.float32) * np.float32(max_value / data.max_value)
    return data.with_images(np.minimum(pixels, max_value), max_value=max_value)


def _factor(scale: float, max_value: float) -> str:
    """What brings pixels from one scale to another."""
    if scale > max_value:
        return f"/ {scale / max_value:g}"
    return f"* {max_value / scale:g}"
