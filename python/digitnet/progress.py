"""How a run shows itself: a bar where a person looks, lines where a log is kept."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any


def in_notebook() -> bool:
    return "ipykernel" in sys.modules


def row_text(epoch: int, epochs: int, row: dict[str, float]) -> str:
    """One aligned line about an epoch."""
    text = f"epoch {epoch:>{len(str(epochs))}}/{epochs}"
    text += f"  loss {row['loss']:.4f}  accuracy {row['accuracy']:.4f}"
    if row["val_loss"] == row["val_loss"]:
        text += (
            f"  val_loss {row['val_loss']:.4f}  val_accuracy {row['val_accuracy']:.4f}"
        )
    return f"{text}  {row['seconds']:.1f}s"


class Progress:
    """Shows steps and epochs; does nothing if not enabled.

    In a notebook the bar is tqdm's text one unless ipywidgets is there.
    """

    def __init__(self, epochs: int, enabled: bool) -> None:
        self.epochs = epochs
        self.enabled = enabled
        self.bar: Any = None

    def __enter__(self) -> Progress:
        if self.enabled and (in_notebook() or sys.stderr.isatty()):
            from tqdm import tqdm

            self.bar = tqdm(
                total=self.epochs, unit="epoch", leave=False, file=sys.stderr
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.close()

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Called a few times a second."""
        if self.bar is not None:
            self.bar.n = round(epoch - 1 + step / steps, 2)
            self.bar.set_postfix_str(f"loss {loss:.4f}", refresh=True)

    def epoch(self, row: dict[str, float]) -> None:
        if not self.enabled:
            return
        line = row_text(int(row["epoch"]), self.epochs, row)
        if self.bar is None:
            print(line, flush=True)
            return
        self.bar.n = int(row["epoch"])
        if in_notebook():
            self.bar.set_postfix_str(line.split("  ", 1)[1], refresh=True)
        else:
            self.bar.write(line, file=sys.stderr)
            self.bar.refresh()
