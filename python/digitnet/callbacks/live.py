"""Live training curves: a figure that grows while the training runs."""

from __future__ import annotations

from typing import Any

from digitnet._utils.arrays import as_whole
from digitnet.callbacks.callback import Callback, Logs
from digitnet.plot import training_curves
from digitnet.train.progress import in_notebook


class LiveCurves(Callback):
    """Loss and accuracy, drawn anew after each epoch in the same place of a notebook.

    Outside a notebook it draws once, at the end.

    Args:
        every: Epochs between two drawings.
    Attributes:
        display: The last `digitnet.plot.Display`.
    Raises:
        ValueError: `every` below 1.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> live = digitnet.callbacks.LiveCurves()
        >>> history = model.fit(train, test, epochs=2, callbacks=live, progress=False)
        >>> live.display
        Display(figure, axes, data)
    """

    def __init__(self, every: int = 1) -> None:
        self.every = as_whole(every, "LiveCurves.every", 1, 10**6)
        self.display: Any = None
        self._handle: Any = None

    def on_train_begin(self) -> None:
        self.display = self._handle = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if in_notebook() and epoch % self.every == 0:
            self._draw()

    def on_train_end(self) -> None:
        history = self.model.history
        if history is not None and history.epochs:
            self._draw()

    def _draw(self) -> None:
        history: Any = self.model.history
        self.display = training_curves(history)
        # Closed: pyplot would show it once more at the end of the cell.
        self.display.close()
        if not in_notebook():
            return
        from IPython.display import display

        if self._handle is None:
            self._handle = display(self.display.figure, display_id=True)
        else:
            self._handle.update(self.display.figure)
