"""A recorded training, run again and compared with what it left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet import distributed
from digitnet._utils.input_files import expanded, read_json
from digitnet._utils.text import shortened
from digitnet._utils.versions import versions
from digitnet.data import sources
from digitnet.models import load, zoo
from digitnet.runs import differences
from digitnet.runs.command import KEPT, check_command, config_of, network_and_options
from digitnet.train.history import Executor

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Verification:
    """How a training that was run again compares with its record.

    Attributes:
        folder: Of the record.
        identical: Whether all weights are the same, bit for bit, and so is the temperature.
        largest_difference: Between two weights.
        metrics: Name to (recorded, now), of what differs in metrics.json.
        settings: The same of config.json's settings, and of what the model's file holds
            beside weights.
        texts: Names of files for people (history.csv, card.md, report.html) whose text is
            not what the training gives. How long it took is taken from the record.
        surroundings: Name to (recorded, now), of what computed and of versions that differ.
            Where there are some, equal bits are not promised.
    """

    folder: Path
    identical: bool
    largest_difference: float
    metrics: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    settings: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    texts: Sequence[str] = ()
    surroundings: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def confirmed(self) -> bool:
        """Whether the weights and all that the record says are what the training gives."""
        return self.identical and not (self.metrics or self.settings or self.texts)

    def __str__(self) -> str:
        if self.identical:
            lines = [f"{self.folder}: the same weights, bit for bit"]
        else:
            lines = [
                f"{self.folder}: other weights; two differ by "
                f"{self.largest_difference:.3g}"
            ]
        different = {**self.metrics, **self.settings}
        if different or self.texts:
            lines.append("the record says otherwise than the training:")
            lines += [
                f"  {k}: {_short(a)}, now {_short(b)}"
                for k, (a, b) in different.items()
            ]
            lines += [f"  {name}: another text" for name in self.texts]
        if self.surroundings:
            lines.append("recorded elsewhere, where equal bits are not promised:")
            lines += [f"  {k}: {a}, now {b}" for k, (a, b) in self.surroundings.items()]
        return "\n".join(lines)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else shortened(str(value))


def verify(folder: str | PathLike[str], *, progress: bool = True) -> Verification:
    """Run a training of `digitnet train` again, and compare weights and all that is recorded:
    metrics.json, history.csv, config.json, card.md, report.html but for its pictures.

    Args:
        folder: Its run folder; nothing in it is changed.
        progress: As in `fit`.
    Raises:
        ValueError: the folder does not say how to run it again (it is no training of
            `digitnet train`, or of an earlier version), the training did not come to its
            end, or the data or the network are not those of the record.
        FileNotFoundError: no such folder, or the data are not here.
    Example:
        >>> import pathlib, tempfile
        >>> from digitnet.cli import main
        >>> run = str(pathlib.Path(tempfile.mkdtemp()) / "run")
        >>> main(["train", "--data", "digits", "--model", "linear", "--epochs", "2",
        ...       "--out", run, "--json"])  # doctest: +ELLIPSIS
        {...}
        0
        >>> digitnet.runs.verify(run, progress=False).confirmed
        True
    """
    place = expanded(folder)
    command, config, metrics = _record(place)
    recorded = load(place / "model.safetensors")
    network, options = network_and_options(command)
    train, test = sources.load(command["data"], seed=command["seed"])
    now = {"training": train.sha256(), "test": test.sha256()}
    if now != config["data_sha256"]:
        raise ValueError(
            f"runs.verify: expected the data of the record, {config['data_sha256']}, got "
            f"{now}; bring back the files of that time"
        )
    model = zoo.make(
        network, input_shape=train.shape, classes=train.classes, seed=command["seed"]
    )
    before = recorded.state_dict()
    _check_shapes(place, before, model.state_dict())
    history = model.fit(
        train, validation=command["validation"], progress=progress, **options
    )
    after = model.state_dict()
    difference = max(float(np.abs(before[k] - after[k]).max()) for k in after)
    same = all(np.array_equal(before[k], after[k]) for k in after)
    report = model.evaluate(test, device=command["device"])
    timed = (place / "history.csv").is_file()
    differences.with_recorded_seconds(history, place)
    said = config_of(command, network, history.options, distributed.world_size())
    return Verification(
        place,
        same and recorded.temperature == model.temperature,
        difference,
        differences.of_metrics(metrics, history, report, timed=timed),
        differences.of_settings(config, said, recorded, model),
        differences.of_texts(place, model, history, report, said, config),
        _surroundings(config, history.executor),
    )


def _record(place: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """(command, config.json, metrics.json), if they say how to run it again."""
    for name in ("config.json", "metrics.json", "model.safetensors"):
        if not (place / name).is_file():
            raise FileNotFoundError(
                f"runs.verify: expected the folder of a training, got no {name} in '{place}'"
            )
    config = read_json(place / "config.json", "data_sha256", "versions")
    metrics = read_json(place / "metrics.json", "test", "status")
    texts = {"data_sha256": config["data_sha256"], "versions": config["versions"]}
    for name, value in {**texts, "test": metrics["test"]}.items():
        if not isinstance(value, dict):
            raise ValueError(
                f"runs.verify: expected the record of a training in '{place}', got "
                f"{value!r:.60} as its {name}"
            )
    command = config.get("command")
    if not isinstance(command, dict) or set(command) != set(KEPT):
        raise ValueError(
            f"runs.verify: expected a run of this version's 'digitnet train', got '{place}', "
            "whose config.json does not say how to run it again"
        )
    check_command(command, str(place / "config.json"))
    if metrics["status"] not in ("finished", "stopped early"):
        raise ValueError(
            f"runs.verify: expected a training that came to its end, got one that was "
            f"{metrics['status']}"
        )
    return command, config, metrics


def _check_shapes(place: Path, recorded: Arrays, here: Arrays) -> None:
    """ValueError, unless both are weights of one network."""
    names = [*here, *(name for name in recorded if name not in here)]
    for name in names:
        expected, got = (
            f"of shape {weights[name].shape}" if name in weights else "absent"
            for weights in (here, recorded)
        )
        if expected != got:
            raise ValueError(
                f"runs.verify: expected weights of the record's network in '{place}', "
                f"{name} {expected}, got it {got}; bring its model.safetensors back"
            )


def _surroundings(
    config: Mapping[str, Any], executor: Executor | str | None
) -> dict[str, tuple[Any, Any]]:
    """What of the record's engine, kernels, device and versions is another one now."""
    recorded = config.get("executor")
    recorded = recorded if isinstance(recorded, dict) else {}
    now = asdict(executor) if isinstance(executor, Executor) else {}
    other = {
        name: (recorded.get(name), now.get(name))
        for name in ("engine", "device", "kernels")
        if recorded.get(name) != now.get(name)
    }
    if now.get("engine") != "native" and recorded.get("threads") != now.get("threads"):
        other["threads"] = (recorded.get("threads"), now.get("threads"))
    processes = distributed.world_size()
    if config.get("processes", 1) != processes:
        other["processes"] = (config["processes"], processes)
    here = versions()
    return other | {
        name: (value, here.get(name))
        for name, value in config["versions"].items()
        if here.get(name) != value
    }
