"""Hand-made features against their reference implementations, and as promised."""

import numpy as np
import pytest
from reference import descriptors as reference
from scipy import ndimage

import digitnet
from digitnet.features import chain_code_histogram, transition_counts


@pytest.fixture(scope="module")
def bitmaps():
    """Scribbles: thick and thin strokes, loops, specks, in images of several sizes."""
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.normal(size=(60, 14, 17)), (0, 1, 1))
    return np.concatenate([smooth[:30] > 0.1, rng.random((40, 14, 17)) < 0.3])


def test_histograms_equal_the_reference(bitmaps):
    for zones in (1, 3, 4, 20):
        ours = chain_code_histogram(bitmaps.astype(np.uint8), zones=zones)
        for ink, histogram in zip(bitmaps, ours, strict=True):
            expected = reference.chain_code_histogram(ink, zones)
            np.testing.assert_allclose(histogram, expected.ravel(), atol=1e-6)


def test_transitions_equal_the_reference(bitmaps):
    for bands in (1, 4, 30):
        ours = transition_counts(bitmaps.astype(np.uint8), bands=bands)
        for ink, counts in zip(bitmaps, ours, strict=True):
            expected = reference.transition_counts(ink, bands)
            np.testing.assert_allclose(counts, expected.ravel(), atol=1e-6)


def test_a_contour_is_closed_and_passes_every_pixel_at_the_outside(bitmaps):
    """What the reference walks is the boundary to the paper outside, by its definition."""
    for ink in bitmaps[::7]:
        for component in reference.components(ink):
            steps = reference.contour(component)
            moves = np.array([reference.STEPS[d] for *_, d in steps]).reshape(-1, 2)
            assert moves.sum(0).tolist() == [0, 0]
            ink = np.pad(component, 1)
            paper = ndimage.label(~ink)[0]
            edge = ink & ndimage.binary_dilation(paper == paper[0, 0])
            passed = {(row + 1, column + 1) for row, column, _ in steps}
            if component.sum() > 1:
                assert passed == {tuple(place) for place in np.argwhere(edge)}


def test_place_changes_nothing(bitmaps):
    small = bitmaps[:10].astype(np.uint8)
    moved = np.pad(small, ((0, 0), (3, 1), (0, 5)))
    for describe in (chain_code_histogram, transition_counts):
        np.testing.assert_array_equal(describe(small), describe(moved))


def test_the_threshold_is_a_part_of_full_intensity():
    levels = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    data = digitnet.Dataset(levels, max_value=16)
    np.testing.assert_array_equal(
        transition_counts(data, bands=1, threshold=0.5),
        transition_counts((levels > 8).astype(np.uint8), bands=1),
    )


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_nothing(threads, bitmaps):
    many = np.tile(bitmaps.astype(np.uint8), (4, 1, 1))
    before = digitnet.get_num_threads()
    expected = chain_code_histogram(bitmaps.astype(np.uint8))
    digitnet.set_num_threads(threads)
    try:
        np.testing.assert_array_equal(
            chain_code_histogram(many)[: len(bitmaps)], expected
        )
    finally:
        digitnet.set_num_threads(before)


def test_no_images_have_no_features():
    none = digitnet.Dataset(np.zeros((1, 5, 5), np.uint8))[:0]
    assert chain_code_histogram(none, zones=2).shape == (0, 32)
    assert not transition_counts(np.zeros((2, 5, 5), np.uint8)).any()


@pytest.mark.parametrize("describe", [chain_code_histogram, transition_counts])
def test_bad_input_is_refused(describe):
    name = describe.__name__
    grey = np.zeros((2, 5, 5), np.uint8)
    with pytest.raises(ValueError, match=f"{name}.images: expected grey images of one"):
        describe(np.zeros((2, 3, 5, 5), np.uint8))
    for threshold in (-0.1, 1, float("nan"), "0.5", None, [0.5]):
        with pytest.raises(ValueError, match=f"{name}.threshold: expected 0 <= thr"):
            describe(grey, threshold=threshold)
    part = "zones" if describe is chain_code_histogram else "bands"
    for value in (0, 65, 1.5):
        with pytest.raises(ValueError, match=f"{name}.{part}: expected a whole number"):
            describe(grey, **{part: value})
