"""Running a recipe: stage by stage, saved as it goes, with a report at the end."""

from __future__ import annotations

import html
import importlib
import json
import time
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitnet._utils.arrays import as_whole
from digitnet._utils.deprecation import renamed_arguments
from digitnet._utils.extras import extra_packages
from digitnet._utils.files import write_json
from digitnet._utils.html import Page
from digitnet._utils.versions import versions
from digitnet.experiments.context import Context, Record, mean_and_std
from digitnet.experiments.recipe import MODES, PROTOCOLS, Recipe, Stage, shown

if TYPE_CHECKING:
    import pandas as pd

_MAX_SEEDS = 100
KINDS = ("reproduce", "study")  # of a run, in its state.json


class Findings:
    """What a recipe's run left behind.

    Attributes:
        recipe: The Recipe.
        folder: The folder with report.html, metrics.json, figures and tables.
        metrics: Content of metrics.json.
    """

    def __init__(self, recipe: Recipe, folder: Path, metrics: dict[str, Any]) -> None:
        self.recipe, self.folder, self.metrics = recipe, folder, metrics

    @property
    def page(self) -> Path:
        return self.folder / "report.html"

    def to_frame(self) -> pd.DataFrame:
        """What the paper claims beside what was measured."""
        import pandas as pd

        columns = ["what", "claim", "measured"]
        frame = pd.DataFrame(self.metrics["rows"], columns=columns)
        return frame.set_index("what")

    def table(self, name: str) -> pd.DataFrame:
        """One of the report's tables, by file name."""
        import pandas as pd

        return pd.read_csv(self.folder / "tables" / f"{name}.csv")

    def figure(self, name: str) -> Any:
        """One of the report's figures, for a notebook."""
        from PIL import Image

        return Image.open(self.folder / "figures" / f"{name}.png")

    def __str__(self) -> str:
        return (
            f"{self.recipe.title}\n{self.to_frame().to_string()}\nreport: {self.page}"
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.recipe.title)}</p>" + self.to_frame().to_html()


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
    with extra_packages(f"{caller} of '{recipe.name}'"):
        for package in recipe.packages:
            importlib.import_module(package)
    folder = Path(out) if out else Path("runs") / f"{recipe.name}-{mode}-{protocol}"
    settings = {
        "recipe": recipe.name,
        "mode": mode,
        "protocol": protocol,
        "seeds": chosen,
    }
    state = _State.opened(folder, settings, caller)
    context = Context(folder, mode, protocol, chosen)
    stages = [stage for stage in recipe.stages if protocol in stage.protocols]
    with _Bar(stages, state, progress) as bar:
        for stage in stages:
            if stage.name not in state.records:
                _run(stage, context, state, bar)
    metrics = _metrics(recipe, settings, state)
    write_json(folder / "metrics.json", metrics)
    _page(recipe, metrics, stages, state).save(folder / "report.html")
    return Findings(recipe, folder, metrics)


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

    @classmethod
    def opened(cls, folder: Path, settings: dict[str, Any], caller: str) -> _State:
        path = folder / "state.json"
        kind = caller if caller in KINDS else "reproduce"
        state = cls(path, kind, settings)
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(
                f"{caller}.out: expected a folder, got the file '{folder}'"
            )
        if not path.is_file():
            if folder.is_dir() and any(folder.iterdir()):
                raise ValueError(
                    f"{caller}.out: expected an empty folder or one of an earlier run, "
                    f"got '{folder}' with other files; choose another"
                )
            folder.mkdir(parents=True, exist_ok=True)
            state.save()
            return state
        try:
            content = json.loads(path.read_text())
            earlier, stages = content["settings"], content["stages"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}: expected the state of a run, got {error!r}; delete the folder"
            ) from error
        if earlier != settings:
            raise ValueError(
                f"{caller}.out: expected a run of {settings}, got one of {earlier} in "
                f"'{folder}'; choose another folder"
            )
        state.records = {name: Record(values) for name, values in stages.items()}
        return state

    def save(self) -> None:
        stages = {name: vars(record) for name, record in self.records.items()}
        about = {"kind": self.kind, "settings": self.settings}
        write_json(self.path, {**about, "stages": stages})


class _Bar:
    """How much of all stages is done, and how long the rest will take."""

    def __init__(self, stages: list[Stage], state: _State, progress: bool) -> None:
        from tqdm.auto import tqdm

        done = sum(s.cost for s in stages if s.name in state.records)
        self.tqdm = tqdm(
            total=sum(s.cost for s in stages),
            initial=done,
            disable=not progress,
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
    rows = []
    for claim in recipe.claims:
        if claim.key in measured:
            mean, std = mean_and_std(measured[claim.key])
            count = len(measured[claim.key])
            ours = shown(mean, claim.unit)
            if count > 1:
                ours += f" (sd {shown(std, claim.unit)}, n {count})"
        else:
            ours = f"not measured: {absent.get(claim.key, 'not in this protocol')}"
        rows.append({"what": claim.what, "claim": claim.text(), "measured": ours})
    return {
        **settings,
        "paper": recipe.paper,
        "claim": {c.key: c.value for c in recipe.claims if c.value is not None},
        "measured": {
            key: dict(zip(("mean", "sd"), mean_and_std(values), strict=True))
            | {"values": values}
            for key, values in measured.items()
        },
        "not_measured": absent,
        "rows": rows,
        "seconds": sum(record.seconds for record in state.records.values()),
        "data_sha256": {
            name: value
            for record in state.records.values()
            for name, value in record.data.items()
        },
        "versions": versions(),
    }


def _page(
    recipe: Recipe, metrics: dict[str, Any], stages: list[Stage], state: _State
) -> Page:
    import pandas as pd

    page = Page(recipe.title)
    page.text(f"{recipe.paper}. {recipe.summary}")
    seeds = ", ".join(map(str, metrics["seeds"]))
    page.text(
        f"Mode {metrics['mode']}, protocol {metrics['protocol']}, seeds {seeds}, "
        f"{metrics['seconds']:.0f} s in all."
    )
    notes = dict.fromkeys(n for record in state.records.values() for n in record.notes)
    for note in notes:
        page.text(note, "note")
    page.section("Claimed and measured")
    page.table(pd.DataFrame(metrics["rows"]), index=False)
    if recipe.remarks:
        page.section("What the paper leaves open")
        page.bullets(recipe.remarks)
    for stage in stages:
        record = state.records[stage.name]
        page.section(stage.title)
        for item in record.items:
            _add_item(page, state.path.parent, item)
        page.text(f"{record.seconds:.1f} s", "small")
    page.section("Versions")
    page.code("\n".join(f"{k}: {v}" for k, v in metrics["versions"].items()))
    return page


def _add_item(page: Page, folder: Path, item: dict[str, str]) -> None:
    import pandas as pd

    if item["kind"] == "text":
        page.text(item["text"])
    elif item["kind"] == "figure":
        png = (folder / "figures" / f"{item['name']}.png").read_bytes()
        page.picture(item["title"], png)
    else:
        page.subsection(item["title"])
        frame = pd.read_csv(folder / "tables" / f"{item['name']}.csv")
        page.table(frame, index=False, number="{:.4g}")
