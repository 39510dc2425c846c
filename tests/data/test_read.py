"""`read` and `load` of paths: whatever form the data of people have."""

import contextlib
import shutil
import warnings
import zipfile

import numpy as np
import pytest
from reference.data_forms import FORMS, make_sample, png

import digitnet
from digitnet import DataError
from digitnet.data import load, read


@pytest.fixture
def sample(rng):
    return make_sample(rng)


def in_order(data):
    """Images of 0 to 255 and labels, sorted by image: folders have an order of their own."""
    images = np.rint(data.to_nchw()[:, 0] * (255 / data.max_value)).astype(np.uint8)
    order = np.lexsort(images.reshape(len(images), -1).T)
    names = np.array([int(data.classes[label]) % 10 for label in data.labels])
    return images[order], names[order]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_gives_the_pixels_and_labels_of_both_parts(form, sample, tmp_path):
    found = load(form(tmp_path, sample))
    expected = (
        digitnet.Dataset(sample.train, sample.train_labels),
        digitnet.Dataset(sample.test, sample.test_labels),
    )
    for part, right in zip(found, expected, strict=True):
        images, labels = in_order(part)
        right_images, right_labels = in_order(right)
        np.testing.assert_array_equal(images, right_images)
        if form.__name__ == "libsvm":  # its classes are counted from 1
            labels = (labels - 1) % 10
        np.testing.assert_array_equal(labels, right_labels)
    assert found[0].classes == found[1].classes
    assert found[0].max_value == found[1].max_value


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_part_that_is_asked_for_has_the_classes_of_all(form, sample, tmp_path):
    path = form(tmp_path, sample)
    test = read(path, part="test")
    assert len(test) == len(sample.test)
    assert test.classes == load(path)[0].classes


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_images_are_brought_to_a_size(form, sample, tmp_path):
    small = read(form(tmp_path, sample), size=(6, 5))
    assert small.shape == (1, 6, 5)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_zip_of_every_form_is_the_same(form, sample, tmp_path):
    (tmp_path / "a").mkdir()
    path = form(tmp_path / "a", sample)
    packed = shutil.make_archive(str(tmp_path / "b"), "zip", path.parent, path.name)
    for ours, theirs in zip(load(packed), load(path), strict=True):
        np.testing.assert_array_equal(in_order(ours)[0], in_order(theirs)[0])
        np.testing.assert_array_equal(in_order(ours)[1], in_order(theirs)[1])


def test_of_several_parts_the_first_is_taken_and_said(sample, tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x_train=sample.train, x_test=sample.test)
    with pytest.warns(UserWarning, match=r"took the part 'train'; part='test' reads"):
        assert len(read(path)) == len(sample.train)
    with pytest.raises(DataError, match=r"expected a part 'valid', got train, test"):
        read(path, part="valid")
    with pytest.raises(ValueError, match="unknown part 'tset'"):
        read(path, part="tset")


def test_without_a_part_for_tests_the_same_stratified_fifth_is_held_out(
    sample, tmp_path
):
    path = tmp_path / "a.npz"
    np.savez(path, images=sample.train, labels=sample.train_labels)
    with pytest.warns(UserWarning, match=r"a stratified fifth \(6 of 30, seed 3\)"):
        train, test = load(path, seed=3)
    assert test.class_counts().max() == 1
    with pytest.warns(UserWarning, match="held out"):
        again = load(path, seed=3)
    assert again[1].sha256() == test.sha256()
    assert len(train) + len(test) == 30


def test_a_part_without_labels_is_left_aside_and_said(sample, tmp_path):
    header = "label," + ",".join(f"p{i}" for i in range(144))
    rows = [",".join(map(str, image.ravel())) for image in sample.train]
    labelled = "\n".join(
        f"{label},{row}" for label, row in zip(sample.train_labels, rows, strict=True)
    )
    (tmp_path / "train.csv").write_text(f"{header}\n{labelled}")
    (tmp_path / "test.csv").write_text("\n".join([header[6:], *rows]))
    with (
        pytest.warns(UserWarning, match="held out"),
        pytest.warns(UserWarning, match=r"part 'test' has no labels and is left aside"),
    ):
        train, test = load(tmp_path)
    assert len(train) + len(test) == 30
    assert read(tmp_path, part="test").labels is None


def test_the_warning_points_at_the_line_of_the_caller(sample, tmp_path):
    np.savez(tmp_path / "a.npz", x_train=sample.train, x_test=sample.test)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read(tmp_path / "a.npz")
    assert [warning.filename for warning in caught] == [__file__]


# -- arrays ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "layout",
    [
        lambda a: a,
        lambda a: a.transpose(0, 2, 3, 1),
        lambda a: a.transpose(2, 3, 1, 0),
        lambda a: a.astype(np.float64) / 255,
        lambda a: a.astype(np.float32) / 127.5 - 1,
        lambda a: a.astype(np.int64),
        lambda a: a.reshape(len(a), -1).astype(np.uint16),
    ],
)
def test_images_in_colour_come_in_any_layout_and_range(layout, rng, tmp_path):
    images = rng.integers(0, 256, (20, 3, 8, 8), dtype=np.uint8)
    images[0, 0, 0, :2] = 0, 255
    path = tmp_path / "a.npz"
    np.savez(path, images=layout(images), labels=np.arange(20) % 5)
    data = read(path)
    if data.shape == (1, 192, 1) or data.shape[0] == 1:
        pytest.fail(f"read as {data.shape}")
    pixels = np.rint(data.images * (255 / data.max_value)).astype(np.uint8)
    np.testing.assert_array_equal(pixels, images)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.arange(6) % 3, ("0", "1", "2")),
        (np.eye(3)[np.arange(6) % 3], ("0", "1", "2")),
        (np.eye(3, dtype=bool)[np.arange(6) % 3], ("0", "1", "2")),
        ((np.arange(6) % 3)[:, None].astype(np.float32), ("0", "1", "2")),
        (np.array(["ant", "bee", "cat"] * 2), ("ant", "bee", "cat")),
        (
            np.array([b"item 9", b"item 10", b"item 11"] * 2),
            ("item 9", "item 10", "item 11"),
        ),
        (np.arange(6) % 3 + 20, ("20", "21", "22")),
    ],
)
def test_labels_come_as_people_have_them(labels, classes, rng, tmp_path):
    images = rng.integers(0, 256, (6, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=labels)
    data = read(tmp_path / "a.npz")
    assert data.classes == classes
    assert data.labels.tolist() == [0, 1, 2] * 2


def test_truth_values_are_two_classes(rng, tmp_path):
    images = rng.integers(0, 256, (4, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=[True, False, False, True])
    data = read(tmp_path / "a.npz")
    assert data.classes == ("False", "True")
    assert data.labels.tolist() == [1, 0, 0, 1]


def test_an_array_is_named_as_the_label(sample, tmp_path):
    path = tmp_path / "a.npz"
    np.savez(
        path,
        images=sample.train,
        labels=sample.train_labels,
        writer_labels=sample.train_labels[::-1],
    )
    with pytest.raises(DataError, match="expected one array of labels, got labels, wr"):
        read(path)
    assert read(path, label="labels").labels.tolist() == sample.train_labels.tolist()
    other = read(path, label="writer_labels")
    assert other.labels.tolist() == sample.train_labels[::-1].tolist()
    with pytest.raises(DataError, match=r"expected label among the arrays images"):
        read(path, label="nothing")
    assert read(path, label="none").labels is None


def test_numbers_about_a_file_are_no_arrays_of_it(sample, tmp_path):
    np.savez(tmp_path / "a.npz", images=sample.train, labels=np.int64(7), seed=3)
    assert read(tmp_path / "a.npz").labels is None


def test_svhns_class_10_is_the_digit_0(rng, tmp_path):
    import scipy.io

    images = rng.integers(0, 256, (32, 32, 3, 20), dtype=np.uint8)
    path = tmp_path / "train_32x32.mat"
    scipy.io.savemat(path, {"X": images, "y": (np.arange(20) % 10 + 1)[:, None]})
    data = read(path)
    assert data.shape == (3, 32, 32)
    assert [data.classes[k] for k in data.labels[:10]] == [*"1234567890"]
    np.testing.assert_array_equal(data.images, images.transpose(3, 2, 0, 1))


def test_cifars_batches_are_one_set(rng, tmp_path):
    pixels = rng.integers(0, 256, (6, 3072), dtype=np.uint8)
    labels = np.arange(6, dtype=np.uint8)
    for i, rows in enumerate(np.split(np.column_stack([labels, pixels]), 3), 1):
        (tmp_path / f"data_batch_{i}.bin").write_bytes(rows.tobytes())
    (tmp_path / "test_batch.bin").write_bytes(
        np.r_[9, pixels[0]].astype("u1").tobytes()
    )
    (tmp_path / "batches.meta.txt").write_text("airplane\nautomobile\n")
    train, test = load(tmp_path)
    np.testing.assert_array_equal(train.images, pixels.reshape(6, 3, 32, 32))
    assert train.labels.tolist() == [*range(6)]
    assert test.classes[test.labels[0]] == "truck"


def test_letters_of_emnist_have_their_names(rng, tmp_path):
    import scipy.io

    images = rng.integers(0, 256, (26, 12, 12), dtype=np.uint8)
    part = {
        "images": images.swapaxes(1, 2).reshape(26, -1),
        "labels": np.arange(1, 27)[:, None],
    }
    mapping = np.array([[k + 1, 65 + k, 97 + k] for k in range(26)])
    path = tmp_path / "emnist-letters.mat"
    scipy.io.savemat(
        path, {"dataset": {"train": part, "test": part, "mapping": mapping}}
    )
    train, _ = load(path)
    assert "".join(train.classes) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert train.labels.tolist() == [*range(26)]


# -- what is refused -------------------------------------------------------------


def pickled(path, sample):
    import pickle

    path.write_bytes(pickle.dumps((sample.train, sample.train_labels)))


def objects(path, sample):
    np.save(path.with_suffix(".npy"), np.array([{"a": 1}, 2], dtype=object))
    path.with_suffix(".npy").rename(path)


def picture(path, sample):
    path.write_bytes(png(sample.train[0]))


def several_sets(path, sample):
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("ants", "bees"):
            rows = [",".join(map(str, image.ravel())) for image in sample.train]
            archive.writestr(f"{name}.csv", "\n".join(rows))


def unequal_halves(path, sample):
    np.savez(path.with_suffix(".npz"), images=sample.train, labels=sample.test_labels)
    path.with_suffix(".npz").rename(path)


def labels_alone(path, sample):
    np.save(path.with_suffix(".npy"), sample.train_labels)
    path.with_suffix(".npy").rename(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (pickled, "a pickle, which only running its code would read; save the arrays"),
        (objects, "expected numbers or texts, got object, which would run code"),
        (picture, "expected a data set, got one picture; give the folder of all"),
        (several_sets, "expected one data set, got files of several: .*ants.*bees"),
        (unequal_halves, r"expected 30 labels, one an image, got 10"),
        (labels_alone, "expected images, got labels alone"),
        (lambda path, _: path.write_bytes(b""), "got an empty file"),
        (
            lambda path, _: path.write_bytes(b"%PDF-1.4"),
            "a PDF document; save its pages",
        ),
        (
            lambda path, _: path.write_bytes(b"\0\1\2\3" * 9),
            "expected a file of IDX, NumPy",
        ),
        (lambda path, _: path.mkdir(), "expected a data set, got no files"),
    ],
)
def test_what_is_no_data_set_is_named_and_says_what_to_do(
    make, message, sample, tmp_path
):
    path = tmp_path / "thing"
    make(path, sample)
    with pytest.raises(DataError, match=rf"thing.*{message}"):
        read(path)


@pytest.mark.parametrize("cut", ["shape': (30", "(30, 12", "}", "'fortran"])
def test_a_header_of_numpys_that_ends_anywhere_is_refused(cut, sample, tmp_path):
    np.save(tmp_path / "a.npy", sample.train)
    content = (tmp_path / "a.npy").read_bytes()
    at = content.index(cut.encode())
    for damaged in (
        content[:at] + b" " * (128 - at) + content[128:],
        content[:at] + b"[" + content[at + 1 :],
    ):
        (tmp_path / "a.npy").write_bytes(damaged)
        with pytest.raises(
            DataError, match=r"a\.npy: expected an array of numpy\.save"
        ):
            read(tmp_path / "a.npy")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_damage_of_every_form_is_a_data_error_or_read(form, sample, tmp_path, rng):
    """Any byte may be another, any end may be missing: never another exception."""
    path = form(tmp_path, sample)
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    for _ in range(12):
        file = files[rng.integers(len(files))]
        content = file.read_bytes()
        damaged = bytearray(content)
        if rng.random() < 0.5:
            damaged[rng.integers(len(damaged)) :] = b""
        else:
            for _ in range(3):
                damaged[rng.integers(min(len(damaged), 600))] = rng.integers(256)
        file.write_bytes(damaged)
        with contextlib.suppress(DataError):
            read(path, part="train")
        file.write_bytes(content)


def test_options_that_mean_nothing_are_refused(sample, tmp_path):
    np.save(tmp_path / "a.npy", sample.train)
    for options, message in (
        ({"size": (8,)}, r"read.size: expected \(height, width\), got \(8,\)"),
        ({"size": (8, 0)}, "read.size: expected a whole number from 1 to 1024, got 0"),
        ({"fit": "squeeze"}, "unknown fit 'squeeze'; known: stretch, pad, crop"),
        ({"classes": 1}, "read.classes: expected a whole number from 2"),
        ({"classes": ["a", "a"]}, "read.classes: expected different names"),
    ):
        with pytest.raises(ValueError, match=message):
            read(tmp_path / "a.npy", **options)


def test_nothing_at_a_path_and_no_name_are_told_apart(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="expected a file or a folder, got nothing"
    ):
        load(tmp_path / "nothing.csv")
    with pytest.raises(ValueError, match="unknown data set 'mnsit'; known: digits"):
        load("mnsit")
