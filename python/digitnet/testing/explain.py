"""Why a check failed: which classes, which images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from digitnet.report import Report
from digitnet.testing.baseline import Baseline

_CLASSES, _IMAGES = 5, 24  # shown at most


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
    from digitnet import plot

    display = plot.misclassified(report, indices=wrong)
    display.save(path, dpi=80)
    display.close()
    return path
