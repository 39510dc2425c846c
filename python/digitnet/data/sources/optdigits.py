"""UCI optdigits: 5,620 handwritten digits, 8x8, values 0 to 16."""

from __future__ import annotations

from digitnet.data.checks import DIGITS
from digitnet.data.dataset import Dataset
from digitnet.data.download import File, fetch
from digitnet.data.readers import read_csv
from digitnet.data.sources.source import Source

_MIRROR = "https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/"
_HASHES = {
    "optdigits.tra": "f87ffe5149ece6d73cc08c296f180e695885849036c0b22a7973e74e3f35d3ee",
    "optdigits.tes": "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
}
_FILES = tuple(
    File("optdigits", name, sha256, sha256, (f"{_MIRROR}{name}",))
    for name, sha256 in _HASHES.items()
)
TEST_FILE = _FILES[1]
_ORIGIN = "Alpaydin, Kaynak, UCI Machine Learning Repository, 1998"


def _official(seed: int = 0) -> tuple[Dataset, Dataset]:
    train, test = (
        read_csv(fetch(file), label="last", header=False, classes=DIGITS, max_value=16)
        for file in _FILES
    )
    train.name, test.name = "optdigits train", "optdigits test"
    return train, test


def _pooled(seed: int) -> tuple[Dataset, Dataset]:
    train, test = _official()
    pooled = train.joined(test, name="optdigits-pooled")
    first, second = pooled.split((0.8, 0.2), seed=seed)
    return first, second


def source() -> Source:
    return Source(
        name="optdigits",
        summary="3,823 + 1,797 handwritten digits 8x8, the official split by writer",
        origin=_ORIGIN,
        licence="CC BY 4.0",
        files=_FILES,
        load=_official,
    )


def pooled_source() -> Source:
    return Source(
        name="optdigits-pooled",
        summary="all 5,620 digits of optdigits; a seeded fifth is the test set",
        origin=_ORIGIN,
        licence="CC BY 4.0",
        files=_FILES,
        load=_pooled,
    )
