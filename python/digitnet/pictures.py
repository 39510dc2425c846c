"""A person's own picture files as a model wants them."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digitnet import _core
from digitnet._core import DataError
from digitnet.data.readers import read_picture

if TYPE_CHECKING:
    from digitnet.model import Model

WAYS = ("scan", "exact")


def prepare(
    model: Model, path: str | PathLike[str], way: str | None = None
) -> npt.NDArray[np.uint8]:
    """One picture file as an image for `model`, uint8 (C, H, W) up to its max_value.

    Args:
        model: Decides size, channels and scale.
        path: PNG, JPEG, BMP, GIF, TIFF or WEBP.
        way: "scan" finds polarity, crops and centres a digit of any size as MNIST did,
            or, for an 8x8 model of values up to 16, counts ink in blocks as UCI did;
            "exact" takes a picture of the right size as it is. Default: exact if the
            size fits, else scan.
    Raises:
        DataError: no picture, no ink, or the wrong size for "exact".
        ValueError: unknown way, or "scan" for a model that is not of digit shape.
    """
    channels, height, width = model.input_shape
    if way is not None and way not in WAYS:
        raise ValueError(f"unknown way '{way}'; known: {', '.join(WAYS)}")
    picture = read_picture(path, colour=channels == 3)
    if way == "exact" or (way is None and picture.shape[-2:] == (height, width)):
        return _exact(model, picture, Path(path).name)
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
        raise DataError(f"{Path(path).name}: {error}") from error


def _exact(
    model: Model, picture: npt.NDArray[np.uint8], name: str
) -> npt.NDArray[np.uint8]:
    channels, height, width = model.input_shape
    if picture.shape[-2:] != (height, width):
        raise DataError(
            f"{name}: expected {width}x{height} pixels as the model, "
            f"got {picture.shape[-1]}x{picture.shape[-2]}; use 'scan' or resize it"
        )
    return _scaled(picture.reshape(channels, height, width), model)


def _scaled(image: npt.NDArray[np.uint8], model: Model) -> npt.NDArray[Any]:
    """Pixels up to 255 as pixels up to the model's scale."""
    scale = model.max_value or 255.0
    if scale == 255:
        return image
    scaled = image * (scale / 255.0)
    return scaled.astype(np.float32) if scale < 16 else np.rint(scaled).astype(np.uint8)
