"""Search spaces and samplers: settings as Optuna's distributions."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

METHODS = ("grid", "random", "bayesian", "evolutionary")
_GRID_POINTS = 3  # of a range
_POPULATION = 8


def distribution_of(name: str, values: Any) -> Any:
    """Optuna's distribution for choices or a range."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    where = f"search.space['{name}']"
    if isinstance(values, list):
        if not values or any(not isinstance(v, str | int | float) for v in values):
            raise ValueError(
                f"{where}: expected a list of numbers or strings, got {values!r}"
            )
        return CategoricalDistribution(values)
    bounds, log = values, False
    if isinstance(values, tuple) and len(values) == 3 and values[2] == "log":
        bounds, log = values[:2], True
    numbers = isinstance(bounds, tuple) and len(bounds) == 2
    if not numbers or any(
        isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v)
        for v in bounds
    ):
        raise ValueError(
            f"{where}: expected a list of choices or a range such as (1, 4) or "
            f"(1e-4, 1e-1, 'log'), got {values!r}"
        )
    low, high = bounds
    if not low < high or (log and low <= 0):
        order = "0 < low < high" if log else "low < high"
        raise ValueError(f"{where}: expected {order}, got {values!r}")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(float(low), float(high), log=log)


def picked(trial: Any, name: str, distribution: Any) -> Any:
    """What a trial's sampler picks from it."""
    if hasattr(distribution, "choices"):
        return trial.suggest_categorical(name, distribution.choices)
    whole = isinstance(distribution.low, int)
    suggest = trial.suggest_int if whole else trial.suggest_float
    return suggest(name, distribution.low, distribution.high, log=distribution.log)


def grid_points(distribution: Any) -> list[Any]:
    """All choices, or points of a range, its ends among them."""
    if hasattr(distribution, "choices"):
        return list(distribution.choices)
    low, high = distribution.low, distribution.high
    parts = [i / (_GRID_POINTS - 1) for i in range(_GRID_POINTS)]
    if distribution.log:
        points = [low * (high / low) ** part for part in parts]
    else:
        points = [low + (high - low) * part for part in parts]
    points[-1] = high  # rounding must not lead out of the range
    whole = isinstance(low, int)
    return sorted({round(point) if whole else float(point) for point in points})


def sampler_of(
    method: str,
    spaces: Mapping[str, Any],
    seed: int,
    index_of: Callable[[Any, Any], int],
) -> Any:
    """Optuna's sampler; what it draws is a function of the seed and of `index_of(study,
    trial)`."""
    from optuna import samplers

    if method == "grid":
        points = {
            name: grid_points(distribution) for name, distribution in spaces.items()
        }
        return samplers.GridSampler(points, seed=seed)
    makers: dict[str, Callable[[int], Any]] = {
        "random": lambda seed: samplers.RandomSampler(seed=seed),
        # What others try now, or a killed process did, does not count.
        "bayesian": lambda seed: samplers.TPESampler(
            seed=seed, n_startup_trials=5, constant_liar=False
        ),
        "evolutionary": lambda seed: samplers.NSGAIISampler(
            seed=seed, population_size=_POPULATION
        ),
    }
    return _numbered(makers[method], seed, index_of)


def _numbered(
    make: Callable[[int], Any], seed: int, index_of: Callable[[Any, Any], int]
) -> Any:
    """A sampler whose draws are a function of the seed and the trial's index.

    Optuna's own go on where they were in this process: two processes on one journal, or
    one that resumes, would try the same values again.
    """
    from optuna.samplers import BaseSampler

    class Numbered(BaseSampler):
        def __init__(self) -> None:
            self._local = (
                threading.local()
            )  # trials of several threads share this object

        def before_trial(self, study: Any, trial: Any) -> None:
            entropy = [seed, index_of(study, trial)]
            state = np.random.SeedSequence(entropy).generate_state(1)
            self._local.sampler = make(int(state[0]))
            self._local.sampler.before_trial(study, trial)

        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            return self._local.sampler.infer_relative_search_space(study, trial)

        def sample_relative(self, study: Any, trial: Any, space: Any) -> Any:
            return self._local.sampler.sample_relative(study, trial, space)

        def sample_independent(
            self, study: Any, trial: Any, name: str, distribution: Any
        ) -> Any:
            sampler = self._local.sampler
            return sampler.sample_independent(study, trial, name, distribution)

        def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
            self._local.sampler.after_trial(study, trial, state, values)

    return Numbered()
