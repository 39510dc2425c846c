"""What files hold, told by their content: each kind has a reader that gives its pieces.

To add a kind: write formats/<kind>.py with `is_kind` and `pieces`, and add it to _KINDS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from digitnet._core import DataError
from digitnet.data.formats import (
    cifar,
    hdf5,
    idx,
    matlab_files,
    numpy_files,
    parquet,
    refused,
    text,
    torch_files,
)
from digitnet.data.formats.contents import Contents
from digitnet.data.pieces import Piece, ReadOptions


@dataclass(frozen=True)
class Kind:
    """A kind of file."""

    name: str
    is_kind: Callable[[bytes], bool]  # of its whole content
    pieces: Callable[[Contents, ReadOptions], list[Piece]]


# The first one that knows a file reads it; text knows whatever is text.
_KINDS = (
    Kind("IDX", idx.is_kind, idx.pieces),
    Kind("NumPy", numpy_files.is_kind, numpy_files.pieces),
    Kind("torch", torch_files.is_kind, torch_files.pieces),
    Kind("MATLAB", matlab_files.is_kind, matlab_files.pieces),
    Kind("HDF5", hdf5.is_kind, hdf5.pieces),
    Kind("Parquet", parquet.is_kind, parquet.pieces),
    Kind("", refused.is_kind, refused.pieces),
    Kind("CIFAR", cifar.is_kind, cifar.pieces),
    Kind("text", text.is_kind, text.pieces),
)


def kind_of(content: bytes) -> Kind | None:
    """The kind of a file with this content, or None."""
    return next((kind for kind in _KINDS if kind.is_kind(content)), None)


def pieces_in(contents: Contents, options: ReadOptions) -> list[Piece]:
    """What a file holds.

    Raises DataError for one of no known kind, and for a damaged one.
    """
    kind = kind_of(contents.whole)
    if kind is None:
        known = ", ".join(k.name for k in _KINDS if k.name)
        raise DataError(
            f"{contents.where}: expected a file of {known} data, got one that begins with "
            f"{contents.whole[:8]!r}"
        )
    return kind.pieces(contents, options)
