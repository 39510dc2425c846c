"""What is given to a training by class goes by the data's classes, or by their names."""

import numpy as np
import pytest

import digitnet

NAMES = tuple(f"c{k}" for k in range(10))
OPTIONS = {"epochs": 1, "progress": False}


@pytest.fixture(scope="module")
def sets(digits):
    """The same samples with the names in the model's order, and in the reverse one."""
    data = digits[0][:60]
    same = data.with_labels(data.labels, NAMES)
    return same, data.with_labels(9 - data.labels, NAMES[::-1])


def fitted(data, method="fit", name="linear", **options):
    model = digitnet.models.make(name, (8, 8), NAMES)
    getattr(model, method)(data, **OPTIONS, **options)
    return model.state_dict()


def assert_equal(one, other):
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


WEIGHTS = [100.0, *[1.0] * 9]  # of the first class


@pytest.mark.parametrize("method", ["fit", "fit_head"])
def test_class_weights_go_by_the_classes_of_the_data(sets, method):
    same, reverse = sets
    options = {"method": method, "name": "optdigits-cnn"}
    expected = fitted(same, class_weights=WEIGHTS, **options)
    assert_equal(fitted(reverse, class_weights=WEIGHTS[::-1], **options), expected)
    for key in ("c0", 9, np.int64(9)):
        assert_equal(fitted(reverse, class_weights={key: 100}, **options), expected)
    assert_equal(fitted(same, class_weights={0: 100}, **options), expected)


def test_copies_go_by_the_classes_of_the_data(sets):
    same, reverse = sets
    copies = [*range(5), *[0] * 5]
    expected = fitted(same, copies=copies, augment="shift 1px")
    for given in (copies[::-1], {NAMES[k]: k for k in range(5)}):
        assert_equal(fitted(reverse, copies=given, augment="shift 1px"), expected)


def test_weights_for_fewer_classes_than_the_model_has(sets):
    same, _ = sets
    few = same[np.flatnonzero(same.labels < 3)]
    few = few.with_labels(2 - few.labels, NAMES[2::-1])
    expected = fitted(few, class_weights={"c2": 5})
    assert_equal(fitted(few, class_weights=[5, 1, 1]), expected)


def test_copies_are_given_by_name_to_enlarged(sets):
    same, _ = sets
    larger = same.enlarged("shift 1px", {"c3": 2})
    counts = same.class_counts()
    counts[3] *= 3
    assert larger.class_counts().tolist() == counts.tolist()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"c10": 1}, r"expected classes 0 to 9 or names among c0, .*got 'c10'"),
        ({10: 1}, r"expected classes 0 to 9 or names"),
        ({"c1": 1, 1: 2}, r"expected each class once, got 1 twice"),
        ([1, 2], r"expected 10 \w+, one a class, got 2"),
        ({1, 2}, r"expected 10 \w+, one a class, or a dict by class, got"),
    ],
)
def test_other_classes_are_refused(sets, given, message):
    with pytest.raises(ValueError, match=rf"fit.class_weights: {message}"):
        fitted(sets[0], class_weights=given)
    if not isinstance(given, set):
        with pytest.raises(ValueError, match=rf"enlarged.copies: {message}"):
            sets[0].enlarged("shift 1px", given)
