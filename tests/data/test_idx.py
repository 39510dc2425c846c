"""IDX files: what is whole is read, what is not is refused by name."""

import bz2
import gzip
import lzma
import struct

import numpy as np
import pytest
from data.test_csv import as_zip

import digitnet
from digitnet import DataError

TYPES = {
    np.dtype(name): code
    for name, code in (
        *(("u1", 8), ("i1", 9), ("i2", 11)),
        *(("i4", 12), ("f4", 13), ("f8", 14)),
    )
}


def idx(array):
    """Reference implementation: the bytes of an IDX file."""
    header = struct.pack(
        ">BBBB", 0, 0, TYPES[array.dtype.newbyteorder("=")], array.ndim
    )
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return header + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


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
        digitnet.data.read_idx(folder / "images", folder / "labels", classes=10)


@pytest.mark.parametrize("kind", TYPES, ids=str)
@pytest.mark.parametrize("channels", [None, 3])
def test_images_of_every_type_are_read(kind, channels, rng, tmp_path):
    shape = (6, 5, 4) if channels is None else (6, channels, 5, 4)
    images = rng.integers(0, 128, shape, dtype=np.uint8)
    (tmp_path / "images").write_bytes(idx(images.astype(kind)))
    data = digitnet.data.read_idx(tmp_path / "images")
    assert data.images.dtype == np.uint8 and data.max_value == 255
    np.testing.assert_array_equal(data.images, images)


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_fractions_and_pixels_from_minus_one_are_read(kind, rng, tmp_path):
    images = rng.integers(0, 256, (6, 5, 4)) / 255
    for written in (images, images * 2 - 1):
        (tmp_path / "images").write_bytes(idx(written.astype(kind)))
        data = digitnet.data.read_idx(tmp_path / "images")
        np.testing.assert_allclose(data.images, images, atol=1e-6)
        assert (data.images.dtype, data.max_value) == (np.float32, 1)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        ([[[-0.4, 2.8]]], "got -0.4 to 2.8; are they standardised"),
        ([[[0.0, np.nan]]], "expected finite numbers"),
        ([[[0.0, 300.0]]], "got up to 300; if that is right, give max_value"),
    ],
)
def test_other_numbers_are_refused(pixels, message, tmp_path):
    (tmp_path / "images").write_bytes(idx(np.array(pixels, "f4")))
    with pytest.raises(DataError, match=f"^images: .*{message}"):
        digitnet.data.read_idx(tmp_path / "images")


def test_numbers_of_16_bits_have_a_max_value(tmp_path):
    (tmp_path / "images").write_bytes(idx(np.array([[[0, 4095]]], "i2")))
    data = digitnet.data.read_idx(tmp_path / "images", max_value=4095)
    assert data.images.tolist() == [[[0.0, 4095.0]]]


@pytest.mark.parametrize("kind", ["u1", "i4"])
def test_the_first_of_qmnists_columns_is_the_class(kind, pair):
    folder, _, labels = pair
    columns = np.column_stack([labels, *[np.arange(7) + k for k in range(7)]])
    (folder / "labels").write_bytes(idx(columns.astype(kind)))
    data = digitnet.data.read_idx(folder / "images", folder / "labels")
    np.testing.assert_array_equal(data.labels, labels)


def test_classes_follow_the_labels_if_none_are_given(pair):
    folder, _, _ = pair
    (folder / "labels").write_bytes(idx(np.array([1, 2, 26, 1, 1, 2, 26], "u1")))
    data = digitnet.data.read_idx(folder / "images", folder / "labels")
    assert data.classes == ("1", "2", "26") and data.labels[2] == 2


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, as_zip])
def test_a_packed_file_is_known_by_its_content(pack, pair):
    folder, images, labels = pair
    (folder / "images").write_bytes(pack(idx(images)))
    (folder / "labels").write_bytes(pack(idx(labels)))
    data = digitnet.data.read_idx(folder / "images", folder / "labels")
    np.testing.assert_array_equal(data.images, images)
    np.testing.assert_array_equal(data.labels, labels)


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
