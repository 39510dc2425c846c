"""Fixed enlarged sets."""

import numpy as np
import pytest

import digitnet
from digitnet.augment import Pipeline

AUGMENT = "shift 1px | noise 5%"


def test_copies_follow_the_originals_and_look_as_in_epochs(digits):
    data = digits[0][10:40]
    larger = data.enlarged(AUGMENT, 3, seed=5)
    assert len(larger) == 120
    assert larger.images.dtype == np.uint8
    assert larger.max_value == 16
    np.testing.assert_array_equal(larger.images[:30], data.images)
    np.testing.assert_array_equal(larger.labels[30:], np.repeat(data.labels, 3))
    for copy in (1, 2, 3):
        drawn = Pipeline(AUGMENT)(data.images, seed=5, epoch=copy, max_value=16)
        np.testing.assert_array_equal(
            larger.images[29 + copy :: 3][:30], np.round(drawn).astype(np.uint8)
        )


def test_copies_may_differ_by_class(digits):
    data = digits[0]
    counts = data.class_counts()
    copies_by_class = np.arange(10)
    by_list = data.enlarged(AUGMENT, list(copies_by_class))
    np.testing.assert_array_equal(
        by_list.class_counts(), counts * (1 + copies_by_class)
    )
    by_dict = data.enlarged(AUGMENT, {8: 2})
    assert by_dict.class_counts()[8] == 3 * counts[8]
    assert by_dict.class_counts()[7] == counts[7]


def test_floats_stay_floats_and_no_labels_stay_none(rng):
    data = digitnet.Dataset(rng.random((4, 3, 6, 6)))
    larger = data.enlarged("rotate 20deg", 2)
    assert larger.images.dtype == np.float32
    assert larger.images.shape == (12, 3, 6, 6)
    assert larger.labels is None


@pytest.mark.parametrize(
    ("copies", "message"),
    [
        (-1, "enlarged.copies: expected a whole number from 0"),
        (1.5, "enlarged.copies: expected a whole number"),
        ([1, 2], "enlarged.copies: expected 10 numbers, one a class, got 2"),
        ({11: 1}, "enlarged.copies: expected classes 0 to 9"),
        ({1: -1}, "enlarged.copies: expected a whole number"),
    ],
)
def test_wrong_copies_are_refused(copies, message, digits):
    with pytest.raises(ValueError, match=message):
        digits[0].enlarged(AUGMENT, copies)


def test_fit_on_copies_is_fit_on_the_enlarged_set(digits):
    """Of the part that is trained on: no copy of a held-out image is seen."""
    data = digits[0][:200]
    options = {"epochs": 2, "seed": 4, "progress": False}
    one = digitnet.models.make("linear", input_shape=(8, 8))
    history = one.fit(data, augment=AUGMENT, copies=2, validation=0.2, **options)
    assert history.options["copies"] == 2
    assert history.options["augment"] == AUGMENT
    train, validation = data.split((0.8, 0.2), seed=4)
    two = digitnet.models.make("linear", input_shape=(8, 8))
    two.fit(train.enlarged(AUGMENT, 2, seed=4), validation, **options)
    np.testing.assert_array_equal(
        one.predict_proba(digits[1].images), two.predict_proba(digits[1].images)
    )


def test_copies_carry_their_originals_weights(digits):
    data = digits[0][:50]
    weights = np.linspace(0.5, 2, 50)
    options = {"epochs": 1, "progress": False}
    one = digitnet.models.make("linear", input_shape=(8, 8))
    one.fit(data, augment=AUGMENT, copies=1, sample_weight=weights, **options)
    two = digitnet.models.make("linear", input_shape=(8, 8))
    two.fit(data.enlarged(AUGMENT, 1), sample_weight=np.tile(weights, 2), **options)
    np.testing.assert_array_equal(
        one.predict_proba(data.images), two.predict_proba(data.images)
    )


def test_copies_need_an_augmentation(digits):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    with pytest.raises(ValueError, match=r"fit.copies: expected an augmentation"):
        model.fit(digits[0], copies=2)
