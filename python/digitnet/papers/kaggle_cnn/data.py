"""The two data sets of `kaggle-cnn` as CSV files: Kaggle's, or the same written from IDX."""

from __future__ import annotations

import gzip
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from digitnet._utils.files import write_whole
from digitnet.data.dataset import Dataset
from digitnet.data.download import Folder, find_folder
from digitnet.data.readers import read_csv
from digitnet.experiments.context import Context

# Of the 42,000 labelled digits of Kaggle's train.csv, which are from the pooled MNIST.
COUNTS = (4132, 4684, 4177, 4351, 4072, 3795, 4137, 4401, 4063, 4188)
_POOL = 70_000

FOLDERS = {
    "digits": Folder(
        names=("digit-recognizer",),
        content="train.csv and test.csv",
        origin="Kaggle's competition Digit Recognizer",
    ),
    "fashion": Folder(
        names=("fashionmnist",),
        content="fashion-mnist_train.csv and fashion-mnist_test.csv",
        origin="Kaggle's data set zalando-research/fashionmnist",
    ),
}
FILES = {
    "digits": ("train.csv", "test.csv"),
    "fashion": ("fashion-mnist_train.csv", "fashion-mnist_test.csv"),
}
NAMES = tuple(FILES)
FIRST_PIXEL = {"digits": 0, "fashion": 1}  # what the columns count from


def sets(context: Context, name: str) -> tuple[Dataset, Dataset]:
    """(labelled, test) of "digits" or "fashion", read from the CSV files."""
    return context.memoize(f"csv {name}", lambda: _read(context, name))


def files(context: Context, name: str) -> tuple[Path, Path]:
    """The CSV files: those in the data folder, else written from the IDX files."""
    first, second = FILES[name]
    downloaded = find_folder(FOLDERS[name]) if context.mode != "smoke" else None
    if downloaded is not None:
        for file in (first, second):
            if not (downloaded / file).is_file():
                raise FileNotFoundError(
                    f"{downloaded}: expected {FOLDERS[name].content}, got no {file}; get it "
                    f"from {FOLDERS[name].origin}, or move the folder away"
                )
        return downloaded / first, downloaded / second
    folder = context.out / "data"
    paths = folder / f"{first}.gz", folder / f"{second}.gz"
    if not paths[1].is_file():  # written last
        folder.mkdir(parents=True, exist_ok=True)
        _write(context, name, *paths)
    return paths


def _read(context: Context, name: str) -> tuple[Dataset, Dataset]:
    train_file, test_file = files(context, name)
    source, _ = pool = _sources(context, name)
    read = partial(read_csv, classes=source.classes, max_value=255)
    train, test = read(train_file), read(test_file)
    if test.labels is None:  # the competition publishes none
        test = _labelled(test, pool[0].joined(pool[1]))
    return train, test


def _sources(context: Context, name: str) -> tuple[Dataset, Dataset]:
    """(training, test) of the IDX files; subsets in smoke mode."""
    train, test = context.data({"digits": "mnist", "fashion": "fashion-mnist"}[name])
    if context.mode == "smoke":
        train, test = context.part(train, 500), context.part(test, 150)
    return train, test


def _write(context: Context, name: str, train_file: Path, test_file: Path) -> None:
    train, test = _sources(context, name)
    if name == "digits":
        train, test = competition(train.joined(test))
        write_csv(train, train_file)
        write_csv(test, test_file, labels=False)
    else:
        write_csv(train, train_file, first=FIRST_PIXEL[name])
        write_csv(test, test_file, first=FIRST_PIXEL[name])


def write_csv(
    data: Dataset, path: Path, *, first: int = 0, labels: bool = True
) -> None:
    """Rows as Kaggle's files have them; columns count from pixel<first>.

    A path that ends in .gz is packed.
    """
    frame = rows(data, first)
    if not labels:
        frame = frame.drop(columns="label")
    content = frame.to_csv(index=False).encode()
    packed = path.suffix == ".gz"
    write_whole(path, gzip.compress(content, 1, mtime=0) if packed else content)


def rows(data: Dataset, first: int = 0) -> pd.DataFrame:
    """One row an image: label, pixel<first>, ..."""
    frame = data.to_frame()
    names = {f"pixel{i}": f"pixel{i + first}" for i in range(frame.shape[1])}
    return frame.rename(columns=names)


def excerpt(data: Dataset, name: str, count: int = 5, columns: int = 9) -> pd.DataFrame:
    """The frame as pandas prints it: its first and last rows and columns."""
    frame = rows(data[:count].joined(data[-count:]), FIRST_PIXEL[name]).astype(str)
    shown = pd.concat(
        [frame.iloc[:, : columns + 1], frame.iloc[:, -columns - 1 :]], axis=1
    )
    shown.insert(columns + 1, "...", "...")
    gap = pd.DataFrame([["..."] * shown.shape[1]], columns=shown.columns)
    return pd.concat([shown[:count], gap, shown[count:]], ignore_index=True)


def competition(pool: Dataset, *, seed: int = 0) -> tuple[Dataset, Dataset]:
    """All digits as (labelled, test), drawn with the class counts of Kaggle's train.csv."""
    rng = np.random.default_rng(seed)
    labels = pool.require_labels("competition")
    counts = np.array(COUNTS) * len(pool) // _POOL
    chosen = [
        rng.choice(np.flatnonzero(labels == k), count, replace=False)
        for k, count in enumerate(counts)
    ]
    train = rng.permutation(np.concatenate(chosen))
    rest = rng.permutation(np.setdiff1d(np.arange(len(pool)), train))
    return pool[train], pool[rest]


def _labelled(test: Dataset, pool: Dataset) -> Dataset:
    """The competition's test images with the labels that the same images have in MNIST."""
    keys = map(np.ndarray.tobytes, pool.images)
    label_of = dict(zip(keys, pool.require_labels("competition"), strict=True))
    labels = [label_of.get(image.tobytes(), -1) for image in test.images]
    if -1 in labels:
        raise ValueError(
            f"{test.name}: expected images of MNIST, got {labels.count(-1)} others"
        )
    return test.with_labels(labels)
