"""Recipes: a network and the options of `fit` that train it well together.

Their settings were chosen on a part of MNIST's training images; README has what they
reach on its test images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from digitnet._utils.registry import find_named


@dataclass(frozen=True)
class Preset:
    """A network's name and the options that `Model.fit` takes with it."""

    name: str
    summary: str
    network: str
    options: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "fast",
            "99 % of MNIST's test digits in the least time",
            "two-conv-small",
            {
                "epochs": 1,
                "batch_size": 128,
                "optimizer": ("adam", {"beta1": 0.7, "beta2": 0.9}),
                "learning_rate": 0.012,
                "schedule": ("one-cycle", {"rise": 0.2, "start": 0.2, "end": 0.0}),
                "label_smoothing": 0.1,
            },
        ),
        Preset(
            "accurate",
            "the most digits right, in minutes",
            "norm-cnn",
            {
                "epochs": 10,
                "batch_size": 128,
                "learning_rate": 0.005,
                "label_smoothing": 0.1,
                "augment": "shift 2px | rotate 10deg | zoom 10%",
            },
        ),
    )
}


def preset(name: str) -> Preset:
    """A recipe by name.

    Raises:
        ValueError: an unknown name; the message lists those there are.
    Example:
        >>> fast = digitnet.train.preset("fast")
        >>> fast.network, fast.options["epochs"]
        ('two-conv-small', 1)
    """
    return find_named("preset", name, PRESETS)
