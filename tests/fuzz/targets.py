"""Readers that strangers' bytes reach, each as a function of bytes.

A target raises nothing but what its reader promises to, whatever the bytes; all else is a
finding. The parsers of the core have theirs in tests/cpp/fuzz. To add one: write the
function, put it into TARGETS, and give it examples in make_corpus.py.
"""

import functools
import gzip
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import digitnet
from digitnet.data import read, read_csv, read_idx, read_svhn
from digitnet.data.readers import read_picture
from digitnet.runs.command import network_and_options
from digitnet.runs.verify import _record
from digitnet.search.journal import index_of, was_cut_off
from digitnet.search.study_file import opened_study
from digitnet.serve.guard import Limits
from digitnet.serve.intake import Refusal, images_of
from digitnet.train import state_files

ROOT = Path(__file__).parent
MAX_MESSAGE = 2000  # characters
MAX_ADDS = 10**7  # of a network that is asked
LIMITS = Limits(max_bytes=200_000, max_pixels=1_000_000, batch=8)


@dataclass(frozen=True)
class Target:
    """`run(content, folder)`: the folder is empty; packages it needs beside digitnet's."""

    run: Callable[[bytes, Path], None]
    allowed: tuple[type[Exception], ...] = (digitnet.DataError,)
    packages: tuple[str, ...] = ()

    def __call__(self, content: bytes, folder: Path) -> None:
        try:
            self.run(content, folder)
        except self.allowed as error:
            assert str(error), f"{type(error).__name__} without words"
            assert len(str(error)) <= MAX_MESSAGE, f"{len(str(error))} characters"


def written(content: bytes, folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def picture(content: bytes, folder: Path) -> None:
    for colour in (False, True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of damaged parts
            pixels = read_picture(content, colour=colour, max_pixels=LIMITS.max_pixels)
        assert pixels.dtype == np.uint8
        assert pixels.ndim == (3 if colour else 2)


def idx(content: bytes, folder: Path) -> None:
    path = written(content, folder, "images")
    data = read_idx(path)
    assert data.images.dtype in (np.uint8, np.float32)
    read_idx(path, path)  # as labels, too


def csv(content: bytes, folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what could be read otherwise
        data = read_csv(written(content, folder, "digits.csv"))
    assert len(data) > 0
    assert data.images.min() >= 0


def data(content: bytes, folder: Path) -> None:
    """A file of any kind: arrays, tables, archives of pictures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what could be read otherwise
        found = read(written(content, folder, "thing"))
    assert len(found) == len(found.to_nchw()) > 0
    assert found.labels is None or len(found.labels) == len(found)


def mat(content: bytes, folder: Path) -> None:
    data = read_svhn(written(content, folder, "train_32x32.mat"))
    assert data.to_nchw().shape[1:] == (3, 32, 32)


def model(content: bytes, folder: Path) -> None:
    loaded = digitnet.models.load(written(content, folder, "m.safetensors"))
    repr(loaded), loaded._repr_html_()
    if sum(row["multiply_adds"] for row in loaded.summary().rows) <= MAX_ADDS:
        with suppress(digitnet.OutOfMemory):
            loaded.predict(np.zeros((1, *loaded.input_shape), np.uint8))


@functools.cache
def linear() -> digitnet.Model:
    return digitnet.models.make("linear", (8, 8))


def weights(suffix: str) -> Callable[[bytes, Path], None]:
    def run(content: bytes, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what did not fit
            linear().load_weights(written(content, folder, f"w{suffix}"))

    return run


@functools.cache
def convolutional() -> digitnet.Model:
    """What a Keras archive's settings are compared with, layer by layer."""
    layers = digitnet.layers
    return digitnet.Model(
        [
            *(layers.Conv(4, 3), layers.BatchNorm(), layers.ReLU()),
            *(layers.MaxPool(2), layers.Flatten(), layers.Dense(10)),
        ],
        (8, 8),
    )


@functools.cache
def keras_weights(name: str) -> bytes:
    with zipfile.ZipFile(ROOT / "corpus" / "weights_keras" / name) as archive:
        return archive.read("model.weights.h5")


def keras(content: bytes, folder: Path) -> None:
    """An archive, or its config alone: HDF5, which has a target, may hang at others' bytes,
    and an archive's are checked before it sees them."""
    path = written(content, folder, "w.keras")
    has_convolutions = b"Conv2D" in content
    if not content.startswith(b"PK"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", content)
            weights = keras_weights("small" if has_convolutions else "linear")
            archive.writestr("model.weights.h5", weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what did not fit
        (convolutional() if has_convolutions else linear()).load_weights(path)


def record(content: bytes, folder: Path) -> None:
    """What `verify` goes by: config.json and metrics.json, behind a line of dashes."""
    (folder / "model.safetensors").touch()
    for name, part in zip(
        ("config.json", "metrics.json"), content.split(b"\n---\n"), strict=False
    ):
        written(part, folder, name)
    with suppress(FileNotFoundError):
        command, _, _ = _record(folder)
        network_and_options(command)


def journal(content: bytes, folder: Path) -> None:
    import optuna

    study = opened_study(optuna.load_study, written(content, folder, "journal"))
    for trial in study.get_trials(deepcopy=False):
        was_cut_off(trial)
        index_of(study, trial)


def state(content: bytes, folder: Path) -> None:
    written(content, folder, "training-0.safetensors")
    kept = state_files._read(folder / "training-0.safetensors")
    assert kept.arrays is not None


def run_folder(content: bytes, folder: Path) -> None:
    """Files of a run, one behind each line of dashes; nothing of it may raise."""
    names = ("metrics.json", "config.json", "state.json", "history.csv")
    names += ("state/command.json",)
    (folder / "run" / "state").mkdir(parents=True)
    for name, part in zip(names, content.split(b"\n---\n"), strict=False):
        if part:
            written(part, folder / "run", name)
    digitnet.runs.table(folder)
    for run in digitnet.runs.find(folder):
        str(run), run.size_bytes  # noqa: B018
    digitnet.runs.prune(folder, keep_best=1)


@functools.cache
def served() -> digitnet.Model:
    return digitnet.models.make("linear", (8, 8))


def request(content: bytes, folder: Path) -> None:
    for kind in ("application/json", "image/png"):
        with suppress(Refusal), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            images, _ = images_of(served(), content, kind, None, LIMITS)
            served().predict(images)


TARGETS = {
    "picture": Target(picture),
    "idx_file": Target(idx),
    "csv_file": Target(csv),
    "data": Target(data, packages=("h5py", "pyarrow")),
    "data_torch": Target(data, packages=("torch",)),
    "mat": Target(mat),
    "model": Target(model),
    "weights_safetensors": Target(
        weights(".safetensors"), (digitnet.DataError, ValueError)
    ),
    "weights_torch": Target(
        weights(".pth"), (digitnet.DataError, ValueError), packages=("torch",)
    ),
    "weights_hdf5": Target(
        weights(".h5"), (digitnet.DataError, ValueError), packages=("h5py",)
    ),
    "weights_keras": Target(
        keras, (digitnet.DataError, ValueError), packages=("h5py",)
    ),
    "state": Target(state),
    "record": Target(record, (digitnet.DataError, ValueError)),
    # Optuna replays a line and raises whatever it leads to; IndexError is not named yet.
    "journal": Target(
        journal, (digitnet.DataError, ValueError, IndexError), packages=("optuna",)
    ),
    "run": Target(run_folder, ()),
    "request": Target(request, ()),
}


def scratch_root() -> str | None:
    """Memory, where a system has it as a folder: a disk would be the slowest part."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def fuzz_one(name: str, content: bytes) -> None:
    """Raise what the target finds in these bytes."""
    folder = Path(tempfile.mkdtemp(prefix="digitnet-fuzz-", dir=scratch_root()))
    try:
        TARGETS[name](content, folder)
    finally:
        shutil.rmtree(folder)


def variants(content: bytes) -> list[bytes]:
    """What a corpus is replayed with, beside itself."""
    return [
        content,
        content[: len(content) // 2],
        content + content,
        gzip.compress(content),
    ]
