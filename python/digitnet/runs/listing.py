"""Run folders: listed, read, compared, pruned."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitnet._utils.arrays import as_whole
from digitnet._utils.input_files import expanded, read_whole
from digitnet.runs.folder import FILES
from digitnet.train.resume import STATE

if TYPE_CHECKING:
    import pandas as pd

_MOST_BYTES = 50_000_000  # of a JSON file
_LATEST = 4e9  # seconds since 1970: the year 2096
_DEPTH = 4  # folders below the root in which runs are looked for
_HASH = "-" + 8 * "[0-9a-f]"  # at the end of what a recipe's cache names
# Files that digitnet writes into the folder of a run, beside the figures and tables of its
# record.
_WRITTEN = {
    ".": FILES | {"state.json"},
    "parts": {f"*{_HASH}.json", f"*{_HASH}.npz"},
    "models": {f"*{_HASH}.safetensors", f"*{_HASH}.json"},
    STATE: {"training-?.safetensors", "training.lock", "command.json"},
}
_OF_KIND = {"figure": "figures/{}.png", "table": "tables/{}.csv"}
KINDS = ("training", "reproduce", "study")
# Folders of version 0.1 do not say their kind: those without a state.json are trainings,
# and of the others these recipes are studies.
_STUDIES_OF_0_1 = frozenset(
    {
        *("networks", "classical", "fractions", "ensembles", "search", "crossval"),
        *("robustness", "domains", "ablation", "denoise"),
    }
)


@dataclass(frozen=True)
class Run:
    """A folder that a run left.

    Attributes:
        folder: Its path.
        kind: "training", "reproduce" or "study".
        status: "finished", "stopped early", "interrupted", "diverged"; "unfinished" for a
            study that was stopped; "damaged" for files that cannot be read.
        settings: Options and arguments.
        metrics: Content of metrics.json; empty if it is unfinished or damaged.
        created: Seconds since 1970.
    """

    folder: Path
    kind: str
    status: str
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any]
    created: float

    @property
    def accuracy(self) -> float:
        """On its test images; NaN for what measures several things."""
        test = self.metrics.get("test")
        known = test.get("accuracy") if isinstance(test, dict) else None
        return float("nan") if known is None else float(known)

    @property
    def size_bytes(self) -> int:
        return sum(p.stat().st_size for p in self.folder.rglob("*") if p.is_file())

    def __str__(self) -> str:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.created))
        lines = [f"{self.folder}: {self.kind}, {self.status}, {when}"]
        lines += [f"  {key}: {value}" for key, value in self.settings.items()]
        lines += [f"  {key}: {value}" for key, value in _measured(self).items()]
        return "\n".join(lines)


def read(folder: str | PathLike[str]) -> Run:
    """The run of a folder.

    Raises:
        FileNotFoundError: no such folder, or none that a run left.
    """
    path = expanded(folder)
    names = ("metrics.json", "state.json", "config.json")
    here = {name: path / name for name in names if (path / name).is_file()}
    if not here or set(here) == {"config.json"}:
        raise FileNotFoundError(
            f"{path}: expected the folder of a run, got no metrics.json in it"
        )
    created = min(file.stat().st_mtime for file in here.values())
    try:
        texts = {name: _object(file) for name, file in here.items()}
        _check_types(texts.get("metrics.json", {}))
        return _read(path, texts, created)
    except (ValueError, KeyError, TypeError, OSError, RecursionError):
        return Run(path, "unknown", "damaged", {}, {}, created)


def _object(file: Path) -> dict[str, Any]:
    """The JSON object of a file; ValueError for anything else, or what no screen shows."""
    value = json.loads(read_whole(file, _MOST_BYTES).decode())
    json.dumps(value, ensure_ascii=False).encode()  # lone surrogates are no text
    if not isinstance(value, dict):
        raise ValueError("expected an object")
    return value


def _check_types(metrics: Mapping[str, Any]) -> None:
    """Raise ValueError or KeyError, unless what is listed here is as a run writes it."""
    test = metrics.get("test")
    accuracy = test.get("accuracy") if isinstance(test, dict) else None
    _check_number("accuracy", accuracy, 1)
    for name in ("seconds", "train_seconds"):
        _check_number(name, metrics.get(name), 1e12)
    epochs = metrics.get("epochs")
    _check_number("epochs", epochs, 1e9)
    if epochs is not None and not isinstance(epochs, int):
        raise ValueError(f"epochs: expected a whole number, got {epochs!r:.60}")
    if not isinstance(metrics.get("test_data"), str | None):
        raise ValueError("test_data: expected a name")
    for row in metrics.get("rows", ()):
        if not (isinstance(row["what"], str) and isinstance(row["measured"], str)):
            raise ValueError("rows: expected texts")


def _check_number(name: str, value: Any, most: float) -> None:
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and 0 <= value <= most):
        raise ValueError(f"{name}: expected 0 to {most:g}, got {value!r:.60}")


def _read(path: Path, texts: dict[str, dict[str, Any]], created: float) -> Run:
    metrics = texts.get("metrics.json", {})
    if "state.json" in texts:
        settings = texts["state.json"]["settings"]
        if not isinstance(settings, dict):
            raise ValueError("settings: expected an object")
        older = "study" if settings["recipe"] in _STUDIES_OF_0_1 else "reproduce"
        kind = _kind(texts["state.json"], older)
        status = "finished" if metrics else "unfinished"
        return Run(path, kind, status, settings, metrics, created)
    settings = texts.get("config.json", {})
    _check_number("created", settings.get("created"), _LATEST)
    created = float(settings.get("created", created))
    hidden = ("kind", "created", "versions", "lr_scales", "command")
    shown = {key: value for key, value in settings.items() if key not in hidden}
    kind, status = _kind(settings, "training"), str(metrics["status"])
    return Run(path, kind, status, shown, metrics, created)


def _kind(text: Mapping[str, Any], older: str) -> str:
    """The kind that the file names; `older` if it names none."""
    kind = text.get("kind")
    return kind if kind in KINDS else older


def find(root: str | PathLike[str] = "runs") -> list[Run]:
    """Every run in a folder and those below it, the oldest first.

    Raises:
        FileNotFoundError: no such folder.
    """
    top = expanded(root)
    if not top.is_dir():
        raise FileNotFoundError(f"{top}: expected a folder with runs, got none")
    runs: list[Run] = []
    folders = [(top, 0)]
    while folders:
        folder, depth = folders.pop()
        try:
            runs.append(read(folder))
        except FileNotFoundError:
            if depth < _DEPTH:
                folders += [(inner, depth + 1) for inner in _inner(folder)]
    return sorted(runs, key=lambda run: (run.created, str(run.folder)))


def _inner(folder: Path) -> list[Path]:
    """Folders in a folder: no hidden ones, no links, none that may not be read."""
    return [
        path
        for path in folder.iterdir()
        if not path.name.startswith(".")
        and not path.is_symlink()
        and path.is_dir()
        and os.access(path, os.R_OK | os.X_OK)
    ]


def table(root: str | PathLike[str] = "runs") -> pd.DataFrame:
    """One row a run, by the name of its folder: kind, model, data, accuracy, epochs,
    seconds, status, date (UTC), size in MiB."""
    import pandas as pd

    rows = []
    for run in find(root):
        settings = run.settings
        of_recipe = settings.get("recipe")
        rows.append(
            {
                "run": str(run.folder.relative_to(expanded(root))),
                "kind": run.kind,
                "model": of_recipe or settings.get("model", ""),
                "data": settings.get("mode")
                if of_recipe
                else run.metrics.get("test_data", ""),
                "accuracy": run.accuracy,
                "epochs": run.metrics.get("epochs"),
                "seconds": run.metrics.get("seconds", run.metrics.get("train_seconds")),
                "status": run.status,
                "created": pd.Timestamp(run.created, unit="s").floor("s"),
                "mib": run.size_bytes / 2**20,
            }
        )
    columns = ["run", "kind", "model", "data", "accuracy", "epochs", "seconds"]
    columns += ["status", "created", "mib"]
    frame = pd.DataFrame(rows, columns=columns).set_index("run")
    return frame.astype({"epochs": "Int64"})


def compare(folders: Sequence[str | PathLike[str]]) -> pd.DataFrame:
    """What differs between runs: a row a setting that is not the same in all, then a row
    a measurement; a column a run.

    For a test of whether two models differ on the same images see `digitnet.compare`.

    Raises:
        ValueError: fewer than two folders.
        FileNotFoundError: a folder that no run left.
    """
    import pandas as pd

    if isinstance(folders, str | PathLike) or len(folders) < 2:
        raise ValueError(
            f"runs.compare: expected at least two folders, got {folders!r}"
        )
    runs = [read(folder) for folder in folders]
    names = [str(run.folder) for run in runs]
    keys = dict.fromkeys(key for run in runs for key in run.settings)
    differing: dict[str, list[Any]] = {}
    for key in keys:
        values = [run.settings.get(key, "") for run in runs]
        if any(value != values[0] for value in values):
            differing[key] = values
    measured = [_measured(run) for run in runs]
    for key in dict.fromkeys(key for values in measured for key in values):
        differing[key] = [values.get(key, "") for values in measured]
    frame = pd.DataFrame.from_dict(differing, orient="index", columns=names)
    return frame.rename_axis("what")


def _measured(run: Run) -> dict[str, Any]:
    """Numbers and texts of metrics.json, the nested ones by dotted names."""
    if "rows" in run.metrics:
        return {row["what"]: row["measured"] for row in run.metrics["rows"]}
    flat: dict[str, Any] = {}
    for key, value in run.metrics.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            flat[key] = value
    return flat


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
    files that its run did not write, by its own record, stays.

    Args:
        root: The folder that is searched.
        keep_best: Trainings that are not among so many most accurate ones on their data.
        older_than_days: Minimum age.
        status: Runs with one of these, such as ``["diverged", "unfinished"]``.
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
        state = _object(path)
        stages = state.get("stages", {}).values()
        items = [*state.get("begun", ()), *(i for s in stages for i in s["items"])]
        return {
            folder / _OF_KIND[item["kind"]].format(item["name"])
            for item in items
            if item["kind"] in _OF_KIND
        }
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError):
        return set()  # a damaged record lists nothing
