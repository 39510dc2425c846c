"""The embedded digits: the 1,797 test images of UCI optdigits, nothing to download.

`digits.csv.gz` beside this file is UCI's optdigits.tes; `digits.txt` has its source and
its licence.
"""

from __future__ import annotations

from pathlib import Path

import digitnet._core as _core
from digitnet._core import DataError
from digitnet.data.checks import DIGITS
from digitnet.data.containers import unpacked
from digitnet.data.dataset import Dataset
from digitnet.data.download import sha256_of
from digitnet.data.sources.optdigits import TEST_FILE
from digitnet.data.sources.source import Source

PATH = Path(__file__).with_name("digits.csv.gz")
_MAX_BYTES = 2**20


def whole() -> Dataset:
    """All 1,797 images, in the order of the file.

    Raises:
        DataError: the package's file is corrupt.
    """
    content = unpacked(PATH.read_bytes(), PATH.name, lambda _: _MAX_BYTES)
    if sha256_of(content) != TEST_FILE.sha256:
        raise DataError(
            f"{PATH}: expected contents of SHA-256 {TEST_FILE.sha256}, got "
            f"{sha256_of(content)}; the package is damaged: install digitnet again"
        )
    read = _core.data.read_text(content, "last", "no", None, 10, False, 0, PATH.name)
    return Dataset(
        read["pixels"], read["labels"], classes=DIGITS, max_value=16, name="digits"
    )


def _load(seed: int) -> tuple[Dataset, Dataset]:
    train, test = whole().split((0.8, 0.2), seed=seed)
    return train, test


def source() -> Source:
    return Source(
        name="digits",
        summary="1,797 images 8x8, part of the package; a seeded fifth is the test set",
        origin="Alpaydin, Kaynak, UCI Machine Learning Repository, 1998 (optdigits.tes)",
        licence="CC BY 4.0",
        files=(),
        load=_load,
    )
