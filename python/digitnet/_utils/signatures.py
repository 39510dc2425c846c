"""First bytes by which files are known, and the names in a zip archive."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

HDF5 = b"\x89HDF\r\n\x1a\n"
TORCH_BEFORE_1_6 = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_PICKLE_VERSIONS = (b"\x02", b"\x03", b"\x04", b"\x05")


def is_pickle(start: bytes) -> bool:
    """Whether a file begins as Python's pickles do.

    Example:
        >>> import pickle
        >>> from digitnet._utils.signatures import is_pickle
        >>> is_pickle(pickle.dumps([1])), is_pickle(b"1,2,3")
        (True, False)
    """
    return start[:1] == b"\x80" and start[1:2] in _PICKLE_VERSIONS


def zip_names(archive: Path | bytes) -> list[str]:
    """The names of a zip archive's members; none of what is no whole one.

    Args:
        archive: A file, or its bytes.
    Raises:
        FileNotFoundError: no such file.
    Example:
        >>> from digitnet._utils.signatures import zip_names
        >>> zip_names(b"no archive")
        []
    """
    if isinstance(archive, bytes) and not archive.startswith(b"PK"):
        return []
    source = io.BytesIO(archive) if isinstance(archive, bytes) else archive
    try:
        with zipfile.ZipFile(source) as opened:
            return opened.namelist()
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return []
