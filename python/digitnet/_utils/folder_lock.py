"""A folder that one process works in. The lock is the system's: it goes when its holder dies,
however that happens."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from digitnet._utils.input_files import FLAGS, check_status, opened

LOCK = "run.lock"  # in the folder of a run that is not done
TRAINING_LOCK = "training.lock"  # in the folder of a training's state
_PATIENCE = 0.3  # seconds: `is_locked` holds a lock for a moment, too


def alone_in(file: Path, where: str) -> ExitStack:
    """What keeps other processes out of the file's folder until it is closed.

    Where the system or the file system knows no locks it keeps nobody out.

    Args:
        file: Its lock, made with its folder if they are not there.
        where: The argument that names the folder, for the error.
    Raises:
        RuntimeError: another process is at work there.
    """
    try:
        lock = locked(file)
    except BlockingIOError as error:
        raise RuntimeError(
            f"{where}: expected a folder of its own, got '{file.parent}', where another "
            "process is at work; wait for its end, or give another"
        ) from error
    held = ExitStack()
    if lock is not None:
        held.enter_context(lock)
    return held


def locked(file: Path) -> IO[bytes] | None:
    """An open file that keeps other processes out until it is closed.

    The holder may remove it: who locked a file that is no longer at its place tries again.

    Returns:
        None where the system or the file system knows no locks.
    Raises:
        BlockingIOError: another one holds it.
        DataError: no ordinary file is there.
    """
    try:
        import fcntl
    except ImportError:  # on Windows
        return None
    end = time.monotonic() + _PATIENCE
    while True:
        handle = lock_file(file)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(file, handle):
                return handle
        except BlockingIOError:
            if time.monotonic() > end:
                handle.close()
                raise
        except OSError:  # a file system without locks
            handle.close()
            return None
        handle.close()
        time.sleep(0.02)


def lock_file(file: Path) -> IO[bytes]:
    """The file, open and as it is; made with its folder if they are not there.

    Raises OSError for a link, DataError for what is no file.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | FLAGS
    try:
        handle = os.open(file, flags, 0o666)
    except FileNotFoundError:  # another one may have removed the folder
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, flags, 0o666)
    try:
        check_status(os.fstat(handle), str(file))
        return os.fdopen(handle, "r+b", buffering=0)
    except BaseException:
        os.close(handle)
        raise


def _is_at(file: Path, handle: IO[bytes]) -> bool:
    """Whether the open file is still what its path names."""
    try:
        return os.path.samestat(file.stat(), os.fstat(handle.fileno()))
    except FileNotFoundError:
        return False


def is_locked(file: Path) -> bool:
    """Whether a process holds the lock now."""
    with suppress(ImportError, OSError, ValueError):  # a DataError: no lock of ours
        import fcntl

        with opened(file) as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False
