"""A search's journal when processes are killed: its lock, and what becomes of their trials."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from digitnet._utils.files import HOST, is_alive, started
from digitnet._utils.folder_lock import lock_file


class FileLock:
    """Keeps other processes and threads out of a journal; the system gives it back when its
    holder dies, however that happens (Optuna's own would be waited for half a minute)."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        self._local = threading.local()  # a handle each: they exclude one another

    def acquire(self) -> bool:
        import fcntl

        self._local.handle = lock_file(self._path)
        fcntl.flock(self._local.handle, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        self._local.handle.close()


def journal_lock(path: Path) -> FileLock | None:
    """The journal's lock; None where the system has none such, for Optuna's own."""
    try:
        import fcntl  # noqa: F401
    except ImportError:  # on Windows
        return None
    return FileLock(path)


def this_process() -> dict[str, Any]:
    """What `was_cut_off` knows a trial's process by."""
    return {"host": HOST, "pid": os.getpid(), "started": started(os.getpid())}


_at_work: set[str] = set()  # trials of this process


@contextmanager
def at_work(trial: Any) -> Iterator[None]:
    """Note in a trial that this process works on it, which does so until the block ends."""
    name = secrets.token_hex(8)
    _at_work.add(name)
    try:
        trial.set_user_attr("process", {**this_process(), "trial": name})
        yield
    finally:
        _at_work.discard(name)


def was_cut_off(trial: Any) -> bool:
    """Whether a trial was interrupted, or its process killed: it counts as never begun."""
    if trial.state.name == "FAIL":
        return "reason" not in trial.user_attrs
    process = trial.user_attrs.get("process")
    if trial.state.name != "RUNNING" or not isinstance(process, dict):
        return False
    pid, before = process.get("pid"), process.get("started")
    if process.get("host") != HOST or not isinstance(pid, int) or pid <= 0:
        return False
    now = started(pid)
    replaced = None not in (before, now) and before != now  # by one of its number
    if pid == os.getpid() and "trial" in process:  # it may have left the trial
        return replaced or process["trial"] not in _at_work
    return replaced or not is_alive(pid)


def index_of(study: Any, trial: Any) -> int:
    """The trial's place among those that nothing cut off, which decides what it draws: a
    search that goes on tries what an unbroken one would."""
    return sum(
        other.number < trial.number and not was_cut_off(other)
        for other in study.get_trials(deepcopy=False)
    )
