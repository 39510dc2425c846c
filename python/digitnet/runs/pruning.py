"""Run folders are deleted by rules, and never with what their run did not write."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from digitnet._utils.arrays import as_whole
from digitnet._utils.folder_lock import LOCK, TRAINING_LOCK
from digitnet.runs.command import BEGUN
from digitnet.runs.folder import FILES
from digitnet.runs.listing import RUNNING, Run, find, read_object
from digitnet.train.resume import STATE

_HASH = "-" + 8 * "[0-9a-f]"  # at the end of what a recipe's cache names
# Files that digitnet writes into the folder of a run, beside the figures and tables of its
# record.
_WRITTEN = {
    ".": FILES | {"state.json", LOCK},
    "parts": {f"*{_HASH}.json", f"*{_HASH}.npz"},
    "models": {f"*{_HASH}.safetensors", f"*{_HASH}.json"},
    STATE: {"training-?.safetensors", TRAINING_LOCK, LOCK, BEGUN},
}
_OF_KIND = {"figure": "figures/{}.png", "table": "tables/{}.csv"}


def prune(
    root: str | PathLike[str] = "runs",
    *,
    keep_best: int | None = None,
    older_than_days: float | None = None,
    status: Sequence[str] = (),
    delete: bool = False,
) -> list[Path]:
    """Delete runs; a dry run unless `delete` is set.

    A run goes if every rule that is set selects it; without a rule none goes. A folder with
    files that its run did not write, by its own record, stays, and so does one that is running.

    Args:
        root: The folder that is searched.
        keep_best: Trainings that are not among so many most accurate ones on their data.
        older_than_days: Minimum age.
        status: Runs with one of these, such as ``["diverged", "interrupted"]``.
        delete: Whether to delete, or only to return which.
    Returns:
        The folders that went, or would go.
    Raises:
        ValueError: options out of range.
        FileNotFoundError: no such folder.
    """
    rules = [keep_best is not None, older_than_days is not None, bool(status)]
    if keep_best is not None:
        as_whole(keep_best, "runs.prune.keep_best", 0, 10**6)
    if older_than_days is not None and not older_than_days >= 0:
        raise ValueError(
            f"runs.prune.older_than_days: expected 0 or more, got {older_than_days}"
        )
    if isinstance(status, str):
        raise ValueError(f"runs.prune.status: expected a list, got {status!r}")
    runs = find(root)
    best = _best(runs, keep_best or 0)
    limit = time.time() - 86_400 * (older_than_days or 0)
    chosen = [
        run.folder
        for run in runs
        if any(rules)
        and (keep_best is None or (run.kind == "training" and run.folder not in best))
        and (older_than_days is None or run.created < limit)
        and (not status or run.status in status)
        and run.status != RUNNING
        and not _foreign_files(run.folder)
    ]
    for folder in chosen if delete else ():
        shutil.rmtree(folder)
    return chosen


def _best(runs: Sequence[Run], count: int) -> set[Path]:
    """The most accurate trainings on each test set."""
    by_data: dict[Any, list[Run]] = {}
    for run in runs:
        if run.accuracy == run.accuracy:  # measured
            by_data.setdefault(run.metrics.get("test_data"), []).append(run)
    best: set[Path] = set()
    for group in by_data.values():
        ranked = sorted(group, key=lambda run: -run.accuracy)
        best |= {run.folder for run in ranked[:count]}
    return best


def _foreign_files(folder: Path) -> list[Path]:
    """Files in a folder that its run did not write, by its own record."""
    recorded = _recorded(folder)
    unknown = []
    for path in folder.rglob("*"):
        if path.is_dir() or path in recorded:
            continue
        inner = path.parent.relative_to(folder)
        # A study's trainings have a state each.
        known = STATE if inner.parts[:1] == (STATE,) else str(inner)
        patterns = _WRITTEN.get(known, set())
        if not any(path.match(pattern) for pattern in patterns):
            unknown.append(path)
    return unknown


def _recorded(folder: Path) -> set[Path]:
    """The figures and tables that the state of a recipe lists."""
    path = folder / "state.json"
    if not path.is_file():
        return set()
    try:
        state = read_object(path)
        stages = state.get("stages", {}).values()
        items = [*state.get("begun", ()), *(i for s in stages for i in s["items"])]
        return {
            folder / _OF_KIND[item["kind"]].format(item["name"])
            for item in items
            if item["kind"] in _OF_KIND
        }
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError):
        return set()  # a damaged record lists nothing
