"""Conversion of arrays, tensors, frames and pictures to what the core takes."""

from __future__ import annotations

import hashlib
import math
import operator
import sys
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[Any]  # uint8 or float32, (N, C, H, W), contiguous
Labels = npt.NDArray[np.int64]

# What pixels are counted up to, from the usual conventions.
_SCALES = (1.0, 16.0, 255.0)
_HASHED_AT_ONCE = 2**24  # bytes, some hundredths of a second


def as_array(value: Any, where: str) -> npt.NDArray[Any]:
    """Numbers as NumPy sees them: of arrays, torch tensors, frames, pictures, whatever has
    ``__array__`` or ``__dlpack__``; not copied where NumPy need not.

    Raises ValueError for anything else.
    """
    try:
        array = np.asarray(_plain(value))
        if _has_mask(value):
            raise ValueError("some are masked; give what they are, without a mask")
        if array.dtype == object and hasattr(value, "to_numpy"):  # nullable columns
            array = value.to_numpy(dtype=np.float64)
    except (ValueError, TypeError, RuntimeError, BufferError) as error:
        raise ValueError(f"{where}: expected an array of numbers; {error}") from error
    if array.dtype == object or array.dtype.kind not in "buif":
        raise ValueError(
            f"{where}: expected an array of numbers, got dtype {array.dtype}; "
            "are all images of one size?"
        )
    return array


def _has_mask(value: Any) -> bool:
    """Whether it is, or lists, arrays of which NumPy would forget that parts are masked."""
    parts = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(p, np.ma.MaskedArray) and np.ma.is_masked(p) for p in parts)


def _plain(value: Any) -> Any:
    """What NumPy can take, of what it cannot or takes wrongly."""
    if hasattr(value, "getbands"):  # a PIL picture; palettes are colours, not numbers
        return value if value.mode in ("L", "RGB", "I;16", "I", "F") else _drawn(value)
    if isinstance(value, list | tuple):
        convertible = any(
            hasattr(v, "getbands") or hasattr(v, "detach") for v in value[:1]
        )
        return [np.asarray(_plain(v)) for v in value] if convertible else value
    if not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
        torch = sys.modules.get("torch")  # which reads GPUs' memory, too
        value = (torch or np).from_dlpack(value)
    if hasattr(value, "detach"):  # a torch tensor, perhaps on a GPU, perhaps trained
        value = value.detach().cpu().resolve_neg()
        if value.dtype.is_floating_point and value.dtype.itemsize < 4:
            value = value.float()  # NumPy has no bfloat16
        return value.to_dense() if value.is_sparse else value
    return value


def _drawn(picture: Any) -> Any:
    """A picture with a palette, two colours or transparency as grey or red, green, blue."""
    return on_white(picture).convert("L" if picture.mode in ("1", "LA") else "RGB")


def on_white(picture: Any) -> Any:
    """A PIL picture whose transparent parts are white, as RGBA."""
    from PIL import Image

    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture.convert("RGBA"))
    return ground


def as_floats(array: npt.NDArray[Any]) -> npt.NDArray[np.float32] | None:
    """32 bits of every number, or None if one is not finite or becomes infinite.

    Corrupt files hold signaling NaNs, which NumPy warns of while it converts them.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        floats = array.astype(np.float32, copy=False)
    return floats if np.isfinite(floats).all() else None


def from_bfloat16(halves: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """The numbers that bfloat16 bits stand for: float32 without its last 16."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def channels_first(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Images (N, C, H, W) as they are; (N, H, W, C) of one or three channels turned so."""
    if images.shape[1] not in (1, 3) and images.shape[3] in (1, 3):
        return images.transpose(0, 3, 1, 2)
    return images


def _four_dimensions(array: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    if array.ndim == 2:
        side = math.isqrt(array.shape[1])
        if side * side != array.shape[1]:
            raise ValueError(
                f"{where}: expected rows of square images, got {array.shape[1]} "
                "columns; reshape to (images, height, width)"
            )
        return array.reshape(-1, 1, side, side)
    if array.ndim == 3:
        return array[:, None]
    if array.ndim == 4:
        return channels_first(array)
    raise ValueError(
        f"{where}: expected shape (N, H, W), (N, C, H, W) or (N, H*W), "
        f"got {array.shape}"
    )


def _pixels(array: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind in "bui":
        if array.size and (array.min() < 0 or array.max() > 255):
            raise ValueError(
                f"{where}: expected integer pixels from 0 to 255, "
                f"got {array.min()} to {array.max()}"
            )
        return array.astype(np.uint8)
    if not np.isfinite(array).all():
        raise ValueError(f"{where}: expected finite pixels, got NaN or infinity")
    if array.size and array.max() > 1:
        small = (
            array.astype(np.uint8) if 0 <= array.min() <= array.max() < 256 else None
        )
        if small is not None and np.array_equal(small, array):
            return small  # whole numbers: a quarter of the memory, nothing lost
    floats = as_floats(array)
    if floats is None:
        raise ValueError(f"{where}: expected pixels within float32's range")
    return floats


def as_images(value: Any, where: str) -> Images:
    """Images as uint8 or float32 of shape (N, C, H, W), contiguous.

    Arrays of that form are not copied. Integers and whole floats up to 255 become
    uint8, other floats float32.

    Raises:
        ValueError: not numbers, not finite, integers outside 0 to 255, empty or of
            another number of dimensions.
    """
    array = as_array(value, where)
    if 0 in array.shape:
        raise ValueError(
            f"{where}: expected at least one pixel, got shape {array.shape}"
        )
    array = _four_dimensions(array, where)
    if array.shape[1] > 1024 or max(array.shape[2:]) > 1024:
        raise ValueError(
            f"{where}: expected at most 1024 channels and pixels a side, "
            f"got shape {array.shape}"
        )
    return np.ascontiguousarray(_pixels(array, where))


def as_labels(value: Any, where: str) -> Labels:
    """Labels as int64 of shape (N,). Raises ValueError for anything but whole numbers."""
    array = as_array(value, where)
    if array.ndim != 1:
        raise ValueError(f"{where}: expected shape (N,), got {array.shape}")
    if array.dtype.kind == "f" and not (
        np.isfinite(array).all() and np.array_equal(array, np.round(array))
    ):
        raise ValueError(f"{where}: expected whole numbers, got fractions or NaN")
    # As Python's numbers: small floats and integers cannot hold the bound itself.
    smallest, largest = (
        (array.min().item(), array.max().item()) if array.size else (0, 0)
    )
    if not -(2**53) <= smallest <= largest <= 2**53:
        raise ValueError(f"{where}: expected whole numbers of at most 53 bits")
    return np.ascontiguousarray(array, dtype=np.int64)


def guess_max_value(largest: float, where: str) -> float:
    """The smallest usual scale that holds the largest pixel: 1, 16 or 255."""
    for scale in _SCALES:
        if largest <= scale:
            return scale
    raise ValueError(
        f"{where}: expected pixels up to 255, got {largest:g}; give max_value"
    )


def as_real(value: Any) -> float:
    """A number as Python's float, infinite beyond its range; NaN for what is no number."""
    if not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]


def as_whole(
    value: Any, where: str, min_value: int = 0, max_value: int = 2**64 - 1
) -> int:
    """A whole number in a range; the usual one is that of seeds."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or not min_value <= number <= max_value:
        raise ValueError(
            f"{where}: expected a whole number from {min_value} to {max_value}, got {value!r}"
        )
    return number


def arrays_sha256(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """A hash of named arrays: their names, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name, value in sorted(arrays.items()):
        digest.update(f"{name} {value.shape}".encode())
        hash_into(digest, value)
    return digest.hexdigest()


def content_sha256(text: str, arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """A hash of what a file holds: a description, and named arrays."""
    return hashlib.sha256((text + arrays_sha256(arrays)).encode()).hexdigest()


def hash_into(digest: Any, values: npt.NDArray[Any]) -> None:
    """Update a digest of hashlib with an array's bytes, so that Ctrl-C is heard."""
    content = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
    for start in range(0, len(content), _HASHED_AT_ONCE):
        digest.update(content[start : start + _HASHED_AT_ONCE].data)
