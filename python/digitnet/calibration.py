"""Temperature scaling: calibrated probabilities by one number that divides the logits.

Example:
    >>> from digitnet import calibration
    >>> train, validation = digitnet.data.load("digits")[0].split(0.8)
    >>> model = digitnet.models.make("linear", (8, 8))
    >>> history = model.fit(train, epochs=3, progress=False)
    >>> t = calibration.fit_temperature(model, validation)
    >>> report = calibration.evaluate(model, validation, t)
    >>> report["log_loss"] <= model.evaluate(validation)["log_loss"]
    True
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._utils.arrays import as_real
from digitnet.data.interop import as_dataset
from digitnet.models.base import BaseModel
from digitnet.report import Report
from digitnet.train.temperature import best_temperature

__all__ = ["evaluate", "fit_temperature", "temper"]


def temper(logits: Any, temperature: float) -> npt.NDArray[np.float64]:
    """softmax(logits / temperature) of each row, float64 (N, K)."""
    if not 0 < as_real(temperature) < math.inf:
        raise ValueError(
            f"temper.temperature: expected a positive number, got {temperature!r}"
        )
    scaled = np.asarray(logits, np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(1, keepdims=True))


def fit_temperature(model: BaseModel, data: Any) -> float:
    """The temperature with the lowest log loss, from .02 to 50; the model stays as it is.

    Above 1 the model is overconfident, below 1 underconfident. The predicted classes stay
    the same. `Model.calibrate` makes it part of the model, whose logits are divided by it
    from then on.

    Args:
        model: A classifier.
        data: A Dataset or a pair (images, labels) that it was not trained on.
    Raises:
        ValueError: unlabelled or empty data.
    Source:
        Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2.
    """
    data = as_dataset(data, "fit_temperature.data", max_value=model.max_value)
    labels = model.labels_of(data, "fit_temperature")
    if not len(labels):
        raise ValueError("fit_temperature.data: expected at least one sample, got none")
    return best_temperature(model.predict_logits(data), labels)


def evaluate(model: BaseModel, data: Any, temperature: float) -> Report:
    """`model.evaluate` with every logit divided by the temperature."""
    data = as_dataset(data, "evaluate.data", max_value=model.max_value)
    labels = model.labels_of(data, "evaluate")
    probabilities = temper(model.predict_logits(data), temperature)
    name = f"{model.name} at temperature {temperature:.3g}"
    return Report(labels, probabilities, model.classes, data=data, model=name)
