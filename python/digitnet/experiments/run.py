"""Running a recipe: stage by stage, saved as it goes, with a report at the end."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from digitnet._utils.arrays import as_whole
from digitnet._utils.deprecation import renamed_arguments
from digitnet._utils.extras import extra_packages
from digitnet._utils.files import write_json
from digitnet._utils.folder_lock import LOCK, alone_in
from digitnet._utils.input_files import read_json
from digitnet._utils.versions import versions
from digitnet.data import sources
from digitnet.experiments.context import Context, Record, file_of, mean_and_std
from digitnet.experiments.findings import Findings
from digitnet.experiments.recipe import MODES, PROTOCOLS, Claim, Recipe, Stage, shown
from digitnet.experiments.report_page import report_page

_MAX_SEEDS = 100
_FORMAT = 2  # of state.json; version 0.1 wrote none
KINDS = ("reproduce", "study")  # of a run, in its state.json


@renamed_arguments(asked="caller")
def run(
    recipe: Recipe,
    mode: str = "default",
    *,
    protocol: str = "honest",
    seeds: int | Sequence[int] | None = None,
    out: str | PathLike[str] | None = None,
    progress: bool = True,
    caller: str = "run",
) -> Findings:
    """Do a recipe's stages, those that an earlier run of the folder did not finish.

    Args:
        recipe: The Recipe.
        mode: "smoke" (seconds, to see that it runs), "quick" (minutes, subsets), "default"
            or "full".
        protocol: "honest" or "paper"; see `papers.reproduce`.
        seeds: Number of repetitions, or their seeds. Default: one in smoke and quick mode,
            else the recipe's.
        out: Folder. Default: runs/<recipe>-<mode>-<protocol>.
        progress: Show a bar with the time that is left.
        caller: Name of the public function, for errors and the folder's kind.
    Returns:
        Findings; the folder has report.html, metrics.json, figures as PNG and tables as
        CSV.
    Raises:
        ValueError: unknown mode or protocol; the folder has another run.
        RuntimeError: another process is at work in the folder.
        FileNotFoundError: data that are not on this machine and cannot be downloaded.
        ImportError: an optional package of the recipe's is not installed; names the extra.
    """
    for name, value, choices in (
        ("mode", mode, MODES),
        ("protocol", protocol, PROTOCOLS),
    ):
        if value not in choices:
            raise ValueError(
                f"{caller}.{name}: expected {', '.join(choices)}, got '{value}'"
            )
    chosen = _seeds(recipe, mode, seeds, caller)
    stages = [stage for stage in recipe.stages if protocol in stage.protocols]
    with extra_packages(f"{caller} of '{recipe.name}'"):
        for package in (*recipe.packages, *(p for s in stages for p in s.packages)):
            importlib.import_module(package)
    folder = Path(out) if out else Path("runs") / f"{recipe.name}-{mode}-{protocol}"
    settings = {
        "recipe": recipe.name,
        "mode": mode,
        "protocol": protocol,
        "seeds": chosen,
    }
    if not (folder / "metrics.json").is_file():
        _require_data(recipe, mode)
    with _alone_in(folder, caller):
        state = _State.opened(folder, settings, caller)
        context = Context(folder, mode, protocol, chosen, recipe.exhibits)
        context.on_write = state.note
        with _Bar(stages, state, progress) as bar:
            for stage in stages:
                if stage.name not in state.records:
                    _run(stage, context, state, bar)
        metrics = _metrics(recipe, settings, state)
        write_json(folder / "metrics.json", metrics)
        page = report_page(recipe, metrics, stages, state.records, folder)
        page.save(folder / "report.html")
    return Findings(recipe, folder, metrics)


@contextmanager
def _alone_in(folder: Path, caller: str) -> Iterator[None]:
    """No other process works in the folder meanwhile."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(
            f"{caller}.out: expected a folder, got the file '{folder}'; choose another"
        )
    with alone_in(folder / LOCK, f"{caller}.out") as held:
        held.callback((folder / LOCK).unlink, missing_ok=True)
        yield


def _require_data(recipe: Recipe, mode: str) -> None:
    """Raise FileNotFoundError, unless every set is here or can be downloaded."""
    names = recipe.data + (recipe.full_data if mode == "full" else ())
    for name in names if mode != "smoke" else ():
        source = sources.find(name)
        if not source.here():
            source.load(0)


def _seeds(
    recipe: Recipe, mode: str, seeds: int | Sequence[int] | None, caller: str
) -> list[int]:
    if seeds is None:
        seeds = 1 if mode in ("smoke", "quick") else recipe.seeds
    if isinstance(seeds, Sequence):
        listed = [as_whole(seed, f"{caller}.seeds") for seed in seeds]
    else:
        listed = list(range(as_whole(seeds, f"{caller}.seeds", 1, _MAX_SEEDS)))
    if not listed:
        raise ValueError(f"{caller}.seeds: expected at least one, got none")
    return listed


class _State:
    """The records of finished stages, in state.json."""

    def __init__(self, path: Path, kind: str, settings: dict[str, Any]) -> None:
        self.path, self.kind, self.settings = path, kind, settings
        self.records: dict[str, Record] = {}
        # Names of all that stages wrote; None in a folder whose earlier run kept no such
        # list.
        self.files: list[str] | None = []
        self._lock = threading.Lock()

    @classmethod
    def opened(cls, folder: Path, settings: dict[str, Any], caller: str) -> _State:
        """The state of an earlier run of these settings, or a new one's.

        A stage is forgotten, and so done again, if a figure or table of it is gone.
        """
        path = folder / "state.json"
        kind = caller if caller in KINDS else "reproduce"
        state = cls(path, kind, settings)
        if not path.is_file():
            if any(inner.name != LOCK for inner in folder.iterdir()):
                raise ValueError(
                    f"{caller}.out: expected an empty folder or one of an earlier run, "
                    f"got '{folder}' with other files; choose another"
                )
            state.save()
            return state
        try:
            content = read_json(path, "settings", "stages")
            earlier, stages = content["settings"], content["stages"]
            records = {name: Record(values) for name, values in stages.items()}
            whole = {n: r for n, r in records.items() if _files_are_there(r, folder)}
            files = content.get("files")
            if not isinstance(files, list | None):
                raise TypeError("files: expected a list")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path}: expected the state of a run, got {error!r}; delete the folder"
            ) from error
        if earlier != settings:
            raise ValueError(
                f"{caller}.out: expected a run of {settings}, got one of {earlier} in "
                f"'{folder}'; choose another folder"
            )
        # Others are measured and numbered now: a mixture would be neither.
        if content.get("format") != _FORMAT:
            raise ValueError(
                f"{caller}.out: expected a run of this version of {settings['recipe']}, "
                f"got one of an earlier version in '{folder}'; choose another folder"
            )
        state.records, state.files = whole, files
        return state

    def note(self, name: str) -> None:
        """A stage is about to write a file of that name; tasks side by side may say so."""
        with self._lock:
            if self.files is not None and name not in self.files:
                self.files.append(name)
                self.save()

    def save(self) -> None:
        stages = {name: vars(record) for name, record in self.records.items()}
        about = {"format": _FORMAT, "kind": self.kind, "settings": self.settings}
        files = {} if self.files is None else {"files": self.files}
        write_json(self.path, {**about, "stages": stages, **files})


def _files_are_there(record: Record, folder: Path) -> bool:
    """Whether all figures and tables of a stage are in the folder."""
    return all(
        item["kind"] == "text" or file_of(item, folder).is_file()
        for item in record.items
    )


class _Bar:
    """How much of all stages is done, and how long the rest will take."""

    def __init__(self, stages: list[Stage], state: _State, progress: bool) -> None:
        from tqdm.auto import tqdm

        done = sum(s.cost for s in stages if s.name in state.records)
        self.tqdm = tqdm(
            total=sum(s.cost for s in stages),
            initial=done,
            disable=not progress or sys.stderr is None,
            smoothing=0,
            bar_format="{desc} {percentage:3.0f}% |{bar}| {elapsed}, {remaining} left",
        )

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *args: object) -> None:
        self.tqdm.close()

    def start(self, stage: Stage) -> None:
        self.tqdm.set_description_str(f"{stage.title:<32.32}")
        self.before = self.tqdm.n
        self.cost = stage.cost

    def advance(self, part: float) -> None:
        left = self.before + self.cost - self.tqdm.n
        self.tqdm.update(min(part * self.cost, left))

    def finish(self) -> None:
        self.tqdm.update(self.before + self.cost - self.tqdm.n)


def _run(stage: Stage, context: Context, state: _State, bar: _Bar) -> None:
    bar.start(stage)
    context.record, context.advance = Record(), bar.advance
    start = time.perf_counter()
    stage.run(context)
    context.record.seconds = time.perf_counter() - start
    state.records[stage.name] = context.record
    state.save()
    bar.finish()


def _metrics(recipe: Recipe, settings: dict[str, Any], state: _State) -> dict[str, Any]:
    measured: dict[str, list[float]] = {}
    absent: dict[str, str] = {}
    for record in state.records.values():
        measured |= record.measured
        absent |= record.absent
    for claim in recipe.claims:
        if claim.key not in measured:
            default = claim.absent or "not in this protocol"
            absent.setdefault(claim.key, default)
    records = state.records.values()
    return {
        **settings,
        "paper": recipe.paper,
        "claim": {c.key: c.value for c in recipe.claims if c.value is not None},
        "measured": {key: _summary(values) for key, values in measured.items()},
        "not_measured": absent,
        "rows": [_row(claim, measured, absent) for claim in recipe.claims],
        "notes": list(dict.fromkeys(n for record in records for n in record.notes)),
        "items": [item for r in records for item in r.items if item["kind"] != "text"],
        "not_made": _not_made(recipe, state),
        "seconds": sum(record.seconds for record in state.records.values()),
        "data_sha256": {
            name: value
            for record in state.records.values()
            for name, value in record.data.items()
        },
        "versions": versions(),
    }


def _summary(values: list[float]) -> dict[str, Any]:
    """Of one value "sd" is 0 in the file: JSON has no NaN."""
    mean, std = mean_and_std(values)
    return {"mean": mean, "sd": std if len(values) > 1 else 0.0, "values": values}


def _row(
    claim: Claim, measured: dict[str, list[float]], absent: dict[str, str]
) -> dict[str, str]:
    """A line of the table of what was claimed and measured."""
    ours, difference = f"not measured: {absent.get(claim.key)}", ""
    if claim.key in measured:
        values = measured[claim.key]
        mean, std = mean_and_std(values)
        ours, difference = shown(mean, claim.unit), claim.difference(mean)
        if len(values) > 1:
            ours += f" (sd {shown(std, claim.unit).lstrip('+')}, n {len(values)})"
    return {
        "what": claim.what,
        "in the paper": claim.of,
        "claim": claim.text(),
        "measured": ours,
        "difference": difference,
    }


def _not_made(recipe: Recipe, state: _State) -> dict[str, str]:
    """Reasons, by number, of the exhibits that no stage made."""
    records = state.records.values()
    made = {item.get("of") for record in records for item in record.items}
    return {
        exhibit.number: exhibit.absent or "not in this protocol"
        for exhibit in recipe.exhibits
        if exhibit.number not in made
    }
