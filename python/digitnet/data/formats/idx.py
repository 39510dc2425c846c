"""IDX files, as MNIST and its relatives come; EMNIST's lie on their side."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet.data.formats.contents import Contents, is_idx
from digitnet.data.pieces import Piece, ReadOptions

_BYTE = 255
_IMAGE_RANKS = (3, 4)


def is_kind(content: bytes) -> bool:
    return is_idx(content)


def idx_array(content: bytes, role: str, where: str) -> npt.NDArray[Any]:
    """The numbers of a whole IDX file; role is "images" or "labels"."""
    kind, sizes, offset = _core.data.read_idx(content, role, where)
    return np.frombuffer(content, kind, offset=offset).reshape(sizes)


def first_column(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The classes: QMNIST's labels have eight columns, of which they are the first."""
    return labels[:, 0] if labels.ndim == 2 else labels


def pieces(contents: Contents, options: ReadOptions) -> list[Piece]:
    content, where = contents.whole, contents.where
    if content[3] not in _IMAGE_RANKS:
        labels = first_column(idx_array(content, "labels", where))
        return [Piece(where, len(labels), contents.part, contents.stem, labels=labels)]
    images = idx_array(content, "images", where)
    if contents.stem.startswith("emnist"):
        images = images.swapaxes(-1, -2)
    whole = images.dtype == np.uint8
    return [
        Piece(
            where,
            len(images),
            contents.part,
            contents.stem,
            lambda: images,
            max_value=_BYTE if whole else None,
        )
    ]
