"""Deformable nearest neighbours: against their definition, and what they forgive."""

import numpy as np
import pytest
from reference import descriptors as reference

import digitnet
from digitnet.neighbors import DeformableNeighbors, idm_distances

every_kernel = pytest.mark.parametrize("kernels", digitnet._core.train.kernels())


@every_kernel
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 9), (1, 1, 4)])
def test_distances_equal_the_reference(shape, kernels, rng, monkeypatch):
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    images = rng.integers(0, 256, (2, *shape), dtype=np.uint8)
    references = rng.integers(0, 256, (3, *shape), dtype=np.uint8)
    for warp, context in ((0, 0), (1, 1), (2, 1), (3, 2)):
        ours = idm_distances(images, references, warp=warp, context=context)
        expected = [
            [reference.idm_distance(a, b, warp, context) for b in references]
            for a in images
        ]
        assert ours.tolist() == expected


def test_a_moved_image_is_as_near_as_itself(digits):
    image = np.pad(digits[0].images[:1], ((0, 0), (6, 6), (6, 6)))
    moved = [np.roll(image, (dy, dx), (1, 2)) for dy, dx in ((0, 0), (1, -1), (2, 2))]
    distances = idm_distances(image, np.concatenate(moved))
    assert distances.tolist() == [[0, 0, 0]]
    assert idm_distances(image, moved[2], warp=1)[0, 0] > 0


def test_more_warp_is_never_farther(digits):
    train, test = digits
    distances = [idm_distances(test[:3], train[:5], warp=w) for w in range(4)]
    for nearer, farther in zip(distances[1:], distances, strict=False):
        assert (nearer <= farther).all()


def test_all_candidates_give_the_nearest_of_all(digits):
    train, test = digits[0][:60], digits[1][:8]
    full = idm_distances(test, train, warp=1)
    classifier = DeformableNeighbors(3, candidates=60, warp=1).fit(train)
    distances, indices = classifier.kneighbors(test)
    np.testing.assert_array_equal(distances, np.sort(full, 1)[:, :3])
    np.testing.assert_array_equal(np.take_along_axis(full, indices, 1), distances)


def test_candidates_are_the_nearest_by_euclid(digits):
    train, test = digits[0][:300], digits[1][:20]
    nearest = DeformableNeighbors(1, candidates=1).fit(train).kneighbors(test)[1][:, 0]
    scale = 255 / train.max_value
    x, y = (np.round(d.images.reshape(len(d), -1) * scale) for d in (test, train))
    squares = ((x[:, None] - y[None]) ** 2).sum(2)
    np.testing.assert_array_equal(nearest, squares.argmin(1))


def test_more_votes_win_and_the_nearest_breaks_a_tie():
    ramp = np.zeros((5, 6, 6), np.uint8)
    for i, value in enumerate((100, 110, 120, 130, 140)):
        ramp[i, 2:4, 2:4] = value
    data = digitnet.Dataset(ramp[1:], [3, 5, 5, 3])
    for k, expected in ((1, 3), (2, 3), (3, 5), (4, 3)):
        classifier = DeformableNeighbors(k, candidates=4).fit(data)
        assert classifier.predict(ramp[:1]).tolist() == [expected]


def test_deformation_helps_on_digits(digits):
    train, test = digits
    few = train[:200]
    plain = DeformableNeighbors(1, candidates=1).fit(few).predict(test)
    tolerant = DeformableNeighbors(1, candidates=50, warp=1).fit(few).predict(test)
    assert np.mean(tolerant == test.labels) > np.mean(plain == test.labels)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(threads, digits):
    train, test = digits
    classifier = DeformableNeighbors(3, candidates=10).fit(train)
    expected = classifier.kneighbors(test[:100])
    before = digitnet.get_num_threads()
    digitnet.set_num_threads(threads)
    try:
        for ours, other in zip(
            classifier.kneighbors(test[:100]), expected, strict=True
        ):
            np.testing.assert_array_equal(ours, other)
    finally:
        digitnet.set_num_threads(before)


def test_bytes_and_floats_of_the_same_image_are_equal(rng):
    levels = rng.integers(0, 256, (4, 6, 6), dtype=np.uint8)
    floats = (levels / np.float32(255)).astype(np.float32)
    as_floats = idm_distances(digitnet.Dataset(floats, max_value=1), levels)
    np.testing.assert_array_equal(as_floats, idm_distances(levels, levels))


def test_bad_input_is_refused(digits):
    train, test = digits
    with pytest.raises(
        ValueError, match="DeformableNeighbors: expected training images"
    ):
        DeformableNeighbors().predict(test)
    with pytest.raises(ValueError, match="candidates: expected a whole number from 3"):
        DeformableNeighbors(3, candidates=2)
    with pytest.raises(ValueError, match="warp: expected a whole number from 0 to 8"):
        DeformableNeighbors(warp=9)
    with pytest.raises(
        ValueError, match="context: expected a whole number from 0 to 3"
    ):
        idm_distances(test[:1], train[:1], context=4)
    with pytest.raises(ValueError, match="expected at least 3 images"):
        DeformableNeighbors(3).fit(train[:2])
    with pytest.raises(
        ValueError, match=r"images: expected images of shape \(1, 8, 8\)"
    ):
        DeformableNeighbors().fit(train).predict(np.zeros((1, 9, 9), np.uint8))
    with pytest.raises(ValueError, match="data: expected labels"):
        DeformableNeighbors().fit(digitnet.Dataset(train.images))


def test_a_refused_fit_leaves_the_earlier_one(digits):
    train, test = digits[0][:40], digits[1][:10]
    classifier = DeformableNeighbors(1, candidates=5).fit(train)
    before = classifier.predict(test)
    deep = np.zeros((2, 5, 8, 8), np.uint8)
    with pytest.raises(ValueError, match="data: expected at most 4 channels, got 5"):
        classifier.fit((deep, [0, 1]))
    np.testing.assert_array_equal(classifier.predict(test), before)
    with pytest.raises(ValueError, match="idm_distances.images: expected at most 4"):
        idm_distances(deep, deep)


@pytest.mark.parametrize(
    "indices", [[[7]], [[-1]], [0], [[0.5]], np.zeros((2, 0), int), None, "a"]
)
def test_votes_of_other_than_training_images_are_refused(indices, digits):
    classifier = DeformableNeighbors(1).fit(digits[0][:5])
    with pytest.raises(ValueError, match=r"DeformableNeighbors.indices: expected"):
        classifier.vote(indices)


def test_votes_need_training_images():
    with pytest.raises(ValueError, match="expected training images; call fit"):
        DeformableNeighbors(1).vote([[0]])
