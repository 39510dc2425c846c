"""A network, layer by layer, for people."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class Summary:
    """Shapes, parameters, multiply-adds and memory. Text when printed, a table in a notebook.

    Attributes:
        rows: One dict a layer: layer, kind, output, parameters, multiply_adds, memory_bytes
            (of its output for one sample, float32).
        executor: What trains it on this machine's CPU: name, reason (if it is not the
            native one) and memory_bytes for batches of 64.
    """

    def __init__(
        self,
        name: str,
        rows: list[dict[str, Any]],
        input_shape: tuple[int, ...],
        executor: dict[str, Any],
    ) -> None:
        self.name, self.input_shape, self.executor = name, input_shape, executor
        self.rows = [
            {**row, "memory_bytes": 4 * math.prod(row["output"])} for row in rows
        ]

    def total(self, column: str) -> int:
        """Sum of a numeric column."""
        return sum(row[column] for row in self.rows)

    def to_frame(self) -> pd.DataFrame:
        """One row a layer."""
        import pandas as pd

        return pd.DataFrame(self.rows)

    def _title(self) -> str:
        return (
            f"{self.name}: input {'x'.join(map(str, self.input_shape))}, "
            f"{self.total('parameters'):,} parameters, "
            f"{self.total('multiply_adds'):,} multiply-adds and "
            f"{self.total('memory_bytes') / 1024:.1f} KiB of outputs a sample"
        )

    def _runs_on(self) -> str:
        """Who computes it, why, and how much memory that takes."""
        if self.executor["reason"]:
            return f"runs on {self.executor['name']}: {self.executor['reason']}"
        return (
            f"runs on {self.executor['name']}, about "
            f"{self.executor['memory_bytes'] / 2**20:.1f} MiB for training in batches of 64"
        )

    def __str__(self) -> str:
        head = ("layer", "kind", "output", "parameters", "multiply-adds", "memory")
        table = [
            (
                row["layer"],
                row["kind"],
                "x".join(map(str, row["output"])),
                f"{row['parameters']:,}",
                f"{row['multiply_adds']:,}",
                f"{row['memory_bytes'] / 1024:.1f} KiB",
            )
            for row in self.rows
        ]
        widths = [
            max(len(line[i]) for line in [head, *table]) for i in range(len(head))
        ]
        lines = [self._title()]
        for line in [head, *table]:
            cells = [
                c.ljust(w) if i < 3 else c.rjust(w)
                for i, (c, w) in enumerate(zip(line, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, self._runs_on()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        frame["output"] = ["x".join(map(str, row["output"])) for row in self.rows]
        table = str(frame.to_html(index=False))
        title, runs_on = html.escape(self._title()), html.escape(self._runs_on())
        return f"<p>{title}</p>{table}<p>{runs_on}</p>"
