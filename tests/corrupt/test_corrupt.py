"""Corruptions: each against its reference implementation, and what all of them promise."""

import numpy as np
import pytest
from reference import corrupt as reference

import digitnet
from digitnet import corrupt

every_corruption = pytest.mark.parametrize("name", corrupt.names())
SHAPES = [(28, 28), (8, 8), (20, 33)]


def blobs(rng, count, shape):
    """Smooth bright spots on black, as digits are."""
    from scipy.ndimage import gaussian_filter

    noise = rng.random((count, *shape)) ** 8
    smooth = gaussian_filter(noise, (0, 1.2, 1.2))
    smooth = np.clip(smooth / smooth.max((1, 2), keepdims=True) * 2 - 0.6, 0, 1)
    return smooth.astype(np.float32)


@every_corruption
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_corruption_equals_its_reference_implementation(name, shape, rng):
    images = blobs(rng, 3, shape)
    seed = int(rng.integers(2**40))
    data = digitnet.Dataset(images, max_value=1)
    corrupted = corrupt.corrupted(data, name, seed=seed).images
    implementation = getattr(reference, name)
    for i, image in enumerate(images.astype(np.float64)):
        expected = np.clip(implementation(reference.Draws(seed, name, i), image), 0, 1)
        apart = np.abs(corrupted[i] - expected) > 1e-5
        # An edge or a splash may hang on the last bit of a comparison.
        assert apart.sum() <= (2 if name in ("canny_edges", "spatter") else 0)


@every_corruption
def test_every_corruption_keeps_what_a_set_is(name, digits):
    data = digits[1][[5, 3, 8, 8]]
    before = data.images.copy()
    corrupted = corrupt.corrupted(data, name)
    assert corrupted.images.dtype == np.uint8
    assert corrupted.shape == data.shape
    assert (corrupted.max_value, corrupted.classes) == (data.max_value, data.classes)
    assert corrupted.name == f"{data.name}, {name}"
    np.testing.assert_array_equal(corrupted.labels, data.labels)
    np.testing.assert_array_equal(data.images, before)
    assert corrupted.images.max() <= 16
    assert not np.array_equal(corrupted.images, before)


@every_corruption
def test_every_corruption_is_a_function_of_seed_and_sample(name, rng):
    data = digitnet.Dataset(
        (255 * blobs(rng, 70, (28, 28))).astype(np.uint8), max_value=255
    )
    whole = corrupt.corrupted(data, name, seed=3).images
    np.testing.assert_array_equal(whole, corrupt.corrupted(data, name, seed=3).images)
    first = corrupt.corrupted(data[:40], name, seed=3).images
    np.testing.assert_array_equal(whole[:40], first)
    drawn = name not in ("scale", "brightness", "stripe", "canny_edges")
    other = corrupt.corrupted(data, name, seed=4).images
    assert drawn != np.array_equal(whole, other)
    if drawn:  # two samples of one image do not look alike
        twice = corrupt.corrupted(data[[0] * 8], name, seed=3).images
        assert len(np.unique(twice, axis=0)) > 1


@every_corruption
def test_threads_do_not_change_a_corruption(name, rng):
    data = digitnet.Dataset(blobs(rng, 130, (28, 28)), max_value=1)
    before = digitnet.get_num_threads()
    outputs = []
    try:
        for threads in (1, 3):
            digitnet.set_num_threads(threads)
            outputs.append(corrupt.corrupted(data, name).images)
    finally:
        digitnet.set_num_threads(before)
    np.testing.assert_array_equal(*outputs)


@every_corruption
def test_channels_are_corrupted_alike(name, rng):
    grey = blobs(rng, 2, (28, 28))
    colour = digitnet.Dataset(np.repeat(grey[:, None], 3, 1), max_value=1)
    corrupted = corrupt.corrupted(colour, name, seed=1).images
    expected = corrupt.corrupted(digitnet.Dataset(grey, max_value=1), name, seed=1)
    for channel in range(3):
        np.testing.assert_array_equal(corrupted[:, channel], expected.images)


@every_corruption
def test_black_and_white_images_do_no_harm(name):
    for value in (0.0, 1.0):
        images = np.full((2, 28, 28), value, np.float32)
        corrupted = corrupt.corrupted(digitnet.Dataset(images, max_value=1), name)
        assert np.isfinite(corrupted.images).all()
        assert 0 <= corrupted.images.min() <= corrupted.images.max() <= 1


def test_there_are_the_fifteen_of_mnist_c():
    assert sorted(corrupt.names()) == sorted(reference.NUMBERS)
    assert all(len(entry["summary"]) > 5 for entry in corrupt.describe())


@pytest.mark.parametrize(
    ("images", "name", "seed", "message"),
    [
        (
            np.zeros((1, 28, 28)),
            "snow",
            0,
            "unknown corruption 'snow'; known: shot_noise",
        ),
        (np.zeros((1, 7, 28)), "fog", 0, "at least 8 pixels a side, got 1x7x28"),
        (np.zeros((1, 28, 28)), "fog", -1, "corrupted.seed: expected a whole number"),
    ],
)
def test_what_cannot_be_corrupted_is_refused(images, name, seed, message):
    data = digitnet.Dataset(images, max_value=1)
    with pytest.raises(ValueError, match=message):
        corrupt.corrupted(data, name, seed=seed)


def test_no_images_stay_none(digits):
    assert len(corrupt.corrupted(digits[1][:0], "fog")) == 0
