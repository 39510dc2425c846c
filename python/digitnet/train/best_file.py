"""The file `fit(checkpoint=)`: it always holds the best model so far."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from os import PathLike

from digitnet._utils.files import write_whole
from digitnet._utils.input_files import expanded


class BestFile:
    """Written whole each time there is a better model.

    What the disk does not take is said in a warning; the training goes on, and the same
    model is written at the next epoch's end, or a better one.

    Args:
        path: The file.
        to_bytes: The content for the model as it is.
    """

    def __init__(self, path: str | PathLike[str], to_bytes: Callable[[], bytes]):
        self.path = path
        self._to_bytes = to_bytes
        self._waiting: bytes | None = None  # what the disk did not take
        self._warned = False

    def save(self) -> None:
        """The model of this moment is the best so far."""
        self._waiting = self._to_bytes()
        self.try_again()

    @property
    def waiting(self) -> bytes | None:
        """The best model's file, if the disk has not taken it yet."""
        return self._waiting

    def restore(self, waiting: bytes | None) -> None:
        """Of a training that goes on, what waited."""
        self._waiting = waiting

    def complete(self, *, is_best: bool) -> None:
        """At the end of a training that went on, let there be a file; one that is there is
        as good.

        Args:
            is_best: Whether the model is now the best one.
        Warns:
            RuntimeWarning: it is not, and the best one was kept nowhere.
        """
        if self._waiting is not None:
            self.try_again()
        elif not expanded(self.path).is_file():
            if is_best:
                self.save()
            else:
                warnings.warn(
                    f"fit.checkpoint: expected the best model in '{self.path}', got no file; "
                    "the training that went on had kept none, and ended with another model: "
                    "save that, or train anew in another folder",
                    RuntimeWarning,
                    stacklevel=6,
                )

    def try_again(self) -> None:
        """Write what could not be written before, if there is something."""
        if self._waiting is None:
            return
        try:
            write_whole(self.path, self._waiting)
        except OSError as error:
            if not self._warned:
                warn_of_file("fit.checkpoint", self.path, error)
            self._warned = True
            return
        self._waiting, self._warned = None, False


def warn_of_file(where: str, path: str | PathLike[str], error: OSError) -> None:
    """Say that a file could not be written, and that this ends no training."""
    warnings.warn(
        f"{where}: '{path}' could not be written ({error.strerror or error}); the "
        "training goes on and tries again later",
        RuntimeWarning,
        stacklevel=3,
    )
