"""Folders that appear whole: written beside their place, then put there."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from os import PathLike
from pathlib import Path

from digitnet._utils.files import beside, sync_folder
from digitnet._utils.input_files import expanded

_EXCHANGE = 2  # RENAME_EXCHANGE of Linux
_HERE = -100  # AT_FDCWD
_MAX_NAME_BYTES = 200


@contextlib.contextmanager
def replacing(
    target: str | PathLike[str], *, owned: Collection[str] = ()
) -> Iterator[Path]:
    """A folder to write into, which takes the target's place when the block has ended.

    Until then, and for ever if the block raises, the target is what it was. Files of the
    target that the block does not write stay in it.

    Args:
        target: The folder, which need not be there.
        owned: Names of files that do not stay, for who writes the folder may write them.
    Raises:
        OSError: nothing can be written there.
    Example:
        >>> import tempfile
        >>> from digitnet._utils.folders import replacing
        >>> with replacing(f"{tempfile.mkdtemp()}/run") as folder:
        ...     _ = (folder / "metrics.json").write_text("{}")
    """
    place = expanded(target).resolve()  # a link's folder, not the link
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists() and not place.is_dir():
        raise NotADirectoryError(
            f"{target}: expected a folder, got a file; name another"
        )
    put_back(place)
    new = beside(place)
    new.mkdir()
    try:
        yield new
        if place in (Path.cwd(), *Path.cwd().parents):  # nobody is moved elsewhere
            for name in owned:
                if not (new / name).exists():
                    (place / name).unlink(missing_ok=True)
            _move_into(new, place)
        elif place.exists():
            _link_others(place, new, owned)
            shutil.copymode(place, new)
            sync_folder(new)
            _exchange(new, place)
        else:
            sync_folder(new)
            new.rename(place)
        sync_folder(place.parent)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _move_into(new: Path, place: Path) -> None:
    for path in new.iterdir():
        if path.is_dir():
            (place / path.name).mkdir(exist_ok=True)
            _move_into(path, place / path.name)
        else:
            path.replace(place / path.name)


def _link_others(old: Path, new: Path, owned: Collection[str] = ()) -> None:
    """What only the old folder has, and is not owned, in the new one too."""
    for path in old.iterdir():
        copy = new / path.name
        if path.name in owned:
            continue
        if path.is_dir() and not path.is_symlink():
            copy.mkdir(exist_ok=True)
            _link_others(path, copy)
        elif not copy.exists():
            try:
                os.link(path, copy, follow_symlinks=False)
            except OSError:  # a file system without links
                shutil.copy2(path, copy, follow_symlinks=False)


def _exchange(new: Path, old: Path) -> None:
    """The two folders change places, at once where the system can."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        names = os.fsencode(new), os.fsencode(old)
        if libc.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE) == 0:
            return
        code = ctypes.get_errno()
        if code not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise OSError(code, os.strerror(code), str(old))
    away = old.with_name(_before(old) + secrets.token_hex(4))
    old.rename(away)
    try:
        new.rename(old)
    except BaseException:
        put_back(old)
        raise
    away.rename(new)


def put_back(place: Path) -> None:
    """A folder that a killed process moved aside, for its successor, is at its place again.

    It has a name that nothing cleans away.
    """
    if place.exists() or not place.parent.is_dir():
        return
    stem = _before(place)
    moved = [path for path in place.parent.iterdir() if path.name.startswith(stem)]
    for path in sorted(moved, key=lambda path: path.stat().st_mtime)[-1:]:
        path.rename(place)


def _before(place: Path) -> str:
    """What the name of a folder that was moved aside begins with."""
    name = os.fsencode(place.name)
    if len(name) > _MAX_NAME_BYTES:  # of which a file system allows 255
        digest = hashlib.sha256(name).hexdigest()[:8]
        name = name[: _MAX_NAME_BYTES - 9] + f"-{digest}".encode()
    return os.fsdecode(name) + ".before-"
