"""The CSV files of Kaggle: written as Kaggle writes them, read back, labels detected."""

import gzip

import numpy as np
import pytest

import digitnet
from digitnet import Dataset, preprocess
from digitnet.experiments.context import Context
from digitnet.papers.kaggle_cnn import data as kaggle_data, settings, training


@pytest.fixture
def context(tmp_path):
    return Context(tmp_path / "run", "quick", "honest", [0])


def some(count, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
    return Dataset(images, rng.integers(0, 10, count), max_value=255)


@pytest.mark.parametrize(("first", "name"), [(0, "a.csv"), (1, "a.csv.gz")])
def test_rows_are_read_back_as_they_were_written(tmp_path, first, name):
    data = some(12)
    kaggle_data.write_csv(data, tmp_path / name, first=first)
    content = (tmp_path / name).read_bytes()
    text = (gzip.decompress(content) if name.endswith("gz") else content).decode()
    header = text.splitlines()[0].split(",")
    assert header == ["label", *(f"pixel{i + first}" for i in range(784))]
    again = digitnet.data.read_csv(tmp_path / name)
    np.testing.assert_array_equal(again.images, data.images)
    np.testing.assert_array_equal(again.labels, data.labels)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_the_competition_keeps_its_labels(tmp_path):
    data = some(5)
    kaggle_data.write_csv(data, tmp_path / "test.csv", labels=False)
    again = digitnet.data.read_csv(tmp_path / "test.csv")
    assert again.labels is None
    np.testing.assert_array_equal(again.images, data.images)


def test_rows_are_drawn_with_kaggles_class_counts(data_folder):
    train, test = digitnet.data.load("mnist")
    pool = train.joined(test)
    labelled, rest = kaggle_data.competition(pool)
    assert (len(labelled), len(rest)) == (42_000, 28_000)
    assert labelled.class_counts().tolist() == list(kaggle_data.COUNTS)
    counts = labelled.class_counts() + rest.class_counts()
    np.testing.assert_array_equal(counts, pool.class_counts())
    seen = {image.tobytes() for image in labelled.images}
    assert not any(image.tobytes() in seen for image in rest.images[:2000])
    again, _ = kaggle_data.competition(pool)
    np.testing.assert_array_equal(again.labels, labelled.labels)


@pytest.fixture
def kaggle_is_here(data_folder, tmp_path, monkeypatch):
    """Kaggle's two files of digits beside MNIST, 300 rows and 200."""
    root = tmp_path / "data"
    (root / "digit-recognizer").mkdir(parents=True)
    (root / "mnist").symlink_to(data_folder / "mnist")
    train, test = digitnet.data.load("mnist")
    kaggle_data.write_csv(train[:300], root / "digit-recognizer" / "train.csv")
    test_rows = train[5000:5100].joined(test[:100])
    path = root / "digit-recognizer" / "test.csv"
    kaggle_data.write_csv(test_rows, path, labels=False)
    monkeypatch.setenv("DIGITNET_DATA", str(root))
    return train[:300], test_rows, path


def test_kaggles_files_are_read_and_their_labels_recovered(kaggle_is_here, context):
    expected, test_rows, _ = kaggle_is_here
    train, test = kaggle_data.sets(context, "digits")
    np.testing.assert_array_equal(train.labels, expected.labels)
    np.testing.assert_array_equal(test.images, test_rows.images)
    np.testing.assert_array_equal(test.labels, test_rows.labels)
    assert not (context.out / "data").exists()


def test_half_of_kaggles_files_is_not_enough(kaggle_is_here, context):
    kaggle_is_here[2].unlink()
    with pytest.raises(
        FileNotFoundError, match=r"expected train.csv and test.csv, got"
    ):
        kaggle_data.sets(context, "digits")


def test_images_that_are_not_mnists_have_no_label(kaggle_is_here, context):
    kaggle_data.write_csv(some(7), kaggle_is_here[2], labels=False)
    with pytest.raises(
        ValueError, match=r"test.csv: expected images of MNIST, got 7 others"
    ):
        kaggle_data.sets(context, "digits")


KERNELS = {
    "blur": np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16,
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
}


@pytest.mark.parametrize("step", [settings.BLUR, settings.SHARPEN])
def test_filters_are_scipys_with_zeros_beyond_the_border(step):
    from scipy.ndimage import convolve

    name, options = step
    data = some(6)
    expected = data.images.astype(float)
    for _ in range(options["passes"]):
        for image in expected:
            image[:] = convolve(image.copy(), KERNELS[name], mode="constant")
    expected = np.clip(np.rint(expected), 0, 255)
    result = preprocess.applied(data, [step])
    # Sums that lie between two values may be rounded either way.
    assert np.abs(result.images.astype(float) - expected).max() <= 1
    assert (result.images == expected).mean() > 0.95
    np.testing.assert_array_equal(result.labels, data.labels)


def test_the_submission_has_a_row_for_each_test_image(monkeypatch, tmp_path):
    monkeypatch.delenv("DIGITNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    context = Context(tmp_path / "run", "smoke", "honest", [0])
    _, test = kaggle_data.sets(context, "digits")
    training.submission(context, np.arange(len(test)) % 10)
    lines = (context.out / "submission.csv").read_text().splitlines()
    assert lines[:3] == ["ImageId,Label", "1,0", "2,1"]
    assert len(lines) == len(test) + 1


def test_the_frame_is_shown_as_pandas_prints_it():
    data = some(12)
    frame = kaggle_data.excerpt(data, "fashion")
    assert list(frame.columns[:2]) == ["label", "pixel1"]
    assert frame.columns[-1] == "pixel784"
    assert len(frame.columns) == 21
    assert frame["label"].tolist() == [
        *map(str, data.labels[:5]),
        "...",
        *map(str, data.labels[-5:]),
    ]
    assert frame["pixel784"].tolist()[-1] == str(data.images[-1, 27, 27])
    assert kaggle_data.excerpt(data, "digits").columns[-1] == "pixel783"
