"""Every operation against its reference implementation, draw for draw."""

import numpy as np
import pytest
from reference import augment as reference

import digitnet
from digitnet.augment import Pipeline

OPS = digitnet.augment.describe()
GEOMETRIC = [op for op in OPS if op["geometric"]]
PHOTOMETRIC = [op for op in OPS if not op["geometric"]]
every_kernel = pytest.mark.parametrize("kernels", digitnet._core.train.kernels())
SHAPES = [(1, 28, 28), (3, 17, 11), (1, 8, 8), (2, 1, 5)]
SEED, EPOCH = 2**40 + 7, 3


def named(ops):
    return pytest.mark.parametrize("op", ops, ids=[op["name"] for op in ops])


def strength_of(op):
    return {"deg": 20, "px": 2}.get(op["units"][0], 0.4)


@pytest.fixture(params=["uint8", "float32"])
def kind(request):
    return request.param


def pictures(rng, shape, kind):
    images = rng.integers(0, 256, (6, *shape), dtype=np.uint8)
    return images.astype(kind)


@every_kernel
@named(PHOTOMETRIC)
def test_photometric_operations_equal_the_reference(
    op, kernels, kind, rng, monkeypatch
):
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    s = strength_of(op)
    for shape in SHAPES:
        images = pictures(rng, shape, kind)
        out = Pipeline(f"{op['name']} {s}")(
            images, seed=SEED, epoch=EPOCH, first_index=9, max_value=255
        )
        for i, image in enumerate(images):
            draws = reference.Draws(SEED, op["name"], EPOCH, 9 + i)
            expected = reference.photometric(
                image.astype(float), op["name"], draws, s, 255
            )
            np.testing.assert_allclose(out[i], expected, atol=0.01)


@every_kernel
@pytest.mark.parametrize("fill", ["constant", "nearest", "reflect"])
@named(GEOMETRIC)
def test_geometric_operations_equal_the_reference(
    op, fill, kernels, kind, rng, monkeypatch
):
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    s = strength_of(op)
    for shape in SHAPES:
        images = pictures(rng, shape, kind)
        pipeline = Pipeline(f"{op['name']} {s} | fill {fill}")
        out = pipeline(images, seed=SEED, epoch=EPOCH)
        for i, image in enumerate(images):
            draws = reference.Draws(SEED, op["name"], EPOCH, i)
            expected = reference.resampled(image, [(op["name"], draws, s, {})], fill)
            np.testing.assert_allclose(out[i], expected, atol=0.02)


@every_kernel
@pytest.mark.parametrize("fill", ["constant", "nearest", "reflect"])
def test_zoom_of_two_axes_equals_the_reference(fill, kernels, kind, rng, monkeypatch):
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    for shape in SHAPES:
        images = pictures(rng, shape, kind)
        out = Pipeline(f"zoom 40% axes=2 | fill {fill}")(images, seed=SEED, epoch=EPOCH)
        for i, image in enumerate(images):
            draws = reference.Draws(SEED, "zoom", EPOCH, i)
            steps = [("zoom", draws, 0.4, {"axes": 2})]
            expected = reference.resampled(image, steps, fill)
            np.testing.assert_allclose(out[i], expected, atol=0.02)


@every_kernel
def test_a_whole_pipeline_equals_the_reference(kernels, kind, rng, monkeypatch):
    """One resampling through all geometric steps, then the others in order."""
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    moves = [
        ("rotate", 15, {}),
        ("elastic", 1, {"sigma": 3}),
        ("zoom", 0.1, {}),
        ("elastic", 0.5, {}),
        ("shift", 2, {}),
    ]
    text = (
        "contrast 0.3 | rotate 15deg | elastic 1px sigma=3px | zoom 0.1 | noise 0.1 |"
        "elastic .5px | shift 2px | fill constant 20% | blur 1px"
    )
    images = pictures(rng, (1, 28, 28), kind)
    out = Pipeline(text)(images, seed=SEED, max_value=255)
    for i, image in enumerate(images):
        seen, steps = {}, []
        for op, s, options in moves:
            occurrence = seen[op] = seen.get(op, -1) + 1
            steps.append((op, reference.Draws(SEED, op, 0, i, occurrence), s, options))
        expected = reference.resampled(image, steps, value=51)
        for op, s in (("contrast", 0.3), ("noise", 0.1), ("blur", 1)):
            expected = reference.photometric(
                expected, op, reference.Draws(SEED, op, 0, i), s, 255
            )
        np.testing.assert_allclose(out[i], expected, atol=0.05)


@every_kernel
@pytest.mark.parametrize("fill", ["constant", "nearest", "reflect"])
def test_nearest_interpolation_takes_whole_pixels(
    fill, kernels, kind, rng, monkeypatch
):
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    images = pictures(rng, (1, 19, 23), kind)
    pipeline = Pipeline(
        f"rotate 40deg | shift 6px | fill {fill} | interpolation nearest"
    )
    out = pipeline(images, seed=5)
    same = 0
    for i, image in enumerate(images):
        steps = [
            ("rotate", reference.Draws(5, "rotate", 0, i), 40, {}),
            ("shift", reference.Draws(5, "shift", 0, i), 6, {}),
        ]
        same += np.mean(out[i] == reference.resampled(image, steps, fill, order=0))
    # A place half-way between two pixels may go either way.
    assert same / len(images) > 0.99


def test_p_says_how_often_an_operation_is_applied(rng):
    images = np.repeat(pictures(rng, (1, 6, 6), "uint8")[:1], 3000, axis=0)
    for text in ("noise 10% p=30%", "rotate 30deg p=0.3", "elastic 1px p=30%"):
        out = Pipeline(text)(images)
        changed = (out != images).any(axis=(1, 2, 3)).mean()
        assert abs(changed - 0.3) < 4 * np.sqrt(0.21 / 3000), text
    np.testing.assert_array_equal(Pipeline("noise 10% p=0")(images), images)


def test_noise_is_standard_normal():
    grey = np.full((40, 1, 64, 64), 0.5, np.float32)
    noise = (Pipeline("noise 1%")(grey, seed=3) - 0.5).ravel() / 0.01
    count = noise.size
    assert abs(noise.mean()) < 4 / np.sqrt(count)
    assert abs(noise.std() - 1) < 4 / np.sqrt(2 * count)
    assert abs((noise**4).mean() - 3) < 4 * np.sqrt(96 / count)
    ordered = np.sort(noise)
    from scipy.stats import norm

    distance = np.abs(norm.cdf(ordered) - (np.arange(count) + 0.5) / count).max()
    assert distance < 2 / np.sqrt(count)  # Kolmogorov and Smirnov
    left, right = (noise.reshape(-1, 2) - noise.mean()).T
    assert abs((left * right).mean()) < 4 / np.sqrt(count / 2)


def test_elastic_displaces_by_its_standard_deviation():
    y, x = np.mgrid[:40, :40].astype(np.float32)
    ramps = np.repeat(np.stack([x, y])[None], 300, axis=0)
    out = Pipeline("elastic 1.5px sigma=4px | fill nearest")(ramps, seed=2)
    moved = (out - ramps)[:, :, 10:30, 10:30]  # far from the border
    assert moved.std() == pytest.approx(1.5, rel=0.05)
    corner = np.abs(out - ramps)[:, :, 6, 6]
    assert np.sqrt((corner**2).mean()) == pytest.approx(1.5, rel=0.15)


def test_values_follow_full_intensity_not_the_type(rng):
    """16 grey levels as bytes, and the same image from 0 to 1."""
    levels = rng.integers(0, 17, (5, 1, 8, 8), dtype=np.uint8)
    for text in ("noise 20%", "brightness 30%", "shift 1px | fill constant 50%"):
        of_16 = Pipeline(text)(levels, max_value=16)
        of_1 = Pipeline(text)((levels / np.float32(16)), max_value=1)
        np.testing.assert_allclose(of_16 / 16, of_1, atol=1e-4)
        assert of_16.max() <= 16
