"""Images that a model cannot have learned from: what it says of them, and when it is silent."""

import copy
import json
import pickle
import warnings

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet import DataError
from digitnet.data.image_checks import compared_once
from digitnet.data.image_statistics import ImageStatistics
from digitnet.layers import Dense, Flatten


@pytest.fixture(scope="module")
def digits():
    return digitnet.data.load("digits")


@pytest.fixture(scope="module")
def fitted(digits):
    return model_for(digits[0])


@pytest.fixture
def model(fitted):
    return copy.deepcopy(fitted)


def model_for(data, **options):
    made = digitnet.models.make("optdigits-cnn", input_shape=data.shape)
    made.fit(data, epochs=1, progress=False, **options)
    return made


def inverted(data):
    return data.with_images(16 - data.images)


INVERTED = r"border is 0\.\d\d to 0\.\d\d of full .* look inverted; give 16 - images"
TRANSPOSED = r"rows and columns exchanged; give images\.swapaxes\(-1, -2\)"


# -- inverted -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "call"),
    [
        ("predict", lambda model, data: model.predict(data)),
        ("predict", lambda model, data: model.predict_proba(data.images)),
        ("evaluate", lambda model, data: model.evaluate(data)),
        ("evaluate", lambda model, data: model.evaluate((data.images, data.labels))),
        ("features", lambda model, data: model.features(data, progress=False)),
        (
            "features",
            lambda model, data: model.features(data, "dense1", progress=False),
        ),
        ("activations", lambda model, data: model.activations(data)),
        (
            "saliency",
            lambda model, data: digitnet.features.saliency(model, data.images),
        ),
        ("adapt", lambda model, data: model.adapt(data)),
        ("fit.validation", lambda model, data: fit(model, data)),
        ("fit_head.validation", lambda model, data: fit(model, data, "fit_head")),
    ],
)
def test_inverted_images_are_warned_of_once_a_call(where, call, model, digits):
    if where == "adapt":
        model = digitnet.models.make("norm-cnn", input_shape=(8, 8))
        model.fit(digits[0], epochs=1, progress=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(model, inverted(digits[1]))
    assert len(caught) == 1
    assert str(caught[0].message).startswith(f"{where}: expected images whose border")
    assert caught[0].filename == __file__


def fit(model, validation, how="fit"):
    train = digitnet.data.load("digits")[0]
    getattr(model, how)(train, validation, epochs=1, progress=False)


def test_one_inverted_image_is_told_with_what_to_type(model, digits):
    image = 16 - digits[1].images[0]
    with pytest.warns(UserWarning, match="got one with .* looks inverted; give 16 - "):
        model.predict(image)
    model.predict(16 - image)


def test_a_few_inverted_images_among_many_are_not_told_of(model, digits):
    images = digits[1].images.copy()
    images[:100] = 16 - images[:100]  # of 359
    model.predict(images)


def test_test_images_one_by_one_and_by_class_say_nothing(model, digits):
    test = digits[1]
    for image in test.images:
        model.predict(image)
    for label in range(10):
        model.evaluate(test[test.labels == label])


def test_every_corruption_but_inversion_says_nothing(model, digits):
    for name in digitnet.corrupt.names():
        shown = digitnet.corrupt.corrupted(digits[1], name)
        if name == "stripe":  # which inverts half of an image
            continue
        model.evaluate(shown)


def test_a_model_of_both_grounds_knows_no_inverse(digits):
    both = digits[0].joined(inverted(digits[0]))
    model_for(both).evaluate(inverted(digits[1]))


def test_nothing_is_said_where_images_are_meant(model, digits):
    with compared_once():
        model.evaluate(inverted(digits[1]))


def test_a_part_that_is_held_out_is_not_compared(digits):
    half = digits[0].joined(inverted(digits[0][:700]))
    model_for(half, validation=0.1)


# -- what is known -------------------------------------------------------------------


def test_what_is_known_is_kept_in_files_pickles_copies_and_parts(model, tmp_path):
    known = model.image_statistics
    model.save(tmp_path / "m.safetensors")
    loaded = digitnet.models.load(tmp_path / "m.safetensors")
    taken = digitnet.models.make("optdigits-cnn", input_shape=(8, 8))
    taken.load_weights(tmp_path / "m.safetensors")
    for other in (
        *(loaded, taken, pickle.loads(pickle.dumps(model)), copy.deepcopy(model)),
        digitnet.models.split_at(model)[0],
    ):
        assert other.image_statistics == known
    assert known.border_high[0] < 0.35


def test_a_later_fit_replaces_what_is_known(model, digits):
    model.fit(inverted(digits[0]), epochs=1, progress=False)
    model.predict(inverted(digits[1]))
    with pytest.warns(UserWarning, match="looks? inverted"):
        model.predict(digits[1])
    model.fit_head(digits[0], epochs=1, progress=False)
    model.predict(digits[1])


def test_what_a_model_was_adapted_to_is_known_too(digits):
    model = digitnet.models.make("norm-cnn", input_shape=(8, 8))
    model.fit(digits[0], epochs=1, progress=False)
    with pytest.warns(UserWarning, match=f"adapt: .*{INVERTED}"):
        model.adapt(inverted(digits[1]))
    model.predict(inverted(digits[1]))
    model.predict(digits[1])


def test_a_refused_fit_keeps_what_is_known(model, digits):
    before = model.image_statistics
    with pytest.raises(ValueError, match="epochs"):
        model.fit(inverted(digits[0]), epochs=0, progress=False)
    assert model.image_statistics == before


def test_a_file_without_it_is_loaded_and_says_nothing(model, digits, tmp_path):
    model.image_statistics = None
    model.save(tmp_path / "m.safetensors")
    again = digitnet.models.load(tmp_path / "m.safetensors")
    assert again.image_statistics is None
    again.predict(inverted(digits[1]))


@pytest.mark.parametrize(
    "change",
    [
        {"border_low": [0.1, 0.2]},
        {"border_high": [2.0]},
        {"brighter_inside": "much"},
        {"mean_grid": [0.5] * 63},
        {"mean_grid": [float("inf")] * 64},
        {"more": 1},
    ],
    ids=str,
)
def test_odd_statistics_in_a_file_are_refused(change, model):
    plain = model.image_statistics.to_plain()
    assert ImageStatistics.from_plain(plain, 1) == model.image_statistics
    with pytest.raises(ValueError, match="expected"):
        ImageStatistics.from_plain({**plain, **change}, 1)


def test_odd_statistics_name_the_file(model, tmp_path):
    from digitnet.models import file

    about = file.described(model)
    about["image_statistics"]["border_low"] = [7]
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    with pytest.raises(DataError, match=r"odd: .*fractions from 0 to 1, got 7"):
        file.build(digitnet.Model, json.loads(json.dumps(about)), shapes, "odd")


# -- transposed -----------------------------------------------------------------------


def test_a_set_with_rows_and_columns_exchanged_is_told(model, digits):
    exchanged = digits[1].images.swapaxes(-1, -2)
    with pytest.warns(UserWarning, match=f"evaluate: .*{TRANSPOSED}"):
        model.evaluate((exchanged, digits[1].labels))
    model.predict(exchanged[:20])  # too few to tell
    symmetric = digits[0].joined(
        digits[0].with_images(digits[0].images.swapaxes(-1, -2))
    )
    model_for(symmetric).predict(exchanged)


# -- scales ---------------------------------------------------------------------------


def test_fractions_for_a_model_of_whole_numbers_are_refused_at_every_door(
    model, digits
):
    images, labels = digits[1].images / 16, digits[1].labels
    match = r"expected pixels from 0 to 16, got none above 1; .* give images \* 16;"
    for call in (
        lambda: model.predict(images),
        lambda: model.predict(images[0]),
        lambda: model.evaluate((images, labels)),
        lambda: model.calibrate((images, labels)),
        lambda: model.features(images, progress=False),
        lambda: model.activations(images),
        lambda: digitnet.features.saliency(model, images[:2]),
        lambda: model.fit(digits[0], (images, labels), epochs=1, progress=False),
        lambda: model.fit((images, labels), epochs=1, progress=False),
    ):
        with pytest.raises(ValueError, match=match):
            call()
    model.predict(images * 16)
    with pytest.raises(ValueError, match=r"data\.with_images\(data\.images \* 16, max"):
        model.evaluate(digitnet.Dataset(images, labels))


@pytest.mark.torch
def test_a_torch_set_of_fractions_is_refused(model, digits):
    images = torch.from_numpy(digits[1].images[:, None] / 16).float()
    data = torch.utils.data.TensorDataset(images, torch.from_numpy(digits[1].labels))
    for call in (model.predict, model.evaluate):
        with pytest.raises(ValueError, match=r"give images \* 16"):
            call(data)


def test_whole_numbers_for_a_model_of_fractions_are_refused_with_what_to_type(digits):
    train, test = digits
    model = model_for(digitnet.Dataset(train.images / 16, train.labels, max_value=1))
    match = r"expected pixels from 0 to 1, got 16; .* give images / 16"
    with pytest.raises(ValueError, match=match):
        model.predict(test.images)
    with pytest.raises(ValueError, match=match):
        model.evaluate((test.images, test.labels))
    with pytest.raises(ValueError, match=r"data\.with_images\(data\.images / 16, max"):
        model.evaluate(test)


def test_zeros_and_ones_are_doubted_and_black_is_not(model, digits):
    with pytest.warns(UserWarning, match=r"none above 1; .* give images \* 16"):
        model.predict(digits[1].images > 8)
    model.predict(np.zeros((3, 8, 8)))
    model.predict(np.ones((3, 8, 8), np.uint8))
    dark = digitnet.Dataset(digits[1].images / 16, max_value=16)
    model.predict(dark)  # somebody says so


# -- shapes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "given", "hint"),
    [
        ((1, 8, 8), (5, 3, 8, 8), r"give the mean over the channels, images.mean\(1\)"),
        ((1, 8, 8), (5, 8, 8, 3), r"images.mean\(-1\) of \(N, H, W, 3\)"),
        ((3, 8, 8), (5, 8, 8), r"images.reshape\(-1, 1, 8, 8\).repeat\(3, axis=1\)"),
        ((3, 8, 8), (5, 4, 8, 8), r"images\[:, :3\]$"),
        ((1, 8, 8), (5, 8, 8, 4), r"images\[..., :3\].mean\(-1\)"),
        ((4, 8, 8), (5, 8, 8, 4), r"np.moveaxis\(images, -1, 1\)"),
        ((1, 8, 8), (8, 8, 50), r"np.moveaxis\(images, -1, 0\)"),
        ((3, 8, 8), (8, 8, 3, 50), r"np.moveaxis\(images, -1, 0\)"),
        ((1, 8, 6), (5, 6, 8), r"images.swapaxes\(-1, -2\)"),
        ((1, 8, 8), (5, 9, 9), r"bring them to 8x8 pixels"),
    ],
)
def test_other_shapes_are_refused_with_what_to_type(known, given, hint):
    model = digitnet.Model([Flatten(), Dense(3)], known)
    images = np.ones(given, np.uint8)
    with pytest.raises(ValueError, match=rf"expected images of shape .*{hint}"):
        model.predict(images)


@pytest.mark.parametrize(
    ("known", "given", "typed"),
    [
        ((1, 8, 8), (5, 3, 8, 8), lambda images: images.mean(1)),
        ((1, 8, 8), (5, 8, 8, 3), lambda images: images.mean(-1)),
        ((3, 8, 8), (5, 8, 8), lambda i: i.reshape(-1, 1, 8, 8).repeat(3, axis=1)),
        ((1, 8, 8), (8, 8, 50), lambda images: np.moveaxis(images, -1, 0)),
        ((3, 8, 8), (8, 8, 3, 50), lambda images: np.moveaxis(images, -1, 0)),
        ((4, 8, 8), (5, 8, 8, 4), lambda images: np.moveaxis(images, -1, 1)),
        ((1, 8, 6), (5, 6, 8), lambda images: images.swapaxes(-1, -2)),
    ],
)
def test_what_is_to_be_typed_is_taken(known, given, typed):
    images = np.arange(np.prod(given)).reshape(given) % 16
    predicted = digitnet.Model([Flatten(), Dense(3)], known).predict(typed(images))
    assert len(predicted) == (50 if 50 in given else 5)
