"""Folders that appear whole: written beside their place, then put there."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping
from os import PathLike
from pathlib import Path

from digitnet._utils.files import beside, linked, sync_folder
from digitnet._utils.input_files import expanded
from digitnet._utils.text import listed
from digitnet._utils.warn import warn

_EXCHANGE = 2  # RENAME_EXCHANGE of Linux
_HERE = -100  # AT_FDCWD
_MAX_NAME_BYTES = 200
# Of a folder's files by relative path, what changes when one is written.
Contents = Mapping[str, tuple[int, int, int]]


@contextlib.contextmanager
def replacing(
    target: str | PathLike[str],
    *,
    owned: Collection[str] = (),
    seen: Contents | None = None,
) -> Iterator[Path]:
    """A folder to write into, which takes the target's place when the block has ended.

    Until then, and for ever if the block raises, the target is what it was. Files of the
    target that the block does not write stay in it.

    Args:
        target: The folder, which need not be there.
        owned: Names of files that do not stay, for who writes the folder may write them.
        seen: What `contents` of the target may go. Default: those of now.
    Raises:
        OSError: nothing can be written there; see `check_replaceable`.
    Warns:
        RuntimeWarning: others wrote there since what was seen; says how it is kept.
    Example:
        >>> import tempfile
        >>> from digitnet._utils.folders import replacing
        >>> with replacing(f"{tempfile.mkdtemp()}/run") as folder:
        ...     _ = (folder / "metrics.json").write_text("{}")
    """
    place = check_replaceable(target)
    place.parent.mkdir(parents=True, exist_ok=True)
    put_back(place)
    seen = contents(place) if seen is None else seen
    kept: list[str] = []
    new = beside(place)
    new.mkdir()
    try:
        yield new
        if place in (Path.cwd(), *Path.cwd().parents):  # nobody is moved elsewhere
            gone = [name for name in owned if not (new / name).exists()]
            kept = _put_aside(place, [*gone, *contents(new)], seen)
            for name in gone:
                (place / name).unlink(missing_ok=True)
            _move_into(new, place)
        elif place.exists():
            taken = _link_others(place, new, owned)
            shutil.copymode(place, new)
            sync_folder(new)
            _exchange(new, place)
            kept = _brought_over(new, place, {**seen, **taken}, owned)
        else:
            sync_folder(new)
            new.rename(place)
        sync_folder(place.parent)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    if kept:
        warn(
            f"{target}: others wrote there meanwhile; kept as {listed(kept, 5)}",
            RuntimeWarning,
        )


def check_replaceable(target: str | PathLike[str]) -> Path:
    """The place, behind all links, where `replacing` can put a folder, as far as can be
    seen beforehand.

    Raises:
        NotADirectoryError: a file is there.
        PermissionError: its parent cannot be written.
        OSError: a mount point is there or in it, which cannot be moved.
    """
    place = linked(expanded(target))
    if place.exists() and not place.is_dir():
        raise NotADirectoryError(
            f"{target}: expected a folder, got a file; name another"
        )
    if place in (Path.cwd(), *Path.cwd().parents):
        return place  # it stays where it is
    above = next(parent for parent in place.parents if parent.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):
        raise PermissionError(
            f"{target}: expected a folder beside which can be written, for it is replaced "
            f"as a whole, got {above} above it; name another"
        )
    if mounted := [path for path in _mount_points() if path.is_relative_to(place)]:
        raise OSError(
            f"{target}: expected a folder that can be replaced as a whole, got the mount "
            f"point {mounted[0]}; name a new folder in it"
        )
    return place


def _mount_points() -> list[Path]:
    """All that the system tells of, where it does."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:  # no Linux
        return []
    fields = [line.split(b" ")[4] for line in lines]
    return [
        Path(
            os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), one))
        )
        for one in fields
    ]


# -- what others write meanwhile ---------------------------------------------------


def contents(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What a folder's files are, by their paths in it; of a folder that is not there none."""
    found = {}
    for top, inner, names in os.walk(folder):
        links = [name for name in inner if (Path(top) / name).is_symlink()]
        for name in (*names, *links):
            path = Path(top) / name
            with contextlib.suppress(FileNotFoundError):
                found[str(path.relative_to(folder))] = _identity(path)
    return found


def _identity(path: Path) -> tuple[int, int, int]:
    status = path.lstat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _put_aside(place: Path, names: Collection[str], seen: Contents) -> list[str]:
    """Files of these names that were not seen as they are get others, which are returned."""
    there = contents(place)
    kept = []
    for name in names:
        if name in there and there[name] != seen.get(name):
            kept.append(_other(name))
            (place / name).rename(place / kept[-1])
    return kept


def _brought_over(
    old: Path, place: Path, seen: Contents, owned: Collection[str]
) -> list[str]:
    """Files of the old folder that were not seen as they are move to the new one; their
    names there, which for owned ones are others."""
    kept = []
    for name, identity in contents(old).items():
        there = place / name
        if identity == seen.get(name) or (
            os.path.lexists(there)
            and os.path.samestat(there.lstat(), (old / name).lstat())
        ):
            continue
        free = name not in owned and not os.path.lexists(there)
        kept.append(name if free else _other(name))
        (place / kept[-1]).parent.mkdir(parents=True, exist_ok=True)
        (old / name).rename(place / kept[-1])
    return kept


def _other(name: str) -> str:
    """A name like it that no file has."""
    path = Path(name)
    return str(path.with_name(_before(path) + secrets.token_hex(4)))


# -- the exchange --------------------------------------------------------------------


def _move_into(new: Path, place: Path) -> None:
    for path in new.iterdir():
        if path.is_dir():
            (place / path.name).mkdir(exist_ok=True)
            _move_into(path, place / path.name)
        else:
            path.replace(place / path.name)


def _link_others(
    old: Path, new: Path, owned: Collection[str] = ()
) -> dict[str, tuple[int, int, int]]:
    """What only the old folder has, and is not owned, in the new one too; what it was."""
    taken: dict[str, tuple[int, int, int]] = {}
    for path in old.iterdir():
        copy = new / path.name
        if path.name in owned:
            continue
        if path.is_dir() and not path.is_symlink():
            copy.mkdir(exist_ok=True)
            inner = _link_others(path, copy)
            taken |= {str(Path(path.name) / name): one for name, one in inner.items()}
        elif not copy.exists():
            taken[path.name] = _identity(path)
            try:
                os.link(path, copy, follow_symlinks=False)
            except OSError:  # a file system without links
                shutil.copy2(path, copy, follow_symlinks=False)
    return taken


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
