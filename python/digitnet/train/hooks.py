"""Whom `fit` asks and tells: callbacks, progress, the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import digitnet._core as _core
from digitnet.train.history import History
from digitnet.train.progress import Progress

if TYPE_CHECKING:
    from digitnet.models.model import Model

Callback = Any  # f(epoch, logs), or an object with on_epoch_end(epoch, logs)

# What `fit` goes by if nobody says otherwise, of the options that callbacks stand for.
_DEFAULTS: dict[str, Any] = {
    "early_stopping": 0,
    "restore_best": True,
    "min_delta": 0.0,
    "monitor": "auto",
    "schedule": "one-cycle",
}


def listed_callbacks(callbacks: Sequence[Callback] | Callback | None) -> list[Callback]:
    """One callback or several as a list; TypeError for anything else."""
    if callbacks is None:
        return []
    listed = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
    for callback in listed:
        if not (callable(callback) or hasattr(callback, "on_epoch_end")):
            raise TypeError(
                "fit.callbacks: expected functions (epoch, logs) or objects with "
                f"on_epoch_end, got {callback!r}"
            )
    return listed


def with_asked(callbacks: list[Callback], options: dict[str, Any]) -> dict[str, Any]:
    """The options with those that callbacks stand for.

    Raises:
        ValueError: two that do not agree.
    """
    asking = [c for c in callbacks if hasattr(c, "fit_options")]
    if not asking:
        return options
    rate = options["learning_rate"] or _usual_rate(options["optimizer"])
    told = {**options, "learning_rate": rate}
    for callback in asking:
        for name, value in callback.fit_options(told).items():
            if options[name] != value and options[name] != _DEFAULTS[name]:
                raise ValueError(
                    f"fit.{name}: expected one answer, got {options[name]!r} and "
                    f"{type(callback).__name__}'s {value!r}"
                )
            options = {**options, name: value}
    return options


def _usual_rate(optimizer: Any) -> float:
    names = optimizer[:1] if isinstance(optimizer, tuple) else [optimizer]
    for entry in _core.train.describe_optimizers():
        if entry["name"] in names:
            return float(entry["learning_rate"])
    return 1.0  # `fit` refuses the name


class Run:
    """What happens at the ends of epochs."""

    def __init__(
        self,
        model: Model,
        history: History,
        callbacks: list[Callback],
        checkpoint: str | PathLike[str] | None,
        progress: Progress,
    ) -> None:
        self.model, self.history = model, history
        self.callbacks, self.checkpoint = callbacks, checkpoint
        self.progress = progress

    def begin(self) -> None:
        for callback in self.callbacks:
            getattr(callback, "set_model", lambda model: None)(self.model)
        self._call("on_train_begin")

    def end(self) -> None:
        self._call("on_train_end")

    def _call(self, hook: str) -> None:
        for callback in self.callbacks:
            getattr(callback, hook, lambda: None)()

    def epoch_done(self, row: dict[str, float]) -> bool:
        """Record, show, save and tell; True ends the run."""
        self.history.append(row)
        self.progress.epoch(row)
        if self.checkpoint is not None and self.history.best_epoch == row["epoch"]:
            self.model.save(self.checkpoint)
        logs = {name: values[-1] for name, values in self.history.items()}
        for callback in self.callbacks:
            told: Any = getattr(callback, "on_epoch_end", callback)
            told(int(row["epoch"]), logs)
        return self.model.stop_training
