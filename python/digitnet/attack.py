"""Adversarial attacks: images changed so little that people read them as before.

Every pixel moves by at most the strength, a part of full intensity, along the gradient
of the loss; computed in C++.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import digitnet._core as _core
from digitnet._core.attack import describe
from digitnet._utils.arrays import as_whole
from digitnet._utils.registry import names_of
from digitnet.data.dataset import Dataset
from digitnet.data.interop import as_dataset

if TYPE_CHECKING:
    from digitnet.models.base import BaseModel

__all__ = ["attacked", "describe", "names"]


def names() -> list[str]:
    """Names that `attacked` accepts."""
    return names_of(describe())


def attacked(
    model: BaseModel, data: Any, name: str, *, seed: int = 0, **options: float
) -> Dataset:
    """A set of its images as an attack on the model leaves them.

    Args:
        model: A model with classes whose preprocessing scales all pixels alike.
        data: A Dataset or a pair (images, labels); labels are the true ones, and stay.
        name: "fgsm", one step from the image itself, or "pgd", many small ones from random
            starts.
        seed: Seed of the starts.
        **options: `strength` (the largest change of a pixel, of full intensity;
            default .1); for "pgd" also `steps`, `step` (their size; default 2.5 strength /
            steps) and `restarts`, of which the strongest counts.
    Returns:
        float32 images on the data's scale, within [0, max_value].
    Raises:
        ValueError: unknown attack or option, unlabelled data, a model that cannot be
            attacked.
    Source:
        Goodfellow, Shlens, Szegedy, ICLR 2015; Madry et al., ICLR 2018.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> history = model.fit(train, epochs=5, progress=False)
        >>> adversarial = digitnet.attack.attacked(model, test, "fgsm", strength=0.1)
        >>> model.evaluate(adversarial)["accuracy"] < model.evaluate(test)["accuracy"]
        True
    """
    model.require_classes("attacked")
    data = as_dataset(data, "attacked", max_value=model.max_value)
    labels = model.labels_of(data, "attacked")
    spec, number = (name, options), as_whole(seed, "attacked.seed")
    with model.checked_images(data, "attacked") as (base, rows):
        images = _core.attack.attacked(
            model.predictor, spec, base, rows, labels, number
        )
    return data.with_images(images, name=f"{data.name}, {name}")
