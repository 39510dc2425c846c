"""Long computations piece by piece."""

import time

import numpy as np

from digitnet._utils.pieces import in_pieces, pieces


def test_pieces_cover_everything_once_and_in_order():
    for count in (1, 2, 3, 1000):
        parts = [np.arange(count)[part] for part in pieces(count)]
        np.testing.assert_array_equal(np.concatenate(parts), np.arange(count))


def test_pieces_grow_while_they_are_quick_and_shrink_when_they_take_long():
    sizes = []
    for part in pieces(400):
        sizes.append(part.stop - part.start)
        time.sleep(0.002 * sizes[-1])
    assert max(sizes) >= 8
    assert max(sizes) < 200


def test_results_in_pieces_are_those_of_the_whole(rng):
    values, factors = rng.normal(size=(100, 3)), rng.normal(size=100)
    result = in_pieces(lambda v, f: v * f[:, None], values, factors)
    np.testing.assert_array_equal(result, values * factors[:, None])
    assert in_pieces(lambda v: v * 2, values[:0]).shape == (0, 3)
