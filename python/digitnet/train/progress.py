"""Progress of a training: a bar where a person looks, lines where a log is written."""

from __future__ import annotations

import html
import sys
from types import TracebackType
from typing import Any

from digitnet._utils.streams import is_terminal

# Of a notebook's table: in between, long trainings leave epochs out.
_FIRST_ROWS, _LAST_ROWS = 5, 15


def in_notebook() -> bool:
    return "ipykernel" in sys.modules


def row_text(epoch: int, epochs: int, row: dict[str, float]) -> str:
    """One aligned line about an epoch."""
    text = f"epoch {epoch:>{len(str(epochs))}}/{epochs}"
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        if row[name] == row[name]:  # NaN: there is none
            text += f"  {name} {row[name]:.4f}"
    return f"{text}  {row['seconds']:.1f}s"


class Progress:
    """What `fit` calls; this one shows nothing."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def executor(self, name: str) -> None:
        """Called once, with what will train."""

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Called a few times a second."""

    def epoch(self, row: dict[str, float]) -> None:
        """Called when an epoch has ended."""


class Lines(Progress):
    """One line an epoch, for logs."""

    def executor(self, name: str) -> None:
        print(f"training on {name}", flush=True)

    def epoch(self, row: dict[str, float]) -> None:
        print(row_text(int(row["epoch"]), self.epochs, row), flush=True)


class Bar(Progress):
    """A bar at the bottom of a terminal, a row an epoch above it."""

    def __enter__(self) -> Progress:
        from tqdm import tqdm

        self.bar: Any = tqdm(total=self.epochs, unit="epoch", leave=False)
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.close()

    def executor(self, name: str) -> None:
        self.bar.write(f"training on {name}", file=sys.stderr)

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        self.bar.n = round(epoch - 1 + step / steps, 2)
        self.bar.set_postfix_str(f"loss {loss:.4f}")

    def epoch(self, row: dict[str, float]) -> None:
        self.bar.n = int(row["epoch"])
        self.bar.write(row_text(self.bar.n, self.epochs, row), file=sys.stderr)


class Cell(Progress):
    """One output of a notebook cell, updated in place: a bar, a row an epoch below it."""

    def __init__(self, epochs: int) -> None:
        super().__init__(epochs)
        self.name = ""
        self.rows: list[dict[str, float]] = []

    def __enter__(self) -> Progress:
        from IPython.display import display

        self.handle: Any = display(self._page(0), display_id=True)
        return self

    def executor(self, name: str) -> None:
        self.name = name
        self.handle.update(self._page(0))

    def _page(self, done: float, note: str = "") -> Any:
        from IPython.display import HTML

        bar = f'<progress value="{done:.2f}" max="{self.epochs}"></progress>'
        about = f"{len(self.rows)} of {self.epochs} epochs, {self.name} {note}"
        return HTML(f"<div>{bar} {html.escape(about)}</div>{self._table()}")

    def _table(self) -> str:
        if not self.rows:
            return ""
        names = [name for name, value in self.rows[0].items() if value == value]
        head = "".join(f"<th>{name}</th>" for name in names)
        lines = []
        for number, row in enumerate(self.rows):
            if _FIRST_ROWS <= number < len(self.rows) - _LAST_ROWS:
                if number == _FIRST_ROWS:
                    lines.append(f'<td colspan="{len(names)}">...</td>')
                continue
            lines.append("".join(f"<td>{row[name]:.4g}</td>" for name in names))
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return f"<table><tr>{head}</tr>{body}</table>"

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        note = f"(loss {loss:.4f})"
        self.handle.update(self._page(epoch - 1 + step / steps, note))

    def epoch(self, row: dict[str, float]) -> None:
        self.rows.append(row)
        self.handle.update(self._page(row["epoch"]))


def progress_for(epochs: int, enabled: bool) -> Progress:
    """What suits the place: a notebook cell, a terminal, a log, or nothing."""
    if not enabled:
        return Progress(epochs)
    if in_notebook():
        return Cell(epochs)
    return Bar(epochs) if is_terminal(sys.stderr) else Lines(epochs)
