"""The options of `fit` as the training loop takes them."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import digitnet._core as _core
from digitnet._utils.text import listed, shortened
from digitnet.augment import as_text

Spec = str | tuple[str, Mapping[str, Any]]  # a name, or a name with options


@dataclass
class FitOptions:
    """One field for each of `train::Config` (cpp/train/config.h), with the same default.

    Ranges are checked in C++, by `_core.train.check_for`.

    Raises:
        ValueError: a learning rate that is not positive, a schedule that is neither a name
            nor numbers, a device that is not here.
    """

    epochs: int = 10
    batch_size: int = 64
    optimizer: Any = "adam"
    learning_rate: float | None = None  # the optimizer's own
    schedule: Any = "one-cycle"
    rates: list[float] = field(default_factory=list)  # one an epoch, instead of both
    augment: Any = None
    l1: float = 0.0
    l2: float = 0.0
    label_smoothing: float = 0.0
    class_weights: list[float] = field(default_factory=list)
    clip_norm: float = 0.0
    ema_decay: float = 0.0
    early_stopping: int = 0
    restore_best: bool = True
    min_delta: float = 0.0
    monitor: str = "auto"
    seed: int = 0
    device: str = "auto"
    lr_scales: list[float] = field(default_factory=list)  # one a parameter
    record_steps: bool = False
    precision: str = "float32"
    deterministic: bool = False
    adversary: Any = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            setattr(self, name, as_plain(value))
        self.optimizer = as_spec(self.optimizer)
        self.adversary = "" if self.adversary is None else as_spec(self.adversary)
        self.augment = as_text(self.augment)
        self.device = _core.engine.resolve_device(str(self.device))
        self.precision = str(self.precision)
        for name in ("restore_best", "record_steps", "deterministic"):
            setattr(self, name, _as_bool(name, getattr(self, name)))
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise ValueError(
                f"fit.learning_rate: expected a positive number, got {self.learning_rate}"
            )
        self.learning_rate = float(self.learning_rate or 0.0)
        if _is_spec(self.schedule):
            self.schedule = as_spec(self.schedule)
        else:
            self.rates, self.schedule = _rates(self.schedule), "constant"

    def as_dict(self) -> dict[str, Any]:
        """By name, as the core takes them."""
        return dict(vars(self))


def default_options() -> dict[str, Any]:
    """What `fit` goes by if nobody says otherwise."""
    return {
        f.name: f.default_factory()
        if f.default_factory is not dataclasses.MISSING
        else f.default
        for f in dataclasses.fields(FitOptions)
    }


def as_plain(value: Any) -> Any:
    """NumPy's numbers as Python's, for the options' JSON; in dicts and arrays, too."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {as_plain(key): as_plain(one) for key, one in value.items()}
    return value


def as_spec(value: Any) -> Any:
    """(name, options) with the options as a dict; anything else is checked by the core."""
    if isinstance(value, tuple | list) and len(value) == 2:
        return value[0], as_plain(dict(value[1]))
    return value


def _as_bool(name: str, value: Any) -> bool:
    if isinstance(value, bool | np.bool_) or (
        isinstance(value, int) and value in (0, 1)
    ):
        return bool(value)
    raise ValueError(f"fit.{name}: expected True or False, got {value!r:.60}")


def _is_spec(schedule: Any) -> bool:
    return isinstance(schedule, str) or (
        isinstance(schedule, tuple | list)
        and len(schedule) > 0
        and isinstance(schedule[0], str)
    )


def _rates(values: Any) -> list[float]:
    try:
        return [float(rate) for rate in values]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"fit.schedule: expected a name or a rate for each epoch, got {values!r:.60}"
        ) from error


def learning_rate_factors(
    names: Sequence[str], freeze: str | Sequence[str], factors: Mapping[str, float]
) -> list[float]:
    """One factor a parameter: frozen ones 0, then the last pattern that matches.

    Args:
        names: Of the parameters.
        freeze: Patterns of those that stay.
        factors: By pattern.
    Raises:
        TypeError, ValueError: no dict, a pattern that matches nothing, a negative factor.
    """
    if not isinstance(factors, Mapping):
        raise TypeError(
            f"fit.lr_scale: expected a dict by name pattern, got {factors!r}"
        )
    patterns = [("lr_scale", p, float(factor)) for p, factor in factors.items()]
    frozen = [freeze] if isinstance(freeze, str) else freeze
    patterns += [("freeze", pattern, 0.0) for pattern in frozen]
    by_name = dict.fromkeys(names, 1.0)
    for option, pattern, factor in patterns:
        matching = [
            name
            for name in names
            if fnmatch.fnmatchcase(name, pattern)
            or fnmatch.fnmatchcase(name, f"{pattern}.*")
        ]
        if not matching:
            raise ValueError(
                f"fit.{option}: expected patterns of {listed(names)}, got "
                f"'{shortened(pattern)}'"
            )
        if not 0 <= factor < float("inf"):
            raise ValueError(
                f"fit.lr_scale: expected 0 or more for '{pattern}', got {factor}"
            )
        by_name.update(dict.fromkeys(matching, factor))
    return list(by_name.values())
