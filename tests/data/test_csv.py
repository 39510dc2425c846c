"""CSV files: Kaggle's, Fashion-MNIST's and UCI's, and what is wrong with others."""

import gzip

import numpy as np
import pytest

import digitnet
from digitnet import DataError


def text(images, labels=None, header=None, last=False):
    """Reference implementation: the text of a CSV file."""
    lines = [] if header is None else [header]
    for i, image in enumerate(images):
        cells = [str(v) for v in image.ravel()]
        if labels is not None:
            cells = [*cells, str(labels[i])] if last else [str(labels[i]), *cells]
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


@pytest.fixture
def sample(rng):
    images = rng.integers(0, 256, (9, 4, 4), dtype=np.uint8)
    images[:, 0, 0] = 0
    images[:, -1, -1] = 200  # so that neither end looks like labels by itself
    return images, np.arange(9) % 3


def header(first, count, start=0, last=None):
    names = [f"pixel{i}" for i in range(start, start + count)]
    return ",".join([first, *names] if last is None else [*names, last])


@pytest.mark.parametrize("start", [0, 1], ids=["kaggle", "fashion"])
def test_a_label_column_is_found_by_its_name(tmp_path, sample, start):
    images, labels = sample
    (tmp_path / "a.csv").write_text(text(images, labels, header("label", 16, start)))
    data = digitnet.data.read_csv(tmp_path / "a.csv")
    np.testing.assert_array_equal(data.images, images)
    np.testing.assert_array_equal(data.labels, labels)


def test_a_last_label_column_is_found_by_its_name(tmp_path, sample):
    images, labels = sample
    (tmp_path / "a.csv").write_text(
        text(images, labels, header("", 16, last="class"), last=True)
    )
    np.testing.assert_array_equal(
        digitnet.data.read_csv(tmp_path / "a.csv").labels, labels
    )


@pytest.mark.parametrize("last", [False, True])
def test_a_label_column_without_header_is_found_by_what_is_in_it(
    tmp_path, sample, last
):
    images, labels = sample
    (tmp_path / "a.csv").write_text(text(images, labels, last=last))
    data = digitnet.data.read_csv(tmp_path / "a.csv")
    np.testing.assert_array_equal(data.labels, labels)
    np.testing.assert_array_equal(data.images, images)


def test_kaggles_unlabelled_file_has_no_labels(tmp_path, sample):
    images, _ = sample
    (tmp_path / "test.csv").write_text(text(images, None, header("pixel", 15, 1)))
    data = digitnet.data.read_csv(tmp_path / "test.csv")
    assert data.labels is None
    np.testing.assert_array_equal(data.images, images)


def test_two_candidates_for_the_label_need_an_option(tmp_path):
    (tmp_path / "a.csv").write_text("1,0,0,0,2\n2,0,0,0,1\n")
    with pytest.raises(DataError, match="two candidates; say label='first'"):
        digitnet.data.read_csv(tmp_path / "a.csv")
    data = digitnet.data.read_csv(tmp_path / "a.csv", label="last")
    assert data.labels.tolist() == [2, 1]


def test_windows_line_ends_spaces_and_gzip_are_read(tmp_path, sample):
    images, labels = sample
    content = (
        text(images, labels).replace("\n", "\r\n").replace(",", " , ") + "\r\n\r\n"
    )
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(content.encode()))
    data = digitnet.data.read_csv(tmp_path / "a.csv.gz", label="first")
    np.testing.assert_array_equal(data.images, images)


def test_colour_and_oblong_images_have_a_shape(tmp_path, rng):
    images = rng.integers(0, 256, (3, 3, 2, 5), dtype=np.uint8)
    (tmp_path / "a.csv").write_text(text(images))
    data = digitnet.data.read_csv(tmp_path / "a.csv", label="none", shape=(3, 2, 5))
    np.testing.assert_array_equal(data.images, images)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty file"),
        ("\n\n", "empty file"),
        ("label,pixel0\n", "expected rows after the header"),
        ("1,2,3,4,x\n", "line 1 column 5: expected a whole number, got 'x'"),
        ("1,0,0,0,0\n2,0,0,0\n", "line 2: expected 5 columns, got 4"),
        ("1,0,0,0,0\n2,0,,0,0\n", "line 2 column 3: expected a whole number, got ''"),
        ("1,0,0,0,256\n2,0,0,0,7\n", "line 1 column 5: expected a pixel from 0 to 255"),
        (
            "1,0,0,0,0\n10,0,0,0,0\n",
            "line 2 column 1: expected a label from 0 to 9, got 10",
        ),
        ("1,0,0,0,-1\n", "line 1 column 5: expected a whole number, got '-1'"),
        ("1,0,0,0,1.5\n", "got '1.5'"),
        ("1,0,0,0,99999999999999999999\n", "expected a pixel from 0 to 255"),
        ("1,0,0,0\n", "expected a square number of pixel columns, got 3"),
        ("1\n", "expected pixel columns, got only labels"),
    ],
)
def test_wrong_text_is_refused_by_line_and_column(tmp_path, content, message):
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(DataError, match=message.replace("(", r"\(")):
        digitnet.data.read_csv(tmp_path / "bad.csv", label="first")


def test_binary_rubbish_is_refused(tmp_path, rng):
    (tmp_path / "bad.csv").write_bytes(rng.bytes(5000))
    with pytest.raises(DataError, match="bad.csv"):
        digitnet.data.read_csv(tmp_path / "bad.csv")


def test_unknown_words_list_the_known_ones(tmp_path):
    (tmp_path / "a.csv").write_text("1,0,0,0,0\n")
    with pytest.raises(ValueError, match="expected one of auto, first, last, none"):
        digitnet.data.read_csv(tmp_path / "a.csv", label="middle")


def test_kaggles_csv_of_mnist_gives_the_idx_files_images(mnist, tmp_path):
    train, _ = mnist
    part = train[:2000]
    (tmp_path / "train.csv").write_text(
        text(part.images, part.labels, header("label", 784))
    )
    data = digitnet.data.read_csv(tmp_path / "train.csv")
    np.testing.assert_array_equal(data.images, part.images)
    np.testing.assert_array_equal(data.labels, part.labels)


@pytest.mark.slow
def test_the_whole_of_mnist_as_kaggles_csv_is_the_idx_files(mnist, tmp_path):
    for part in mnist:
        table = np.column_stack([part.labels, part.images.reshape(len(part), -1)])
        np.savetxt(
            tmp_path / "all.csv",
            table,
            "%d",
            ",",
            header=header("label", 784),
            comments="",
        )
        data = digitnet.data.read_csv(tmp_path / "all.csv")
        np.testing.assert_array_equal(data.images, part.images)
        np.testing.assert_array_equal(data.labels, part.labels)
