"""CIFAR's binary batches: records of a label, or two, and 3,072 pixels."""

from __future__ import annotations

import numpy as np

import digitnet._core as _core
from digitnet.data.formats.contents import Contents
from digitnet.data.pieces import Piece, ReadOptions

CIFAR_10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def is_kind(content: bytes) -> bool:
    return bool(_core.data.cifar_labels(content))


def pieces(contents: Contents, options: ReadOptions) -> list[Piece]:
    """Of CIFAR-100's two labels the fine one is taken."""
    content = contents.whole
    columns = _core.data.cifar_labels(content)
    records = np.frombuffer(content, np.uint8).reshape(-1, columns + 3072)
    labels = records[:, columns - 1].astype(np.int64)
    images = records[:, columns:].reshape(-1, 3, 32, 32)
    part = contents.part or ("train" if contents.stem.startswith("batch") else "")
    return [
        Piece(
            contents.where,
            len(records),
            part,
            contents.stem,
            lambda: np.ascontiguousarray(images),
            labels,
            CIFAR_10 if columns == 1 else None,
            max_value=255,
        )
    ]
