"""MNIST: 70,000 handwritten digits, 28x28."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from digitnet._core import DataError
from digitnet.data.checks import DIGITS
from digitnet.data.dataset import Dataset
from digitnet.data.download import (
    File,
    Files,
    fetch,
    find_file,
    find_files,
    sha256_of,
)
from digitnet.data.read import read_files
from digitnet.data.readers import read_idx
from digitnet.data.sources.source import Source

_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# SHA-256 of the archive as its authors packed it, and of what is inside.
_HASHES = {
    "train-images-idx3-ubyte": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}


def idx_files(
    folder: str, mirrors: tuple[str, ...], hashes: dict[str, tuple[str, str]]
) -> tuple[File, ...]:
    """The four files of a set in MNIST's form."""
    return tuple(
        File(
            folder=folder,
            name=f"{name}.gz",
            sha256=archive,
            content_sha256=content,
            urls=tuple(f"{mirror}{name}.gz" for mirror in mirrors),
        )
        for name, (archive, content) in hashes.items()
    )


def load_idx_files(
    name: str, files: tuple[File, ...], classes: tuple[str, ...]
) -> tuple[Dataset, Dataset]:
    """(train, test) of the four files."""
    paths = [fetch(file) for file in files]
    train = read_idx(paths[0], paths[1], classes=classes)
    test = read_idx(paths[2], paths[3], classes=classes)
    train.name, test.name = f"{name} train", f"{name} test"
    return train, test


_FILES = idx_files("mnist", _MIRRORS, _HASHES)
_KERAS = Files(("mnist", ""), r"mnist\.npz", "mnist.npz", "Keras' datasets")


def _load(seed: int) -> tuple[Dataset, Dataset]:
    """Of the four files, or of Keras' one if that is here and they are not."""
    keras = find_files(_KERAS)
    if keras and not all(find_file(file) for file in _FILES):
        return _of_keras(keras[0])
    return load_idx_files("mnist", _FILES, DIGITS)


def _of_keras(path: Path) -> tuple[Dataset, Dataset]:
    """(train, test) of mnist.npz, whose arrays are those of the four files, byte for byte.

    Raises DataError for other ones.
    """
    parts = read_files([path], "mnist", r"mnist\.npz", DIGITS)
    hashes = iter(_HASHES.items())
    for part in parts:
        labels = part.require_labels()
        for array in (part.images, labels.astype(np.uint8)):
            name, (_, sha256) = next(hashes)
            header = struct.pack(f">HBB{array.ndim}i", 0, 8, array.ndim, *array.shape)
            found = sha256_of(header + np.ascontiguousarray(array).tobytes())
            if found != sha256:
                raise DataError(
                    f"{path}: expected the numbers of {name}, SHA-256 {sha256}, got {found}"
                )
    return parts


def source() -> Source:
    return Source(
        name="mnist",
        summary="60,000 + 10,000 handwritten digits 28x28",
        origin="LeCun, Cortes, Burges, The MNIST database, 1998",
        licence="CC BY-SA 3.0",
        files=_FILES,
        load=_load,
        alike=(_KERAS,),
    )
