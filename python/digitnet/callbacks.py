"""Callbacks of `Model.fit`: objects with on_epoch_end(epoch, logs)."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digitnet.model import Model

__all__ = ["TensorBoard"]


class TensorBoard:
    """Writes a run for TensorBoard: `tensorboard --logdir FOLDER` shows it.

    Every column of the History becomes a curve: loss and accuracy with training and
    validation in one chart, learning rate, seconds.

    Args:
        folder: Where the event file goes; one folder a run.
        model: Whose weights become histograms at each epoch's end. Default: none.
    Raises:
        ImportError: tensorboard is not installed.
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

    def __init__(self, folder: str | PathLike[str], model: Model | None = None) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError(
                "TensorBoard: expected the package tensorboard, got none; "
                "pip install digitnet[tensorboard]"
            ) from error
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(
                f"TensorBoard.folder: expected a folder, got the file '{folder}'"
            )
        if model is not None and not hasattr(model, "state_dict"):
            raise TypeError(f"TensorBoard.model: expected a Model, got {model!r:.60}")
        self.model = model
        self._writer_of, self._writer = SummaryWriter, None

    def on_train_begin(self) -> None:
        self._writer = self._writer_of(str(self.folder))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        writer: Any = self._writer
        for name, value in logs.items():
            held = name.startswith("val_")
            group = name.removeprefix("val_")
            paired = held or f"val_{name}" in logs
            part = "validation" if held else "training"
            writer.add_scalar(f"{group}/{part}" if paired else group, value, epoch)
        if self.model is not None:
            for name, weights in self.model.state_dict().items():
                writer.add_histogram(name, weights, epoch)
        writer.flush()

    def on_train_end(self) -> None:
        if self._writer is not None:
            self._writer.close()
