"""The checks of a test run as one page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from digitnet._utils import html as page

_COLUMNS = ("test", "metric", "baseline", "tolerance", "measured", "verdict")


def _rows(checks: Sequence[dict[str, Any]]) -> list[list[str]]:
    rows = []
    for check in checks:
        for row in check.get("rows", ()):
            baseline = row["baseline"]
            known = baseline is not None
            rows.append(
                [
                    check["test"],
                    row["metric"],
                    f"{baseline:.6g}" if known else "",
                    f"{row['tolerance']:.3g} ({row['reason']})" if known else "",
                    f"{row['measured']:.6g}",
                    row["verdict"],
                ]
            )
    return rows


def as_markdown(checks: Sequence[dict[str, Any]]) -> str:
    """A table, and what is known about failures."""
    lines = ["# Metrics against their baselines", "", f"| {' | '.join(_COLUMNS)} |"]
    lines.append("|" + " --- |" * len(_COLUMNS))
    for row in _rows(checks):
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |")
    for check in checks:
        if check.get("details"):
            lines += ["", f"## {check['test']}", ""]
            lines += [f"- {line}" for line in check["details"]]
    return "\n".join(lines) + "\n"


def as_html(checks: Sequence[dict[str, Any]]) -> str:
    """The same with the pictures inside."""
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in _rows(checks)
    )
    parts = ["<h1>Metrics against their baselines</h1>"]
    parts.append(f"<table><tr>{head}</tr>{body}</table>")
    for check in checks:
        if not check.get("details"):
            continue
        parts.append(f"<h2>{html.escape(check['test'])}</h2><ul>")
        parts += [f"<li>{html.escape(line)}</li>" for line in check["details"]]
        parts.append("</ul>")
        picture = Path(check["picture"])
        if picture.is_file():
            parts.append(page.image("Newly wrong images", picture.read_bytes()))
    return page.document("Metrics against their baselines", parts)
