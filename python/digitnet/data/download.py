"""Download and check the files of named data sets, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digitnet._core import DataError
from digitnet._utils.files import cache_folder
from digitnet._utils.input_files import expanded, read_whole
from digitnet.data.readers import idx_payload

_MAX_BYTES = 2**31
_CHUNK = 1 << 16
_OTHER_FOLDERS = {
    "mnist": ("MNIST/raw", "MNIST"),
    "fashion-mnist": ("FashionMNIST/raw", "FashionMNIST", "fashion_mnist"),
}


@dataclass(frozen=True)
class File:
    """One file of a data set and how to know it."""

    folder: str
    name: str
    sha256: str  # whole, or its beginning if no more was published
    content_sha256: str  # of what is inside a .gz, else the same
    urls: tuple[str, ...]

    @property
    def folders(self) -> tuple[str, ...]:
        """Where it may lie: in its own folder, or where torchvision puts it."""
        return self.folder, *_OTHER_FOLDERS.get(self.folder, ())

    @property
    def names(self) -> tuple[str, ...]:
        """How it may be called: packed or not, with a dot before "idx", and within a folder
        of its own name, as Kaggle's archives have it."""
        plain = self.name.removesuffix(".gz")
        dotted = plain.replace("-idx", ".idx")
        nested = f"{dotted}/{plain}"
        return tuple(dict.fromkeys((self.name, plain, f"{dotted}.gz", dotted, nested)))


@dataclass(frozen=True)
class Folder:
    """A folder that the user brings: its files have no known hashes."""

    names: tuple[str, ...]  # where it may lie, the usual one first
    content: str
    origin: str


@dataclass(frozen=True)
class Files:
    """Files that the user brings, known by their names: their hashes are not known."""

    folders: tuple[str, ...]  # where they may lie, the usual one first; "" is the top
    pattern: str  # of their names, whatever their letters' size
    content: str  # which ones, for messages
    origin: str


def data_folders() -> list[Path]:
    """Where DIGITNET_DATA says that data lie: one folder, or none."""
    folder = os.environ.get("DIGITNET_DATA")
    return [expanded(folder)] if folder else []


def _named_folder(name: str) -> str:
    """Where a part of DIGITNET_DATA is looked for, for messages."""
    for root in data_folders():
        missing = "" if root.is_dir() else f" (no folder {root})"
        return f"{root / name}{missing}"
    return f"{name} in a folder that DIGITNET_DATA names"


def _candidates(file: File) -> Iterator[Path]:
    for root in data_folders():
        for folder in (*(root / name for name in file.folders), root):
            for name in file.names:
                yield folder / name
    for name in file.folders:
        yield cache_folder() / name / file.name


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _check(file: File, path: Path) -> None:
    """Raise DataError unless the file at `path` has the known content.

    What counts is the contents: an archive of another hash may be the same data
    packed again, and is unzipped (within the bounds of its header) to find out.
    """
    content = read_whole(path, _MAX_BYTES)
    packed = path.name.endswith(".gz")
    archive = sha256_of(content)
    try:
        inside = sha256_of(idx_payload(path, content)) if packed else archive
    except DataError as error:
        raise DataError(
            f"{path}: expected SHA-256 {file.sha256}, got {archive}; {error}"
        ) from error
    if not inside.startswith(file.content_sha256):
        raise DataError(
            f"{path}: expected contents of SHA-256 {file.content_sha256}, got {inside}; "
            "the file is corrupt or another one: delete it"
        )


def find_file(file: File) -> Path | None:
    """The checked file on this machine, or None.

    Raises:
        DataError: it is there and is not what it should be.
    """
    for path in _candidates(file):
        if path.is_file():
            _check(file, path)
            return path
    return None


def find_folder(folder: Folder) -> Path | None:
    """The folder in DIGITNET_DATA or the cache, or None."""
    for root in [*data_folders(), cache_folder()]:
        for name in folder.names:
            if (root / name).is_dir():
                return root / name
    return None


def need_folder(folder: Folder) -> Path:
    """The folder.

    Raises:
        FileNotFoundError: it is not there; says what should be in it and where it goes.
    """
    path = find_folder(folder)
    if path is None:
        raise FileNotFoundError(
            f"{folder.names[0]}: expected a folder of {folder.content} as "
            f"{_named_folder(folder.names[0])} or {cache_folder() / folder.names[0]}, got "
            f"none; get it from {folder.origin}"
        )
    return path


def find_files(files: Files) -> list[Path]:
    """The files in the first place of DIGITNET_DATA or the cache that has some, by name."""
    for folder in places_of(files.folders):
        if not folder.is_dir():
            continue
        found = [
            path
            for path in sorted(folder.iterdir())
            if re.fullmatch(files.pattern, path.name, re.IGNORECASE)
        ]
        # Kaggle's archives have folders that are called like the file within.
        found = [
            next((p for p in sorted(path.iterdir()) if p.is_file()), path)
            if path.is_dir()
            else path
            for path in found
        ]
        if found:
            return found
    return []


def places_of(folders: Sequence[str]) -> list[Path]:
    """Where files that lie in one of these folders are looked for."""
    return [
        root / folder
        for root in [*data_folders(), cache_folder()]
        for folder in folders
    ]


def need_files(name: str, files: Files) -> list[Path]:
    """The files of the set called `name`.

    Raises:
        FileNotFoundError: they are not there; lists where they were looked for.
    """
    found = find_files(files)
    if not found:
        roots = " and ".join(map(str, [*data_folders(), cache_folder()]))
        inside = ", ".join(f or "themselves" for f in files.folders)
        raise FileNotFoundError(
            f"{name}: expected {files.content}, in {roots} (in the folders {inside}), got "
            f"none; get them from {files.origin}"
            + ("" if data_folders() else "; DIGITNET_DATA may name a folder of data")
        )
    return found


def fetch(file: File, *, timeout_seconds: float = 30) -> Path:
    """The checked file, downloaded if it is not on this machine.

    Raises:
        FileNotFoundError: offline and not there; says which file goes where.
        OSError: no mirror gave the file; lists what each of them did.
        DataError: a file on this machine is not what it should be.
    """
    path = find_file(file)
    if path:
        return path
    target = cache_folder() / file.folder / file.name
    if os.environ.get("DIGITNET_OFFLINE", "") not in ("", "0"):
        raise FileNotFoundError(
            f"{file.name}: expected the file in {target.parent} or in "
            f"{_named_folder(file.folder)}, got none, and DIGITNET_OFFLINE is set; put the "
            f"file with SHA-256 {file.sha256} (or the same packed otherwise: contents "
            f"{file.content_sha256}) there, for example from {file.urls[0]}"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    errors = []
    for url in file.urls:
        # What an earlier try left is gone on with once; if the whole is wrong, anew.
        for _ in range(2):
            resumed = partial.exists()
            try:
                _download(url, partial, file.name, timeout_seconds)
                _accept(file, partial, target)
                return target
            except (OSError, DataError) as error:
                errors.append(f"{url}: {error}")
            if not resumed:
                break
    listed = "\n  ".join(errors)
    raise OSError(
        f"{file.name}: expected a download from one of {len(file.urls)} mirrors, got none; "
        f"try again later, or put the file with SHA-256 {file.sha256} into "
        f"{target.parent}\n  {listed}"
    )


def _accept(file: File, partial: Path, target: Path) -> None:
    whole = partial.with_name(f"new-{file.name}")
    partial.replace(whole)  # a kill from here on leaves nothing that looks right
    try:
        _check(file, whole)
        with whole.open("rb") as stream:
            os.fsync(stream.fileno())
        whole.replace(target)
    finally:
        whole.unlink(missing_ok=True)


def _opener() -> Any:
    """Opens addresses and follows redirects, but never from https to something weaker."""
    from urllib.error import URLError
    from urllib.request import HTTPRedirectHandler, build_opener

    class KeepScheme(HTTPRedirectHandler):
        def redirect_request(
            self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
        ) -> Any:
            if req.full_url.startswith("https:") and not newurl.startswith("https:"):
                raise URLError(f"expected https, got a redirect to {newurl}")
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    return build_opener(KeepScheme)


def _download(url: str, partial: Path, name: str, timeout_seconds: float) -> None:
    """Write the whole body to `partial`, going on behind what is there.

    Raises OSError if it breaks off; what came stays for the next try.
    """
    from urllib.error import HTTPError
    from urllib.request import Request

    from tqdm import tqdm

    have = partial.stat().st_size if partial.exists() else 0
    request = Request(url, headers={"User-Agent": "digitnet"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = _opener().open(request, timeout=timeout_seconds)
    except HTTPError as error:
        if error.code == 416:  # nothing is behind what we have: it is whole, or wrong
            return
        raise
    with contextlib.closing(response):
        goes_on = response.status == 206 and response.headers.get(
            "Content-Range", ""
        ).startswith(f"bytes {have}-")
        start = have if goes_on else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        if total is not None and total > _MAX_BYTES:
            raise OSError(f"expected at most {_MAX_BYTES} bytes, got {total}")
        with (
            partial.open("ab" if goes_on else "wb") as out,
            tqdm(
                total=total, initial=start, unit="B", unit_scale=True, desc=name
            ) as bar,
        ):
            done = start
            while chunk := response.read(_CHUNK):
                out.write(chunk)
                done += len(chunk)
                bar.update(len(chunk))
                if done > _MAX_BYTES:
                    raise OSError(f"expected at most {_MAX_BYTES} bytes, got more")
    if total is not None and done != total:
        raise OSError(f"expected {total} bytes, got {done}; the connection broke off")
