"""torch.load of strangers' files: nothing in them is run, nothing inflates without end."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from digitnet._core import DataError
from digitnet._utils.input_files import MAX_INFLATION, most_unpacked
from digitnet._utils.text import shortened

_MAX_PICKLE_BYTES = 2**23  # of names and shapes
# What torch's reader raises of files that are damaged.
_DAMAGE = (
    *(RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError),
    *(AttributeError, AssertionError, OverflowError, struct.error),
)


def load_tensors(
    source: Path | bytes, name: str, expected: str, refused: Callable[[str], str]
) -> Any:
    """What torch.save wrote, if it is tensors and plain containers of them.

    Args:
        source: A file, or its bytes.
        name: Of it, for errors.
        expected: What it should be, for errors, such as "tensors".
        refused: From torch's reason the message for objects that only their code would read.
    Raises:
        DataError: damaged, other objects, or more inside than a file of its size may have.
    """
    import torch

    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    _check_archive(stream, most_unpacked(size), name)
    try:
        return torch.load(stream, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(refused(str(error))) from error
    except _DAMAGE as error:
        first = f"{error}".strip().split("\n", 1)[0][:200] or type(error).__name__
        raise DataError(
            f"{name}: expected {expected}, saved by torch: {shortened(first, 200)}"
        ) from error


def _check_archive(source: Path | io.BytesIO, limit: int, name: str) -> None:
    """Refuse archives that inflate to more than a file of their size may."""
    try:
        if not zipfile.is_zipfile(source):  # which raises of some that are damaged
            return
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise DataError(
            f"{name}: expected a whole archive: {shortened(str(error), 200)}"
        ) from error
    finally:
        if isinstance(source, io.BytesIO):
            source.seek(0)
    total = sum(member.file_size for member in members)
    if total > limit:
        raise DataError(
            f"{name}: expected contents of at most {MAX_INFLATION} times the "
            f"file's size, got {total:,} bytes"
        )
    for member in members:
        if member.filename.endswith("data.pkl") and (
            member.file_size > _MAX_PICKLE_BYTES
        ):
            raise DataError(
                f"{name}: expected names and shapes of at most "
                f"{_MAX_PICKLE_BYTES:,} bytes, got {member.file_size:,}"
            )
