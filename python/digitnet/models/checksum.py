"""The checksum of a model file: of its description and its tensors, beside both.

It is an entry of the metadata of its own, which versions before it pass over; a file
without one is one of theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.arrays import content_sha256

_FIELD = "sha256"
_ALIGNMENT = 8  # of the tensors in a safetensors file


def with_checksum(content: bytes, sha256: str) -> bytes:
    """A safetensors file with one more entry in its metadata.

    safetensors itself writes several in an order that changes.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"][_FIELD] = sha256
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return b"".join([len(text).to_bytes(8, "little"), text, memoryview(content)[end:]])


def check(
    metadata: Mapping[str, str], arrays: Mapping[str, npt.NDArray[Any]], name: str
) -> None:
    """DataError if a model file's content is not what its checksum was made of."""
    expected, text = metadata.get(_FIELD), metadata.get("digitnet")
    if expected is None or text is None:
        return
    found = content_sha256(text, arrays)
    if found != expected:
        raise DataError(
            f"{name}: expected content of the checksum {expected[:16]!r}, got "
            f"{found[:16]!r}; the file is damaged, or was changed by another program"
        )
