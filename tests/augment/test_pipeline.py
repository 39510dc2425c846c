"""Augmentation: what each operation does, and that a sample depends on nothing else."""

import locale

import numpy as np
import pytest
from scipy.ndimage import affine_transform

import digitnet
from digitnet.augment import Pipeline

every_op = pytest.mark.parametrize(
    "op", digitnet.augment.describe(), ids=digitnet.augment.names()
)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (20, 2, 9, 11), dtype=np.uint8)


def strength(op, part=0.1):
    limit = 4 if op["units"][0] == "px" else min(op["most"], 30)
    return f"{op['name']} {limit * part}{op['units'][0]}"


@every_op
def test_strength_0_changes_nothing(op, images):
    np.testing.assert_array_equal(
        Pipeline(f"{op['name']} 0{op['units'][0]}")(images, seed=1), images
    )


@every_op
def test_every_operation_changes_each_image_in_its_own_way(op, images):
    same = np.repeat(images[:1], 20, axis=0)
    out = Pipeline(strength(op, 0.5))(same, seed=1)
    assert out.dtype == np.float32
    assert out.shape == same.shape
    looks = {image.tobytes() for image in out}
    # Flips have two looks; crops and erasures a finite number.
    assert len(looks) >= (2 if "flip" in op["name"] else 15)


@every_op
def test_every_operation_leaves_its_input_and_range_alone(op, images):
    before = images.copy()
    out = Pipeline(strength(op, 1))(images, seed=2, epoch=5)
    np.testing.assert_array_equal(images, before)
    assert out.min() >= 0
    assert out.max() <= 255


@every_op
def test_a_sample_is_a_function_of_seed_epoch_and_index(op, images):
    pipeline = Pipeline(strength(op, 0.5))
    whole = pipeline(images, seed=3, epoch=2)
    np.testing.assert_array_equal(pipeline(images, seed=3, epoch=2), whole)
    parts = [
        pipeline(images[i : i + 7], seed=3, epoch=2, first_index=i)
        for i in range(0, 20, 7)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    for other in ({"seed": 4, "epoch": 2}, {"seed": 3, "epoch": 3}):
        assert not np.array_equal(pipeline(images, **other), whole)


@pytest.mark.parametrize("kernels", digitnet._core.train.kernels())
@every_op
def test_uint8_and_float_images_are_treated_alike(op, kernels, images, monkeypatch):
    """The kernel for bytes against the plain loop for floats, which counts in double."""
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    for part in (0.1, 0.5, 1):
        pipeline = Pipeline(strength(op, part))
        floats = pipeline(images.astype(np.float32), max_value=255)
        np.testing.assert_allclose(pipeline(images), floats, atol=1e-2)


def test_flips_mirror_with_the_requested_probability(images):
    same = np.repeat(images[:1], 2000, axis=0)
    for name, axis in (("horizontal_flip", -1), ("vertical_flip", -2)):
        out = Pipeline(f"{name} 30%")(same)
        flipped = (out == np.flip(same, axis)).all(axis=(1, 2, 3))
        assert (flipped ^ (out == same).all(axis=(1, 2, 3))).all()
        assert abs(flipped.mean() - 0.3) < 4 * np.sqrt(0.21 / 2000)
        np.testing.assert_array_equal(Pipeline(f"{name} 1")(same), np.flip(same, axis))


def test_shear_slants_by_up_to_the_strength():
    pipeline = Pipeline("shear 20deg")
    maps = [map_of(pipeline, seed=s) for s in range(300)]
    angles = np.degrees([np.arctan(m[0, 1]) for m in maps])
    assert 18 < np.abs(angles).max() <= 20.01
    assert np.std(angles) == pytest.approx(20 / np.sqrt(3), rel=0.1)
    for m in maps[:20]:
        np.testing.assert_allclose(m[1], [0, 1, 0], atol=1e-3)
        np.testing.assert_allclose(m[0, [0, 2]], [1, 0], atol=1e-3)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_do_not_change_a_sample(threads, rng):
    images = rng.integers(0, 256, (700, 1, 7, 5), dtype=np.uint8)
    pipeline = Pipeline("shift 1px | rotate 30deg | zoom 20%")
    before = digitnet.get_num_threads()
    digitnet.set_num_threads(threads)
    try:
        whole = pipeline(images, seed=1)
    finally:
        digitnet.set_num_threads(before)
    np.testing.assert_array_equal(
        whole[650:], pipeline(images[650:], seed=1, first_index=650)
    )


def map_of(pipeline, shape=(41, 41), **draw):
    """The affine map a pipeline drew, measured on two ramps: output pixel to input."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    ramps = np.stack([x, y])[None]
    out = pipeline(ramps, **draw)[0]
    middle = np.s_[height // 2 - 3 : height // 2 + 4, width // 2 - 3 : width // 2 + 4]
    v, u = np.mgrid[-3:4, -3:4]
    system = np.stack([u.ravel(), v.ravel(), np.ones(49)], 1)
    rows = [
        np.linalg.lstsq(system, out[c][middle].ravel(), rcond=None)[0] for c in (0, 1)
    ]
    return np.array(rows) - [[0, 0, width // 2], [0, 0, height // 2]]


def test_shift_moves_by_up_to_the_strength():
    pipeline = Pipeline("shift 3px")
    offsets = np.array([map_of(pipeline, seed=s)[:, 2] for s in range(300)])
    assert np.abs(offsets).max() <= 3.001
    assert np.abs(offsets).max() > 2.8
    assert abs(offsets.mean()) < 0.3
    assert offsets.std() == pytest.approx(3 / np.sqrt(3), rel=0.1)


def test_rotation_turns_by_up_to_the_strength():
    pipeline = Pipeline("rotate 20deg")
    maps = [map_of(pipeline, seed=s) for s in range(300)]
    angles = np.degrees([np.arctan2(m[1, 0], m[0, 0]) for m in maps])
    assert 18 < np.abs(angles).max() <= 20.01
    assert np.std(angles) == pytest.approx(20 / np.sqrt(3), rel=0.1)
    for m in maps[:20]:
        np.testing.assert_allclose(m[:, :2] @ m[:, :2].T, np.eye(2), atol=1e-3)
        np.testing.assert_allclose(m[:, 2], 0, atol=1e-3)


def test_zoom_scales_by_up_to_the_strength():
    pipeline = Pipeline("zoom 20%")
    maps = [map_of(pipeline, seed=s) for s in range(300)]
    factors = np.array([1 / m[0, 0] for m in maps])
    assert 0.8 <= factors.min() < 0.82
    assert 1.18 < factors.max() <= 1.2001
    assert maps[0][0, 0] == pytest.approx(maps[0][1, 1], abs=1e-4)


def test_zoom_of_two_axes_draws_a_factor_for_each():
    """Of the distances at which pixels are read, as ImageDataGenerator draws them."""
    pipeline = Pipeline("zoom 20% axes=2")
    maps = np.array([map_of(pipeline, seed=s) for s in range(300)])
    factors = maps[:, [0, 1], [0, 1]]
    assert 0.7999 <= factors.min() < 0.81
    assert 1.19 < factors.max() <= 1.2001
    np.testing.assert_allclose(factors.std(0), 0.4 / np.sqrt(12), rtol=0.1)
    assert abs(np.corrcoef(factors.T)[0, 1]) < 0.2  # drawn apart
    np.testing.assert_allclose(maps[:, [0, 1], [1, 0]], 0, atol=1e-3)


def test_zoom_of_one_axis_is_zoom(images):
    np.testing.assert_array_equal(
        Pipeline("zoom 20% axes=1")(images, seed=1),
        Pipeline("zoom 20%")(images, seed=1),
    )


def test_channel_gain_multiplies_each_channel_by_its_own_factor(rng):
    colour = rng.integers(50, 150, (200, 3, 5, 4), dtype=np.uint8)
    factors = Pipeline("channel_gain 20%")(colour, seed=1) / colour
    of_channel = factors[:, :, :1, :1]
    np.testing.assert_allclose(
        factors, np.broadcast_to(of_channel, factors.shape), rtol=1e-5
    )
    flat = of_channel[..., 0, 0]
    assert 0.8 <= flat.min() < 0.81
    assert 1.19 < flat.max() <= 1.2001
    assert np.abs(np.corrcoef(flat.T) - np.eye(3)).max() < 0.25
    grey = Pipeline("channel_gain 20%")(colour[:, :1].copy(), seed=1)
    np.testing.assert_array_equal(
        grey, Pipeline("channel_gain 20%")(colour, seed=1)[:, :1]
    )


def test_a_pipeline_resamples_once_as_scipy_would(rng):
    image = rng.integers(0, 256, (1, 1, 41, 41), dtype=np.uint8)
    pipeline = Pipeline("shift 2px | rotate 15deg | zoom 10%")
    for seed in range(5):
        m = map_of(pipeline, seed=seed)
        matrix = m[::-1, 1::-1]  # scipy counts rows first
        centre = np.array([20, 20])
        offset = m[::-1, 2] + centre - matrix @ centre
        expected = affine_transform(
            image[0, 0].astype(float), matrix, offset, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(pipeline(image, seed=seed)[0, 0], expected, atol=0.5)


def test_percent_of_the_side_is_pixels(images):
    np.testing.assert_allclose(
        Pipeline("shift 10%")(images, seed=1),
        Pipeline("shift 1.1px")(images, seed=1),
        atol=1e-3,
    )


def test_the_same_operation_twice_draws_twice():
    once = map_of(Pipeline("shift 3px"), seed=1)
    twice = map_of(Pipeline("shift 3px | shift 3px"), seed=1)
    assert not np.allclose(twice[:, 2], 2 * once[:, 2], atol=0.1)


def test_text_is_put_in_canonical_form():
    assert Pipeline(" shift  2 px|rotate 8deg ").text == "shift 2px | rotate 8deg"
    assert Pipeline("").text == ""
    assert Pipeline("zoom 0.1").text == "zoom 0.1"
    assert (
        Pipeline("fill reflect | noise 5 % p=.25 | elastic 2px sigma=3 | blur 1px").text
        == "elastic 2px sigma=3px | noise 5% p=0.25 | blur 1px | fill reflect"
    )
    assert Pipeline("interpolation nearest | fill constant 50%").text == (
        "fill constant 0.5 | interpolation nearest"
    )
    assert (
        Pipeline("zoom 10% axes=1 | zoom 5% axes=2").text == "zoom 10% | zoom 5% axes=2"
    )
    assert repr(Pipeline("rotate 5")) == "Pipeline('rotate 5deg')"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "shft 2px",
            "unknown augmentation 'shft'; known: blur, brightness, channel_gain, contrast",
        ),
        ("shift", "augment.shift: expected a strength such as 'shift 1px', got ''"),
        ("shift two", "augment.shift: expected a strength"),
        ("shift 2deg", "augment.shift: expected the unit px, %, got 'deg'"),
        (
            "rotate 200deg",
            "augment.rotate: expected a strength from 0 to 180deg, got 200deg",
        ),
        ("rotate -5deg", "augment.rotate: expected a strength from 0"),
        ("zoom 1.5", "augment.zoom: expected a strength from 0 to 0.9"),
        ("shift nanpx", "augment.shift: expected a strength from 0"),
        ("shift 1px | | zoom 0.1", "expected an operation between two '|'"),
        ("noise 10% q=1", "augment.noise: unknown option 'q'; known: p"),
        ("vertical_flip 50% p=1", "vertical_flip: unknown option 'p'; it takes none"),
        ("elastic 1px s=3", "augment.elastic: unknown option 's'; known: p, sigma"),
        ("elastic 1px sigma=99px", "augment.elastic.sigma: expected a strength from 0"),
        (
            "zoom 10% axes=1.5",
            "augment.zoom.axes: expected a whole number from 1 to 2, got 1.5",
        ),
        (
            "zoom 10% axes=3",
            "augment.zoom.axes: expected a strength from 1 to 2, got 3",
        ),
        ("zoom 10% axes=2px", "augment.zoom.axes: expected the unit to be left out"),
        ("zoom 10% axes=2 axes=1", "augment.zoom.axes: expected one value, got sev"),
        ("noise 5% p=50% p=10%", "augment.noise.p: expected one value, got several"),
        ("channel_gain 150%", "channel_gain: expected a strength from 0 to 100%"),
        ("noise 5% p=150%", "augment.noise.p: expected a strength from 0 to 100%"),
        ("noise 5% p=", "augment.noise.p: expected a number such as 0.5 or 50%"),
        ("shift 1px | fill white", "augment.fill: expected constant"),
        ("shift 1px | fill nearest 3", "augment.fill: expected constant"),
        ("shift 1px | fill constant 200%", "augment.fill: expected a strength"),
        ("shift 1px | interpolation cubic", "interpolation: expected bilinear or"),
        ("shift 1px rotate 3deg", "expected operations separated by"),
    ],
)
def test_wrong_text_names_the_word(text, message):
    with pytest.raises(ValueError, match=message):
        Pipeline(text)


def test_wrong_images_are_refused():
    with pytest.raises(ValueError, match="augment.images: expected uint8 or float32"):
        Pipeline("shift 1px")(np.zeros((1, 1, 4, 4), np.int64))
    for shape in ((4, 4), (4,), (1, 1, 1, 4, 4)):
        with pytest.raises(
            ValueError, match="augment.images: expected a contiguous array of shape"
        ):
            Pipeline("shift 1px")(np.zeros(shape, np.uint8))
    with pytest.raises(
        ValueError, match=r"augment.images: expected pixels from 0 to 1,"
    ):
        Pipeline("noise 5%")(np.full((1, 4, 4), 2, np.float32))
    with pytest.raises(ValueError, match=r"augment.images: expected finite pixels"):
        Pipeline("shift 1px")(np.full((1, 4, 4), np.nan, np.float32))
    for value in (0, -1, float("nan")):
        with pytest.raises(ValueError, match=r"augment.max_value: expected a positive"):
            Pipeline("noise 5%")(np.zeros((1, 4, 4), np.uint8), max_value=value)


def test_an_augmentation_of_strength_0_trains_as_none(digits):
    """Augmented samples are preprocessed on the way; others by the steps themselves."""
    scores = []
    for augment in (None, "shift 0px", "noise 0"):
        model = digitnet.models.make("linear", input_shape=(8, 8), seed=1)
        model.fit(digits[0], epochs=2, augment=augment, progress=False)
        scores.append(model.predict_logits(digits[1]))
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], atol=1e-4)


def comma_locale():
    """A locale with a decimal comma, as programs with windows set it, or None."""
    before = locale.setlocale(locale.LC_ALL)
    for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR", "ru_RU.UTF-8"):
        try:
            locale.setlocale(locale.LC_ALL, name)
        except locale.Error:
            continue
        locale.setlocale(locale.LC_ALL, before)
        return name
    return None


@pytest.mark.skipif(comma_locale() is None, reason="no locale with a decimal comma")
def test_a_programs_locale_changes_no_number():
    text = "rotate 8.5deg | zoom 0.1 | noise 2.5% | shift 1.5px p=0.5"
    expected = str(Pipeline(text))
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, comma_locale())
        assert str(Pipeline(text)) == expected
        assert str(Pipeline(expected)) == expected
    finally:
        locale.setlocale(locale.LC_ALL, before)


@pytest.mark.parametrize("number", ["+8", "8.", ".8e1", "8e0"])
def test_a_strength_may_be_written_as_any_number(number):
    assert str(Pipeline(f"rotate {number}deg")) == str(Pipeline("rotate 8deg"))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "text",
    ["horizontal_flip 1", "shift 2px | rotate 9deg", "noise 5% | channel_gain 20%"],
)
def test_channels_behind_the_pixels_mean_what_they_mean_in_a_set(channels, text, rng):
    last = rng.integers(0, 255, (5, 9, 8, channels), dtype=np.uint8)
    first = digitnet.Dataset(last).to_nchw()
    drawn = Pipeline(text)(first, seed=3)
    np.testing.assert_array_equal(
        Pipeline(text)(last, seed=3), drawn.transpose(0, 2, 3, 1)
    )


def test_any_layout_in_memory_will_do(rng):
    images = rng.random((6, 3, 9, 8), dtype=np.float32)
    expected = Pipeline("rotate 9deg")(images[::2], seed=1)
    for strided in (images[::2], np.asfortranarray(images)[::2]):
        np.testing.assert_array_equal(
            Pipeline("rotate 9deg")(strided, seed=1), expected
        )
