"""What is packed is unpacked: gzip, bzip2, xz, and zip archives of one file, known by their
first bytes, never larger than a stated multiple of the file."""

from __future__ import annotations

import bz2
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator

from digitnet._core import DataError, OutOfMemory
from digitnet._utils.input_files import most_unpacked
from digitnet._utils.text import shortened

__all__ = ["is_packed", "most_unpacked", "unpacked"]

_CHUNK = 2**24  # Ctrl-C is heard between two of them
_START = 64  # bytes by which the limit is told
_XZ_MEMORY = 2**28
_ZIP = "zip"
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": _ZIP,
    b"PK\x05\x06": _ZIP,  # of nothing
}
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
# Of other files in archives: what systems put beside those that a person packed.
LEFT_BY_SYSTEMS = ("__MACOSX", "Thumbs.db", "desktop.ini")


def is_packed(start: bytes) -> bool:
    """Whether a file that begins so is one that `unpacked` unpacks."""
    return _packing(start) is not None


def unpacked(content: bytes, name: str, limit: Callable[[bytes], int]) -> bytes:
    """What is inside a packed file, or the file itself if it is not packed.

    Args:
        content: The file.
        name: For errors.
        limit: From the first bytes inside, how many there may be in all.
    Raises:
        DataError: corrupt, longer than the limit or than `most_unpacked`, followed by other
            bytes; an archive of several files, or one with a password.
        OutOfMemory: there is no room for it.
    """
    packing = _packing(content)
    if packing is None:
        return content
    most = most_unpacked(len(content))
    parts: list[bytes] = []
    size, allowed, max_bytes = 0, most, most
    try:
        for part in _parts(packing, content, name):
            if not parts:
                max_bytes = limit(part[:_START])
                allowed = min(most, max_bytes)
            parts.append(part)
            size += len(part)
            if size > allowed:
                break
        if size <= allowed:
            return parts[0] if len(parts) == 1 else b"".join(parts)
    except (DataError, OutOfMemory):
        raise
    except MemoryError as error:
        raise OutOfMemory(
            f"{name}: expected memory for up to {allowed:,} bytes, got less"
        ) from error
    except _DAMAGE as error:
        raise DataError(
            f"{name}: expected {packing} data; {shortened(str(error), 100)}"
        ) from error
    if size > max_bytes:
        raise DataError(
            f"{name}: expected {max_bytes} bytes inside the {packing} file, got at least "
            f"{max_bytes + 1}"
        )
    raise DataError(
        f"{name}: expected at most {most} bytes inside a {packing} file of {len(content)}, "
        "got more; unpack it first if you trust it"
    )


def _packing(start: bytes) -> str | None:
    return next(
        (kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None
    )


def _parts(packing: str, content: bytes, name: str) -> Iterator[bytes]:
    """What is inside, piece by piece, the first one small."""
    if packing == "gzip":
        yield from _gzip(content, name)
    elif packing == _ZIP:
        yield from _zip(content, name)
    else:
        yield from _streams(packing, content, name)


def _sizes() -> Iterator[int]:
    yield _START
    while True:
        yield _CHUNK


def _gzip(content: bytes, name: str) -> Iterator[bytes]:
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    rest = content
    for size in _sizes():
        part = stream.decompress(rest, size)
        rest = stream.unconsumed_tail
        yield part
        if stream.eof:
            break
        if not part and not rest:
            raise DataError(f"{name}: expected a whole gzip file, got a truncated one")
    if stream.unused_data:
        raise DataError(f"{name}: expected one gzip stream, got bytes after its end")


def _streams(packing: str, content: bytes, name: str) -> Iterator[bytes]:
    """Of bzip2 and xz, whose programs for several cores write one stream after another."""
    sizes = _sizes()
    rest = content
    while rest:
        if _packing(rest) != packing:
            raise DataError(
                f"{name}: expected {packing} streams alone, got other bytes after them"
            )
        stream: bz2.BZ2Decompressor | lzma.LZMADecompressor = (
            bz2.BZ2Decompressor()
            if packing == "bzip2"
            else lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
        )
        part = stream.decompress(rest, next(sizes))
        yield part
        while not stream.eof:
            if not part and stream.needs_input:
                raise DataError(
                    f"{name}: expected a whole {packing} file, got a truncated one"
                )
            part = stream.decompress(b"", next(sizes))
            yield part
        rest = stream.unused_data


def _zip(content: bytes, name: str) -> Iterator[bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = [info for info in archive.infolist() if _counts(info)]
        if len(files) != 1:
            names = ", ".join(shortened(info.filename, 40) for info in files[:4])
            raise DataError(
                f"{name}: expected one file in the archive, got {len(files)}"
                + (f" ({names}{', ...' if len(files) > 4 else ''})" if files else "")
                + "; unzip it and give the one that you mean"
            )
        if files[0].flag_bits & 1:
            raise DataError(
                f"{name}: expected an archive without a password; unzip it first"
            )
        with archive.open(files[0]) as file:
            for size in _sizes():
                part = file.read(size)
                if not part:
                    break
                yield part


def _counts(info: zipfile.ZipInfo) -> bool:
    """Whether an archive's entry is a file that a person put there."""
    last = info.filename.rpartition("/")[2]
    return not (
        info.is_dir()
        or last.startswith(".")
        or info.filename.startswith(LEFT_BY_SYSTEMS)
        or last in LEFT_BY_SYSTEMS
    )
