"""Dataset: what goes in, how it is divided, what it shares."""

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet import Dataset


@pytest.mark.parametrize(
    "make",
    [
        lambda a: a,
        lambda a: a.astype(np.int64),
        lambda a: a.astype(np.float64),
        pytest.param(lambda a: torch.from_numpy(a), marks=pytest.mark.torch),
        lambda a: a.tolist(),
        lambda a: a[:, None],
        lambda a: a.reshape(len(a), -1),
        lambda a: np.asfortranarray(a),
        lambda a: a[::-1][::-1],
        lambda a: a.astype(">u2"),
    ],
)
def test_any_form_of_the_same_pixels_gives_the_same_set(make, rng):
    pixels = rng.integers(0, 256, (6, 4, 4), dtype=np.uint8)
    pixels[0, 0, 0] = 255
    data = Dataset(make(pixels))
    assert data.images.dtype == np.uint8
    np.testing.assert_array_equal(data.images, pixels)
    assert data.max_value == 255


def test_a_uint8_array_is_not_copied():
    pixels = np.zeros((3, 5, 5), np.uint8)
    assert np.shares_memory(Dataset(pixels).images, pixels)


def test_fractions_stay_floats():
    data = Dataset(np.array([[[0.0, 0.25], [0.5, 1.0]]]))
    assert data.images.dtype == np.float32
    assert data.max_value == 1


def test_colour_with_channels_last_is_turned():
    assert Dataset(np.zeros((2, 6, 5, 3), np.uint8)).shape == (3, 6, 5)


@pytest.mark.parametrize(("largest", "scale"), [(1, 1), (2, 16), (16, 16), (17, 255)])
def test_the_scale_is_the_smallest_usual_one_that_fits(largest, scale):
    assert Dataset(np.full((1, 2, 2), largest, np.uint8)).max_value == scale


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.full((1, 2, 2), np.nan), "finite"),
        (np.full((1, 2, 2), np.inf), "finite"),
        (np.full((1, 2, 2), 1e300), "float32's range"),
        (np.full((1, 2, 2), -1), "0 to 255"),
        (np.full((1, 2, 2), 300), "0 to 255"),
        (np.full((1, 2, 2), -0.5), "pixels from 0"),
        (np.zeros((0, 2, 2)), "at least one pixel"),
        (np.zeros((2, 0, 2)), "at least one pixel"),
        (np.zeros(5), "expected shape"),
        (np.zeros((1, 1, 1, 1, 1)), "expected shape"),
        (np.zeros((2, 5)), "square images"),
        (np.zeros((1, 2000, 2)), "at most 1024"),
        (np.array([["a"]]), "array of numbers"),
        (np.array([None, 1]), "array of numbers"),
        (np.zeros((1, 2, 2), complex), "array of numbers"),
    ],
)
def test_wrong_images_are_refused(images, message):
    with pytest.raises(ValueError, match=f"Dataset.images: .*{message}"):
        Dataset(images)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], "expected 3 labels"),
        ([0, 1, 10], "expected classes 0 to 9, got 10 at position 2"),
        ([0, -1, 2], "got -1 at position 1"),
        ([0, 0.5, 1], "whole numbers"),
        ([0, np.nan, 1], "whole numbers"),
        ([0, np.inf, 1], "whole numbers"),
        ([0, 2.0**63, 1], "at most 53 bits"),
        (np.array([0, 2**64 - 1, 1], np.uint64), "at most 53 bits"),
        (["a", "b", "c"], "array of numbers"),
        ([[0], [1], [2]], "shape"),
    ],
)
def test_wrong_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=f"Dataset.labels: .*{message}"):
        Dataset(np.zeros((3, 2, 2)), labels)


def test_class_counts_are_numpys(digits):
    train, _ = digits
    np.testing.assert_array_equal(train.class_counts(), np.bincount(train.labels))


def test_parts_share_the_images(digits):
    train, _ = digits
    part = train[10:20][[1, 3]]
    assert part._base is train._base
    np.testing.assert_array_equal(part.images, train.images[[11, 13]])
    np.testing.assert_array_equal(part.labels, train.labels[[11, 13]])


def test_one_index_gives_image_and_label(digits):
    train, _ = digits
    image, label = train[-1]
    np.testing.assert_array_equal(image, train.images[-1])
    assert label == train.labels[-1]
    with pytest.raises(IndexError, match="below 1438"):
        train[1438]


@pytest.mark.parametrize("fractions", [(0.6, 0.2, 0.2), (0.8, 0.2), (0.5, 0.25, 0.25)])
@pytest.mark.parametrize("stratify", [True, False])
def test_splits_are_disjoint_whole_and_of_the_requested_size(
    digits, fractions, stratify
):
    data = digits[0]
    parts = data.split(fractions, seed=3, stratify=stratify)
    rows = np.concatenate([part._rows for part in parts])
    assert len(rows) == len(set(rows.tolist())) == len(data)
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(len(part) - fraction * len(data)) <= 1


def test_stratified_parts_have_every_class_in_its_share(rng):
    labels = rng.integers(0, 7, 1000)
    data = Dataset(np.zeros((1000, 2, 2), np.uint8), labels)
    for part, fraction in zip(
        data.split((0.25, 0.6, 0.15), seed=1), (0.25, 0.6, 0.15), strict=True
    ):
        off = part.class_counts() - fraction * data.class_counts()
        assert np.abs(off).max() <= 1


def test_the_seed_alone_decides_a_split(digits):
    data = digits[0]
    first, again, other = (data.split(0.5, seed=s)[0]._rows for s in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("part", [0.25, 0.5, 0.75, 1.0])
def test_fraction_gives_a_part_of_every_class(digits, part):
    data = digits[0]
    assert abs(len(data.fraction(part)) - part * len(data)) <= 0.5


@pytest.mark.parametrize("stratify", [True, False])
def test_folds_cover_everything_once(digits, stratify):
    data = digits[0]
    folds = data.k_fold(5, seed=1, stratify=stratify)
    tests = np.concatenate([test for _, test in folds])
    assert sorted(tests.tolist()) == list(range(len(data)))
    for train, test in folds:
        assert len(np.intersect1d(train, test)) == 0
        assert len(train) + len(test) == len(data)
        assert abs(len(test) - len(data) / 5) <= 1
        if stratify:
            counts = np.bincount(data.labels[test], minlength=10)
            assert np.abs(counts - data.class_counts() / 5).max() <= 1


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, (0.7, 0.7), (0, 0.5), ()])
def test_impossible_fractions_are_refused(digits, fraction):
    with pytest.raises(ValueError, match="split.fraction"):
        digits[0].split(fraction)


def test_a_part_without_a_sample_is_refused():
    data = Dataset(np.zeros((3, 2, 2), np.uint8), [0, 1, 2])
    with pytest.raises(ValueError, match="at least one sample in each part"):
        data.split((0.99, 0.01))


@pytest.mark.parametrize("k", [1, 0, -3, 4])
def test_impossible_folds_are_refused(k):
    data = Dataset(np.zeros((3, 2, 2), np.uint8), [0, 1, 2])
    with pytest.raises(ValueError, match="expected a whole number from 2 to 3"):
        data.k_fold(k)


def test_other_images_keep_labels_classes_and_scale(rng):
    data = Dataset(
        rng.integers(0, 17, (4, 6, 6)), [0, 1, 1, 2], classes=3, max_value=16
    )
    part = data[1:]
    other = part.with_images(part.to_nchw()[..., :3].astype(np.float32))
    assert (other.shape, other.max_value, other.classes) == (
        (1, 6, 3),
        16,
        data.classes,
    )
    np.testing.assert_array_equal(other.labels, [1, 1, 2])
    np.testing.assert_array_equal(other.images, data.images[1:, :, :3])
    named = part.with_images(part.images, max_value=255, name="other")
    assert (named.max_value, named.name, part.name) == (255, "other", "arrays")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 6, 6), np.uint8), "with_images: expected 4 images"),
        (np.zeros((4, 36), np.uint8), r"with_images: expected 4 images.*\(4, 36\)"),
        (np.zeros((4, 6, 6)), "with_images: expected uint8 or float32, got float64"),
    ],
)
def test_other_images_that_do_not_fit_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        Dataset(np.zeros((4, 6, 6), np.uint8)).with_images(images)


def test_other_labels_are_checked_and_share_the_images():
    data = Dataset(np.zeros((3, 6, 6), np.uint8), [0, 1, 1], classes=2)
    other = data.with_labels([2, 0, 1], ["a", "b", "c"])
    assert other.classes == ("a", "b", "c")
    assert np.shares_memory(other.images, data.images)
    assert data.with_labels(None).labels is None
    assert data.renamed("b").name == "b"
    with pytest.raises(ValueError, match="Dataset.labels"):
        data.with_labels([0, 1, 2])
    with pytest.raises(
        ValueError, match="Dataset.labels: expected 3 labels, one an im"
    ):
        data.with_labels([0, 1])


def test_parts_name_the_rows_of_the_stored_images(rng):
    data = Dataset(rng.integers(0, 256, (5, 4, 4), dtype=np.uint8))
    assert data.storage[1] is None
    images, rows = data[[4, 1]].storage
    assert np.shares_memory(images, data.images)
    np.testing.assert_array_equal(rows, [4, 1])


def test_an_unlabelled_set_says_so():
    with pytest.raises(ValueError, match="Dataset: expected labels, got an unlabelled"):
        Dataset(np.zeros((2, 4, 4))).require_labels()
    with pytest.raises(ValueError, match="expected labels, got an unlabelled set"):
        Dataset(np.zeros((3, 2, 2))).class_counts()


def test_a_frame_has_label_and_pixels(digits):
    frame = digits[1].to_frame()
    assert list(frame.columns[:2]) == ["label", "pixel0"]
    assert frame.shape == (359, 65)
    np.testing.assert_array_equal(frame["label"], digits[1].labels)


def test_the_html_preview_is_a_picture_and_leaves_no_figure(digits):
    import matplotlib.pyplot as plt

    page = digits[0]._repr_html_()
    assert "data:image/png;base64," in page
    assert "1438 images" in page
    assert plt.get_fignums() == []


def test_class_names_must_differ():
    with pytest.raises(ValueError, match="Dataset.classes: expected different names"):
        Dataset(np.zeros((2, 2, 2)), [0, 1], classes=["a", "a"])


def test_more_than_255_needs_the_scale():
    floats = np.full((1, 2, 2), 300.5)
    with pytest.raises(ValueError, match="give max_value"):
        Dataset(floats)
    assert Dataset(floats, max_value=1000).max_value == 1000
    with pytest.raises(ValueError, match="pixels from 0 to 100"):
        Dataset(floats, max_value=100)


def test_load_lists_the_known_names():
    with pytest.raises(ValueError, match="unknown data set 'mnits'; known: digits"):
        digitnet.data.load("mnits")


@pytest.mark.parametrize("key", [None, [[1, 2], [3, 4]]])
def test_a_part_is_a_slice_a_list_or_a_mask(digits, key):
    with pytest.raises(
        IndexError, match="expected a slice, a list of indices or a mask"
    ):
        digits[0][key]


def test_seeds_and_numbers_of_folds_are_whole_numbers(digits):
    with pytest.raises(ValueError, match="split.seed: expected a whole number from 0"):
        digits[0].split(0.5, seed=-1)
    with pytest.raises(ValueError, match="k_fold.k: expected a whole number from 2"):
        digits[0].k_fold(2.5)


def test_lists_of_unequal_length_are_refused():
    with pytest.raises(
        ValueError, match="Dataset.images: expected an array of numbers"
    ):
        Dataset([[1, 2], [3]])


def test_joined_sets_follow_each_other(rng):
    data = digitnet.Dataset(rng.random((6, 4, 4)), [0, 1, 2, 3, 4, 5], max_value=1)
    both = data[[5, 1]].joined(data[2:4], name="x")
    np.testing.assert_array_equal(both.images, data.images[[5, 1, 2, 3]])
    assert both.labels.tolist() == [5, 1, 2, 3]
    assert both.name == "x"
    bare = digitnet.Dataset(data.images, max_value=1)
    assert bare.joined(bare).labels is None
    others = {
        "shape": digitnet.Dataset(rng.random((2, 4, 5)), [0, 1], max_value=1),
        "max_value": digitnet.Dataset(data.images, data.labels, max_value=16),
        "classes": digitnet.Dataset(data.images, data.labels, classes=7, max_value=1),
    }
    for what, other in others.items():
        with pytest.raises(ValueError, match=f"joined.{what}: expected"):
            data.joined(other)
    with pytest.raises(ValueError, match="joined: expected labels"):
        data.joined(bare)
