"""SVHN: digits of house numbers in colour, which the user brings."""

from __future__ import annotations

from digitnet.data.dataset import Dataset
from digitnet.data.download import Folder, need_folder
from digitnet.data.sources.source import Source
from digitnet.data.svhn import read_svhn

_FOLDER = Folder(
    names=("svhn", "SVHN"),
    content="train_32x32.mat and test_32x32.mat",
    origin="the authors' page (format 2, cropped digits)",
)


def _load(seed: int) -> tuple[Dataset, Dataset]:
    root = need_folder(_FOLDER)
    train, test = (read_svhn(root / f"{part}_32x32.mat") for part in ("train", "test"))
    train.name, test.name = "svhn train", "svhn test"
    return train, test


def source() -> Source:
    return Source(
        name="svhn",
        summary="73,257 + 26,032 digits of house numbers 32x32 in colour, if you have them",
        origin="Netzer et al., Reading digits in natural images, NeurIPS workshop 2011",
        licence="non-commercial use",
        files=(),
        load=_load,
        folders=(_FOLDER,),
    )
