"""Named sets that a person brings: each found in its usual layouts, made small here."""

import dataclasses
import gzip
import shutil
import zipfile

import numpy as np
import pytest
from reference import data_forms as forms

import digitnet
from digitnet import DataError
from digitnet.data.sources import brought

KNOWN = {known.name: known for known in brought._SETS}


@pytest.fixture
def root(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("DIGITNET_DATA", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def small(monkeypatch):
    """Makes the sets as small as the files of these tests."""

    def shrink(name, counts=(30, 10)):
        known = KNOWN[name]
        changed = dataclasses.replace(
            known,
            counts=counts if known.counts else None,
            shape=(known.shape[0], 12, 12) if known.shape[0] == 1 else known.shape,
        )
        monkeypatch.setattr(brought, "_SETS", (changed,))
        return changed

    return shrink


def idx_files(folder, sample, prefix, test="test", turned=False, first=0):
    for part, images, labels in forms.parts(sample):
        part = test if part == "test" else part
        images = images.swapaxes(1, 2) if turned else images
        for name, array in (("images-idx3", images), ("labels-idx1", labels + first)):
            content = gzip.compress(forms.idx(array))
            (folder / f"{prefix}{part}-{name}-ubyte.gz").write_bytes(content)


def emnist_zip(folder, sample, name):
    (folder / "x").mkdir()
    idx_files(
        folder / "x", sample, f"{name}-", turned=True, first=name[7:] == "letters"
    )
    idx_files(folder / "x", sample, "emnist-other-", turned=True)
    with zipfile.ZipFile(folder / "gzip.zip", "w") as archive:
        for file in sorted((folder / "x").iterdir()):
            archive.write(file, f"gzip/{file.name}")
    shutil.rmtree(folder / "x")


def medmnist(folder, sample, name):
    channels = KNOWN[name].shape[0]
    side = KNOWN[name].shape[1] if channels == 3 else 12
    classes = len(KNOWN[name].classes)
    arrays = {}
    for part, count in (("train", 30), ("val", 10), ("test", 10)):
        shape = (count, side, side, 3) if channels == 3 else (count, side, side)
        arrays[f"{part}_images"] = np.full(shape, 200, np.uint8)
        arrays[f"{part}_labels"] = (np.arange(count) % classes)[:, None]
    np.savez(folder / f"{name}.npz", **arrays)


def cifar(folder, sample, name):
    rng = np.random.default_rng(0)
    for file, count in [(f"data_batch_{i}", 6) for i in range(1, 6)] + [
        ("test_batch", 10)
    ]:
        records = rng.integers(0, 256, (count, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(count) % 10
        (folder / f"{file}.bin").write_bytes(records.tobytes())


# Set, a folder where it may lie, what puts it there.
LAYOUTS = [
    *(
        (
            name,
            folder,
            lambda f, s, n: idx_files(
                f, s, f"{n}-", turned=True, first=n[7:] == "letters"
            ),
        )
        for name in KNOWN
        if name.startswith("emnist")
        for folder in ("emnist", "EMNIST/raw", "gzip")
    ),
    *((name, "EMNIST", emnist_zip) for name in KNOWN if name.startswith("emnist")),
    ("kmnist", "KMNIST/raw", lambda f, s, n: idx_files(f, s, "", test="t10k")),
    ("kmnist", "kmnist", lambda f, s, n: forms.kmnist(f, s)),
    ("qmnist", "QMNIST/raw", lambda f, s, n: forms.qmnist(f, s)),
    ("qmnist", "", lambda f, s, n: forms.qmnist(f, s)),
    ("usps", "usps", lambda f, s, n: forms.libsvm(f, s)),
    ("usps", "USPS", lambda f, s, n: forms.usps_h5(f, s)),
    ("cifar-10", "cifar-10-batches-bin", cifar),
    *(
        (name, "", medmnist)
        for name in KNOWN
        if name.endswith("mnist") and KNOWN[name].counts is None
    ),
]


@pytest.mark.parametrize(("name", "folder", "put"), LAYOUTS)
def test_every_set_is_found_and_named_in_its_layouts(
    name, folder, put, root, small, rng
):
    sample = forms.make_sample(rng)
    if name == "emnist-letters":  # whose labels are counted from 1 to 26
        sample.train_labels = np.arange(30) % 26
    known = small(name)
    place = root / folder
    place.mkdir(parents=True, exist_ok=True)
    put(place, sample, name)
    train, test = digitnet.data.load(name)
    assert (len(train), len(test)) == (30, 10)
    assert train.classes == test.classes == known.classes
    assert train.shape == known.shape
    if name.startswith("emnist") or name in ("kmnist", "qmnist"):
        np.testing.assert_array_equal(train.images, sample.train)
        assert train.labels.tolist() == sample.train_labels.tolist()


def test_every_set_of_the_list_has_a_layout_here():
    assert {name for name, _, _ in LAYOUTS} == KNOWN.keys()


@pytest.mark.parametrize("name", KNOWN)
def test_a_set_that_is_missing_says_which_files_go_where(name, root):
    with pytest.raises(FileNotFoundError) as caught:
        digitnet.data.load(name)
    message = str(caught.value)
    assert message.startswith(f"{name}: expected {KNOWN[name].content}, in {root} and ")
    assert KNOWN[name].folders[0] in message


def test_a_set_of_other_numbers_is_refused(root, small, rng):
    small("kmnist", counts=(30, 11))
    (root / "kmnist").mkdir()
    forms.kmnist(root / "kmnist", forms.make_sample(rng))
    with pytest.raises(DataError, match=r"kmnist: expected 30 training and 11 test"):
        digitnet.data.load("kmnist")


def test_the_letters_of_emnist_are_named():
    assert "".join(KNOWN["emnist-byclass"].classes).startswith("0123456789ABC")
    assert len(KNOWN["emnist-byclass"].classes) == 62
    assert len(KNOWN["emnist-balanced"].classes) == 47
