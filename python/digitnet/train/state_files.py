"""The files of `train/resume.py`: a training's state, written whole, read with suspicion.

Two of them take turns, `training-0.safetensors` and `training-1.safetensors`, so that the one
before is whole whatever happens while the other is written. Each has the loop's state
(cpp/train/state.h) as tensors, and JSON in its metadata field "digitnet-training": numbers,
history, callbacks' states, what the training is (`identity`), what computes (`environment`),
and a SHA-256 of all of it. Nothing in a file is run.
"""

from __future__ import annotations

import errno
import json
import math
import warnings
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.arrays import arrays_sha256, content_sha256
from digitnet.train.history import History

FORMAT = 1
GENERATIONS = 2
_FIELD = "digitnet-training"
_MAX_JSON_BYTES = 40_000_000  # doubled at most in a header, which may have 100 million
_DICTS = ("identity", "environment", "numbers", "history", "callbacks", "finished")
_KEYS = {"format", "count", *_DICTS}
# Arrays beside the loop's and the model's, whose names have no slash.
STEPS = "steps/"
WAITING = "checkpoint/waiting"
Arrays = dict[str, npt.NDArray[Any]]


class SavedState:
    """A training's state as it was last saved.

    Attributes:
        path: The file.
        numbers, arrays: Of the loop, together what `_core.train.fit` takes; of a finished
            training the arrays are the model's tensors.
        history: "columns", "status", "message".
        steps: Of a finished training, as in History.
        waiting: The file `fit(checkpoint=)` that the disk did not take, or None.
        finished: Empty, or of a finished training "temperature", and "is_best": whether its
            model is the one that belongs in that file.
        callbacks: The states of those that have one, by their names.
        identity, environment: What is trained and by what.
    Raises:
        DataError: some of it is of another kind.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], arrays: Arrays) -> None:
        self.path = path
        self.arrays = {k: v for k, v in arrays.items() if "/" not in k}
        self.steps = {
            name.removeprefix(STEPS): values.ravel().tolist()
            for name, values in arrays.items()
            if name.startswith(STEPS)
        }
        self._waiting = arrays.get(WAITING)
        self.count: int = about["count"]
        self.identity: dict[str, Any] = about["identity"]
        self.environment: dict[str, Any] = about["environment"]
        self.numbers: dict[str, Any] = about["numbers"]
        self.history: dict[str, Any] = about["history"]
        self.callbacks: dict[str, Any] = about["callbacks"]
        self.finished: dict[str, Any] = about["finished"]
        self._check()

    def _check(self) -> None:
        """A checksum that is right says nothing of who wrote it."""
        wrong = [name for name in _DICTS if not isinstance(getattr(self, name), dict)]
        if not _is_number(self.count, int) or self.count < 0:
            wrong.append("count")
        if not wrong:
            wrong += self._wrong_parts()
        if wrong:
            raise DataError(
                f"{self.path.name}: expected the state of a training, got damage in its "
                f"{', '.join(wrong)}"
            )

    def _wrong_parts(self) -> Iterator[str]:
        try:
            History().take(self.history.get("columns"))
        except ValueError:
            yield "history"
        texts = (self.history.get("status"), self.history.get("message"))
        if not all(isinstance(text, str) for text in texts):
            yield "history"
        temperature: Any = self.finished.get("temperature")
        if self.finished and not (
            _is_number(temperature, float | int)
            and 0 < temperature < math.inf
            and isinstance(self.finished.get("is_best"), bool)
        ):
            yield "finished"
        if self._waiting is not None and self._waiting.dtype != np.uint8:
            yield WAITING
        yield from (
            STEPS + name
            for name, values in self.steps.items()
            if not all(isinstance(value, float) for value in values)
        )

    @property
    def waiting(self) -> bytes | None:
        return None if self._waiting is None else self._waiting.tobytes()

    @property
    def model_sha256(self) -> str | None:
        """Of the weights that a finished training ended with."""
        return arrays_sha256(self.arrays) if self.finished else None

    @property
    def state(self) -> dict[str, Any]:
        """As the loop takes it."""
        return {**self.numbers, **self.arrays}

    def fill(self, history: History) -> None:
        """The epochs that are done become those of an empty history."""
        history.take(self.history["columns"])
        if self.finished:
            history.steps = self.steps
            history.status = self.history["status"]
            history.message = self.history["message"]


def _is_number(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def newest(folder: str | PathLike[str]) -> SavedState | None:
    """The newest whole state of a folder, or None if it has none; see `TrainingFolder.read`."""
    saved, damaged = [], []
    for path in filter(Path.is_file, paths_of(Path(folder))):
        try:
            saved.append(_read(path))
        except DataError as error:
            damaged.append(str(error))
    if not saved and damaged:
        raise DataError(
            f"fit.resume: expected a whole state in '{folder}', got {'; '.join(damaged)}; "
            "give another folder to begin anew"
        )
    if damaged:
        warnings.warn(
            f"fit.resume: {damaged[0]}; the state before it is taken",
            RuntimeWarning,
            stacklevel=8,  # from the user's call of Model.fit
        )
    return max(saved, key=lambda one: one.count, default=None)


def path_of(folder: Path, count: int) -> Path:
    return folder / f"training-{count % GENERATIONS}.safetensors"


def paths_of(folder: Path) -> list[Path]:
    """Where a training's states are, of which some may not be there."""
    return [path_of(folder, index) for index in range(GENERATIONS)]


def is_there(folder: Path) -> bool:
    """Whether a folder has a state, whole or not."""
    return any(path.is_file() for path in paths_of(folder))


def to_bytes(about: dict[str, Any], arrays: Arrays) -> bytes:
    """OSError for a state that no file can hold."""
    from safetensors import SafetensorError
    from safetensors.numpy import save

    text = json.dumps(about)  # in this order: of columns it is the History's
    whole = json.dumps({"sha256": content_sha256(text, arrays), "about": text})
    if len(whole) > _MAX_JSON_BYTES:
        raise OSError(
            errno.EFBIG,
            f"expected at most {_MAX_JSON_BYTES:,} bytes of JSON, got {len(whole):,}; "
            "do callbacks keep less?",
        )
    try:
        content: bytes = save(arrays, {_FIELD: whole})
    except SafetensorError as error:
        raise OSError(errno.EFBIG, str(error)) from error
    return content


def _read(path: Path) -> SavedState:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            whole = (file.metadata() or {}).get(_FIELD)
            names = list(file.keys())
            arrays = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path.name}: expected a whole state, got {error!s:.200}"
        ) from error
    if whole is None:
        raise DataError(f"{path.name}: expected a training's state, got another file")
    if len(whole) > _MAX_JSON_BYTES:
        raise DataError(
            f"{path.name}: expected at most {_MAX_JSON_BYTES:,} bytes of JSON, got "
            f"{len(whole):,}"
        )
    try:
        outer = json.loads(whole)
        text, sha256 = outer["about"], outer["sha256"]
        about = json.loads(text)
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise DataError(
            f"{path.name}: expected JSON with a checksum, got {error!r:.80}"
        ) from error
    digest = content_sha256(text, arrays)
    if digest != sha256:
        raise DataError(
            f"{path.name}: expected content of SHA-256 {sha256!r:.20}, got '{digest:.19}"
        )
    if not isinstance(about, dict) or set(about) != _KEYS:
        found = sorted(about) if isinstance(about, dict) else repr(about)
        raise DataError(
            f"{path.name}: expected {', '.join(sorted(_KEYS))}, got {found!s:.200}"
        )
    if about["format"] != FORMAT:
        raise DataError(
            f"{path.name}: expected format {FORMAT}, got {about['format']!r:.60}; update digitnet"
        )
    return SavedState(path, about, arrays)
