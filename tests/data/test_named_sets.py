"""The named data sets, every one of them, where the files are at hand."""

import numpy as np
import pytest

import digitnet
from digitnet import DataError
from digitnet.data import download, sources
from digitnet.data.download import find_folder
from digitnet.data.sources import digits as embedded, mnist

SIZES = {
    "digits": (1438, 359, (1, 8, 8), 16),
    "fashion-mnist": (60000, 10000, (1, 28, 28), 255),
    "mnist-m": (60000, 10000, (3, 28, 28), 255),
    "mnist-m-official": (59001, 9001, (3, 32, 32), 255),
    "mnist": (60000, 10000, (1, 28, 28), 255),
    "optdigits": (3823, 1797, (1, 8, 8), 16),
    "optdigits-pooled": (4496, 1124, (1, 8, 8), 16),
    "svhn": (73257, 26032, (3, 32, 32), 255),
}


# Those that are not here are made in test_brought_sets.py.
HERE = [source.name for source in sources.all() if not source.brought]


@pytest.fixture(params=HERE)
def name(request):
    source = sources.find(request.param)
    if source.files or source.folders:
        request.getfixturevalue("data_folder")
    for folder in source.folders:
        if not find_folder(folder):
            pytest.skip(f"real data: {folder.names[0]} is not in DIGITNET_DATA")
    return request.param


def test_every_set_has_its_size_scale_and_classes(name):
    train, test = digitnet.data.load(name)
    assert (len(train), len(test), train.shape, train.max_value) == SIZES[name]
    for part in (train, test):
        assert part.images.dtype == np.uint8
        assert (part.class_counts() > 0).all()
        assert part.images.max() == part.max_value
        assert len(part.classes) == 10


def test_every_set_is_the_same_twice(name):
    first, second = digitnet.data.load(name)[0], digitnet.data.load(name)[0]
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_array_equal(first.labels, second.labels)


def test_the_embedded_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    theirs = load_digits()
    ours = embedded.whole()
    np.testing.assert_array_equal(ours.images, theirs.images)
    np.testing.assert_array_equal(ours.labels, theirs.target)
    parts = ours.split((0.8, 0.2), seed=3)
    for part, loaded in zip(parts, digitnet.data.load("digits", seed=3), strict=True):
        assert part.sha256() == loaded.sha256()
        assert repr(part) == repr(loaded)


def test_the_embedded_file_is_small_and_its_licence_stands_beside_it():
    assert embedded.PATH.stat().st_size < 60_000
    beside = embedded.PATH.with_name("digits.txt").read_text()
    assert "CC BY 4.0" in beside
    assert embedded.TEST_FILE.sha256 in beside


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-100], "whole gzip file, got a truncated one"),
        (lambda content: b"0,1\n", "expected contents of SHA-256 6ebb3d2f"),
    ],
)
def test_a_damaged_embedded_file_is_named(change, message, tmp_path, monkeypatch):
    copy = tmp_path / "digits.csv.gz"
    copy.write_bytes(change(embedded.PATH.read_bytes()))
    monkeypatch.setattr(embedded, "PATH", copy)
    with pytest.raises(DataError, match=rf"digits.csv.gz.*{message}"):
        digitnet.data.load("digits")


def test_digits_is_optdigits_test_part(data_folder):
    _, test = digitnet.data.load("optdigits")
    parts = digitnet.data.load("digits")
    rows = np.concatenate([part._rows for part in parts])
    both = np.concatenate([part.images for part in parts])[np.argsort(rows)]
    np.testing.assert_array_equal(both, test.images)


def test_brute_force_nearest_neighbour_on_optdigits_is_right_1761_times(data_folder):
    train, test = digitnet.data.load("optdigits")
    a, b = (x.images.reshape(len(x), -1).astype(float) for x in (test, train))
    distance = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    hits = (train.labels[distance.argmin(1)] == test.labels).sum()
    assert hits == 1761


def test_the_seed_of_digits_moves_the_held_out_fifth():
    first, second = (digitnet.data.load("digits", seed=s)[1]._rows for s in (0, 1))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    "place",
    [
        "MNIST/raw/{0}",
        "mnist/{1}",
        "{1}",
        "train-images.idx3-ubyte/train-images-idx3-ubyte",
    ],
)
def test_mnist_is_found_where_other_programs_put_it(place, tmp_path, monkeypatch):
    file = mnist.source().files[0]
    plain = "train-images-idx3-ubyte"
    path = tmp_path / place.format(plain, plain.replace("-idx", ".idx"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"checked elsewhere")
    monkeypatch.setenv("DIGITNET_DATA", str(tmp_path))
    monkeypatch.setattr(download, "_check", lambda file, path: None)
    assert download.find_file(file) == path


def test_keras_file_of_mnist_is_mnist(data_folder, tmp_path, monkeypatch):
    train, test = digitnet.data.load("mnist")
    arrays = {
        "x_train": train.images,
        "y_train": train.labels.astype(np.uint8),
        "x_test": test.images,
        "y_test": test.labels.astype(np.uint8),
    }
    np.savez(tmp_path / "mnist.npz", **arrays)
    monkeypatch.setenv("DIGITNET_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert mnist.source().here()
    again = digitnet.data.load("mnist")
    assert [part.sha256() for part in again] == [train.sha256(), test.sha256()]
    arrays["y_test"] = arrays["y_test"][::-1]
    np.savez(tmp_path / "mnist.npz", **arrays)
    with pytest.raises(
        DataError, match="expected the numbers of t10k-labels-idx1-ubyte"
    ):
        digitnet.data.load("mnist")
