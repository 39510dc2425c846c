"""Temperature scaling: one number that divides the logits makes probabilities honest.

Networks are over- or underconfident (label smoothing makes them so on purpose); what they
get right stays the same.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._utils.minimize import minimize
from digitnet.data.dataset import Dataset
from digitnet.train.trainable import Trainable

_MIN_TEMPERATURE, _MAX_TEMPERATURE = 0.02, 50.0


def best_temperature(logits: Any, labels: npt.NDArray[np.int64]) -> float:
    """The temperature from 0.02 to 50 at which the log loss is lowest.

    The targets are Platt's: of N samples a true class gets (N + 1) / (N + 2), the others share
    the rest, for a few samples that are all predicted right do not show that all are.

    Args:
        logits: (N, K), N at least 1.
        labels: True classes, (N,).
    Source:
        Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2.
        Platt, "Probabilistic outputs for support vector machines", 1999, section 2.2.
    Example:
        >>> from digitnet.train.temperature import best_temperature
        >>> logits = np.log([[0.9, 0.1]] * 4000)  # as sure, but right in three of four
        >>> round(best_temperature(logits, np.array([0, 0, 0, 1] * 1000)), 2)
        2.0
    """
    logits = np.asarray(logits, np.float64)
    count, classes = logits.shape
    other = 1 / (count + 2) / (classes - 1)
    targets = np.full(logits.shape, other)
    targets[np.arange(count), labels] = (count + 1) / (count + 2)
    mean = (logits * targets).sum(1)

    def loss(log_temperature: float) -> float:
        scaled = logits / math.exp(log_temperature)
        top = scaled.max(1)
        sums = np.log(np.exp(scaled - top[:, None]).sum(1)) + top
        return float((sums - mean / math.exp(log_temperature)).mean())

    best = minimize(loss, math.log(_MIN_TEMPERATURE), math.log(_MAX_TEMPERATURE))
    return math.exp(best) if loss(best) < loss(0.0) else 1.0


def suiting_temperature(
    model: Trainable, data: Dataset, labels: npt.NDArray[np.int64], device: str
) -> float:
    """`best_temperature` for a model's predictions of data; its own stays as it is."""
    before, model.temperature = model.temperature, 1.0
    try:  # logits times the temperature would be rounded twice
        logits = model.predict_logits(data, device=device)
    finally:
        model.temperature = before
    return best_temperature(logits, labels)
