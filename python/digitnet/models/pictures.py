"""A person's own pictures as a model wants them."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._core import DataError
from digitnet._utils.arrays import as_array
from digitnet._utils.deprecation import renamed_arguments
from digitnet._utils.registry import check_name
from digitnet.data.checks import DIGITS
from digitnet.data.picture_files import (
    MAX_PIXELS,
    picture_name,
    picture_pixels,
    read_picture,
)
from digitnet.data.pixels import settled_pixels
from digitnet.models.base import BaseModel

MODES = ("scan", "exact")
_SURE = 0.85  # of all ink
_DARK = 80  # of 255: what a dark ground may have
_SMALLEST_MNIST = 16  # pixels a side, of sets in MNIST's form
_ENOUGH_PIXELS = 2_000_000  # to find a digit, or a page of them
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Prepared:
    """A picture as a model wants it, and what was seen in it.

    Attributes:
        image: (C, H, W) up to the model's max_value.
        box: (top, left, height, width) of the digit in the picture's pixels; None for a
            picture that was taken as it is.
        digits: How many digits there are; 1 for a picture that was taken as it is.
        certainty: That there is one digit: its part of all ink, 0 to 1.
    """

    image: npt.NDArray[Any]
    box: tuple[int, int, int, int] | None = None
    digits: int = 1
    certainty: float = 1.0

    @property
    def note(self) -> str:
        """What a person should know of it, or ""."""
        if self.digits > 1:
            return f"{self.digits} digits were found; the largest one is answered"
        if self.certainty < _SURE:
            return "beside the digit there is other ink; is there one digit?"
        return ""


@renamed_arguments(most_pixels="max_pixels", way="mode")
def prepare(
    model: BaseModel,
    source: Any,
    mode: str | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
) -> npt.NDArray[Any]:
    """One picture as an image for `model`: the image of `prepare_picture`."""
    return prepare_picture(model, source, mode, max_pixels=max_pixels, name=name).image


def prepare_picture(
    model: BaseModel,
    source: Any,
    mode: str | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
) -> Prepared:
    """One picture as an image for `model`, and what was seen in it.

    Args:
        model: Decides size, channels and scale.
        source: A file, or its bytes: PNG, JPEG, BMP, GIF, TIFF or WEBP; a PIL picture; or
            an array, (H, W), (H, W, 3) or (3, H, W), from 0 to 255, or fractions to 1.
        mode: "scan" finds paper and ink, whatever the light, leaves out ruled lines, edges
            and specks, and sets the largest digit as MNIST did, or, for an 8x8 model of
            values up to 16, counts ink in blocks as UCI did; "exact" takes a picture of
            the right size as it is. Default: exact if the size fits and, for models of
            digits, the pixels look like those of the training set (bright strokes on a
            dark ground, centred); else scan.
        max_pixels: Larger pictures are refused.
        name: For errors. Default: the file's.
    Raises:
        DataError: no picture, too large a one, no ink, or the wrong size for "exact".
        ValueError: unknown mode, or "scan" for a model that is not of digit shape.
    """
    channels, height, width = model.input_shape
    if mode is not None:
        check_name("mode", mode, MODES)
    if name is None:
        name = picture_name(source) if _is_file(source) else "picture"
    picture = _pixels_of(source, channels == 3, max_pixels, name)
    fits = picture.shape[-2:] == (height, width)
    if mode == "exact" or (mode is None and fits and _looks_exact(model, picture)):
        return Prepared(_exact(model, picture, name))
    if channels != 1 or height != width:
        raise ValueError(
            f"predict: expected a grey square model for 'scan', got input {model.input_shape}; "
            f"resize the picture to {width}x{height} and use 'exact'"
        )
    return _scanned(model, picture, name)


def _is_file(source: Any) -> bool:
    return isinstance(source, str | PathLike | bytes)


def _pixels_of(
    source: Any, colour: bool, max_pixels: int, name: str
) -> npt.NDArray[np.uint8]:
    """uint8 (H, W), or (3, H, W) in colour."""
    if _is_file(source):
        return read_picture(source, colour=colour, max_pixels=max_pixels, name=name)
    if hasattr(source, "getbands"):
        return picture_pixels(source, name, colour)
    array = as_array(source, name)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if (
        array.ndim not in (2, 3)
        or 0 in array.shape
        or array.shape[2:] not in ((), (3,))
    ):
        raise ValueError(
            f"{name}: expected an array (H, W), (H, W, 3) or (3, H, W), got shape "
            f"{array.shape}"
        )
    if array.shape[0] * array.shape[1] > max_pixels:
        raise DataError(
            f"{name}: expected at most {max_pixels} pixels, got {array.shape[1]}x{array.shape[0]}"
        )
    settled = settled_pixels(array, None, name).astype(np.float32)
    full = 1 if settled.max() <= 1 else 255
    array = np.rint(settled * (255 / full)).astype(np.uint8)
    if colour:
        return np.ascontiguousarray(
            np.broadcast_to(array, (3, *array.shape))
            if array.ndim == 2
            else array.transpose(2, 0, 1)
        )
    grey = array if array.ndim == 2 else np.rint(array @ _GREY)
    return grey.astype(np.uint8)


def _looks_exact(model: BaseModel, picture: npt.NDArray[np.uint8]) -> bool:
    """Whether a picture of the right size is one as the training set has: for models of
    digits, dark at its border, and, as MNIST's, with strokes of its size in the middle."""
    if picture.ndim != 2 or tuple(model.classes) != DIGITS:
        return True
    side = len(picture)
    frame = np.concatenate(
        [picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]]
    )
    if np.median(frame) > _DARK:
        return False
    strokes = picture > picture.max() * 0.3
    if side < _SMALLEST_MNIST or not strokes.any():
        return True
    rows, columns = np.nonzero(strokes)
    size = max(np.ptp(rows), np.ptp(columns)) + 1
    y, x = (
        float((picture.sum(axis) * (np.arange(side) + 0.5)).sum() / picture.sum())
        for axis in (1, 0)
    )
    off = max(abs(y - side / 2), abs(x - side / 2))
    inner = side - 8
    return bool(0.6 * inner <= size <= inner + 3 and off <= 0.06 * side)


def _scanned(model: BaseModel, picture: npt.NDArray[np.uint8], name: str) -> Prepared:
    side = model.input_shape[1]
    small, step = _reduced(picture)
    optdigits = (side, model.max_value) == (8, 16)
    try:
        seen = _core.data.scan(small, "optdigits" if optdigits else "mnist", side)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    image = seen["image"] if optdigits else _scaled(seen["image"], model)
    top, left, height, width = (step * length for length in seen["box"])
    return Prepared(
        image[None], (top, left, height, width), seen["digits"], seen["certainty"]
    )


def _reduced(picture: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], int]:
    """A large picture by a whole number of times smaller, and that number."""
    height, width = picture.shape
    step = max(1, int((height * width / _ENOUGH_PIXELS) ** 0.5))
    if step == 1:
        return picture.astype(np.float32), 1
    rows, columns = height // step, width // step
    if rows == 0 or columns == 0:
        return picture.astype(np.float32), 1
    sums = np.zeros((rows, columns), np.float32)
    for y in range(step):
        for x in range(step):
            sums += picture[y : rows * step : step, x : columns * step : step]
    sums /= step * step
    return sums, step


def predict_picture(
    model: BaseModel,
    source: Any,
    mode: str | None = None,
    *,
    name: str | None = None,
) -> dict[str, Any]:
    """Label, confidence and probabilities for one picture, and what was seen in it, as
    `Model.predict_picture` gives them."""
    seen = prepare_picture(model, source, mode, name=name)
    return {
        **predict_one(model, seen.image),
        "box": seen.box,
        "digits": seen.digits,
        "certainty": seen.certainty,
        "note": seen.note,
        "image": seen.image,
    }


def predict_one(model: BaseModel, image: Any) -> dict[str, Any]:
    """Label, confidence and probabilities by class name, for one image."""
    return prediction_of(model, model.predict_proba(image)[0])


def prediction_of(
    model: BaseModel, probabilities: npt.NDArray[np.float64]
) -> dict[str, Any]:
    """One row of probabilities in plain values."""
    values = probabilities.tolist()
    best = int(probabilities.argmax())
    return {
        "label": model.classes[best],
        "confidence": values[best],
        "probabilities": dict(zip(model.classes, values, strict=True)),
    }


def _exact(
    model: BaseModel, picture: npt.NDArray[np.uint8], name: str
) -> npt.NDArray[np.uint8]:
    channels, height, width = model.input_shape
    if picture.shape[-2:] != (height, width):
        raise DataError(
            f"{name}: expected {width}x{height} pixels as the model, "
            f"got {picture.shape[-1]}x{picture.shape[-2]}; use 'scan' or resize it"
        )
    return _scaled(picture.reshape(channels, height, width), model)


def _scaled(image: npt.NDArray[np.uint8], model: BaseModel) -> npt.NDArray[Any]:
    """Pixels up to 255 as pixels up to the model's scale."""
    scale = model.max_value or 255.0
    if scale == 255:
        return image
    scaled = image * (scale / 255.0)
    return scaled.astype(np.float32) if scale < 16 else np.rint(scaled).astype(np.uint8)
