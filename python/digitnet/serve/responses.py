"""What a prediction's response says, and about how long it takes to make it."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet import features
from digitnet._core import OutOfMemory
from digitnet.models.base import BaseModel
from digitnet.models.pictures import prediction_of
from digitnet.serve.guard import Limits
from digitnet.serve.intake import Refusal, images_of, is_json

# On a core of 2020: to unpack a pixel, to write a number, to explain instead of predict.
_PIXEL_SECONDS, _NUMBER_SECONDS, _EXPLAINED = 24e-9, 4e-6, 4.0


def respond(
    model: BaseModel,
    body: bytes,
    kind: str,
    mode: str | None,
    explain: bool,
    limits: Limits,
) -> tuple[bytes, int]:
    """The JSON of the response, and how many images it is about."""
    images, alone = images_of(model, body, kind, mode, limits)
    try:
        probabilities = model.predict_proba(images)
        gradients = np.abs(features.saliency(model, images)).max(1) if explain else None
    except OutOfMemory as error:
        raise Refusal(503, str(error)) from error
    except (ValueError, RuntimeError) as error:  # numbers too large for its weights
        raise Refusal(422, str(error)) from error
    predictions = []
    for number, row in enumerate(probabilities):
        text = _json(prediction_of(model, row))
        if gradients is not None:
            shown = images[number].mean(0) if images.shape[1] > 1 else images[number, 0]
            text = (
                f'{text[:-1]},"image":{_rows(shown)},'
                f'"saliency":{_rows(gradients[number])},'
                f'"max_value":{_json(model.max_value or 255.0)}}}'
            )
        predictions.append(text)
    whole = predictions[0] if alone else f'{{"predictions":[{",".join(predictions)}]}}'
    return whole.encode(), len(images)


def _rows(values: npt.NDArray[Any]) -> str:
    """Row after row: while one call writes numbers, no other thread has a turn."""
    return f"[{','.join(_json(row.tolist()) for row in values)}]"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Costs:
    """About how long requests of a model take.

    Args:
        model: The model, which predicts an image twice here.
        limits: What a request may be.
    """

    def __init__(self, model: BaseModel, limits: Limits) -> None:
        self._numbers = math.prod(model.input_shape)
        self._limits = limits
        image = np.zeros((1, *model.input_shape), np.float32)
        model.predict_proba(image)  # the first call makes its buffers
        start = time.perf_counter()
        model.predict_proba(image)
        self._image_seconds = time.perf_counter() - start

    def seconds(self, body: bytes, kind: str, explain: bool) -> float:
        """Of a request, by its numbers; a picture may have as many pixels as allowed."""
        if is_json(body, kind):
            read = body.count(b",") + 1
            count = min(max(read // self._numbers, 1), self._limits.batch)
            before = read * _NUMBER_SECONDS / 10
        else:
            count, before = 1, self._limits.max_pixels * _PIXEL_SECONDS
        each = self._image_seconds
        if explain:
            each = each * _EXPLAINED + 2 * self._numbers * _NUMBER_SECONDS
        return before + count * each
