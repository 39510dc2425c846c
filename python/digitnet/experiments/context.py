"""The context of a recipe's stages: data, models, figures, tables and measurements on disk.

Everything that takes long goes through `cached` or `trained`, which save what was finished,
so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from digitnet._utils.arrays import as_array
from digitnet._utils.deprecation import warn_renamed
from digitnet._utils.files import write_json, write_whole
from digitnet._utils.html import saved_png
from digitnet._utils.input_files import read_json
from digitnet._utils.parallel import parallel_map
from digitnet.data import sources
from digitnet.data.dataset import Dataset
from digitnet.experiments.exhibits import Exhibit, exhibit_slug
from digitnet.experiments.kept_history import PARTS, described, history_of
from digitnet.experiments.placeholder_data import needs_placeholder, placeholder
from digitnet.models import load
from digitnet.models.model import Model
from digitnet.plot import Display
from digitnet.train.history import History
from digitnet.train.resume import STATE

if TYPE_CHECKING:
    import pandas as pd

_FILE_NAME = re.compile(r"\w[^/\\:\x00-\x1f]{0,150}")  # of a figure or table

T = TypeVar("T")
R = TypeVar("R")
Arrays = dict[str, npt.NDArray[Any]]


_OLD_NAMES = {
    "once": "cached",
    "kept": "cached_arrays",
    "remember": "memoize",
    "at_once": "parallel_map",
    "each": "progress",
}


class Context:
    """What a stage works with.

    Attributes:
        mode: "smoke", "quick", "default" or "full".
        protocol: "honest" (a validation part chooses, the test set is touched once) or
            "paper" (as the authors did).
        seeds: Seeds of repeated trainings.
        out: The folder.
        record: Results of the present stage.
    """

    def __init__(
        self,
        out: Path,
        mode: str,
        protocol: str,
        seeds: Sequence[int],
        exhibits: Sequence[Exhibit] | None = None,
    ) -> None:
        self.out, self.mode, self.protocol = out, mode, protocol
        self.seeds = list(seeds)
        # Numbers that `of` accepts, and whether they are used; None: any, unchecked.
        self._exhibits = None if exhibits is None else {e.number: e for e in exhibits}
        self._used: set[str] = set()
        self._names: set[tuple[str, str]] = set()  # of figures and tables
        self.record = Record()
        self.advance: Callable[[float], None] = lambda part: None
        # Called with the name, from the folder on, of each file before it is written.
        self.on_write: Callable[[str], None] = lambda name: None
        self._memoized: dict[str, Any] = {}
        self._lock = threading.RLock()  # tasks that run side by side load the same data

    def __getattr__(self, name: str) -> Any:
        if name not in _OLD_NAMES:
            raise AttributeError(f"'Context' object has no attribute '{name}'")
        warn_renamed("Context", name, _OLD_NAMES[name])
        return getattr(self, _OLD_NAMES[name])

    def size(self, *, smoke: T, quick: T, default: T, full: T) -> T:
        """The one that belongs to the mode."""
        sizes = {"smoke": smoke, "quick": quick, "default": default, "full": full}
        return sizes[self.mode]

    @contextmanager
    def in_mode(self, mode: str) -> Iterator[None]:
        """What is done inside has another mode's sizes."""
        before, self.mode = self.mode, mode
        try:
            yield
        finally:
            self.mode = before

    # -- data -------------------------------------------------------------------

    def memoize(self, key: str, make: Callable[[], T]) -> T:
        """What `make` returns, computed once in a run and cached in memory."""
        with self._lock:
            if key not in self._memoized:
                self._memoized[key] = make()
            return self._memoized[key]

    def data(self, name: str) -> tuple[Dataset, Dataset]:
        """A named set, (train, test); in smoke mode a placeholder if it is not here."""
        return self.memoize(f"data {name}", lambda: self._loaded(name))

    def here(self, name: str) -> bool:
        """Whether a set is on this machine, or in smoke mode has a placeholder."""
        return needs_placeholder(name, self.mode) or sources.find(name).here()

    def _loaded(self, name: str) -> tuple[Dataset, Dataset]:
        if needs_placeholder(name, self.mode):
            self.note(
                f"{name} is not on this machine: the embedded digits, made to look alike, "
                "stand in for it, and the numbers say nothing about the paper."
            )
            return placeholder(name)
        train, test = sources.find(name).load(0)
        self.record.data |= {
            f"{name} training": train.sha256(),
            f"{name} test": test.sha256(),
        }
        return train, test

    def part(self, data: Dataset, count: int | None, *, seed: int = 0) -> Dataset:
        """A stratified part of so many samples, or all; a part is noted."""
        if count is None or count >= len(data):
            return data
        self.note(f"{self.mode} mode: {count:,} of the {len(data):,} of {data.name}.")
        return data.fraction(count / len(data), seed=seed)

    # -- cache ------------------------------------------------------------------

    def cached(self, key: str, work: Callable[[], T]) -> T:
        """The result of `work` (plain values), from the folder if it was computed before."""
        path = self.out / "parts" / f"{_file_name(key)}.json"
        if path.is_file():
            return read_json(path, "result", remedy="delete it")["result"]
        result = work()
        self._begin(path)
        write_json(path, {"key": key, "result": result})
        return result

    def cached_arrays(self, key: str, work: Callable[[], Arrays]) -> Arrays:
        """Named arrays that `work` makes, from the folder if they were computed before."""
        path = self.out / "parts" / f"{_file_name(key)}.npz"
        if path.is_file():
            try:
                with np.load(path) as arrays:
                    return dict(arrays)
            except (ValueError, OSError, EOFError, BadZipFile, zlib.error) as error:
                raise ValueError(
                    f"{path}: expected arrays of an earlier run, got {error!r}; delete it"
                ) from error
        result = work()
        self._begin(path)
        content = io.BytesIO()
        np.savez_compressed(content, **result)  # type: ignore[arg-type]
        write_whole(path, content.getvalue())
        return result

    def trained(
        self,
        key: str,
        make: Callable[[], Model],
        data: Dataset,
        validation: Dataset | None = None,
        *,
        method: str = "fit",
        calibrate: bool | float = False,
        **options: Any,
    ) -> tuple[Model, History]:
        """A model fitted (by "fit" or "fit_head") with these options, or the one that
        was before. Where trainings are long, one that was interrupted goes on.

        Its probabilities are as it was trained, for a paper's validation data may be what it
        is tested on; `calibrate` is `fit`'s.
        """
        folder = self.out / "models"
        path = folder / f"{_file_name(key)}.safetensors"
        about = path.with_suffix(".json")
        if about.is_file() and path.is_file():  # the first is written last
            kept = read_json(about, *PARTS, remedy="delete it")
            return load(path), history_of(kept, str(about))
        self._begin(path)
        self._begin(about)
        model = make()
        fit, state = getattr(model, method), None
        if self.mode in ("default", "full"):
            state = self.out / STATE / path.stem
        options |= {"calibrate": calibrate, "progress": False, "resume": state}
        history = fit(data, validation, **options)
        if history.status == "interrupted":  # at a prompt, where fit does not raise it
            raise KeyboardInterrupt(history.message)
        model.save(path)
        write_json(about, {"key": key, **described(history)})
        if state is not None:
            shutil.rmtree(state)
        return model, history

    def _begin(self, path: Path) -> None:
        """A file of the folder's will be written, which is noted."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.on_write(path.relative_to(self.out).as_posix())

    # -- what is shown ------------------------------------------------------------

    def text(self, paragraph: str) -> None:
        """A paragraph of the report."""
        self.record.items.append({"kind": "text", "text": paragraph})

    def note(self, line: str) -> None:
        """A line at the report's top; the same line only once."""
        with self._lock:
            if line not in self.record.notes:
                self.record.notes.append(line)

    def figure(
        self, name: str, title: str, draw: Callable[[], Display], *, of: str = ""
    ) -> None:
        """A figure, as figures/<name>.png and in the report.

        `of` is the number that the paper's figure or table has; ours then bears it in its
        title and its file's name.
        """
        item = self._item("figure", name, title, of)
        path = file_of(item, self.out)
        self._begin(path)
        saved_png(path, draw)
        self.record.items.append(item)

    def table(
        self, name: str, title: str, frame: pd.DataFrame, *, of: str = ""
    ) -> None:
        """A table, as tables/<name>.csv and in the report; `of` as for a figure."""
        item = self._item("table", name, title, of)
        path = file_of(item, self.out)
        self._begin(path)
        index = frame.index.name is not None
        write_whole(path, frame.to_csv(index=index).encode())
        self.record.items.append(item)

    def _item(self, kind: str, name: str, title: str, of: str) -> dict[str, str]:
        if not isinstance(name, str) or _FILE_NAME.fullmatch(name) is None:
            raise ValueError(
                f"Context.{kind}: expected a name that a file may have, got {name!r:.80}"
            )
        item = {"kind": kind, "name": name, "title": title}
        if of:
            self._use(of)
            item["name"] = f"{exhibit_slug(of)}_{name}"
            item["title"] = f"{of}: {title}"
            item |= {"plain": name, "of": of}
        if (kind, item["name"]) in self._names:
            raise ValueError(
                f"Context.{kind}: expected each name once, got '{item['name']}' again"
            )
        self._names.add((kind, item["name"]))
        return item

    def _use(self, number: str) -> None:
        """Take a number of the paper's; it can be taken once."""
        if self._exhibits is None:
            return
        if number not in self._exhibits or self._exhibits[number].absent:
            known = [n for n, exhibit in self._exhibits.items() if not exhibit.absent]
            raise ValueError(
                f"Context.of: expected one of {', '.join(known) or 'no numbers'}, "
                f"got '{number}'"
            )
        if number in self._used:
            raise ValueError(
                f"Context.of: expected each number once, got '{number}' again; leave "
                "further pictures of the same thing without one"
            )
        self._used.add(number)

    def measure(
        self, key: str, values: float | Sequence[float] | npt.NDArray[Any] | pd.Series
    ) -> None:
        """What was measured of a claim, one value a seed."""
        listed = np.atleast_1d(as_array(values, f"Context.measure of '{key}'"))
        if listed.ndim != 1 or not len(listed):
            raise ValueError(
                f"Context.measure of '{key}': expected one number or more, got shape "
                f"{listed.shape}"
            )
        listed = listed.astype(np.float64)
        self.record.measured[key] = listed.tolist()

    def not_measured(self, key: str, reason: str) -> None:
        """Why there is no number."""
        self.record.absent[key] = reason

    def parallel_map(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """What `work` makes of each item, several at a time; moves the stage's bar.

        `work` goes through `cached`, `cached_arrays` or `trained` and leaves the record alone.
        """
        listed = list(items)
        return parallel_map(
            work, listed, done=lambda: self.advance(1 / max(1, len(listed)))
        )

    def parallel_dict(self, work: Callable[[T], R], items: Iterable[T]) -> dict[T, R]:
        """The same as `parallel_map`, by item."""
        listed = list(items)
        return dict(zip(listed, self.parallel_map(work, listed), strict=True))

    def progress(self, items: Iterable[T]) -> Iterator[T]:
        """The items, moving the bar of the stage by each."""
        listed = list(items)
        for item in listed:
            yield item
            self.advance(1 / len(listed))


class Record:
    """Results of a stage: items of the report, notes, measurements."""

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        values = values or {}
        self.items: list[dict[str, str]] = values.get("items", [])
        self.notes: list[str] = values.get("notes", [])
        self.measured: dict[str, list[float]] = values.get("measured", {})
        self.absent: dict[str, str] = values.get("absent", {})
        self.data: dict[str, str] = values.get("data", {})  # hashes of whole sets
        self.seconds: float = values.get("seconds", 0.0)


def file_of(item: Mapping[str, str], folder: Path) -> Path:
    """Where a figure or table of the report lies."""
    if item["kind"] == "figure":
        return folder / "figures" / f"{item['name']}.png"
    return folder / "tables" / f"{item['name']}.csv"


def _file_name(key: str) -> str:
    """Readable, and different for different keys."""
    plain = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")[:60]
    return f"{plain}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def mean_and_std(values: Sequence[float] | npt.NDArray[Any]) -> tuple[float, float]:
    """Mean and sample standard deviation; one value has none, NaN."""
    array = np.asarray(values, dtype=float)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else np.nan


def paired(differences: npt.NDArray[Any]) -> tuple[float, float, int]:
    """Mean and standard deviation of differences, and how many are above zero."""
    return *mean_and_std(differences), int((differences > 0).sum())


def points_text(differences: Sequence[float] | npt.NDArray[Any]) -> str:
    """Differences of paired seeds for a sentence: "+0.42 points (sd 0.10, n 3)"."""
    mean, std = mean_and_std(differences)
    count = len(differences)
    more = f" (sd {100 * std:.2f}, n {count})" if count > 1 else " (one seed)"
    return f"{100 * mean:+.2f} points{more}"
