"""Hyperparameter search: random, on a grid, Bayesian or evolutionary.

Optuna decides what is tried next; trials are trainings here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitnet._core import OutOfMemory
from digitnet._utils.arrays import as_whole
from digitnet._utils.figures import Display, draw
from digitnet._utils.parallel import parallel_map
from digitnet._utils.signals import CtrlCLater
from digitnet.data.dataset import Dataset
from digitnet.models.model import Model
from digitnet.search.journal import (
    at_work,
    index_of,
    was_cut_off,
)
from digitnet.search.space import (
    METHODS,
    distribution_of,
    grid_points,
    picked,
    sampler_of,
)
from digitnet.search.study_file import (
    check_settings,
    import_optuna,
    opened_study,
    settings_of,
)

if TYPE_CHECKING:
    import optuna
    import pandas as pd

Params = dict[str, Any]
# What a trial trains: its Model, and options of `fit`.
Build = Callable[[Params, int], tuple[Model, Mapping[str, Any]]]


class Search:
    """The trials of a hyperparameter search.

    Attributes:
        study: Optuna's, for its own figures and tools.
        method: How it chose.
    """

    def __init__(self, study: optuna.Study, method: str) -> None:
        self.study, self.method = study, method

    @property
    def table(self) -> pd.DataFrame:
        """One row a trial, in order: state, validation accuracy, the reason if it failed,
        epochs, seconds, and the settings."""
        import pandas as pd

        rows = []
        for trial in self.study.get_trials(deepcopy=False):
            attributes, state = trial.user_attrs, trial.state.name.lower()
            rows.append(
                {
                    "state": "interrupted" if was_cut_off(trial) else state,
                    "accuracy": math.nan if trial.value is None else trial.value,
                    "reason": attributes.get("reason", ""),
                    "epochs": len(trial.intermediate_values),
                    "seconds": attributes.get("seconds", math.nan),
                    **trial.params,
                }
            )
        columns = None if rows else ["state", "accuracy", "reason", "epochs", "seconds"]
        return pd.DataFrame(rows, columns=columns).rename_axis("trial")

    @property
    def best_params(self) -> Params:
        """Settings of the best finished trial; ValueError if none was finished."""
        return dict(self.study.best_params)

    @property
    def best_value(self) -> float:
        """Its validation accuracy."""
        return float(self.study.best_value)

    def best_so_far(self) -> pd.Series:
        """The best accuracy after each trial, NaN before the first finished one."""
        best = self.table["accuracy"].cummax().ffill()
        return best.rename("best so far")

    def importance(self) -> pd.Series:
        """How much of the variance of the accuracies each setting explains, the largest first.

        Raises:
            ValueError: fewer than two finished trials, or all of one accuracy.
        Source:
            Hutter et al., "Efficient assessing hyperparameter importance", ICML 2014.
        """
        import pandas as pd

        optuna = import_optuna()
        accuracies = self.table.query("state == 'complete'")["accuracy"]
        if accuracies.nunique() < 2:
            raise ValueError(
                "importance: expected finished trials of different accuracy, got "
                f"{len(accuracies)} of {accuracies.nunique()}"
            )
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        shares = optuna.importance.get_param_importances(
            self.study, evaluator=evaluator
        )
        return pd.Series(shares, name="importance", dtype=float)

    def plot(self, ax: Any = None) -> Display:
        """Every trial as a line through its settings; see `digitnet.plot.parallel`."""
        return draw(self, ax=ax)

    def __repr__(self) -> str:
        states = self.table["state"].value_counts()
        counts = ", ".join(f"{n} {state}" for state, n in states.items())
        return f"Search({self.method}: {counts})"


def search(
    build: Build,
    space: Mapping[str, Any],
    train: Dataset,
    validation: Dataset,
    *,
    trials: int,
    method: str = "bayesian",
    file: str | PathLike[str] | None = None,
    prune: bool = True,
    jobs: int = 1,
    seed: int = 0,
) -> Search:
    """Train with several settings and record the validation accuracy of each.

    Args:
        build: Called with a trial's settings and a seed; returns a fresh Model and options
            of `fit` for it, such as ``{"epochs": 5, "learning_rate": params["rate"]}``.
        space: Name to choices, a list of numbers or strings; or to a range: ``(0.1, 0.5)``
            of numbers, ``(1, 4)`` of whole numbers, ``(1e-4, 1e-1, "log")``.
        train: What each trial learns.
        validation: Data on which it is evaluated.
        trials: How many, those in `file` counted; a grid has no more than its points.
        method: "grid" (three points of a range), "random", "bayesian" (tree-structured
            Parzen estimators) or "evolutionary" (a genetic algorithm).
        file: Journal of the search. Trials recorded in it are not done again, and several
            processes may work on it at once. Default: in memory.
        prune: Give up a trial whose validation accuracy is below the median of the others
            at the same epoch.
        jobs: Trials at a time. With one, the same seed tries the same settings.
        seed: Seed of the choices; trial k, of those that no kill cut off, trains with the
            seed `seed + k`.
    Returns:
        A Search. A trial that raised ValueError, RuntimeError or OutOfMemory stands in its
        table with the reason, and the search went on.
    Raises:
        ValueError: a space, method or number that is not right; a file of another search,
            or of one on other data.
        ImportError: Optuna is not installed (``pip install digitnet[search]``).
    Source:
        Bergstra et al., NeurIPS 2011 (TPE); Akiba et al., KDD 2019 (Optuna).
    Example:
        >>> from digitnet.search import search
        >>> train, validation = digitnet.data.load("digits")[0].split(0.8)
        >>> def build(params, seed):
        ...     model = digitnet.models.make("linear", (8, 8), seed=seed)
        ...     return model, {"epochs": 2, "learning_rate": params["rate"]}
        >>> result = search(build, {"rate": (1e-4, 1e-1, "log")}, train, validation, trials=3)
        >>> len(result.table), 1e-4 <= result.best_params["rate"] <= 1e-1
        (3, True)
    """
    optuna = import_optuna()
    spaces = {name: distribution_of(name, values) for name, values in space.items()}
    if not spaces:
        raise ValueError("search.space: expected at least one setting, got none")
    if method not in METHODS:
        raise ValueError(
            f"search.method: expected {', '.join(METHODS)}, got '{method}'"
        )
    trials = as_whole(trials, "search.trials", 1, 100_000)
    jobs = as_whole(jobs, "search.jobs", 1, 64)
    seed = as_whole(seed, "search.seed")
    if method == "grid":
        trials = min(trials, math.prod(len(grid_points(s)) for s in spaces.values()))
    with CtrlCLater() as later:
        study = opened_study(
            optuna.create_study,
            file,
            direction="maximize",
            load_if_exists=True,
            sampler=sampler_of(method, spaces, seed, index_of),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1)
            if prune
            else optuna.pruners.NopPruner(),
        )
        settings = settings_of(space, train, validation, method, prune, seed)
        check_settings(study, settings, file)

        def objective(trial: Any) -> float:
            with at_work(trial):
                return _try(trial, spaces, build, train, validation, seed, later)

        def one(_: int) -> None:
            later.check()
            if _finished(study) < trials:
                study.optimize(objective, n_trials=1, catch=(_Failed,))

        left = range(trials - _finished(study))
        # Beside others this thread only waits for them.
        waits = later.at_once() if min(jobs, len(left)) > 1 else nullcontext()
        with waits:
            parallel_map(one, left, jobs=jobs, stop=later.stop)
    return Search(study, method)


def _finished(study: optuna.Study) -> int:
    """Trials that came to an end; those that were interrupted or killed did not."""
    return sum(
        trial.state.name in ("COMPLETE", "PRUNED") or "reason" in trial.user_attrs
        for trial in study.get_trials(deepcopy=False)
    )


class _Failed(Exception):
    """A trial could not be trained; its reason is with it."""


def _try(
    trial: Any,
    spaces: Mapping[str, Any],
    build: Build,
    train: Dataset,
    validation: Dataset,
    seed: int,
    later: CtrlCLater,
) -> float:
    """The validation accuracy of one training, which Ctrl-C ends at once."""
    from optuna import TrialPruned

    start = time.perf_counter()
    seed += index_of(trial.study, trial)
    params = {name: picked(trial, name, space) for name, space in spaces.items()}
    try:
        with later.at_once():
            model, options = build(params, seed)
            watch = _Watch(trial, model, later)
            fit_options = {"seed": seed} | dict(options)
            history = model.fit(
                train, validation, progress=False, callbacks=watch, **fit_options
            )
            if (
                history.status == "interrupted"
            ):  # at a prompt, where fit does not raise it
                raise KeyboardInterrupt(history.message)
            value = model.evaluate(validation)["accuracy"]
    except (ValueError, RuntimeError, OutOfMemory) as error:
        trial.set_user_attr("reason", f"{type(error).__name__}: {error}")
        raise _Failed from error
    trial.set_user_attr("seconds", time.perf_counter() - start)
    if watch.pruned:
        raise TrialPruned
    return value


class _Watch:
    """Reports each epoch to Optuna, and ends a training that is pruned."""

    def __init__(self, trial: Any, model: Model, later: CtrlCLater) -> None:
        self.trial, self.model, self.pruned = trial, model, False
        self.later = later

    def __call__(self, epoch: int, logs: dict[str, float]) -> None:
        with self.later.in_between():
            self.trial.report(logs["val_accuracy"], epoch)
            if self.trial.should_prune():
                self.pruned = self.model.stop_training = True


def load_search(file: str | PathLike[str]) -> Search:
    """Read a search from its journal, also while other processes work on it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is no search's journal.
    """
    optuna = import_optuna()
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: expected the journal of a search, got no file"
        )
    with CtrlCLater():
        study = opened_study(optuna.load_study, path)
    settings = study.user_attrs.get("settings")
    if settings is None:
        raise ValueError(
            f"{path}: expected the journal of a search, got one that ends before its "
            "settings; begin the search again"
        )
    return Search(study, settings["method"])
