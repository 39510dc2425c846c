"""A person's own pictures as a model wants them."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._core import DataError
from digitnet._utils.deprecation import renamed_arguments
from digitnet._utils.registry import check_name
from digitnet.data.picture_files import MAX_PIXELS, picture_name, read_picture
from digitnet.models.base import BaseModel

MODES = ("scan", "exact")


@renamed_arguments(most_pixels="max_pixels", way="mode")
def prepare(
    model: BaseModel,
    source: str | PathLike[str] | bytes,
    mode: str | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
) -> npt.NDArray[Any]:
    """One picture as an image for `model`, (C, H, W) up to its max_value.

    Args:
        model: Decides size, channels and scale.
        source: A file, or its bytes: PNG, JPEG, BMP, GIF, TIFF or WEBP.
        mode: "scan" finds polarity, crops and centres a digit of any size as MNIST did,
            or, for an 8x8 model of values up to 16, counts ink in blocks as UCI did;
            "exact" takes a picture of the right size as it is. Default: exact if the
            size fits, else scan.
        max_pixels: Larger pictures are refused.
        name: For errors. Default: the file's.
    Raises:
        DataError: no picture, too large a one, no ink, or the wrong size for "exact".
        ValueError: unknown mode, or "scan" for a model that is not of digit shape.
    """
    channels, height, width = model.input_shape
    if mode is not None:
        check_name("mode", mode, MODES)
    name = picture_name(source) if name is None else name
    picture = read_picture(
        source, colour=channels == 3, max_pixels=max_pixels, name=name
    )
    if mode == "exact" or (mode is None and picture.shape[-2:] == (height, width)):
        return _exact(model, picture, name)
    if channels != 1 or height != width:
        raise ValueError(
            f"predict: expected a grey square model for 'scan', got input {model.input_shape}; "
            f"resize the picture to {width}x{height} and use 'exact'"
        )
    try:
        grey = picture.astype(np.float32)
        if (height, model.max_value) == (8, 16):
            return _core.data.scan(grey, "optdigits", 8)[None]
        return _scaled(_core.data.scan(grey, "mnist", height), model)[None]
    except DataError as error:
        raise DataError(f"{name}: {error}") from error


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
