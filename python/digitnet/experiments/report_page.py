"""The page of a recipe's run: report.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from digitnet._utils.html import Page
from digitnet.experiments.context import Record, file_of
from digitnet.experiments.recipe import Recipe, Stage


def report_page(
    recipe: Recipe,
    metrics: Mapping[str, Any],
    stages: Sequence[Stage],
    records: Mapping[str, Record],
    folder: Path,
) -> Page:
    """The paper's figures and tables, what was claimed and measured, then each stage."""
    import pandas as pd

    page = Page(recipe.title)
    page.text(f"{recipe.paper}. {recipe.summary}")
    seeds = ", ".join(map(str, metrics["seeds"]))
    page.text(
        f"Mode {metrics['mode']}, protocol {metrics['protocol']}, seeds {seeds}, "
        f"{metrics['seconds']:.0f} s in all."
    )
    for note in metrics["notes"]:
        page.text(note, "note")
    if recipe.exhibits:
        page.section("The paper's figures and tables")
        page.links(_index(recipe, metrics))
    page.section("Claimed and measured")
    page.table(pd.DataFrame(metrics["rows"]), index=False)
    if recipe.remarks:
        page.section("What the paper leaves open")
        page.bullets(recipe.remarks)
    for stage in stages:
        record = records[stage.name]
        page.section(stage.title)
        for item in record.items:
            _add_item(page, folder, item)
        page.text(f"{record.seconds:.1f} s", "small")
    page.section("Versions")
    page.code("\n".join(f"{k}: {v}" for k, v in metrics["versions"].items()))
    return page


def _index(recipe: Recipe, metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(words, anchor or "", what else is to be said) of each of the paper's exhibits."""
    made = {item["of"] for item in metrics["items"] if "of" in item}
    return [
        (
            f"{exhibit.number}: {exhibit.what}",
            exhibit.slug if exhibit.number in made else "",
            ""
            if exhibit.number in made
            else f"not made: {metrics['not_made'][exhibit.number]}",
        )
        for exhibit in recipe.exhibits
    ]


def _add_item(page: Page, folder: Path, item: dict[str, str]) -> None:
    import pandas as pd

    anchor = item["name"].partition("_")[0] if "of" in item else ""
    if item["kind"] == "text":
        page.text(item["text"])
    elif item["kind"] == "figure":
        png = file_of(item, folder).read_bytes()
        page.picture(item["title"], png, anchor=anchor)
    else:
        page.subsection(item["title"], anchor=anchor)
        frame = pd.read_csv(file_of(item, folder))
        page.table(frame, index=False, number="{:.4g}")
