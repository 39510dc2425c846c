"""Optimizers, schedules and whole recipes by name, for `Model.fit`.

Example:
    >>> digitnet.train.optimizer("sgd", momentum=0.9, nesterov=True)
    ('sgd', {'momentum': 0.9, 'nesterov': True})
    >>> digitnet.train.schedule_factors("cosine", steps_per_epoch=1, epochs=3).round(2).tolist()
    [1.0, 0.5, 0.0]
"""

from __future__ import annotations

from typing import Any

import digitnet._core as _core
from digitnet._core.engine import resolve_device
from digitnet._core.train import (
    describe_optimizers,
    describe_schedules,
    schedule_factors,
)
from digitnet._utils.registry import names_of
from digitnet.train.presets import PRESETS, Preset, preset

__all__ = [
    "Preset",
    "describe_optimizers",
    "describe_schedules",
    "optimizer",
    "optimizers",
    "preset",
    "presets",
    "resolve_device",
    "schedule",
    "schedule_factors",
    "schedules",
]


def optimizers() -> list[str]:
    """Names that `optimizer` accepts."""
    return names_of(describe_optimizers())


def schedules() -> list[str]:
    """Names that `schedule` accepts."""
    return names_of(describe_schedules())


def presets() -> list[str]:
    """Names that `preset` accepts."""
    return list(PRESETS)


def optimizer(name: str, **options: Any) -> tuple[str, dict[str, Any]]:
    """An optimizer with options, checked. Raises ValueError listing what is known."""
    spec = (name, options)
    _core.train.check({"optimizer": spec}, 2, False)
    return spec


def schedule(name: str, **options: Any) -> tuple[str, dict[str, Any]]:
    """A learning-rate schedule with options, checked. Raises ValueError likewise."""
    spec = (name, options)
    _core.train.check({"schedule": spec}, 2, False)
    return spec
