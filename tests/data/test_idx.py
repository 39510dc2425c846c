"""IDX files: what is whole is read, what is not is refused by name."""

import gzip
import struct

import numpy as np
import pytest

import digitnet
from digitnet import DataError


def idx(array):
    """Reference implementation: the bytes of an IDX file."""
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim)
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def pair(tmp_path, rng):
    images = rng.integers(0, 256, (7, 5, 4), dtype=np.uint8)
    labels = rng.integers(0, 10, 7, dtype=np.uint8)
    (tmp_path / "images").write_bytes(idx(images))
    (tmp_path / "labels").write_bytes(idx(labels))
    return tmp_path, images, labels


def test_what_was_written_is_read(pair):
    folder, images, labels = pair
    data = digitnet.data.read_idx(folder / "images", folder / "labels")
    np.testing.assert_array_equal(data.images, images)
    np.testing.assert_array_equal(data.labels, labels)
    assert data.max_value == 255


def test_gzip_is_unpacked(pair):
    folder, images, _ = pair
    (folder / "images.gz").write_bytes(gzip.compress(idx(images)))
    data = digitnet.data.read_idx(folder / "images.gz")
    np.testing.assert_array_equal(data.images, images)
    assert data.labels is None


@pytest.mark.parametrize("at", range(16))
def test_a_changed_header_byte_is_refused(pair, at):
    folder, images, _ = pair
    corrupted = bytearray(idx(images))
    corrupted[at] ^= 0x41
    (folder / "images").write_bytes(corrupted)
    with pytest.raises(DataError, match="images: "):
        digitnet.data.read_idx(folder / "images")


def test_every_truncation_is_refused(pair):
    folder, images, _ = pair
    whole = idx(images)
    for length in range(len(whole)):
        (folder / "images").write_bytes(whole[:length])
        with pytest.raises(DataError, match="images: "):
            digitnet.data.read_idx(folder / "images")


def test_trailing_bytes_are_refused(pair):
    folder, images, _ = pair
    (folder / "images").write_bytes(idx(images) + b"x")
    with pytest.raises(DataError, match="140 bytes promised by the header, 141 found"):
        digitnet.data.read_idx(folder / "images")


def test_swapped_files_are_named(pair):
    folder, _, _ = pair
    with pytest.raises(DataError, match="labels: expected images .*swapped"):
        digitnet.data.read_idx(folder / "labels", folder / "images")


def test_counts_that_differ_are_refused(pair):
    folder, _, labels = pair
    (folder / "labels").write_bytes(idx(labels[:-1]))
    with pytest.raises(DataError, match="labels: expected 7 labels.*got 6"):
        digitnet.data.read_idx(folder / "images", folder / "labels")


def test_a_label_outside_the_classes_is_refused(pair):
    folder, _, labels = pair
    labels[3] = 10
    (folder / "labels").write_bytes(idx(labels))
    with pytest.raises(DataError, match="labels: expected labels 0 to 9, got 10"):
        digitnet.data.read_idx(folder / "images", folder / "labels")


@pytest.mark.parametrize(
    "sizes", [(0, 28, 28), (2**31, 2**31, 2**31), (1, 0, 5), (1, 4097, 1)]
)
def test_impossible_dimensions_are_refused_before_memory_is_allocated(tmp_path, sizes):
    (tmp_path / "huge").write_bytes(struct.pack(">I3I", 0x803, *sizes))
    with pytest.raises(DataError, match="huge: expected dimension"):
        digitnet.data.read_idx(tmp_path / "huge")


def test_gzip_that_inflates_without_end_is_stopped(tmp_path):
    bomb = gzip.compress(struct.pack(">I3I", 0x803, 1, 2, 2) + bytes(50_000_000))
    (tmp_path / "bomb.gz").write_bytes(bomb)
    with pytest.raises(DataError, match="bomb.gz: expected 20 bytes inside"):
        digitnet.data.read_idx(tmp_path / "bomb.gz")


@pytest.mark.parametrize("cut", [-1, -8, 30])
def test_truncated_gzip_is_refused(pair, cut):
    folder, images, _ = pair
    (folder / "i.gz").write_bytes(gzip.compress(idx(images))[:cut])
    with pytest.raises(DataError, match=r"i\.gz: "):
        digitnet.data.read_idx(folder / "i.gz")


def test_bytes_after_the_gzip_stream_are_refused(pair):
    folder, images, _ = pair
    (folder / "i.gz").write_bytes(gzip.compress(idx(images)) + b"more")
    with pytest.raises(DataError, match="bytes after its end"):
        digitnet.data.read_idx(folder / "i.gz")


def test_a_missing_file_is_pythons_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        digitnet.data.read_idx(tmp_path / "nothing")
