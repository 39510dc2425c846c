"""What happened in a training run."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitnet._utils.figures import Display, draw
from digitnet._utils.text import listed, shortened

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Executor:
    """What computes: `str()` is a sentence such as "native (avx512, 2 threads)".

    Attributes:
        engine: "native" (kernels of our own) or "torch" (LibTorch).
        device: "cpu", "cuda" or "cuda:N".
        kernels: The native engine's instruction set: "avx512", "avx2" or "plain"; else "".
        threads: The native engine's threads; else 0.
        reason: Why it is not the native engine; "" if it is.
        loop: On a GPU, how it got the data and the steps; else "".
    Example:
        >>> from digitnet.train.history import Executor
        >>> str(Executor("native", "cpu", "avx2", 1))
        'native (avx2, 1 thread)'
    """

    engine: str
    device: str
    kernels: str = ""
    threads: int = 0
    reason: str = ""
    loop: str = ""

    @property
    def name(self) -> str:
        """The sentence without reason and loop."""
        if self.engine != "native":
            return f"{self.engine} on {self.device}"
        plural = "" if self.threads == 1 else "s"
        return f"{self.engine} ({self.kernels}, {self.threads} thread{plural})"

    def __str__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        loop = f"; {self.loop}" if self.loop else ""
        return f"{self.name}{reason}{loop}"


class History(Mapping[str, list[float]]):
    """Columns of a run, one value an epoch: loss, accuracy, val_loss, val_accuracy,
    learning_rate, seconds.

    Attributes:
        status: "finished", "stopped early", "interrupted" or "diverged".
        message: Why, if it diverged.
        options: The options of `fit`.
        monitor: The column that the best epoch goes by.
        steps: "loss" and "learning_rate" of every step, if `fit(record_steps=True)` recorded them.
        data_fingerprint: Of the training data as `fit` was given them; None before one.
        weights_sha256: Hashes of the weights before and after a training with `resume`, by
            which an interrupted model is known again; else None.
        executor: The `Executor` that trained; None before a training, a sentence in what
            older versions wrote.
    """

    weights_sha256: tuple[str, str] | None = None

    def __init__(
        self, options: dict[str, Any] | None = None, *, monitor: str = "loss"
    ) -> None:
        self._columns: dict[str, list[float]] = {}
        self.options = options or {}
        self.monitor = monitor
        self.status = "finished"
        self.message = ""
        self.executor: Executor | str | None = None
        self.data_fingerprint: tuple[int, int] | None = None
        self.steps: dict[str, list[float]] = {}

    @classmethod
    def read(cls, folder: str | PathLike[str]) -> History | None:
        """The training that a run left in the folder's history.csv, or None if there is no
        such file.

        Raises:
            ValueError: the file is not a history.
        """
        import pandas as pd

        path = Path(folder) / "history.csv"
        if not path.is_file():
            return None
        try:
            text = pd.read_csv(path, index_col="epoch", dtype=str)
            frame = text.astype(float)  # to the last bit, as pandas' own reader may not
        except ValueError as error:
            raise ValueError(
                f"{path}: expected a run's history, one row an epoch, got {error}"
            ) from error
        history = cls(monitor="val_loss" if "val_loss" in frame else "loss")
        history.take({str(name): values.tolist() for name, values in frame.items()})
        return history

    def append(self, row: Mapping[str, float]) -> None:
        """Add an epoch; columns that are NaN in the first one (no validation) are left out."""
        first = not self._columns
        for name, value in row.items():
            if name == "epoch" or (first and math.isnan(value)):
                continue
            if first or name in self._columns:
                self._columns.setdefault(name, []).append(float(value))

    def take(self, columns: Any) -> None:
        """Become a history of these epochs, as it was kept somewhere.

        Args:
            columns: Name to one number an epoch, in the order that they had.
        Raises:
            ValueError: anything else; nothing was changed.
        """
        pairs = columns.items() if isinstance(columns, dict) else [(None, None)]
        for name, values in pairs:
            if not isinstance(name, str) or not isinstance(values, list):
                raise ValueError(
                    f"expected columns of numbers by name, got {columns!r:.60}"
                )
            if not all(
                isinstance(v, float | int) and not isinstance(v, bool) for v in values
            ):
                raise ValueError(f"expected numbers in '{shortened(name)}', got others")
        if len({len(values) for values in columns.values()}) > 1:
            raise ValueError("expected columns of one length, got several")
        self._columns = {k: [float(v) for v in values] for k, values in columns.items()}

    def __getitem__(self, name: str) -> list[float]:
        if name not in self._columns:
            raise KeyError(
                f"History: unknown column '{shortened(str(name))}'; known: "
                f"{listed(self._columns)}"
            )
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def epochs(self) -> int:
        """Epochs that were finished."""
        return len(next(iter(self._columns.values()), []))

    @property
    def best_epoch(self) -> int:
        """The epoch (from 1) with the best monitored value; 0 before the first."""
        if not self.epochs:
            return 0
        values = self[self.monitor]
        best = min(values) if self.monitor.endswith("loss") else max(values)
        return values.index(best) + 1

    def to_frame(self) -> pd.DataFrame:
        """One row an epoch, indexed from 1."""
        import pandas as pd

        index = pd.RangeIndex(1, self.epochs + 1, name="epoch")
        return pd.DataFrame(self._columns, index=index)

    def plot(self, ax: Any = None) -> Display:
        """Loss and accuracy against epochs."""
        return draw(self, ax=ax)

    def __repr__(self) -> str:
        if not self.epochs:
            return f"History({self.status} before the first epoch ended)"
        last = ", ".join(
            f"{name} {values[-1]:.4g}" for name, values in self._columns.items()
        )
        return f"History({self.status} after {self.epochs} epochs: {last})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.status)}</p>" + str(
            self.to_frame().to_html(float_format="{:.4g}".format)
        )
