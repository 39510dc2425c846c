"""Run folders are deleted by rules, and never with what their run did not write."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

from digitnet._utils.arrays import as_whole
from digitnet._utils.files import is_temporary
from digitnet._utils.folder_lock import LOCK, TRAINING_LOCK
from digitnet._utils.input_files import read_json
from digitnet.runs.command import BEGUN
from digitnet.runs.folder import FILES
from digitnet.runs.listing import RUNNING, Run, find, is_running, trainings
from digitnet.train.resume import STATE

_HASH = "-" + 8 * "[0-9a-f]"  # at the end of what a recipe's cache names
# What a recipe may have written beside the files that always are in its folder.
_SHOWN = ("figures/*.png", "tables/*.csv")
_KEPT = (
    *(f"parts/*{_HASH}.json", f"parts/*{_HASH}.npz"),
    *(f"models/*{_HASH}.safetensors", f"models/*{_HASH}.json"),
)
_FOLDERS = {"figures", "tables", "parts", "models", STATE}
_OF_KIND = {"figure": "figures/{}.png", "table": "tables/{}.csv"}
_MAX_BYTES = 50_000_000  # of a record


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
    files, links or folders that its run did not write, by its own record, stays, and so does
    one that is running.

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
        and not _has_foreign(run.folder)
    ]
    if not delete:
        return chosen
    gone = []
    for folder in chosen:
        # A run may have begun there since.
        if not is_running(folder) and not _has_foreign(folder):
            shutil.rmtree(folder)
            gone.append(folder)
    return gone


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


def _has_foreign(folder: Path) -> bool:
    """Whether a folder has what its run did not write, by its own record: files, links,
    other folders, or what cannot be seen."""
    of_recipe = (folder / "state.json").is_file()
    written = _of_recipe(folder) if of_recipe else _of_training(folder)
    folders = {
        str(parent) for name in written for parent in PurePosixPath(name).parents
    }
    folders |= _FOLDERS if of_recipe else {STATE}
    unseen: list[OSError] = []
    for top, inner, names in os.walk(folder, onerror=unseen.append):
        here = Path(top).relative_to(folder)
        for name in (*inner, *names):
            if (Path(top) / name).is_symlink():
                return True
        if any((here / name).as_posix() not in folders for name in inner):
            return True
        files = {(here / name).as_posix() for name in names if not is_temporary(name)}
        if not files <= written:
            return True
    return bool(unseen)


def _of_training(folder: Path) -> set[str]:
    """Names of all that a training may have written, by its record."""
    listed = _record(folder / "config.json").get("files")
    of_run = {str(name) for name in listed} if isinstance(listed, list) else FILES
    begun = {path.name for path in trainings(folder)}
    begun |= {LOCK, TRAINING_LOCK, BEGUN}
    always = {"config.json", "metrics.json"}
    return {*(of_run & FILES), *always, *(f"{STATE}/{name}" for name in begun)}


def _of_recipe(folder: Path) -> set[str]:
    """Names of all that a recipe may have written, by its record."""
    state = _record(folder / "state.json")
    always = {"state.json", "metrics.json", "report.html", LOCK}
    listed = state.get("files")
    if not isinstance(listed, list):
        return always | _of_earlier_recipe(folder, state)
    patterns = (*_SHOWN, *_KEPT)
    names = {
        str(name)
        for name in listed
        if str(name).count("/") == 1
        and any(PurePosixPath(str(name)).match(pattern) for pattern in patterns)
    }
    models = {PurePosixPath(n).stem for n in names if n.endswith(".safetensors")}
    states = {
        path.relative_to(folder).as_posix()
        for path in trainings(folder)
        if path.parent.name in models
    }
    locks = {f"{STATE}/{model}/{TRAINING_LOCK}" for model in models}
    return always | names | states | locks


def _of_earlier_recipe(folder: Path, state: dict[str, Any]) -> set[str]:
    """The same where no list was kept: by the names that a recipe gives."""
    found = {path for pattern in _KEPT for path in folder.glob(pattern)}
    found |= {*trainings(folder), *folder.glob(f"{STATE}/*/{TRAINING_LOCK}")}
    names = {path.relative_to(folder).as_posix() for path in found}
    try:
        stages = state.get("stages", {}).values()
        items = [item for stage in stages for item in stage["items"]]
        return names | {
            _OF_KIND[item["kind"]].format(item["name"])
            for item in items
            if item["kind"] in _OF_KIND
        }
    except (KeyError, TypeError, AttributeError):
        return names  # a damaged record lists nothing


def _record(path: Path) -> dict[str, Any]:
    """The file's content; of one that is damaged or not there nothing."""
    try:
        return read_json(path, max_bytes=_MAX_BYTES)
    except (ValueError, OSError):
        return {}
