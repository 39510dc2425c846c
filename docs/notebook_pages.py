"""The notebooks as pages of the site: copies that say how they were run.

A notebook is run in quick mode if every data set that it names is on this machine, else in
smoke mode, under a banner. Both are written into the copy, so that outputs kept from one
mode are never shown for the other.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import digitnet as dn

SECONDS = {"smoke": 300, "quick": 1800}  # at most, for one cell
# One cell of each: the set-up, then what a reader should know.
MODE_CELL = 'import os\n\nos.environ["DIGITNET_MODE"] = "{mode}"'
SMOKE_BANNER = """\
:::{{warning}}
**The numbers on this page say nothing.** They were made in smoke mode, which only shows that every cell runs: trainings end after a few
steps{why}.

To see real ones, {how}. Or run the notebook yourself: `make lab` opens it in JupyterLab, and what it needs is downloaded.
:::"""
QUICK_NOTE = """\
:::{note}
This page was run in quick mode: real data, but only a part of a large set, and few epochs. [Results](../results.md) has what whole
trainings reach.
:::"""


def data_sets(notebook: dict[str, Any]) -> list[str]:
    """Names of the sets that a notebook's code names, or a paper or study that it runs."""
    code = "\n".join(
        "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    )
    quoted = set(re.findall(r"""["']([\w-]+)["']""", code))
    for call, module in (("reproduce", dn.papers), ("study", dn.studies)):
        for name in re.findall(rf"""\b{call}\(\s*["']([\w-]+)["']""", code):
            quoted |= set(module.find(name).data)
    return [name for name in dn.data.names() if name in quoted]


def missing_of(notebook: dict[str, Any]) -> list[str]:
    """Those that are not on this machine."""
    return [n for n in data_sets(notebook) if not dn.data.sources.find(n).here()]


def mode_of(missing: list[str], requested: str = "") -> str:
    """The mode to run in: the requested one, else quick where no set is missing.

    Raises:
        ValueError: a mode that the site is not made for.
    """
    if requested:
        _check_mode(requested)
    return requested or ("smoke" if missing else "quick")


def _check_mode(mode: str) -> None:
    if mode not in SECONDS:
        raise ValueError(
            f"docs.DIGITNET_MODE: expected {' or '.join(SECONDS)}, got '{mode}'; "
            "unset it to have quick where the data are"
        )


def banner(mode: str, missing: list[str]) -> str:
    """What stands below the title of a page that was run in a mode."""
    if mode == "quick":
        return QUICK_NOTE
    sets = ", ".join(missing)
    how = "build the site without `DIGITNET_MODE` set (`make docs`)"
    if missing:
        how = (
            f"put {sets} into a folder ([Data sets](../data_sets.md) says how) and build "
            "the site again: `DIGITNET_DATA=folder make docs`"
        )
    why = f", and there was no {sets} to train on" if missing else ""
    return SMOKE_BANNER.format(why=why, how=how)


def page_of(notebook: dict[str, Any], mode: str, missing: list[str]) -> dict[str, Any]:
    """A copy of a notebook that runs in a mode and says so below its title.

    Cells of the notebook stay as they are, but for the words on a folded solution.

    Raises:
        ValueError: a mode that the site is not made for.
    """
    _check_mode(mode)
    page: dict[str, Any] = json.loads(json.dumps(notebook))
    page["metadata"]["mystnb"] = {"execution_timeout": SECONDS[mode]}
    for cell in page["cells"]:
        if "solution" in (cell["metadata"].get("tags") or ()):
            cell["metadata"]["mystnb"] = {
                "code_prompt_show": "Show a solution",
                "code_prompt_hide": "Hide the solution",
            }
    # Behind the title, and before any code.
    first = int(page["cells"][:1] != [] and page["cells"][0]["cell_type"] != "code")
    page["cells"][first:first] = [
        {
            "cell_type": "markdown",
            "id": "page-banner",
            "metadata": {},
            "source": banner(mode, missing),
        },
        {
            "cell_type": "code",
            "id": "page-mode",
            "metadata": {"tags": ["remove-cell"]},
            "execution_count": None,
            "outputs": [],
            "source": MODE_CELL.format(mode=mode),
        },
    ]
    return page


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook's content.

    Raises:
        ValueError: a file that is none; names it.
    """
    try:
        notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        parts = [
            (c["cell_type"], c["source"], c["metadata"]) for c in notebook["cells"]
        ]
        if not isinstance(notebook["metadata"], dict) or not all(
            isinstance(source, str | list) and isinstance(metadata, dict)
            for _, source, metadata in parts
        ):
            raise TypeError("parts of other types")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: expected a notebook, got {error!r}") from error
    return notebook


def write_pages(notebooks: Path, pages: Path) -> None:
    """Copy every notebook as a page; an unchanged one keeps its time and its outputs.

    Raises:
        ValueError: a file that is no notebook; nothing is written.
    """
    requested = os.environ.get("DIGITNET_MODE", "")
    sources = {p.name: read_notebook(p) for p in sorted(notebooks.glob("*.ipynb"))}
    pages.mkdir(parents=True, exist_ok=True)
    for old in pages.glob("*.ipynb"):
        if old.name not in sources:
            old.unlink()
    for name, notebook in sources.items():
        missing = missing_of(notebook)
        page = page_of(notebook, mode_of(missing, requested), missing)
        content = json.dumps(page, indent=1, ensure_ascii=False) + "\n"
        target = pages / name
        if not target.exists() or target.read_text(encoding="utf-8") != content:
            target.write_text(content, encoding="utf-8")
