"""A file's bytes, unpacked, and what its name says."""

from __future__ import annotations

import functools
from pathlib import PurePosixPath

import digitnet._core as _core
from digitnet._core import DataError
from digitnet._utils.signatures import zip_names
from digitnet.data.containers import most_unpacked, unpacked
from digitnet.data.file_tree import MAX_BYTES, OTHER_ZIPS, Entry
from digitnet.data.part_names import part_and_role, part_of, stem_of

_IDX_TYPES = frozenset(b"\x08\x09\x0b\x0c\x0d\x0e")
_MAX_IDX_RANK = 4


def is_idx(start: bytes) -> bool:
    """Whether a file begins as those of MNIST do: two zeros, a type, a rank."""
    return (
        len(start) >= 4
        and start[:2] == b"\0\0"
        and start[2] in _IDX_TYPES
        and 1 <= start[3] <= _MAX_IDX_RANK
    )


def idx_limit(start: bytes, packed_bytes: int, where: str) -> int:
    """How many bytes a packed IDX file that begins so holds, as its header promises."""
    count = _core.data.idx_file_bytes(start, where)
    if count > most_unpacked(packed_bytes):
        raise DataError(
            f"{where}: expected a packed file that holds the {count:,} bytes of its header, "
            f"got one of {packed_bytes:,} bytes, which may hold "
            f"{most_unpacked(packed_bytes):,}; unpack it first if you trust it"
        )
    return count


class Contents:
    """What is in a file of a tree; read when it is asked for."""

    def __init__(self, entry: Entry) -> None:
        self.where = entry.where
        self.path: PurePosixPath = entry.path
        self._entry = entry

    @functools.cached_property
    def whole(self) -> bytes:
        """The file, unpacked. Raises DataError."""
        packed = self._entry.read()
        if any(name.endswith(OTHER_ZIPS) for name in zip_names(packed)):
            return packed  # NumPy's or torch's, no archive of files

        def limit(start: bytes) -> int:
            if is_idx(start):
                return idx_limit(start, len(packed), self.where)
            return MAX_BYTES

        return unpacked(packed, self.where, limit)

    @property
    def part(self) -> str:
        """The part of a data set that the names of file and folders say, or ""."""
        return part_of(self.path.parts)

    @property
    def role(self) -> str:
        """What the file's name says: "images", "labels", or ""."""
        return part_and_role(self.path.name)[1]

    @property
    def stem(self) -> str:
        """The file's name but for part, role and endings."""
        return stem_of(self.path.name)
