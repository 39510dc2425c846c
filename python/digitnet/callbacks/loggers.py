"""Loggers as callbacks: the history as CSV and for TensorBoard."""

from __future__ import annotations

import csv
import io
import os
import time
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._utils.extras import extra_packages
from digitnet._utils.files import check_target
from digitnet._utils.input_files import expanded
from digitnet._utils.text import listed
from digitnet.callbacks.callback import Callback, Logs
from digitnet.models.base import BaseModel

_BINS = 30  # of a histogram


class CSVLogger(Callback):
    """One row an epoch in a text file, there as soon as the epoch is done.

    Args:
        path: The file; a header names the columns. Folders are made.
        separator: Between the columns.
        append: Go on in a file that is there; else it is replaced.
    Raises:
        ValueError: a file to go on in that has different columns.
        OSError: a file that cannot be written.
    Example:
        >>> import pathlib, tempfile
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "run.csv"
        >>> log = digitnet.callbacks.CSVLogger(file)
        >>> history = model.fit(train, epochs=2, callbacks=log, progress=False)
        >>> file.read_text().splitlines()[0]
        'epoch,loss,accuracy,learning_rate,seconds'
    """

    def __init__(
        self, path: str | PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        if len(separator) != 1:
            raise ValueError(
                f"CSVLogger.separator: expected one character, got {separator!r}"
            )
        self.path, self.separator, self.append = expanded(path), separator, append
        self.writes_to = str(path)
        self._file: Any = None
        self._bytes = 0  # that the file has for sure
        self._waiting = ""  # rows behind them, in the file's buffer
        self._goes_on = False
        self._columns: list[str] | None = None

    def on_train_begin(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        check_target(self.path, replaced=False)
        mode = "a+" if self.append or self._goes_on else "w"
        self._file = self.path.open(mode, newline="")
        size = self._file.seek(0, os.SEEK_END)
        if self._goes_on:  # rows behind them are written again
            size = self._file.truncate(min(self._bytes, size))
        else:
            self._waiting = ""
        self._bytes, self._goes_on = size, False
        self._file.seek(0)
        lines = self._file if size else self._waiting.splitlines()
        self._columns = next(csv.reader(lines, delimiter=self.separator), None)
        self._file.seek(0, os.SEEK_END)
        self._file.write(self._waiting)

    def state_dict(self) -> dict[str, Any]:
        """For `fit(resume=)`."""
        return {"bytes": self._bytes, "waiting": self._waiting}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The other way round, before `on_train_begin`."""
        size, waiting = state["bytes"], state["waiting"]
        if not (isinstance(size, int) and size >= 0 and isinstance(waiting, str)):
            raise TypeError(f"CSVLogger: expected bytes and text, got {state!r:.60}")
        self._bytes, self._waiting = size, waiting
        self._goes_on = True

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        row = {"epoch": epoch, **logs}
        rows: list[Any] = [row.values()]
        if self._columns is None:
            self._columns = list(row)
            rows.insert(0, self._columns)
        if self._columns != list(row):
            raise ValueError(
                f"CSVLogger: expected the columns {listed(self._columns)} of {self.path}, "
                f"got {listed(row)}; choose another file"
            )
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator, lineterminator="\n").writerows(rows)
        self._waiting += text.getvalue()
        self._file.write(text.getvalue())
        self._file.flush()
        self._bytes, self._waiting = self._file.tell(), ""

    def on_train_end(self) -> None:
        if self._file is not None:
            self._file.close()


class TensorBoard(Callback):
    """Writes a run for TensorBoard: `tensorboard --logdir FOLDER` shows it.

    Every column of the History becomes a curve: loss and accuracy with training and
    validation in one chart, learning rate, seconds.

    Args:
        folder: Where the event file goes; one folder a run.
        model: Whose weights become histograms at each epoch's end. Default: none.
    Raises:
        ImportError: tensorboard is not installed; names the extra.
        NotADirectoryError: a file stands where the folder should be.
        TypeError: a model without state_dict().
    Example:
        >>> import pathlib, tempfile
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> folder = tempfile.mkdtemp()
        >>> history = model.fit(train, test, epochs=2, progress=False,
        ...                     callbacks=digitnet.callbacks.TensorBoard(folder))
        >>> [file.name.split(".")[0] for file in pathlib.Path(folder).iterdir()]
        ['events']
    """

    def __init__(
        self, folder: str | PathLike[str], model: BaseModel | None = None
    ) -> None:
        with extra_packages("TensorBoard"):
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        self.folder = expanded(folder)
        self.writes_to = str(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(
                f"TensorBoard.folder: expected a folder, got the file '{folder}'"
            )
        if model is not None and not hasattr(model, "state_dict"):
            raise TypeError(f"TensorBoard.model: expected a Model, got {model!r:.60}")
        self.weights_of = model
        self._writer_of, self._writer = EventFileWriter, None

    def on_train_begin(self) -> None:
        self._writer = self._writer_of(str(self.folder))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        writer: Any = self._writer
        for name, value in logs.items():
            validation = name.startswith("val_")
            group = name.removeprefix("val_")
            paired = validation or f"val_{name}" in logs
            part = "validation" if validation else "training"
            tag = f"{group}/{part}" if paired else group
            writer.add_event(_event(epoch, tag, simple_value=value))
        if self.weights_of is not None:
            for name, weights in self.weights_of.state_dict().items():
                if np.isfinite(weights).all():
                    writer.add_event(_event(epoch, name, histo=_histogram(weights)))
        writer.flush()

    def on_train_end(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _event(step: int, tag: str, **value: Any) -> Any:
    """One number or histogram of an epoch, in TensorBoard's form."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    summary = Summary(value=[Summary.Value(tag=tag, **value)])
    return Event(wall_time=time.time(), step=step, summary=summary)


def _histogram(values: npt.NDArray[Any]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import HistogramProto

    numbers = values.ravel().astype(np.float64)
    counts, edges = np.histogram(numbers, bins=_BINS)
    return HistogramProto(
        min=numbers.min(),
        max=numbers.max(),
        num=len(numbers),
        sum=numbers.sum(),
        sum_squares=numbers @ numbers,
        bucket_limit=edges[1:],
        bucket=counts,
    )
