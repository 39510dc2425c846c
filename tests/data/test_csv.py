"""CSV files: Kaggle's, Fashion-MNIST's and UCI's, and what is wrong with others."""

import bz2
import gzip
import io
import lzma
import re
import zipfile

import numpy as np
import pandas as pd
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
        ("1,2,3,4,x\n", "expected numbers beside the label, got text in column 5"),
        ("1,2,3,4,5\n1,2,3,4,x\n", "line 2 column 5: expected a number, got 'x'"),
        ("1,0,0,0,0\n2,0,0,0\n", "line 2: expected 5 columns, got 4"),
        ("1,0,0,0,0\n2,0,,0,0\n", "line 2 column 3: expected a number, got ''"),
        ("1,0,0,0,256\n2,0,0,0,7\n", "line 1 column 5: expected a pixel from 0 to 255"),
        (
            "1,0,0,0,0\n10,0,0,0,0\n",
            "line 2: expected a label from 0 to 9, got '10'",
        ),
        (
            "1,0,0,0,-2\n",
            "line 1 column 5: expected pixels from 0 to 255, 0 to 1 or -1",
        ),
        ("1,0,0,0,nan\n", "text in column 5"),
        ("1.5,0,0,0,1\n", "line 1: expected a label that is a whole number, got '1.5'"),
        ("1,0,0,0,99999999999999999999\n", "expected a pixel from 0 to 255"),
        ("1,0,0,0\n", "expected a square number of pixel columns, got 3"),
        ("1\n", "expected pixel columns, got only labels"),
    ],
)
def test_wrong_text_is_refused_by_line_and_column(tmp_path, content, message):
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(DataError, match=message.replace("(", r"\(")):
        digitnet.data.read_csv(tmp_path / "bad.csv", label="first", classes=10)


def test_binary_rubbish_is_refused(tmp_path, rng):
    (tmp_path / "bad.csv").write_bytes(rng.bytes(5000))
    with pytest.raises(DataError, match="bad.csv"):
        digitnet.data.read_csv(tmp_path / "bad.csv")


def test_a_label_column_that_is_not_there_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("1,0,0,0,0\n")
    with pytest.raises(DataError, match="expected a column 'middle', got no header"):
        digitnet.data.read_csv(tmp_path / "a.csv", label="middle")
    with pytest.raises(
        DataError, match="expected a label column from 0 to 4 or from -1"
    ):
        digitnet.data.read_csv(tmp_path / "a.csv", label=5)
    (tmp_path / "a.csv").write_text("a,b,c,d,e\n1,0,0,0,0\n")
    with pytest.raises(DataError, match="'middle', got 'a', 'b', 'c', 'd', ..."):
        digitnet.data.read_csv(tmp_path / "a.csv", label="middle")


# -- the forms that people have ----------------------------------------------------


def as_utf16(content):
    return content.decode().encode("utf-16")


def as_zip(content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.csv", content)
        archive.writestr("__MACOSX/._train.csv", b"of a Mac")
        archive.writestr(".hidden", b"")
    return stream.getvalue()


FORMS = {
    "plain": lambda t: t,
    "semicolons": lambda t: t.replace(b",", b";"),
    "tabs": lambda t: t.replace(b",", b"\t"),
    "blanks": lambda t: t.replace(b",", b"  "),
    "quotes": lambda t: re.sub(rb"([^,\n]+)", rb'"\1"', t),
    "decimals": lambda t: re.sub(rb"\b(\d+)\b(?=[,\n])", rb"\1.0", t),
    "decimal commas": lambda t: (
        re.sub(rb"(?m)(\d+)(?=[,\n])", rb"\1|0", t)
        .replace(b",", b";")
        .replace(b"|", b",")
    ),
    "a byte order mark": lambda t: b"\xef\xbb\xbf" + t,
    "UTF-16": as_utf16,
    "Windows' line ends": lambda t: t.replace(b"\n", b"\r\n"),
    "old Macs' line ends": lambda t: t.replace(b"\n", b"\r"),
    "a delimiter behind each row": lambda t: t.replace(b"\n", b",\n"),
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "bzip2 by several cores": lambda t: bz2.compress(t[:99]) + bz2.compress(t[99:]),
    "xz": lzma.compress,
    "zip": as_zip,
}


@pytest.mark.parametrize("headed", [False, True], ids=["no header", "header"])
@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_the_same_in_whatever_form(form, headed, sample, tmp_path):
    images, labels = sample
    if form == "decimals" and headed:
        pytest.skip("numbers in names would be changed, too")
    plain = text(images, labels, header("label", 16) if headed else None).encode()
    (tmp_path / "table").write_bytes(FORMS[form](plain))
    data = digitnet.data.read_csv(tmp_path / "table")
    np.testing.assert_array_equal(data.images, images)
    np.testing.assert_array_equal(data.labels, labels)
    assert (data.max_value, data.images.dtype, len(data.classes)) == (255, np.uint8, 3)


@pytest.mark.parametrize("place", [0, 5, 16])
@pytest.mark.parametrize("numbered", [False, True], ids=["", "numbered rows"])
def test_frames_of_pandas_are_read_as_they_are_saved(place, numbered, sample, tmp_path):
    images, labels = sample
    names = np.array(["shirt", "bag", "ankle boot"])
    frame = pd.DataFrame(images.reshape(9, 16) / 255)
    frame.insert(place, "clothing", names[labels])
    frame.to_csv(tmp_path / "frame.csv", index=numbered)
    data = digitnet.data.read_csv(tmp_path / "frame.csv")
    np.testing.assert_allclose(data.images, images / 255, rtol=1e-6)
    assert data.classes == ("ankle boot", "bag", "shirt")
    assert [data.classes[k] for k in data.labels] == names[labels].tolist()
    assert data.named and data.max_value == 1


def test_numpys_texts_are_read(sample, tmp_path):
    images, labels = sample
    table = np.column_stack([labels, images.reshape(9, 16)])
    names = header("label", 16).replace(",", ";")
    for options in ({}, {"delimiter": ","}, {"delimiter": ";", "header": names}):
        np.savetxt(tmp_path / "a.txt", table, **options)
        data = digitnet.data.read_csv(tmp_path / "a.txt")
        np.testing.assert_array_equal(data.images, images)
        np.testing.assert_array_equal(data.labels, labels)


def test_scikit_learns_libsvm_files_are_read(sample, tmp_path):
    datasets = pytest.importorskip("sklearn.datasets")
    images, labels = sample
    images[0, 0, 0] = 9  # stands at place 0 where places count from there
    flat = images.reshape(9, 16).astype(float)
    for zero_based in (False, True):
        datasets.dump_svmlight_file(
            flat, labels, str(tmp_path / "a.svm"), zero_based=zero_based
        )
        data = digitnet.data.read_csv(tmp_path / "a.svm")
        np.testing.assert_array_equal(data.images, images)
        np.testing.assert_array_equal(data.labels, labels)


def test_pixels_from_minus_one_become_zero_to_one(sample, tmp_path):
    images, labels = sample
    scaled = images / 127.5 - 1
    np.savetxt(tmp_path / "a.csv", scaled.reshape(9, 16), delimiter=",", fmt="%.8g")
    data = digitnet.data.read_csv(tmp_path / "a.csv")
    np.testing.assert_allclose(data.images, images / 255, atol=1e-6)
    assert data.max_value == 1 and data.labels is None


def test_standardised_pixels_are_refused(sample, tmp_path):
    images, _ = sample
    flat = images.reshape(9, 16).astype(float)
    np.savetxt(tmp_path / "a.csv", (flat - flat.mean()) / flat.std(), delimiter=",")
    with pytest.raises(DataError, match="are they standardised"):
        digitnet.data.read_csv(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("labels", "classes", "read"),
    [
        ([0, 1, 2, 1], 3, [0, 1, 2, 1]),
        ([3, 1, 7, 7], 10, [3, 1, 7, 7]),  # some of the digits
        ([1, 26, 3, 1], ("1", "3", "26"), [0, 2, 1, 0]),
        (["b10", "b9", "a", "a"], ("a", "b9", "b10"), [2, 1, 0, 0]),
        ([-1, 1, 1, -1], ("-1", "1"), [0, 1, 1, 0]),
        ([True, False, True, True], ("False", "True"), [1, 0, 1, 1]),
        ([1.0, 0.0, 2.0, 2.0], 3, [1, 0, 2, 2]),
    ],
)
def test_classes_follow_the_labels(labels, classes, read, tmp_path):
    rows = "".join(f"{label},0,1,2,3\n" for label in labels)
    (tmp_path / "a.csv").write_text(rows)
    data = digitnet.data.read_csv(tmp_path / "a.csv", label=0)
    if isinstance(classes, int):
        assert (len(data.classes), data.named) == (classes, False)
    else:
        assert (data.classes, data.named) == (classes, True)
    assert data.labels.tolist() == read


def test_names_that_are_given_decide_the_order_of_texts(tmp_path):
    (tmp_path / "a.csv").write_text("cat,0,1,2,3\ndog,0,1,2,3\n")
    data = digitnet.data.read_csv(tmp_path / "a.csv", classes=["dog", "ant", "cat"])
    assert data.labels.tolist() == [2, 0]
    with pytest.raises(DataError, match="expected labels among ant, cat, got dog"):
        digitnet.data.read_csv(tmp_path / "a.csv", classes=["ant", "cat"])
    with pytest.raises(DataError, match="expected a label from 0 to 9, got 'cat'"):
        digitnet.data.read_csv(tmp_path / "a.csv", classes=10)


def test_a_leading_tab_is_an_empty_cell(tmp_path):
    (tmp_path / "a.tsv").write_text(
        "\tpet\ta\tb\tc\td\n0\tdog\t0\t1\t2\t3\n1\tcat\t0\t1\t2\t3\n"
    )
    data = digitnet.data.read_csv(tmp_path / "a.tsv")
    assert data.labels.tolist() == [1, 0] and data.images[0].tolist() == [
        [0, 1],
        [2, 3],
    ]


@pytest.mark.parametrize("name", ["a\0b", "a\x1b[31m", "\u202eb", "c" * 1001])
def test_labels_that_a_terminal_would_obey_are_refused(name, tmp_path):
    (tmp_path / "a.csv").write_text(f"{name},0,1,2,3\ncat,0,1,2,3\n")
    with pytest.raises(DataError, match="a.csv: expected"):
        digitnet.data.read_csv(tmp_path / "a.csv")


def test_another_way_of_reading_is_said(tmp_path):
    ramp = ",".join(map(str, range(64)))
    (tmp_path / "a.csv").write_text(f"{ramp}\n{ramp.replace('0', '7')}\n")
    with pytest.warns(UserWarning, match="counts the columns .* header=False says"):
        assert len(digitnet.data.read_csv(tmp_path / "a.csv")) == 1
    assert len(digitnet.data.read_csv(tmp_path / "a.csv", header=False)) == 2
    rows = [f"{i},{i % 7},0,{i * 3},0,{i}\n" for i in range(50)]
    (tmp_path / "b.csv").write_text("".join(rows))
    with pytest.warns(UserWarning, match="column 1 counts the rows and is left out"):
        data = digitnet.data.read_csv(tmp_path / "b.csv", label=1)
    assert data.labels.tolist() == [i % 7 for i in range(50)]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_damaged_container_is_named(pack, sample, tmp_path):
    packed = pack(text(*sample).encode())
    for damage in (packed[:-9], packed[: len(packed) // 2], packed + b"more"):
        (tmp_path / "a.csv").write_bytes(damage)
        with pytest.raises(DataError, match=r"^a.csv: expected"):
            digitnet.data.read_csv(tmp_path / "a.csv")


def test_archives_of_several_files_or_with_a_password_are_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("train.csv", "1")
        archive.writestr("test.csv", "1")
    with pytest.raises(DataError, match=r"got 2 \(train.csv, test.csv\); unzip it"):
        digitnet.data.read_csv(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip", "w"):
        pass
    with pytest.raises(DataError, match="expected one file in the archive, got 0"):
        digitnet.data.read_csv(tmp_path / "a.zip")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_unpacks_without_end_is_refused(pack, tmp_path):
    (tmp_path / "a.csv").write_bytes(pack(b"1,\n" * 2**24))
    with pytest.raises(DataError, match="expected at most .* bytes inside a .* file"):
        digitnet.data.read_csv(tmp_path / "a.csv")


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
