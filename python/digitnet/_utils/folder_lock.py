"""A folder that one process works in. The lock is the system's: it goes when its holder dies,
however that happens."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import IO

LOCK = "run.lock"  # in the folder of a run that is not done
_PATIENCE = 0.3  # seconds: `is_locked` holds a lock for a moment, too


def locked(file: Path) -> IO[bytes] | None:
    """An open file that keeps other processes out until it is closed.

    Returns:
        None where the system or the file system knows no locks.
    Raises:
        BlockingIOError: another one holds it.
    """
    try:
        import fcntl
    except ImportError:  # on Windows
        return None
    handle = file.open("ab")
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() > end:
                handle.close()
                raise
            time.sleep(0.02)
        except OSError:  # a file system without locks
            handle.close()
            return None


def is_locked(file: Path) -> bool:
    """Whether a process holds the lock now."""
    with suppress(ImportError, OSError):
        import fcntl

        with file.open("rb") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False
