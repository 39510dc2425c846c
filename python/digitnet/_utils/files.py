"""Atomic writes: files that are written whole or not at all; and where to keep some."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from os import PathLike
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """What may be kept between runs: XDG_CACHE_HOME/digitnet, usually ~/.cache/digitnet."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "digitnet"


def check_target(path: str | PathLike[str]) -> Path:
    """The path, if a file can be written there as far as can be seen beforehand.

    Raises:
        FileNotFoundError: its folder is not there.
        IsADirectoryError: it is a folder itself.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"{target}: expected the folder {target.parent}, got none; make it first"
        )
    if target.is_dir():
        raise IsADirectoryError(f"{target}: expected a file's name, got a folder")
    return target


def check_writable(folder: Path, where: str, remedy: str) -> None:
    """Make a folder, and see that files can be written in it, before work is lost.

    Raises OSError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise type(error)(
            f"{where}: expected a folder that can be written, got '{folder}' "
            f"({error.strerror}); {remedy}"
        ) from error


def write_whole(path: str | PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all; an older one stays until the new one is safe.

    Raises OSError (disk full, read-only folder) and leaves nothing behind.
    """
    target = check_target(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_json(path: str | PathLike[str], *keys: str) -> dict[str, Any]:
    """What `write_json` wrote: an object with these keys.

    Raises ValueError for anything else, as of a damaged file.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # text and JSON alike
        raise ValueError(f"{path}: expected JSON, got {error}; delete it") from error
    if not isinstance(value, dict) or not value.keys() >= set(keys):
        raise ValueError(
            f"{path}: expected {', '.join(keys) or 'an object'}, got {value!r:.60}; "
            "delete it"
        )
    return value


def write_json(path: str | PathLike[str], value: Any) -> None:
    """Write a value as indented JSON, whole or not at all; what JSON lacks as text."""
    write_whole(path, (json.dumps(value, indent=2, default=str) + "\n").encode())
