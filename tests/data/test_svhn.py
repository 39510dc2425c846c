"""SVHN's MATLAB files: read whole, or refused by the field that is wrong."""

import numpy as np
import pytest
from scipy.io import savemat

import digitnet
from digitnet import DataError
from digitnet.data import read_svhn


@pytest.fixture
def written(tmp_path, rng):
    """Writes a file with these fields in the place of the right ones."""
    right = {
        "X": rng.integers(0, 256, (32, 32, 3, 7), dtype=np.uint8),
        "y": np.array([[1], [2], [10], [4], [5], [6], [9]], np.uint8),
    }

    def write(name="test_32x32.mat", **changes):
        fields = {k: v for k, v in (right | changes).items() if v is not None}
        savemat(tmp_path / name, fields, do_compression=True)
        return tmp_path / name, right

    return write


def test_images_stand_upright_and_ten_is_nought(written):
    path, right = written()
    data = read_svhn(path)
    assert (len(data), data.shape, data.max_value) == (7, (3, 32, 32), 255)
    assert data.labels.tolist() == [1, 2, 0, 4, 5, 6, 9]
    image, _ = data[3]
    np.testing.assert_array_equal(image, right["X"][..., 3].transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": None}, r"\.mat: expected a field X, got y"),
        ({"X": np.zeros((32, 32, 7), np.uint8)}, r"X: expected shape \(32, 32, 3, N\)"),
        ({"X": np.zeros((32, 32, 3, 7))}, "X: expected uint8 numbers"),
        ({"y": np.arange(1, 7)[:, None]}, "y: expected 7 labels, one an image"),
        ({"y": np.arange(7)[:, None]}, "y: expected labels from 1 to 10"),
        ({"y": np.full((7, 1), 1.5)}, "y: expected labels from 1 to 10"),
        ({"y": np.array(["a"] * 7)}, r"y: expected"),
    ],
)
def test_wrong_fields_are_named(written, changes, message):
    with pytest.raises(DataError, match=message):
        read_svhn(written(**changes)[0])


def test_a_corrupt_file_never_crashes(written, rng):
    path, _ = written()
    whole = path.read_bytes()
    for length in (0, 1, 100, 127, 140, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=path.name):
            read_svhn(path)
    for _ in range(200):
        corrupted = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            corrupted[place] = rng.integers(256)
        path.write_bytes(corrupted)
        try:
            assert len(read_svhn(path)) == 7
        except DataError as error:
            assert path.name in str(error)
    with pytest.raises(FileNotFoundError):
        read_svhn(path.with_name("none.mat"))


def test_the_named_set_reads_what_the_user_brings(written, tmp_path, monkeypatch):
    folder = tmp_path / "svhn"
    folder.mkdir()
    for part in ("train", "test"):
        written(f"{part}_32x32.mat")[0].rename(folder / f"{part}_32x32.mat")
    monkeypatch.setenv("DIGITNET_DATA", str(tmp_path))
    train, test = digitnet.data.load("svhn")
    assert (len(train), test.name) == (7, "svhn test")
    monkeypatch.setenv("DIGITNET_DATA", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(FileNotFoundError, match="svhn: expected a folder of train_32"):
        digitnet.data.load("svhn")
