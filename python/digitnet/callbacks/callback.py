"""The base class of callbacks, and functions as callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from digitnet.models.model import Model

Logs = dict[str, float]


class Callback:
    """A base for callbacks; every method does nothing.

    Attributes:
        model: The model that is trained, from the beginning of the training on.
        writes_to: The file or service that it writes to, or None. Where there is one, an
            OSError behind the training's beginning (a full disk, a server that is away) is
            a warning, and the training goes on; else it ends the training.
    Example:
        >>> class Shout(digitnet.callbacks.Callback):
        ...     def on_epoch_end(self, epoch, logs):
        ...         self.model.stop_training = logs["accuracy"] > 0.5
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> history = model.fit(train, epochs=50, callbacks=Shout(), progress=False)
        >>> history.status, history.epochs < 50
        ('stopped early', True)
    """

    model: Model
    writes_to: str | None = None

    def set_model(self, model: Model) -> None:
        self.model = model

    def fit_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Options of `fit` that this callback stands for.

        Args:
            options: Those that `fit` was given; the learning rate is the one that it starts
                with.
        """
        return {}

    def on_train_begin(self) -> None:
        """Called once, before the first step."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Called with the epoch, from 1, and the last values of `History`."""

    def on_train_end(self) -> None:
        """Called once, however the training ended."""

    # A callback that also has `state_dict()`, plain values, and `load_state_dict(state)`
    # has them kept by `fit(resume=)`, and gets them back before `on_train_begin()`.


class LambdaCallback(Callback):
    """Functions as a callback.

    Args:
        on_epoch_end: Called with (epoch, logs).
        on_train_begin, on_train_end: Called with no logs, an empty dict.
    Raises:
        TypeError: something else than functions.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> done = digitnet.callbacks.LambdaCallback(on_train_end=lambda logs: print("done"))
        >>> history = model.fit(train, epochs=1, callbacks=[done], progress=False)
        done
    """

    def __init__(
        self,
        on_epoch_end: Callable[[int, Logs], Any] | None = None,
        on_train_begin: Callable[[Logs], Any] | None = None,
        on_train_end: Callable[[Logs], Any] | None = None,
    ) -> None:
        functions = {
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
        }
        for name, function in functions.items():
            if function is not None and not callable(function):
                raise TypeError(
                    f"LambdaCallback.{name}: expected a function, got {function!r:.60}"
                )
        self._functions = functions

    def on_train_begin(self) -> None:
        self._call("on_train_begin", {})

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._call("on_epoch_end", epoch, logs)

    def on_train_end(self) -> None:
        self._call("on_train_end", {})

    def _call(self, name: str, *args: Any) -> None:
        function: Any = self._functions[name]
        if function is not None:
            function(*args)
