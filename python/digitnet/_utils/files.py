"""Atomic writes: files that are written whole or not at all; and where to keep some."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import tempfile
from os import PathLike
from pathlib import Path
from typing import Any

from digitnet._utils.input_files import expanded, special_kind


def _where_numbers_count() -> str:
    """What the processes that `is_alive` can ask for share: the machine since it was
    started, and in it the container, for two may have the name of one host."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):  # no Linux
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:6]


HOST = _where_numbers_count()
_PREFIX = f".digitnet-{HOST}-"
_cleaned: set[Path] = set()


def cache_folder() -> Path:
    """What may be kept between runs: XDG_CACHE_HOME/digitnet, usually ~/.cache/digitnet;
    of a user without a home (in containers) a folder of its own for temporary files."""
    root = os.environ.get("XDG_CACHE_HOME")
    if root:
        return Path(root) / "digitnet"
    try:
        return Path.home() / ".cache" / "digitnet"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"digitnet-{os.getuid()}"


def check_target(path: str | PathLike[str], *, replaced: bool = True) -> Path:
    """The path, if a file can be written there as far as can be seen beforehand.

    Args:
        path: The file, which need not be there.
        replaced: Whether a new file takes its place, as `write_whole` does; to write into
            a device is fine.
    Raises:
        FileNotFoundError: its folder is not there.
        IsADirectoryError: it is a folder itself.
        PermissionError: its folder cannot be written.
        OSError: it is a pipe, a device or a socket, or a link to itself.
    """
    target = expanded(path)
    place = linked(target)  # links are written through
    if not place.parent.is_dir():
        raise FileNotFoundError(
            f"{target}: expected the folder {place.parent}, got none; make it first"
        )
    if place.is_dir():
        raise IsADirectoryError(f"{target}: expected a file's name, got a folder")
    kind = special_kind(place.stat()) if place.exists() else ""
    if kind and (replaced or kind != "a device"):
        raise OSError(f"{target}: expected an ordinary file, got {kind}; name another")
    if not os.access(place.parent, os.W_OK):
        raise PermissionError(
            f"{target}: expected a folder that can be written, got {place.parent}"
        )
    return target


def linked(path: Path) -> Path:
    """The path behind all links, whole. OSError for a link that leads back to itself."""
    with contextlib.suppress(RuntimeError):  # of Python before 3.13
        place = path.resolve()
        if not place.is_symlink():
            return place
    raise OSError(f"{path}: expected a file or folder, got a link to itself")


# What writes the formats that a name may promise, where `Model.save` does not.
_OTHERS = {
    **dict.fromkeys(
        (".pth", ".pt", ".ckpt"), "torch.save(model.to_torch().state_dict(), ...)"
    ),
    **dict.fromkeys((".onnx", ".pt2"), "digitnet.export.export(model, ...)"),
    **dict.fromkeys((".pkl", ".pickle"), "pickle.dump(model, ...)"),
    **dict.fromkeys(
        (".h5", ".hdf5", ".keras", ".tflite", ".pb", ".npz", ".joblib"),
        "nothing of digitnet",
    ),
}


def check_model_target(path: str | PathLike[str]) -> None:
    """ValueError for a model file whose name promises another program's format.

    A file of such a name would be refused by that program, and by `load_weights`.
    """
    suffix = Path(path).suffix.lower()
    if suffix in _OTHERS:
        raise ValueError(
            f"Model.save: expected a name that ends in .safetensors, got "
            f"'{Path(path).name}'; {_OTHERS[suffix]} writes {suffix}"
        )


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
    target = linked(check_target(path))
    temporary = beside(target)
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
        sync_folder(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def beside(target: Path) -> Path:
    """A name in the target's folder for what is to take its place.

    What processes of HOST left there when they were killed is removed, once.
    """
    if target.parent not in _cleaned:
        _cleaned.add(target.parent)
        remove_leftovers(target.parent)
    return target.with_name(f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}")


def remove_leftovers(folder: Path) -> None:
    """Remove what `beside` named for processes of HOST that are no more."""
    for path in folder.iterdir():
        match = re.fullmatch(re.escape(_PREFIX) + r"(\d{1,9})-[0-9a-f]{8}", path.name)
        if match is None or is_alive(int(match[1])):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def is_temporary(name: str) -> bool:
    """Whether `beside` gives such names, on this machine or another one."""
    return re.fullmatch(r"\.digitnet-[0-9a-f]+-\d{1,9}-[0-9a-f]{8}", name) is not None


def is_alive(pid: int) -> bool:
    """Whether a process of HOST has the number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        return True
    return True


def started(pid: int) -> int | None:
    """When a process of HOST began, in the system's units; None where it does not say."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        return int(text.rpartition(")")[2].split()[19])  # the name may have anything
    except (OSError, ValueError, IndexError):
        return None


def sync_folder(folder: Path) -> None:
    """Let the disk have what names the folder holds."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: str | PathLike[str], value: Any) -> None:
    """Write a value as indented JSON, whole or not at all; what JSON lacks as text."""
    write_whole(path, (json.dumps(value, indent=2, default=str) + "\n").encode())
