"""scikit-learn's digits: the 1,797 test images of UCI optdigits, nothing to download."""

from __future__ import annotations

import numpy as np

from digitnet.data.dataset import Dataset
from digitnet.data.sources.source import Source


def _load(seed: int) -> tuple[Dataset, Dataset]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    data = Dataset(
        bunch.images.astype(np.uint8), bunch.target, max_value=16, name="digits"
    )
    train, test = data.split((0.8, 0.2), seed=seed)
    return train, test


def source() -> Source:
    return Source(
        name="digits",
        summary="1,797 images 8x8, embedded in scikit-learn; a seeded fifth is the test set",
        origin="Alpaydin, Kaynak, UCI Machine Learning Repository, 1998 (optdigits.tes)",
        licence="CC BY 4.0",
        files=(),
        load=_load,
    )
