"""What happens at the ends of epochs: callbacks and their states, progress, the checkpoint."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import digitnet._core as _core
from digitnet._core import DataError
from digitnet._utils.text import listed
from digitnet.train.best_file import BestFile, warn_of_file
from digitnet.train.history import History
from digitnet.train.options import as_spec, default_options
from digitnet.train.progress import Progress
from digitnet.train.resume import TrainingFolder
from digitnet.train.state_files import SavedState
from digitnet.train.trainable import Trainable

Callback = Any  # f(epoch, logs), or an object with on_epoch_end(epoch, logs)


# Options that a callback may stand for: those that nothing was prepared by yet.
_FOR_CALLBACKS = ("early_stopping", "min_delta", "monitor", "restore_best", "schedule")


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


def with_callback_options(
    callbacks: list[Callback], requested: dict[str, Any]
) -> dict[str, Any]:
    """The options of `fit` with those that callbacks stand for.

    Raises:
        ValueError: two that do not agree.
    """
    choosing = [c for c in callbacks if hasattr(c, "fit_options")]
    if not choosing:
        return requested
    defaults = default_options()
    options = defaults | requested
    rate = options["learning_rate"] or _default_rate(options["optimizer"])
    for callback in choosing:
        for name, value in callback.fit_options(
            {**options, "learning_rate": rate}
        ).items():
            if name not in _FOR_CALLBACKS:
                raise ValueError(
                    f"{type(callback).__name__}.fit_options: expected some of "
                    f"{', '.join(_FOR_CALLBACKS)}, got '{name}'"
                )
            if options[name] != value and options[name] != defaults[name]:
                raise ValueError(
                    f"fit.{name}: expected one value, got {options[name]!r} and "
                    f"{type(callback).__name__}'s {value!r}"
                )
            options = {**options, name: value}
    return options


def _default_rate(optimizer: Any) -> float:
    spec = as_spec(optimizer)
    names = spec[:1] if isinstance(spec, tuple) else [spec]
    for entry in _core.train.describe_optimizers():
        if entry["name"] in names:
            return float(entry["learning_rate"])
    return 1.0  # `fit` refuses the name


class Run:
    """What happens at the ends of epochs."""

    def __init__(
        self,
        model: Trainable,
        history: History,
        callbacks: list[Callback],
        best_file: BestFile | None,
        progress: Progress,
        columns: frozenset[str],
    ) -> None:
        self.model, self.history = model, history
        self.callbacks, self.best_file = callbacks, best_file
        self.progress, self.columns = progress, columns
        self.state_folder: TrainingFolder | None = None
        self.under_way = False  # whether the loop has called one of these
        self._begun: list[Callback] = []
        self._states: dict[str, Any] = {}  # of callbacks, the last ones

    def begin(self, saved: SavedState | None = None) -> None:
        """Of a training that goes on, callbacks get back what they asked to keep."""
        for callback in self.callbacks:
            getattr(callback, "set_model", lambda model: None)(self.model)
        if saved is not None:
            if self.best_file:
                self.best_file.restore(saved.waiting)
            self._states = _by_names_of_now(saved.callbacks, self.callbacks)
            for key, callback in _with_state(self.callbacks):
                if key in self._states:
                    _load(key, callback, self._states[key])
        for callback in self.callbacks:
            getattr(callback, "on_train_begin", lambda: None)()
            self._begun.append(callback)

    def end(self) -> None:
        """Of those that have begun, also if another one raises; its error arrives."""
        if self.best_file:
            self.best_file.try_again()
        with ExitStack() as stack:
            for callback in reversed(self._begun):
                hook = getattr(callback, "on_train_end", lambda: None)
                stack.callback(_written, callback, hook)

    def keep(self, state: Mapping[str, Any]) -> None:
        """Write the loop's state."""
        self.under_way = True
        for key, callback in _with_state(self.callbacks):
            _written(callback, self._note_state, key, callback)
        if self.state_folder is not None:
            self.state_folder.save(state, self.history, self._states, self._waiting)

    def keep_finished(self, finished: Mapping[str, Any]) -> None:
        """Write a finished training's model instead; its callbacks are not called again."""
        if self.state_folder is not None:
            state = self.model.state_dict()
            self.state_folder.save(state, self.history, {}, self._waiting, finished)

    @property
    def _waiting(self) -> bytes | None:
        return self.best_file.waiting if self.best_file else None

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Show it; called a few times a second."""
        self.under_way = True
        self.progress.step(epoch, step, steps, loss)

    def _note_state(self, key: str, callback: Callback) -> None:
        state = callback.state_dict()
        try:
            json.dumps(state)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"fit.callbacks: expected a state of plain values from {key}, got {error}"
            ) from error
        self._states[key] = state

    def epoch_done(self, row: dict[str, float]) -> bool:
        """Record, show, save and call back; True ends the training."""
        self.under_way = True
        self.history.append(row)
        self.progress.epoch(row)
        if self.best_file and self.history.best_epoch == row["epoch"]:
            self.best_file.save()
        elif self.best_file:
            self.best_file.try_again()
        logs = {name: value for name, value in row.items() if name in self.columns}
        for callback in self.callbacks:
            on_epoch_end: Any = getattr(callback, "on_epoch_end", callback)
            _written(callback, on_epoch_end, int(row["epoch"]), logs)
        return bool(self.model.stop_training)


def _with_state(callbacks: Sequence[Callback]) -> Iterator[tuple[str, Callback]]:
    """Callbacks that ask to keep a state, by a name that their order does not change: class,
    what they write to, and a number where there are several such."""
    counts: Counter[str] = Counter()
    for callback in callbacks:
        if hasattr(callback, "state_dict") and hasattr(callback, "load_state_dict"):
            target = getattr(callback, "writes_to", None)
            name = type(callback).__name__ + (f" '{target}'" if target else "")
            counts[name] += 1
            yield name + (f" {counts[name]}" if counts[name] > 1 else ""), callback


def _by_names_of_now(
    saved: Mapping[str, Any], callbacks: Sequence[Callback]
) -> dict[str, Any]:
    """The states that were kept, each by the name of the callback that it belongs to: one
    of its class that writes elsewhere now, too, if there is no other.

    Raises:
        ValueError: it may belong to several.
    """
    states = dict(saved)
    names = [name for name, _ in _with_state(callbacks) if name not in states]
    used = {name for name, _ in _with_state(callbacks)} & states.keys()
    for name in names:
        kind = name.partition(" ")[0]
        alike = [k for k in saved if k.partition(" ")[0] == kind and k not in used]
        if len(alike) == 1 and [n.partition(" ")[0] for n in names].count(kind) == 1:
            states[name] = states.pop(alike[0])
        elif alike:
            raise ValueError(
                f"fit.resume: expected the callbacks that the training was begun with, "
                f"{listed(alike)} among them, got {listed(names)}; give those"
            )
    return states


def _load(name: str, callback: Callback, state: Any) -> None:
    try:
        callback.load_state_dict(state)
    except (TypeError, KeyError, IndexError, AttributeError, ValueError) as error:
        raise DataError(
            f"fit.resume: expected a state of {name} that it takes, got {state!r:.60} "
            f"({error!r:.60}); give another folder to begin anew"
        ) from error


def _written(callback: Callback, hook: Any, *args: Any) -> None:
    """Call a hook; of a callback that says what it writes to, a disk that is full or a
    server that is away is a warning."""
    target = getattr(callback, "writes_to", None)
    try:
        hook(*args)
    except OSError as error:
        if target is None:
            raise
        warn_of_file(type(callback).__name__, target, error)
