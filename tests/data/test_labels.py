"""Labels as people have them become places among classes, or are refused by name."""

import numpy as np
import pandas as pd
import pytest

import digitnet
from digitnet import DataError
from digitnet.data.labels import natural_order, settled_labels

FORMS = {
    "numbers": np.array([2, 0, 1, 2]),
    "unsigned": np.array([2, 0, 1, 2], np.uint64),
    "floats that are whole": np.array([2.0, 0.0, 1.0, 2.0]),
    "a column": np.array([[2], [0], [1], [2]]),
    "one-hot": np.eye(3)[[2, 0, 1, 2]],
    "one-hot of truth values": np.eye(3, dtype=bool)[[2, 0, 1, 2]],
    "a list": [2, 0, 1, 2],
}


@pytest.mark.parametrize("form", FORMS)
def test_numbers_in_every_form_are_the_same_labels(form):
    labels, classes = settled_labels(FORMS[form], 4, None, "a")
    assert labels.dtype == np.int64 and labels.tolist() == [2, 0, 1, 2]
    assert classes == 3


NAMED = {
    "texts": np.array(["c", "a", "b", "c"]),
    "bytes": np.array([b"c", b"a", b"b", b"c"]),
    "objects": np.array(["c", "a", "b", "c"], object),
    "a category": pd.Categorical(["c", "a", "b", "c"]),
    "a column of texts": np.array([["c"], ["a"], ["b"], ["c"]]),
}


@pytest.mark.parametrize("form", NAMED)
def test_texts_in_every_form_are_classes_by_name(form):
    labels, classes = settled_labels(NAMED[form], 4, None, "a")
    assert labels.tolist() == [2, 0, 1, 2] and classes == ["a", "b", "c"]
    labels, classes = settled_labels(NAMED[form], 4, ["c", "b", "a", "z"], "a")
    assert labels.tolist() == [0, 2, 1, 0] and classes == ["c", "b", "a", "z"]


def test_a_count_of_numpys_and_empty_rows_are_no_trouble():
    labels, classes = settled_labels([1, 0], 2, np.int64(3), "a")
    assert (labels.tolist(), classes) == ([1, 0], 3)
    with pytest.raises(DataError, match="expected labels 0 to 2, got 'cat'"):
        settled_labels(["cat", "dog"], 2, np.int64(3), "a")
    assert settled_labels(np.zeros((0, 4)), 0, None, "a")[1] == 4


def test_truth_values_and_numbers_below_zero_are_names():
    assert settled_labels([True, False], 2, None, "a")[1] == ["False", "True"]
    labels, classes = settled_labels(np.array([1, -1, 1]), 3, None, "a")
    assert labels.tolist() == [1, 0, 1] and classes == ["-1", "1"]


@pytest.mark.parametrize(
    ("values", "classes", "message"),
    [
        ([0, 1], None, "expected 3 labels, one for each image, got 2; do they"),
        ([0, 1.5, 2], None, "whole numbers, got 1.5 at position 1"),
        ([0, 1, float("nan")], None, "whole numbers, got nan at position 2"),
        ([0, 1, 3], 3, "expected labels 0 to 2, got 3 at position 2"),
        (["a", "b", "c"], 3, "expected labels 0 to 2, got"),
        (["a", "b", "c"], ["a", "b"], "expected labels among a, b, got c"),
        (["a", "a", "a"], None, "two classes at least, got a alone"),
        ([[1, 0], [0, 1], [1, 1]], None, "one-hot rows, got 2 ones at position 2"),
        ([[0.5, 0.5], [0, 1], [1, 0]], None, "or one-hot rows of 2, got shape (3, 2)"),
        (np.eye(3), 4, "or one-hot rows of 4, got shape (3, 3)"),
        ([1j, 0, 0], None, "expected numbers or texts as labels, got complex128"),
    ],
)
def test_what_are_no_labels_is_said(values, classes, message):
    with pytest.raises(DataError) as refusal:
        settled_labels(values, 3, classes, "a.npz")
    assert str(refusal.value).startswith("a.npz: ") and message in str(refusal.value)


def test_names_are_sorted_as_people_sort_them():
    names = ["img 10", "IMG 9", "a", "img 9b", "-3"]
    assert natural_order(names) == ["-3", "a", "IMG 9", "img 9b", "img 10"]
    assert natural_order(["10", "9", "-1"]) == ["-1", "9", "10"]


INVISIBLE = ("\u200b", "\ufeff", "\u00ad", "\u2060", "\u200e", "\U000e0041", "\u3164")


@pytest.mark.parametrize("letter", INVISIBLE, ids=ascii)
def test_names_with_letters_that_nobody_sees_are_refused(letter, tmp_path):
    images, labels = np.zeros((2, 8, 8), np.uint8), [0, 1]
    odd = f"ze{letter}ro"
    with pytest.raises(ValueError, match="control characters and invisible ones"):
        digitnet.Dataset(images, labels, classes=["zero", odd])
    with pytest.raises(ValueError, match="control characters and invisible ones"):
        digitnet.models.make("linear", (8, 8), classes=["zero", odd])
    layers = [digitnet.layers.Flatten(), digitnet.layers.Dense(2)]
    with pytest.raises(ValueError, match="control characters and invisible ones"):
        digitnet.Model(layers, (8, 8), name=odd)
    assert letter not in digitnet._utils.text.printable(odd)


@pytest.mark.parametrize("letter", ["\u200c", "\u200d", "\ufe0f"], ids=ascii)
def test_what_joins_letters_is_fine_but_makes_no_other_class(letter):
    images, labels = np.zeros((2, 8, 8), np.uint8), [0, 1]
    one = f"ze{letter}ro"
    assert digitnet.Dataset(images, labels, classes=[one, "one"]).classes[0] == one
    with pytest.raises(ValueError, match="expected different names"):
        digitnet.Dataset(images, labels, classes=[one, "zero"])
