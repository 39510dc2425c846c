"""What lies at a path: a file alone, or the files of a folder, a zip or a tar archive, those
of archives within them too; what systems put beside a person's files is passed over."""

from __future__ import annotations

import bz2
import io
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path, PurePosixPath

from digitnet._core import DataError
from digitnet._utils.input_files import expanded, opened, read_whole, shown_name
from digitnet._utils.text import listed, shortened
from digitnet.data.containers import LEFT_BY_SYSTEMS, most_unpacked, unpacked

MAX_BYTES = 2**33  # of a file
_MAX_FILES = 2_000_000
_MAX_DEPTH = 8  # of folders
_MAX_NESTED = 2  # archives within archives
_START = 1024  # bytes by which a file is known
_TAR_AT = slice(257, 262)
# What zipfile raises of archives that are damaged.
_ZIP_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError),
    *(ValueError, NotImplementedError, RuntimeError, struct.error, IndexError),
)
# What systems and programs put beside the files of a person.
_JUNK = frozenset({*LEFT_BY_SYSTEMS, "__pycache__", "lost+found", "Icon\r"})
# Members of archives that are files of their own kinds, not folders of files.
OTHER_ZIPS = (".npy", "data.pkl", "[Content_Types].xml", "model.weights.h5")


@dataclass(frozen=True)
class Entry:
    """One file of a tree."""

    path: PurePosixPath  # from the tree's root
    size: int  # in bytes, as it is packed
    where: str  # what messages call it
    open_bytes: Callable[[int | None], bytes]  # of so many bytes, or of all

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of the folders that it lies in, from the root on."""
        return self.path.parts[:-1]

    def start(self) -> bytes:
        """Its first bytes, which tell what it is."""
        return self.open_bytes(_START)

    def read(self) -> bytes:
        """All its bytes, as they are packed. Raises DataError, OSError, OutOfMemory."""
        if self.size > MAX_BYTES:
            raise DataError(
                f"{self.where}: expected at most {MAX_BYTES:,} bytes, got {self.size:,}"
            )
        return self.open_bytes(None)


def is_junk(name: str) -> bool:
    """Whether a system or a program put a file of this name there, not a person."""
    return name.startswith(".") or name in _JUNK


def files_at(path: str | PathLike[str]) -> list[Entry]:
    """The files at a path, in the order of their names; one alone for a plain file.

    Raises:
        FileNotFoundError: nothing is there.
        DataError: no ordinary file; a damaged archive, one with a password; too many files.
    Example:
        >>> import pathlib, tempfile
        >>> from digitnet.data.file_tree import files_at
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.csv").write_text("1,2"), (folder / ".DS_Store").write_text("")
        >>> [str(file.path) for file in files_at(folder)]
        ['a.csv']
    """
    root = expanded(path)
    if "\0" not in str(root) and not os.path.lexists(root):
        raise FileNotFoundError(
            f"{shortened(str(root), 300)}: expected a file or a folder, got nothing there"
        )
    if not root.is_dir():
        entries = [_file(root, PurePosixPath(root.name), shown_name(root))]
    else:
        entries = list(_in_folder(root))
    return _expanded(entries, 0)


def _file(file: Path, path: PurePosixPath, where: str) -> Entry:
    def open_bytes(count: int | None) -> bytes:
        if count is None:
            return read_whole(file, MAX_BYTES)
        with opened(file) as stream:
            return stream.read(count)

    with opened(file) as stream:
        size = os.fstat(stream.fileno()).st_size
    return Entry(path, size, where, open_bytes)


def _in_folder(root: Path) -> Iterator[Entry]:
    """Its files and its folders' files, sorted; links are followed, circles are not."""
    name = shown_name(root.resolve())
    seen = {os.path.realpath(root)}
    count = 0
    for folder, folders, files in os.walk(root, followlinks=True):
        here = Path(folder)
        inside = PurePosixPath(*here.relative_to(root).parts)
        kept = []
        for child in sorted(folders):
            real = os.path.realpath(here / child)
            if is_junk(child) or real in seen or len(inside.parts) >= _MAX_DEPTH:
                continue
            seen.add(real)
            kept.append(child)
        folders[:] = kept
        for file in sorted(files):
            if is_junk(file):
                continue
            count += 1
            if count > _MAX_FILES:
                raise DataError(f"{name}: expected at most {_MAX_FILES:,} files")
            where = shortened(f"{name}/{inside / file}", 200)
            yield _file(here / file, inside / file, where)


def _expanded(entries: Sequence[Entry], depth: int) -> list[Entry]:
    """The same with the files of archives in the archives' places."""
    found: list[Entry] = []
    alone = len(entries) == 1
    for entry in entries:
        members = _members(entry) if depth < _MAX_NESTED else None
        if members is None:
            found.append(entry)
            continue
        if not members:
            raise DataError(f"{entry.where}: expected files in the archive, got none")
        inside = PurePosixPath() if alone else entry.path.with_suffix("")
        found += _expanded(
            [
                Entry(inside / m.path, m.size, m.where, m.open_bytes)
                for m in sorted(members, key=lambda m: m.path)
            ],
            depth + 1,
        )
    return found


def _members(entry: Entry) -> list[Entry] | None:
    """The files of an archive of several, or None for any other file."""
    start = entry.start()
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_zip(entry)
    if start[_TAR_AT] == b"ustar":
        return _in_tar(entry, entry.read())
    if start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")) and (
        _unpacked_start(entry)[_TAR_AT] == b"ustar"
    ):
        content = entry.read()
        limit = most_unpacked(len(content))
        return _in_tar(entry, unpacked(content, entry.where, lambda _: limit))
    return None


def _unpacked_start(entry: Entry) -> bytes:
    """The first bytes inside a packed file; nothing of a damaged one, whose reader says so."""
    start = entry.start()
    streams = {
        b"\x1f": lambda: zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(start, 512),
        b"B": lambda: bz2.BZ2Decompressor().decompress(entry.open_bytes(2**20), 512),
        b"\xfd": lambda: lzma.LZMADecompressor(memlimit=2**28).decompress(start, 512),
    }
    try:
        return streams[start[:1]]()
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return b""


def _in_zip(entry: Entry) -> list[Entry] | None:
    """None for a zip that is itself a file: NumPy's, torch's, a spreadsheet."""
    content = entry.read()
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        infos = [info for info in archive.infolist() if not info.is_dir()]
    except _ZIP_DAMAGE as error:
        raise DataError(
            f"{entry.where}: expected a whole zip archive; {shortened(str(error))}"
        ) from error
    if any(info.flag_bits & 1 for info in infos):
        raise DataError(
            f"{entry.where}: expected an archive without a password; unzip it first"
        )
    kept = [i for i in infos if not any(map(is_junk, i.filename.split("/")))]
    if any(info.filename.endswith(OTHER_ZIPS) for info in kept):
        return None
    _check_total(entry, len(content), len(kept), sum(info.file_size for info in kept))
    return [
        _member(entry, i.filename, i.file_size, _zip_opener(archive, i, entry.where))
        for i in kept
    ]


def _zip_opener(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str
) -> Callable[[int | None], bytes]:
    def open_bytes(count: int | None) -> bytes:
        try:
            with archive.open(info) as file:
                return file.read(-1 if count is None else count)
        except _ZIP_DAMAGE as error:
            raise DataError(
                f"{where}/{shortened(info.filename)}: expected a whole member; "
                f"{shortened(str(error))}"
            ) from error

    return open_bytes


def _in_tar(entry: Entry, content: bytes) -> list[Entry]:
    def opener(start: int, size: int) -> Callable[[int | None], bytes]:
        return lambda count: content[
            start : start + (size if count is None else min(count, size))
        ]

    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            kept = [
                info
                for info in archive
                if info.isfile() and not any(map(is_junk, info.name.split("/")))
            ]
    except (tarfile.TarError, *_ZIP_DAMAGE) as error:
        raise DataError(
            f"{entry.where}: expected a whole tar archive; {shortened(str(error))}"
        ) from error
    if kept and kept[-1].offset_data + kept[-1].size > len(content):
        raise DataError(f"{entry.where}: expected a whole tar archive; it is truncated")
    _check_total(entry, len(content), len(kept), sum(info.size for info in kept))
    return [_member(entry, i.name, i.size, opener(i.offset_data, i.size)) for i in kept]


def _check_total(entry: Entry, packed: int, files: int, inside: int) -> None:
    if files > _MAX_FILES:
        raise DataError(f"{entry.where}: expected at most {_MAX_FILES:,} files")
    if inside > most_unpacked(packed):
        raise DataError(
            f"{entry.where}: expected at most {most_unpacked(packed):,} bytes in an archive "
            f"of {packed:,}, got {inside:,}; unpack it first if you trust it"
        )


def _member(
    entry: Entry, name: str, size: int, open_bytes: Callable[[int | None], bytes]
) -> Entry:
    path = PurePosixPath(*(p for p in name.split("/") if p not in ("", ".", "..")))
    where = shortened(f"{entry.where}/{path}", 200)
    return Entry(path, size, where, open_bytes)


def names_of(entries: Sequence[Entry], most: int = 6) -> str:
    """The files' paths in one line of a message."""
    return listed((str(entry.path) for entry in entries), most)
