"""One file a library, each with a class that trains and predicts the same network.

A contender is made with (network, images, labels) and has `train()`, which takes one
step a batch over all images and returns when the last is done, and `predict()`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field

import numpy as np

BATCH = 128
RATE, MOMENTUM = 0.01, 0.9

# malloc told not to hand pages back: what digitnet does by itself
KEPT = "glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=4294967296"


# Networks whose layers keras_.py has.
KERAS = (
    *("linear", "mlp", "lenet5", "two-conv", "torch-example", "kaggle-cnn"),
    *("optdigits-cnn", "m5"),
)


@dataclass(frozen=True)
class Contender:
    """How to start one: module, class, and what its process is told."""

    module: str
    kind: str
    environment: dict[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()  # networks; empty: all


CONTENDERS = {
    "digitnet": Contender("digitnet_", "Digitnet"),
    "pytorch": Contender("pytorch", "Default"),
    "pytorch tuned": Contender("pytorch", "Tuned"),
    "pytorch tuned, kept pages": Contender(
        "pytorch", "Tuned", {"GLIBC_TUNABLES": KEPT}
    ),
    "torch.compile": Contender("pytorch", "Compiled"),
    "keras": Contender("keras_", "Keras", only=KERAS),
    "scikit-learn": Contender("sklearn_", "Sklearn", only=("linear", "mlp")),
}


def make(name: str, network: str, images: np.ndarray, labels: np.ndarray):
    """The contender, in this process."""
    found = CONTENDERS[name]
    module = importlib.import_module(f"contenders.{found.module}")
    return getattr(module, found.kind)(network, images, labels)
