"""Control callbacks: early stopping, learning-rate schedules, checkpoints."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from os import PathLike, fspath
from typing import Any

from digitnet._utils.arrays import as_whole
from digitnet._utils.files import check_model_target, check_target
from digitnet._utils.input_files import expanded
from digitnet.callbacks.callback import Callback, Logs

_SMALLER = {"loss": True, "val_loss": True, "accuracy": False, "val_accuracy": False}


def _smaller_is_better(monitor: str, mode: str, where: str) -> bool:
    """Checks both; a mode that contradicts the column is refused."""
    if monitor not in _SMALLER:
        raise ValueError(
            f"{where}.monitor: unknown column '{monitor}'; known: {', '.join(_SMALLER)}"
        )
    right = "min" if _SMALLER[monitor] else "max"
    if mode not in ("auto", right):
        raise ValueError(
            f"{where}.mode: expected auto or {right} for '{monitor}', got {mode!r}"
        )
    return _SMALLER[monitor]


class EarlyStopping(Callback):
    """Ends the training when nothing gets better: `fit`'s early_stopping under its
    name in Keras.

    Args:
        monitor: "val_loss", "val_accuracy", "loss" or "accuracy".
        min_delta: What counts as progress.
        patience: Epochs without progress after which it ends.
        mode: "auto", or "min" or "max" as fits the monitor.
        restore_best_weights: Whether the best epoch's weights come back, however the
            training ends; else the last ones stay, as in Keras.
    Attributes:
        stopped_epoch: The epoch after which it ended the training, or 0.
    Raises:
        ValueError: an unknown monitor, a mode that does not fit it.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> patient = digitnet.callbacks.EarlyStopping(patience=1, min_delta=10)
        >>> history = model.fit(train, test, epochs=9, callbacks=patient, progress=False)
        >>> history.status, patient.stopped_epoch
        ('stopped early', 2)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ) -> None:
        _smaller_is_better(monitor, mode, "EarlyStopping")
        self.monitor, self.min_delta = monitor, float(min_delta)
        self.patience = as_whole(patience, "EarlyStopping.patience", 0, 10**6)
        self.restore_best_weights = bool(restore_best_weights)
        self.stopped_epoch = 0

    def fit_options(self, options: dict[str, Any]) -> dict[str, Any]:
        return {
            "early_stopping": max(1, self.patience),  # Keras' 0 ends where 1 does
            "min_delta": self.min_delta,
            "monitor": self.monitor,
            "restore_best": self.restore_best_weights,
        }

    def on_train_begin(self) -> None:
        self.stopped_epoch = 0

    def on_train_end(self) -> None:
        history = self.model.history
        if history and history.status == "stopped early":
            self.stopped_epoch = history.epochs


class ReduceLROnPlateau(Callback):
    """Lowers the learning rate when nothing gets better: the schedule
    "reduce-on-plateau" under its name in Keras.

    Args:
        monitor: As for EarlyStopping; one a training.
        factor: What the rate is multiplied by, below 1.
        patience: Epochs without progress before it acts.
        min_delta: What counts as progress.
        min_lr: Lowest rate.
    Raises:
        ValueError: values out of range, when `fit` begins.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> lower = digitnet.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=10)
        >>> history = model.fit(train, test, epochs=3, learning_rate=0.1, callbacks=lower,
        ...                     progress=False)
        >>> history["learning_rate"]
        [0.1, 0.1, 0.05]
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        min_lr: float = 0.0,
    ) -> None:
        _smaller_is_better(monitor, "auto", "ReduceLROnPlateau")
        if not 0 <= min_lr < float("inf"):
            raise ValueError(
                f"ReduceLROnPlateau.min_lr: expected 0 or more, got {min_lr}"
            )
        self.monitor, self.min_lr = monitor, float(min_lr)
        self._options = {"factor": factor, "patience": patience, "min_delta": min_delta}

    def fit_options(self, options: dict[str, Any]) -> dict[str, Any]:
        floor = min(1.0, self.min_lr / options["learning_rate"])
        schedule = ("reduce-on-plateau", {**self._options, "least": floor})
        return {"monitor": self.monitor, "schedule": schedule}


class LearningRateScheduler(Callback):
    """A learning rate for each epoch, by a function.

    Args:
        schedule: A function of (epoch, rate), or of the epoch alone, as in Keras: epochs
            count from 0 here, and the rate is that of the epoch before. It is called before
            the training starts, once an epoch.
    Raises:
        TypeError: no function, or one that gives something else than a number.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> halve = digitnet.callbacks.LearningRateScheduler(
        ...     lambda epoch, rate: rate / 2 if epoch else rate)
        >>> history = model.fit(train, epochs=3, learning_rate=0.1, callbacks=halve,
        ...                     progress=False)
        >>> history["learning_rate"]
        [0.1, 0.05, 0.025]
    """

    def __init__(self, schedule: Callable[..., float]) -> None:
        if not callable(schedule):
            raise TypeError(
                "LearningRateScheduler.schedule: expected a function of (epoch, rate), "
                f"got {schedule!r:.60}"
            )
        self.schedule = schedule
        names = inspect.signature(schedule).parameters.values()
        self._takes_rate = len(names) > 1 or any(
            p.kind is p.VAR_POSITIONAL for p in names
        )

    def fit_options(self, options: dict[str, Any]) -> dict[str, Any]:
        rate, rates = options["learning_rate"], []
        for epoch in range(options["epochs"]):
            arguments = (epoch, rate) if self._takes_rate else (epoch,)
            value = self.schedule(*arguments)
            try:
                rate = float(value)
            except (TypeError, ValueError) as error:
                raise TypeError(
                    f"LearningRateScheduler.schedule: expected a rate for epoch {epoch}, "
                    f"got {value!r:.60}"
                ) from error
            rates.append(rate)
        return {"schedule": rates}


class ModelCheckpoint(Callback):
    """Saves the model after every epoch, or after those that are the best so far.

    Args:
        path: A file; may name the epoch and columns, as in
            ``"{epoch:02d}-{val_loss:.3f}.safetensors"``. Folders are made.
        monitor: What "best" goes by.
        save_best_only: Leave out epochs that are not the best so far.
        mode: "auto", or "min" or "max" as fits the monitor.
    Attributes:
        best: The best value so far, or None.
    Raises:
        ValueError: a path with a column that is not there, or whose name promises
            another program's format.
        OSError: a folder that cannot be written, or no ordinary file at the path.
    Example:
        >>> import pathlib, tempfile
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> keep = digitnet.callbacks.ModelCheckpoint(folder / "{epoch:02d}.safetensors")
        >>> history = model.fit(train, test, epochs=2, callbacks=keep, progress=False)
        >>> sorted(path.name for path in folder.iterdir())
        ['01.safetensors', '02.safetensors']
    """

    def __init__(
        self,
        path: str | PathLike[str],
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: str = "auto",
    ) -> None:
        self._smaller = _smaller_is_better(monitor, mode, "ModelCheckpoint")
        check_model_target(path)
        self.path = self.writes_to = fspath(path)
        self.monitor = monitor
        self.save_best_only = bool(save_best_only)
        self.best: float | None = None

    def on_train_begin(self) -> None:
        history = self.model.history
        if history is None or not history.epochs:  # else the training goes on
            self.best = None
        if "{" not in self.path:  # else it is known at an epoch's end
            expanded(self.path).parent.mkdir(parents=True, exist_ok=True)
            check_target(self.path)

    def state_dict(self) -> dict[str, Any]:
        """For `fit(resume=)`."""
        return {"best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The other way round."""
        best = state["best"]
        if not isinstance(best, float | int | None):
            raise TypeError(f"ModelCheckpoint: expected a number, got {best!r:.60}")
        self.best = best

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        value = None
        if self.save_best_only:
            if self.monitor not in logs:
                raise ValueError(
                    f"ModelCheckpoint.monitor: expected one of {', '.join(logs)}, got "
                    f"'{self.monitor}'; give validation=0.1"
                )
            value = logs[self.monitor]
            sign = 1 if self._smaller else -1
            if self.best is not None and sign * value >= sign * self.best:
                return
        try:
            path = self.path.format(epoch=epoch, **logs)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"ModelCheckpoint.path: expected {{epoch}} and {', '.join(logs)} in "
                f"braces, got '{self.path}'"
            ) from error
        expanded(path).parent.mkdir(parents=True, exist_ok=True)
        self.model.save(path)
        if value is not None:
            self.best = value  # of what the disk took: else the next epoch may do


class TerminateOnNaN(Callback):
    """Ends a training when a loss or accuracy of an epoch is NaN or infinite.

    A training loss that is not finite ends `fit` at that very step in any case, and the
    last good weights come back. This callback also stops at the end of an epoch when a
    validation column, or what another callback wrote into the logs, is not finite; the
    weights stay as they are. Its name is that of Keras.

    Example:
        >>> import warnings
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("optdigits-cnn")
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     history = model.fit(train, learning_rate=1e30, progress=False,
        ...                         callbacks=digitnet.callbacks.TerminateOnNaN())
        >>> history.status
        'diverged'
    """

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if not all(map(math.isfinite, logs.values())):
            self.model.stop_training = True
