"""The folder of a training's state, from which it goes on bit for bit.

What is written when is said here, what a file holds in `train/state_files.py`.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from digitnet._build_info import VERSION
from digitnet._utils.arrays import arrays_sha256
from digitnet._utils.files import check_writable, write_whole
from digitnet._utils.folder_lock import TRAINING_LOCK, alone_in
from digitnet._utils.input_files import expanded
from digitnet.train.best_file import warn_of_file
from digitnet.train.fit_data import FitData
from digitnet.train.history import History
from digitnet.train.state_files import (
    FORMAT,
    STEPS,
    WAITING,
    Arrays,
    SavedState,
    is_there,
    newest,
    path_of,
    to_bytes,
)
from digitnet.train.trainable import Trainable

SAVE_SECONDS = 60.0  # within an epoch
STATE = "state"  # where a run's folder has the states of trainings that are not done


class TrainingFolder:
    """Where one training at a time keeps its state.

    Args:
        folder: Is made if it is not there.
        identity: What is trained, in plain values by name: what must be the same.
        environment: What computes: what should be.
    Raises:
        OSError: a folder that cannot be written.
        RuntimeError: another process trains there.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        identity: Mapping[str, Any],
        environment: Mapping[str, Any],
    ) -> None:
        self.folder = expanded(folder)
        self.identity, self.environment = _plain(identity), _plain(environment)
        check_writable(self.folder, "fit.resume", "give another one")
        self._lock = alone_in(self.folder / TRAINING_LOCK, "fit.resume")
        self._count = 0
        self._warned = False

    def close(self) -> None:
        self._lock.close()

    @property
    def has_state(self) -> bool:
        """Whether there is something to go on from."""
        return is_there(self.folder)

    def read(self, went_before: str | None = None) -> SavedState | None:
        """The newest whole state, once it is known to be of this training; None if there is
        none. The weights may also be those that a finished one ended with.

        Args:
            went_before: The hash of weights that stand for those of the identity, too.
        Raises:
            DataError: every state there is damaged.
            ValueError: it is another training's; names what differs.
        Warns:
            RuntimeWarning: the newest one is damaged and the one before is taken; what
                computes is not what did.
        """
        saved = newest(self.folder)
        if saved is None:
            return None
        self._count = saved.count
        first = saved.identity.get("first_weights")
        now = {self.identity["first_weights"], went_before} - {None}
        if now & {first, saved.model_sha256}:
            self.identity["first_weights"] = first
        _check_identity(self.folder, saved.identity, self.identity)
        _compare_environments(self.folder, saved.environment, self.environment)
        return saved

    def save(
        self,
        state: Mapping[str, Any],
        history: History,
        callbacks: Mapping[str, Any],
        waiting: bytes | None = None,
        finished: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a state of the loop, or of a finished training the model's tensors.

        What the disk does not take is said in a warning, and training goes on.

        Args:
            state, history, callbacks, waiting, finished: See `SavedState`.
        """
        arrays, numbers = _parted(state)
        about = {
            "format": FORMAT,
            "count": self._count + 1,
            "identity": self.identity,
            "environment": self.environment,
            "numbers": numbers,
            "history": {
                "columns": dict(history),
                "status": history.status,
                "message": history.message,
            },
            "callbacks": callbacks,
            "finished": dict(finished or {}),
        }
        if finished is not None:  # else the loop's state has them
            arrays |= {STEPS + k: np.array(v) for k, v in history.steps.items()}
        if waiting is not None:
            arrays[WAITING] = np.frombuffer(waiting, np.uint8)
        path = path_of(self.folder, self._count + 1)
        try:
            write_whole(path, to_bytes(about, arrays))
        except OSError as error:
            if not self._warned:
                warn_of_file("fit.resume", path, error)
            self._warned = True
            return
        self._count, self._warned = self._count + 1, False


def _parted(state: Mapping[str, Any]) -> tuple[Arrays, dict[str, Any]]:
    """(the arrays, the numbers) of it."""
    arrays = {k: v for k, v in state.items() if isinstance(v, np.ndarray)}
    return arrays, {k: v for k, v in state.items() if k not in arrays}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives them back."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(values), default=str))
    return plain


# -- the same training? ----------------------------------------------------------


def _check_identity(
    folder: Path, saved: Mapping[str, Any], now: Mapping[str, Any]
) -> None:
    names = [*now, *(name for name in saved if name not in now)]
    wrong = [
        f"{name}={_short(saved.get(name))}, got {_short(now.get(name))}"
        for name in names
        if not _same(saved.get(name), now.get(name), measured=name == "preprocess")
    ]
    if wrong:
        raise ValueError(
            f"fit.resume: expected the training that '{folder}' was begun with, "
            f"{'; '.join(wrong)}; give another folder to begin anew"
        )


def _same(saved: Any, now: Any, *, measured: bool) -> bool:
    """Whether both mean the same; of what a first training measures, an empty list is
    what it has not measured yet."""
    if isinstance(saved, dict) and isinstance(now, dict):
        return saved.keys() == now.keys() and all(
            _same(saved[key], now[key], measured=measured) for key in saved
        )
    if isinstance(saved, list) and isinstance(now, list):
        if measured and not (saved and now):
            return True
        return len(saved) == len(now) and all(
            _same(*pair, measured=measured) for pair in zip(saved, now, strict=True)
        )
    return bool(saved == now)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _compare_environments(
    folder: Path, saved: Mapping[str, Any], now: Mapping[str, Any]
) -> None:
    other = {
        name: f"{name} {saved.get(name)!r}, now {value!r}"
        for name, value in now.items()
        if saved.get(name) != value
    }
    if not other:
        return
    # Our own kernels give the same bits on any number of threads.
    exact = other.keys() == {"threads"} and now["engine"] == "native"
    how = (
        "to the same bits"
        if exact
        else "close to what it would have been, not to its bits"
    )
    warnings.warn(
        f"fit.resume: '{folder}' was begun with {'; '.join(other.values())}; the training "
        f"goes on {how}",
        RuntimeWarning,
        stacklevel=8,  # from the user's call of Model.fit
    )


def identity_of(
    model: Trainable, data: FitData, options: Mapping[str, Any]
) -> dict[str, Any]:
    """What a training is: network, data and options, in plain values."""
    weights, domains = data.sample_weights, data.domains
    arrays = {"weights": weights, "domains": domains}
    return {
        "network": model.core.network.to_dict(),
        "first_weights": arrays_sha256(model.state_dict()),
        "input_shape": model.input_shape,
        "preprocess": model.core.preprocess,
        "data": data.training.sha256(),
        "validation": data.validation.sha256() if data.validation else None,
        "sample_weight": arrays_sha256(
            {name: value for name, value in arrays.items() if value is not None}
        ),
        **{name: value for name, value in options.items() if name != "device"},
    }


def environment_of(executor: Any) -> dict[str, Any]:
    """What bits depend on beside the training itself."""
    environment = {
        "engine": executor.engine,
        "device": executor.device,
        "kernels": executor.kernels,
        "digitnet": VERSION,
        "processes": os.environ.get("WORLD_SIZE", "1"),
    }
    if executor.engine != "native":
        import torch

        environment |= {"torch": torch.__version__, "threads": torch.get_num_threads()}
        if executor.device.startswith("cuda"):
            environment["gpu"] = torch.cuda.get_device_name(executor.device)
    else:
        environment["threads"] = executor.threads
    return environment
