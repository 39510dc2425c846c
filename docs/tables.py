"""The tables of these pages that come from digitnet's lists.

A page keeps a table between `<!-- table: NAME -->` and `<!-- end -->`, so that it can be
read without a build. `python docs/tables.py` writes the tables again after a list changed;
`tests/test_docs.py` fails until that is done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import digitnet

HERE = Path(__file__).parent
PLACE = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->", re.S)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; columns whose name ends in > are aligned right."""
    names = [name.removesuffix(">") for name in header]
    marks = ["---:" if name.endswith(">") else "---" for name in header]
    cells = [names, marks, *([c.replace("|", "\\|") for c in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def models() -> str:
    rows = []
    for entry in digitnet.models.describe():
        model = digitnet.models.make(entry["name"])
        shape = "x".join(map(str, model.input_shape))
        count = f"{model.count_params():,}"
        rows.append((f"`{entry['name']}`", count, shape, entry["summary"]))
    return table(("network", "parameters>", "input", "what it is"), rows)


def data_sets() -> str:
    return table(
        ("data set", "what it is", "source", "licence"),
        (
            (f"`{s['name']}`", s["summary"], s["source"], s["licence"])
            for s in digitnet.data.describe()
        ),
    )


def operations() -> str:
    return table(
        ("operation", "what it does", "unit", "options", "as in"),
        (
            (
                f"`{op['name']}`",
                op["summary"],
                " or ".join(u or "fraction" for u in op["units"]),
                "; ".join(
                    f"`{o['name']}={o['default']:g}{o['unit']}`: {o['summary']}"
                    for o in op["options"]
                ),
                op["source"].removeprefix("as "),
            )
            for op in digitnet.augment.describe()
        ),
    )


def layers() -> str:
    return table(
        ("layer", "what it does", "options"),
        (
            (f"`{e['class_name']}`", e["summary"], _options(e))
            for e in digitnet.layers.describe()
        ),
    )


def preprocessing() -> str:
    return table(
        ("step", "what it does", "options"),
        (
            (f"`{e['class_name']}`", e["summary"], _options(e))
            for e in digitnet.preprocess.describe()
        ),
    )


def optimizers() -> str:
    return table(
        ("optimizer", "what it does", "learning rate>", "options", "source"),
        (
            (
                f"`{e['name']}`",
                e["summary"],
                f"{e['learning_rate']:g}",
                _options(e),
                e["source"],
            )
            for e in digitnet.train.describe_optimizers()
        ),
    )


def schedules() -> str:
    return table(
        ("schedule", "learning rate", "options"),
        (
            (f"`{e['name']}`", e["summary"], _options(e))
            for e in digitnet.train.describe_schedules()
        ),
    )


def metrics() -> str:
    return table(
        ("metric", "what it is", "better"),
        (
            (
                f"`{e['name']}`",
                e["summary"],
                "higher" if e["higher_is_better"] else "lower",
            )
            for e in digitnet.metrics.describe()
        ),
    )


def corruptions() -> str:
    return table(
        ("corruption", "what it does"),
        ((f"`{e['name']}`", e["summary"]) for e in digitnet.corrupt.describe()),
    )


def papers() -> str:
    return _recipes(digitnet.papers.describe(), "paper")


def studies() -> str:
    return _recipes(digitnet.studies.describe(), "study")


def _recipes(entries: Iterable[dict[str, str]], kind: str) -> str:
    return table(
        (kind, "what it measures", "after"),
        ((f"`{e['name']}`", e["summary"], e["paper"]) for e in entries),
    )


def _options(entry: dict[str, object]) -> str:
    """Names with their defaults; those without one must be given."""
    shown = []
    for option in entry["options"]:
        default = option["default"]
        named = option["name"]
        if not option["required"] and default != []:
            named += f"={default:g}" if type(default) is float else f"={default!r}"
        shown.append(f"`{named}`")
    return ", ".join(shown)


TABLES: dict[str, Callable[[], str]] = {
    maker.__name__: maker
    for maker in (
        *(models, data_sets, operations, layers, preprocessing, optimizers),
        *(schedules, metrics, corruptions, papers, studies),
    )
}


def written(page: str) -> str:
    """A page's text with its tables made anew."""
    return PLACE.sub(
        lambda m: f"<!-- table: {m[1]} -->\n\n{TABLES[m[1]]()}\n\n<!-- end -->", page
    )


if __name__ == "__main__":
    for path in HERE.glob("*.md"):
        before = path.read_text()
        after = written(before)
        if after != before:
            path.write_text(after)
            print(f"wrote {path.name}")
