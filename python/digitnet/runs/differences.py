"""What of a run's record is otherwise than a training that was run again gives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from digitnet._utils.input_files import read_text
from digitnet.models.file import described
from digitnet.models.model import Model
from digitnet.report import Report
from digitnet.runs.folder import figures_of, metrics_of, texts_of
from digitnet.train.history import Executor, History

Differences = dict[str, tuple[Any, Any]]
_MAX_BYTES = 200_000_000  # of a page with its pictures
_PICTURE = re.compile(r"<img\b[^>]*>")  # their bytes go by matplotlib's version
# What config.json has beside the training's own settings, and what computed it.
_OF_FOLDER = ("kind", "created", "data_sha256", "files", "executor", "versions")
_SURROUNDINGS = ("processes",)


def with_recorded_seconds(history: History, place: Path) -> None:
    """How long its epochs took, which no training gives twice, becomes what history.csv
    says, if it is there. Raises ValueError for one that is none."""
    recorded = History.read(place)
    if recorded is not None and len(recorded.get("seconds", ())) == history.epochs:
        history["seconds"][:] = recorded["seconds"]


def of_metrics(
    recorded: Mapping[str, Any], history: History, report: Report, *, timed: bool
) -> Differences:
    """Of metrics.json, by dotted names; of times only if history.csv told them."""
    different = _differences(recorded, metrics_of(history, report))
    times = () if timed else ("train_seconds", "last_epoch.seconds")
    return {name: pair for name, pair in different.items() if name not in times}


def of_settings(
    config: Mapping[str, Any], now: Mapping[str, Any], recorded: Model, model: Model
) -> Differences:
    """Of config.json, and of what the two models hold beside their weights."""
    hidden = (*_OF_FOLDER, *_SURROUNDINGS)
    said, said_now = (
        {name: value for name, value in one.items() if name not in hidden}
        for one in (config, now)
    )
    models = _differences(described(recorded), described(model))
    return _differences(said, said_now) | {f"model.{k}": v for k, v in models.items()}


def of_texts(
    place: Path,
    model: Model,
    history: History,
    report: Report,
    now: Mapping[str, Any],
    config: Mapping[str, Any],
) -> list[str]:
    """Names of the files for people whose text, but for pictures, is another one; those that
    are gone say nothing."""
    about = {name: str(value) for name, value in config["versions"].items()}
    pictures = {title: b"" for title, _ in figures_of(model, history, report).values()}
    kept = history.executor
    history.executor = _executor(config.get("executor"))
    try:
        texts = texts_of(
            *(model, history, report, _plain(now), config["data_sha256"]),
            *(pictures, about),
        )
    finally:
        history.executor = kept
    return [
        name
        for name, text in texts.items()
        if (place / name).is_file()
        and _without_pictures(read_text(place / name, _MAX_BYTES))
        != _without_pictures(text)
    ]


def _executor(recorded: Any) -> Executor | str | None:
    try:
        return Executor(**recorded)
    except TypeError:  # damaged
        return str(recorded)


def _without_pictures(text: str) -> str:
    return _PICTURE.sub("", text)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives them back."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(values), default=str))
    return plain


def _differences(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> Differences:
    old, new = _flat(_plain(recorded)), _flat(_plain(now))
    return {
        name: (old.get(name), new.get(name))
        for name in (*new, *(name for name in old if name not in new))
        if json.dumps(old.get(name)) != json.dumps(new.get(name))  # NaN is NaN
    }


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested ones by dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": one for inner, one in _flat(value).items()}
        else:
            flat[name] = value
    return flat
