"""What a recipe's run left behind, for a notebook or a program."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitnet.experiments.context import file_of
from digitnet.experiments.exhibits import exhibit_slug
from digitnet.experiments.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd


class Findings:
    """What a recipe's run left behind.

    Attributes:
        recipe: The Recipe.
        folder: The folder with report.html, metrics.json, figures and tables.
        metrics: Content of metrics.json.
    """

    def __init__(self, recipe: Recipe, folder: Path, metrics: dict[str, Any]) -> None:
        self.recipe, self.folder, self.metrics = recipe, folder, metrics

    @property
    def page(self) -> Path:
        return self.folder / "report.html"

    @property
    def notes(self) -> list[str]:
        """What the report says at its top: parts of the data, what was left out."""
        return list(self.metrics["notes"])

    def to_frame(self) -> pd.DataFrame:
        """What the paper claims beside what was measured."""
        import pandas as pd

        columns = ["what", "in the paper", "claim", "measured", "difference"]
        frame = pd.DataFrame(self.metrics["rows"], columns=columns)
        return frame.set_index("what")

    def table(self, name: str) -> pd.DataFrame:
        """One of the report's tables, by its name or by the paper's number ("Table 2").

        Raises:
            ValueError: no such table; lists the names and numbers.
            FileNotFoundError: its file is gone.
        """
        import pandas as pd

        return pd.read_csv(self._file("table", name))

    def figure(self, name: str) -> Any:
        """One of the report's figures, by its name or by the paper's number ("Fig. 7").

        Raises:
            ValueError: no such figure; lists the names and numbers.
            FileNotFoundError: its file is gone.
        """
        from PIL import Image

        return Image.open(self._file("figure", name))

    def _file(self, kind: str, name: str) -> Path:
        path = file_of(self._find(kind, name), self.folder)
        if not path.is_file():
            raise FileNotFoundError(
                f"Findings.{kind}: expected the file {path}, got none; run the recipe again"
            )
        return path

    def _find(self, kind: str, name: str) -> dict[str, str]:
        """The item of a figure or table."""
        for number, reason in self.metrics["not_made"].items():
            if _same_number(name, number):
                raise ValueError(f"Findings.{kind}: {number} was not made: {reason}")
        for item in self.metrics["items"]:
            number = item.get("of", "")
            if name in (item["name"], item.get("plain", item["name"])) or _same_number(
                name, number
            ):
                if item["kind"] == kind:
                    return dict(item)
                if _same_number(name, number):
                    raise ValueError(
                        f"Findings.{kind}: {number} is a {item['kind']}; use "
                        f"{item['kind']}('{number}')"
                    )
        of_kind = [i for i in self.metrics["items"] if i["kind"] == kind]
        numbers = [i["of"] for i in of_kind if "of" in i]
        names = [i.get("plain", i["name"]) for i in of_kind]
        raise ValueError(
            f"Findings.{kind}: expected one of {', '.join([*numbers, *names])}, "
            f"got '{name}'"
        )

    def __str__(self) -> str:
        return (
            f"{self.recipe.title}\n{self.to_frame().to_string()}\nreport: {self.page}"
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.recipe.title)}</p>" + self.to_frame().to_html()


def _same_number(name: str, number: str) -> bool:
    """Whether a name is one of the paper's numbers, however it is written."""
    try:
        return exhibit_slug(name) == exhibit_slug(number)
    except ValueError:
        return False
