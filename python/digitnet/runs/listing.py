"""Run folders: listed, read, compared, pruned."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitnet._utils.folder_lock import LOCK, TRAINING_LOCK, is_locked
from digitnet._utils.input_files import expanded, read_json
from digitnet._utils.text import printable, shortened
from digitnet.runs.command import BEGUN
from digitnet.train.resume import STATE

if TYPE_CHECKING:
    import pandas as pd

_MAX_BYTES = 10_000_000  # of a JSON file
_LETTERS = 200  # of a text in the table
_LATEST = 4e9  # seconds since 1970: the year 2096
_TRIES = 10  # for a folder that changes while it is read
_DEPTH = 4  # folders below the root in which runs are looked for
RUNNING = "running"
STATES = "training-?.safetensors"  # of one training
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
        status: "running", as long as its process is; "interrupted" also where a training
            that is not done lies beside an older run; "finished", "stopped early",
            "diverged"; "damaged" for files that cannot be read.
        settings: Options and arguments.
        metrics: Content of metrics.json; empty before its end, or if damaged.
        created: Seconds since 1970; of what is not done, when it was last kept.
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
        sizes = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with suppress(OSError):  # a run at work replaces and removes some
                    sizes += (Path(folder) / name).lstat().st_size
        return sizes

    def __str__(self) -> str:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.created))
        lines = [f"{self.folder}: {self.kind}, {self.status}, {when}"]
        listed = [*self.settings.items(), *_measured(self).items()]
        lines += [
            f"  {_cell(key)}: {_cell(value, 10 * _LETTERS)}" for key, value in listed
        ]
        return "\n".join(lines)


def read(folder: str | PathLike[str]) -> Run:
    """The run of a folder.

    Raises:
        FileNotFoundError: no such folder, or none that a run left.
    """
    path = expanded(folder)
    for _ in range(_TRIES):
        with suppress(_Changed):
            return _with_what_is_at_work(_read_once(path), path)
    return Run(path, "unknown", "damaged", {}, {}, time.time())


class _Changed(Exception):
    """A file went while the folder was read, as when a run ends."""


def _read_once(path: Path) -> Run:
    times = {
        name: file.st_mtime
        for name in ("metrics.json", "state.json", "config.json")
        if (file := _file(path / name))
    }
    if not times and (begun := _file(path / STATE / BEGUN)):
        times = {BEGUN: begun.st_mtime}
    if not times or set(times) == {"config.json"}:
        raise FileNotFoundError(
            f"{path}: expected the folder of a run, got no metrics.json in it"
        )
    created = min(times.values())
    try:
        texts = {
            name: _readable(path / STATE / name if name == BEGUN else path / name)
            for name in times
        }
        _check_types(texts.get("metrics.json", {}))
        return _read(path, texts, created)
    except FileNotFoundError as error:
        raise _Changed from error
    except (ValueError, KeyError, TypeError, OSError, RecursionError):
        return Run(path, "unknown", "damaged", {}, {}, created)


def _file(path: Path) -> os.stat_result | None:
    """What the system says of an ordinary file; None where none can be seen."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _readable(file: Path) -> dict[str, Any]:
    """The JSON object of a file; ValueError for anything else, or what no screen shows."""
    value = read_json(file, max_bytes=_MAX_BYTES)
    json.dumps(value, ensure_ascii=False).encode()  # lone surrogates are no text
    return value


def _with_what_is_at_work(run: Run, path: Path) -> Run:
    """The run, as what is done in its folder now, or was begun there, makes it."""
    if is_running(path):
        return replace(run, status=RUNNING)
    kept = [file.st_mtime for one in trainings(path) if (file := _file(one))]
    if kept:
        return replace(run, status="interrupted", created=max(run.created, *kept))
    return run


def is_running(folder: Path) -> bool:
    """Whether a process works in the folder of a run, whatever its files say."""
    locks = (LOCK, f"{STATE}/{LOCK}", f"{STATE}/{TRAINING_LOCK}")
    return any(is_locked(folder / lock) for lock in locks)


def trainings(folder: Path) -> list[Path]:
    """The kept states of trainings that a run began in its folder, and did not end.

    A training that `fit(resume=)` keeps there itself is none of the run's.
    """
    found: list[Path] = []
    with suppress(OSError):
        if _file(folder / STATE / BEGUN):
            found += (folder / STATE).glob(STATES)
        if _file(folder / "state.json"):
            found += (folder / STATE).glob(f"*/{STATES}")
    return found


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
        status = "finished" if metrics else "interrupted"
        return Run(path, kind, status, settings, metrics, created)
    if BEGUN in texts:
        return Run(path, "training", "interrupted", texts[BEGUN], {}, created)
    settings = texts.get("config.json", {})
    _check_number("created", settings.get("created"), _LATEST)
    created = float(settings.get("created", created))
    hidden = ("kind", "created", "versions", "lr_scales", "command", "files")
    shown = {key: value for key, value in settings.items() if key not in hidden}
    kind, status = _kind(settings, "training"), str(metrics["status"])
    return Run(path, kind, status, shown, metrics, created)


def _kind(text: Mapping[str, Any], older: str) -> str:
    """The kind that the file names; `older` if it names none."""
    kind = text.get("kind")
    return kind if kind in KINDS else older


def find(root: str | PathLike[str] = "runs") -> list[Run]:
    """Every run in a folder and those below it, below other runs too, the oldest first.

    Raises:
        FileNotFoundError: no such folder.
        PermissionError: it may not be read.
    """
    return sorted(_found(root), key=lambda run: (run.created, str(run.folder)))


def _found(root: str | PathLike[str]) -> Iterator[Run]:
    """The same, one at a time, for their files may be large, in any order."""
    top = expanded(root)
    if not top.is_dir():
        raise FileNotFoundError(f"{top}: expected a folder with runs, got none")
    next(top.iterdir(), None)  # raises where it may not be read
    folders = [(top, 0)]
    while folders:
        folder, depth = folders.pop()
        with suppress(FileNotFoundError):
            yield read(folder)
        if depth < _DEPTH:
            folders += [(inner, depth + 1) for inner in _inner(folder)]


def _inner(folder: Path) -> list[Path]:
    """Folders in a folder: no hidden ones, no links, none that may not be read."""
    try:
        with os.scandir(folder) as entries:
            inner = [
                folder / entry.name
                for entry in entries
                if not entry.name.startswith(".")
                and entry.is_dir(follow_symlinks=False)
            ]
        return [path for path in inner if os.access(path, os.R_OK | os.X_OK)]
    except OSError:  # it went meanwhile
        return []


def table(root: str | PathLike[str] = "runs") -> pd.DataFrame:
    """One row a run, by the name of its folder: kind, model, data, accuracy, epochs,
    seconds, status, date (UTC), size in MiB, the oldest first. Texts are in one line, printable
    and of 200 letters at most.

    Raises as `find`.
    """
    import pandas as pd

    rows = [_row(run, expanded(root)) for run in _found(root)]
    columns = ["run", "kind", "model", "data", "accuracy", "epochs", "seconds"]
    columns += ["status", "created", "mib"]
    frame = pd.DataFrame(rows, columns=columns).set_index("run")
    frame = frame.sort_values(["created", "run"])
    frame["created"] = pd.to_datetime(frame["created"], unit="s").dt.floor("s")
    return frame.astype({"epochs": "Int64", "seconds": float})


def _row(run: Run, top: Path) -> dict[str, Any]:
    settings, metrics = run.settings, run.metrics
    of_recipe = settings.get("recipe")
    data = settings.get("mode") if of_recipe else metrics.get("test_data", "")
    texts = {
        "run": run.folder.relative_to(top),
        "kind": run.kind,
        "model": of_recipe or settings.get("model", ""),
        "data": data,
        "status": run.status,
    }
    return {
        **{name: _cell(text) for name, text in texts.items()},
        "accuracy": run.accuracy,
        "epochs": metrics.get("epochs"),
        "seconds": metrics.get("seconds", metrics.get("train_seconds")),
        "created": run.created,
        "mib": run.size_bytes / 2**20,
    }


def _cell(value: Any, letters: int = _LETTERS) -> str:
    """A value as people see it: large ones and odd names do not spoil what is around."""
    return shortened(str(value), letters)


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
    names = [printable(str(run.folder)) for run in runs]
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
