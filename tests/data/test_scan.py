"""Scans: polarity, crop, centre, and UCI's counts."""

import numpy as np
import pytest

from digitnet import DataError, _core


def scan(grey, like, size):
    return _core.data.scan(grey, like, size)["image"]


def a_one(size=200, ink=20, paper=235, top=30, left=120):
    """A dark bar on light paper, off the centre."""
    image = np.full((size, size), paper, np.float32)
    image[top : top + 100, left : left + 15] = ink
    return image


def centre_of_mass(image):
    y, x = np.indices(image.shape) + 0.5
    return (image * y).sum() / image.sum(), (image * x).sum() / image.sum()


def test_the_digit_fills_twenty_pixels_and_its_mass_is_in_the_middle():
    image = scan(a_one(), "mnist", 28)
    assert image.shape == (28, 28)
    rows = np.flatnonzero(image.max(1) > 127)
    assert rows[-1] - rows[0] + 1 == 20
    assert centre_of_mass(image.astype(float)) == pytest.approx((14, 14), abs=0.6)
    assert image.max() == 255


def test_light_ink_on_dark_paper_gives_the_same():
    dark, light = a_one(), 255 - a_one()
    np.testing.assert_array_equal(scan(dark, "mnist", 28), scan(light, "mnist", 28))


def test_where_the_digit_stands_changes_nothing():
    first, second = a_one(top=5, left=10), a_one(top=80, left=150)
    np.testing.assert_array_equal(scan(first, "mnist", 28), scan(second, "mnist", 28))


def test_optdigits_counts_ink_in_blocks_of_four():
    image = np.full((64, 64), 255, np.float32)
    image[16:48, 16:48] = 0  # a square of ink fills all 32 x 32
    counts = scan(image, "optdigits", 8)
    np.testing.assert_array_equal(counts, np.full((8, 8), 16))


def test_optdigits_keeps_a_narrow_digit_narrow():
    counts = scan(a_one(), "optdigits", 8)
    assert counts.max() <= 16
    assert counts[:, :3].sum() == counts[:, 5:].sum() == 0
    assert (counts.sum(1) > 0).all()


@pytest.mark.parametrize("like", ["mnist", "optdigits"])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_without_ink_is_refused(like, value):
    with pytest.raises(DataError, match="scan: expected ink"):
        scan(np.full((50, 50), value, np.float32), like, 28)


def test_paper_grain_is_not_ink(rng):
    grain = np.clip(240 + rng.normal(0, 3, (100, 100)), 0, 255).astype(np.float32)
    with pytest.raises(DataError, match="expected ink"):
        scan(grain, "mnist", 28)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 400), (400, 3)])
def test_odd_sizes_do_not_crash(shape):
    image = np.zeros(shape, np.float32)
    image.flat[0] = 255
    try:
        result = scan(image, "mnist", 28)
    except DataError:
        return
    assert result.shape == (28, 28)
