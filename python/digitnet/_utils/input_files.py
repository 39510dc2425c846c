"""Files of strangers, opened to be read: ordinary ones only, no more than they should hold.

A pipe would block for ever, a device never end, and some devices act when they are opened;
a file of the system's own says nothing of its size.
"""

from __future__ import annotations

import functools
import json
import os
import stat
from os import PathLike
from pathlib import Path
from typing import IO, Any

from digitnet._core import DataError, OutOfMemory
from digitnet._utils.text import shortened

_MAX_PATH = 300  # letters of a path in a message
_MAX_JSON_BYTES = 2**28
# What is packed in a file may be so many times as large, or have so many bytes. MNIST's images
# inflate five times, its CSV eight times, float weights by a tenth, sparse or quantised ones
# ten to thirty times, and what is only zeros a thousand times.
MAX_INFLATION = 200
_ALWAYS_BYTES = 2**25
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
# Nothing waits for the other end of a pipe between the two looks at the path.
FLAGS = sum(
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY")
)


def shown_name(path: str | PathLike[str]) -> str:
    """The file's name as messages have it: printable, and short."""
    return shortened(Path(os.fsdecode(path)).name)


def expanded(path: str | PathLike[str]) -> Path:
    """The path, a leading ~ as the home folder, where there is one."""
    try:
        return Path(os.fsdecode(path)).expanduser()
    except RuntimeError:
        return Path(os.fsdecode(path))


def check_ordinary(path: str | PathLike[str]) -> Path:
    """The path, if an ordinary file is there, links followed: for libraries that open it
    themselves.

    Raises:
        FileNotFoundError: nothing is there.
        IsADirectoryError: a folder.
        DataError: a pipe, a device, a socket, or a file of the system's own.
        ValueError: no path at all.
        OSError: it may not be read.
    """
    text = os.fsdecode(path)
    if "\0" in text:
        raise ValueError(
            f"expected a file's name, got one with a zero byte: {shortened(text)}"
        )
    place = expanded(text)
    try:
        check_status(place.stat(), text)
    except OSError as error:
        raise _brief(error, text) from None
    return place


def opened(path: str | PathLike[str]) -> IO[bytes]:
    """The ordinary file at the path, open to be read. Raises as `check_ordinary`."""
    text = str(check_ordinary(path))
    try:
        handle = os.open(text, os.O_RDONLY | FLAGS)
    except OSError as error:
        raise _brief(error, text) from None
    try:
        check_status(os.fstat(handle), text)  # it may be another one by now
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def most_unpacked(packed_bytes: int) -> int:
    """How many bytes may be inside a file of so many: MAX_INFLATION times as many, or 32 MiB."""
    return max(_ALWAYS_BYTES, MAX_INFLATION * packed_bytes)


def read_whole(path: str | PathLike[str], max_bytes: int) -> bytes:
    """All bytes of the ordinary file at the path.

    Raises:
        DataError: it has more than `max_bytes`; and as `check_ordinary`.
        OutOfMemory: there is no room for it.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            raise DataError(
                f"{shown_name(path)}: expected at most {max_bytes:,} bytes, got {size:,}"
            )
        try:
            return file.read(size)
        except MemoryError as error:
            raise OutOfMemory(
                f"{shown_name(path)}: expected memory for {size:,} bytes, got less"
            ) from error


def read_text(path: str | PathLike[str], max_bytes: int) -> str:
    """The same as text in UTF-8. Raises DataError for other bytes."""
    content = read_whole(path, max_bytes)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{shown_name(path)}: expected text in UTF-8; {error.reason} at byte {error.start}"
        ) from error


def json_in(text: Any, where: str) -> Any:
    """What the JSON of a stranger says. Raises DataError that begins with `where`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: {str(error)[:80]}") from error


def read_json(
    path: str | PathLike[str],
    *keys: str,
    max_bytes: int = _MAX_JSON_BYTES,
    remedy: str = "",
) -> dict[str, Any]:
    """The object with these keys that a JSON file holds.

    Raises:
        DataError: it holds anything else, as a damaged file does, or has more than
            `max_bytes`; and as `check_ordinary`. The message ends with `remedy`.
    """
    tail = f"; {remedy}" if remedy else ""
    try:
        value = json_in(read_whole(path, max_bytes), f"{path}: expected JSON")
    except DataError as error:
        raise DataError(f"{error}{tail}") from error
    if not isinstance(value, dict) or not value.keys() >= set(keys):
        raise DataError(
            f"{path}: expected {', '.join(keys) or 'an object'}, got {value!r:.60}{tail}"
        )
    return value


def check_status(status: os.stat_result, text: str) -> None:
    """IsADirectoryError or DataError for what is no ordinary file; `text` is its path."""
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(
            f"{shortened(text, _MAX_PATH)}: expected a file, got a folder"
        )
    if kind := special_kind(status):
        raise DataError(f"{shown_name(text)}: expected an ordinary file, got {kind}")
    if status.st_dev in _system_devices():
        raise DataError(
            f"{shown_name(text)}: expected an ordinary file, got one of the system's own; "
            "copy its content to a file"
        )


def special_kind(status: os.stat_result) -> str:
    """What it is that is neither a file nor a folder, such as "a pipe"; else ""."""
    kinds = (kind for is_kind, kind in _KINDS if is_kind(status.st_mode))
    return next(kinds, "")


@functools.cache
def _system_devices() -> frozenset[int]:
    """Where /proc and /sys are mounted, if they are."""
    devices = {
        top.stat().st_dev for top in map(Path, ("/proc", "/sys")) if top.is_dir()
    }
    return frozenset(devices - {Path("/").stat().st_dev})


def _brief(error: OSError, text: str) -> OSError:
    """The same error with a name that fits a message."""
    if error.errno is None:  # our own
        return error
    return type(error)(error.errno, error.strerror, shortened(text, _MAX_PATH))
