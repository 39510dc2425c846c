"""What people read about checks: why one failed, and a report of all of a test run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet import plot
from digitnet._utils.html import Page
from digitnet.report import Report
from digitnet.testing.baseline import Baseline

_CLASSES, _IMAGES = 5, 24  # shown at most
_TITLE = "Metrics against their baselines"
_COLUMNS = ("test", "metric", "baseline", "tolerance", "measured", "verdict")


def explained(
    old: Baseline, new: Baseline, reports: Sequence[Report], folder: Path
) -> list[str]:
    """Lines about classes that lost and images that are newly wrong; draws the images to
    newly_wrong.png in the folder."""
    if not reports:
        return []
    lines = []
    lost = {
        name: recall - old.recalls[name]
        for name, recall in new.recalls.items()
        if name in old.recalls and recall < old.recalls[name]
    }
    for name in sorted(lost, key=lost.__getitem__)[:_CLASSES]:
        lines.append(
            f"class {name}: recall {old.recalls[name]:.4f} -> {new.recalls[name]:.4f}"
        )
    report = reports[0]
    if old.data != new.data:
        return [*lines, "the test images are not those of the baseline"]
    if old.predicted is None or len(old.predicted) != len(report.labels):
        return lines
    right_before = old.predicted == report.labels
    wrong = np.flatnonzero(right_before & (report.predicted != report.labels))
    if not len(wrong):
        return lines
    shown = ", ".join(map(str, wrong[:_CLASSES]))
    more = ", ..." if len(wrong) > _CLASSES else ""
    path = _drawn(report, wrong[:_IMAGES], folder / "newly_wrong.png")
    lines.append(f"{len(wrong)} images are newly wrong ({shown}{more}): {path}")
    return lines


def _drawn(report: Report, wrong: npt.NDArray[np.int64], path: Path) -> Path:
    """A small picture of these images: true class, taken for."""
    display = plot.misclassified(report, indices=wrong)
    display.save(path, dpi=80)
    display.close()
    return path


# -- a report of all checks ----------------------------------------------------


def as_markdown(checks: Sequence[dict[str, Any]]) -> str:
    """A table, and what explains the failures."""
    lines = [f"# {_TITLE}", "", f"| {' | '.join(_COLUMNS)} |"]
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
    import pandas as pd

    page = Page(_TITLE)
    page.section("Checks")
    page.table(pd.DataFrame(_rows(checks), columns=list(_COLUMNS)), index=False)
    for check in checks:
        if not check.get("details"):
            continue
        page.section(check["test"])
        page.bullets(check["details"])
        picture = Path(check["picture"])
        if picture.is_file():
            page.picture("Newly wrong images", picture.read_bytes())
    return str(page)


def _rows(checks: Sequence[dict[str, Any]]) -> list[list[str]]:
    rows = []
    for check in checks:
        for row in check.get("rows", ()):
            baseline = row["baseline"]
            compared = baseline is not None
            rows.append(
                [
                    check["test"],
                    row["metric"],
                    f"{baseline:.6g}" if compared else "",
                    f"{row['tolerance']:.3g} ({row['reason']})" if compared else "",
                    f"{row['measured']:.6g}",
                    row["verdict"],
                ]
            )
    return rows
