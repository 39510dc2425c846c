"""Recipes: a network and the options of `fit` that train it well together.

Their settings were chosen on a part of MNIST's training images; docs/results.md has
what they reach on its test images.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import digitnet._core as _core
from digitnet._utils.registry import find_named


@dataclass(frozen=True)
class Preset:
    """A network's name and the options that `Model.fit` takes with it.

    Attributes:
        name: What `preset` finds it by.
        summary: What it is for.
        network: Name of the network.
        options: Options of `fit`.
        gpu_options: Those that differ on a GPU: fewer steps of larger batches keep it
            busier, and reach the same accuracy at their rates to within its spread.
    """

    name: str
    summary: str
    network: str
    options: Mapping[str, Any]
    gpu_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("options", "gpu_options"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))


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
                "calibrate": 0.02,
            },
            gpu_options={"batch_size": 256, "learning_rate": 0.024},
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
                "calibrate": 0.02,
            },
            gpu_options={"batch_size": 512, "learning_rate": 0.01},
        ),
    )
}


def preset(name: str, *, device: str = "cpu") -> Preset:
    """A recipe by name, as it trains on a device.

    Args:
        name: One of `presets()`.
        device: Where `fit` will train: "cpu", "cuda", "cuda:N", or "auto", a GPU if
            there is one. A GPU named here need not be here.
    Raises:
        ValueError: an unknown name, and the message lists those there are; or what is
            no device.
    Example:
        >>> fast = digitnet.train.preset("fast")
        >>> fast.network, fast.options["epochs"], fast.options["batch_size"]
        ('two-conv-small', 1, 128)
        >>> digitnet.train.preset("fast", device="cuda").options["batch_size"]
        256
    """
    recipe: Preset = find_named("preset", name, PRESETS)
    names_gpu = re.fullmatch(r"cuda(:\d+)?", str(device))
    if not names_gpu and _core.engine.resolve_device(str(device)) == "cpu":
        return recipe
    return replace(recipe, options={**recipe.options, **recipe.gpu_options})
