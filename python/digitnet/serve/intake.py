"""Parsing of requests: a picture's bytes, or numbers in JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import OutOfMemory
from digitnet._utils.arrays import as_array
from digitnet.models.base import BaseModel
from digitnet.models.pictures import MODES, prepare
from digitnet.serve.guard import Limits


class Refusal(ValueError):
    """What a client did wrong: status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def images_of(
    model: BaseModel, body: bytes, content_type: str, mode: str | None, limits: Limits
) -> tuple[npt.NDArray[Any], bool]:
    """(images (N, C, H, W), whether there was one alone).

    Raises:
        Refusal: anything that is not such a request.
    """
    if mode is not None and mode not in MODES:
        raise Refusal(422, f"mode: expected {' or '.join(MODES)}, got '{mode[:40]}'")
    if not body:
        raise Refusal(400, "expected a picture's bytes or JSON, got an empty body")
    if is_json(body, content_type):
        return _numbers(model, body, limits)
    try:
        image = prepare(model, body, mode, max_pixels=limits.max_pixels)
    except OutOfMemory as error:
        raise Refusal(503, str(error)) from error
    except ValueError as error:
        raise Refusal(422, str(error)) from error
    return image[None], True


def is_json(body: bytes, content_type: str) -> bool:
    """Whether a body is read as numbers, not as a picture."""
    kind = content_type.partition(";")[0].strip().lower()
    # No picture begins so, and curl and urllib call everything a form.
    return kind == "application/json" or body[:100].lstrip()[:1] == b"{"


def _numbers(
    model: BaseModel, body: bytes, limits: Limits
) -> tuple[npt.NDArray[Any], bool]:
    # Counted first: while Python reads millions of numbers, nobody else has a turn.
    most = limits.batch * math.prod(model.input_shape)
    if body.count(b",") >= most:
        raise Refusal(
            422,
            f"expected at most {most} numbers, as of {limits.batch} images, got more",
        )
    try:
        body_json = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"expected JSON: {error}") from error
    names = [
        name
        for name in ("image", "images")
        if isinstance(body_json, dict) and name in body_json
    ]
    if len(names) != 1 or len(body_json) != 1:
        raise Refusal(422, 'expected {"image": rows of numbers} or {"images": [...]}')
    alone = names[0] == "image"
    values = [body_json["image"]] if alone else body_json["images"]
    if not isinstance(values, list) or not 1 <= len(values) <= limits.batch:
        count = len(values) if isinstance(values, list) else "none"
        raise Refusal(
            422, f"{names[0]}: expected 1 to {limits.batch} images, got {count}"
        )
    try:
        array = as_array(values, names[0])
    except (ValueError, RecursionError, OverflowError) as error:
        raise Refusal(422, str(error)) from error
    channels, height, width = model.input_shape
    if array.shape[1:] == (height, width, 3) and channels == 3:
        array = array.transpose(0, 3, 1, 2)
    if array.shape[1:] == (height, width) and channels == 1:
        array = array[:, None]
    if array.shape[1:] != model.input_shape:
        raise Refusal(
            422,
            f"{names[0]}: expected {height} rows of {width} numbers"
            + (f" in {channels} channels" if channels > 1 else "")
            + f", got shape {list(array.shape[1:])}",
        )
    max_value = model.max_value or 255.0
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > max_value:
        raise Refusal(422, f"{names[0]}: expected numbers from 0 to {max_value:g}")
    kind = np.uint8 if array.dtype.kind in "bui" else np.float32
    return np.ascontiguousarray(array, kind), alone
