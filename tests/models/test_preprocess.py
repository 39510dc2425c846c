"""Every preprocessing step against reference implementations and torch."""

import numpy as np
import pytest
from reference.optional import torch
from reference.preprocess import PIPELINES

import digitnet
from digitnet import preprocess
from digitnet.layers import Dense, Flatten
from digitnet.preprocess import (
    GreyToRGB,
    Resize,
    Standardise,
)


@pytest.fixture(params=PIPELINES.values(), ids=PIPELINES)
def model_and_images(request, rng):
    steps, channels = request.param
    images = rng.integers(0, 256, (6, channels, 10, 9), dtype=np.uint8)
    images[0, 0, 0, 0] = 255
    model = digitnet.Model(
        [Flatten(), Dense(2)], input_shape=(channels, 10, 9), preprocess=steps
    )
    model.fit((images, [0, 1, 0, 1, 0, 1]), epochs=1, progress=False)
    return model, images


def test_every_step_is_tested():
    assert {name.split()[0] for name in PIPELINES} == {
        e["name"] for e in preprocess.describe()
    }


@pytest.mark.torch
def test_every_step_equals_its_torch_module(model_and_images):
    model, images = model_and_images
    x = torch.from_numpy(images.astype(np.float32))
    for step in model.to_torch().steps:
        x = step(x)
    np.testing.assert_allclose(
        model.preprocessed(images), x.numpy(), rtol=2e-5, atol=2e-5
    )


def test_every_step_survives_saving(model_and_images, tmp_path):
    model, images = model_and_images
    model.save(tmp_path / "m.safetensors")
    again = digitnet.models.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(
        again.preprocessed(images), model.preprocessed(images)
    )
    np.testing.assert_array_equal(
        again.predict_logits(images), model.predict_logits(images)
    )


def test_learned_moments_make_mean_0_and_deviation_1(rng):
    images = rng.integers(0, 256, (50, 3, 8, 8), dtype=np.uint8)
    images[:, 1] //= 3
    model = digitnet.Model(
        [Flatten(), Dense(2)], (3, 8, 8), preprocess=["scale", "standardise"]
    )
    model.fit(
        digitnet.Dataset(images, np.arange(50) % 2, max_value=255),
        epochs=1,
        progress=False,
    )
    seen = model.preprocessed(images)
    np.testing.assert_allclose(seen.mean((0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(seen.std((0, 2, 3)), 1, atol=1e-4)


def test_blur_and_sharpen_are_the_papers_kernels(rng):
    from scipy.ndimage import convolve

    image = rng.integers(0, 256, (12, 11)).astype(np.float32)
    kernels = {
        "blur": np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16,
        "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    }
    for name, kernel in kernels.items():
        model = digitnet.Model([Flatten(), Dense(2)], (12, 11), preprocess=[name])
        ours = model.preprocessed(
            digitnet.Dataset(image[None].astype(np.uint8), max_value=255)
        )
        theirs = convolve(image, kernel, mode="constant")
        np.testing.assert_allclose(ours[0, 0], theirs, atol=1e-3)


def test_the_median_is_scipys(rng):
    from scipy.ndimage import median_filter

    image = rng.integers(0, 256, (12, 11), dtype=np.uint8)
    model = digitnet.Model([Flatten(), Dense(2)], (12, 11), preprocess=["median"])
    ours = model.preprocessed(digitnet.Dataset(image[None], max_value=255))
    theirs = median_filter(image, 3, mode="constant")
    np.testing.assert_array_equal(ours[0, 0], theirs)


def test_steps_can_be_applied_without_a_model(rng):
    images = rng.integers(0, 17, (5, 8, 8), dtype=np.uint8)
    data = digitnet.Dataset(images, [0, 1, 2, 3, 4], max_value=16)
    larger = preprocess.applied(data[1:], [Resize(20, 20), GreyToRGB()])
    model = digitnet.Model(
        [Flatten(), Dense(2)], (8, 8), preprocess=["scale", Resize(20, 20)]
    )
    seen = model.preprocessed(data[1:])
    assert larger.shape == (3, 20, 20) and larger.max_value == 255
    np.testing.assert_array_equal(larger.images[:, 1], np.rint(seen[:, 0] * 255))
    np.testing.assert_array_equal(larger.labels, [1, 2, 3, 4])
    floats = digitnet.Dataset(images / 16, max_value=1)
    sharp = preprocess.applied(floats, ["sharpen"])
    assert sharp.images.dtype == np.float32 and sharp.max_value == 1
    assert sharp.images.min() == 0 and sharp.images.max() == 1  # clipped
    with pytest.raises(ValueError, match="unknown preprocessing step 'shrpen'"):
        preprocess.applied(data, ["shrpen"])


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (["sclae"], "unknown preprocessing step 'sclae'; known: scale"),
        ([("resize", {"height": 5})], "resize.width: .*got nothing"),
        (
            [("resize", {"height": 5, "width": 0})],
            "resize.width: expected a whole number from 1",
        ),
        (["rgb_to_grey"], "rgb_to_grey: expected 3 channels, got 1"),
        ([Standardise([1.0, 2.0])], "standardise.mean: expected 1 numbers"),
        ([Standardise([0.0], [0.0])], "standardise.std: expected numbers from"),
        ([("scale", {"by": 3})], "scale: unknown option 'by'; it takes none"),
        ([3], "preprocess: expected a name or"),
    ],
)
def test_wrong_steps_say_what_is_right(steps, message):
    with pytest.raises(ValueError, match=message):
        digitnet.Model([Flatten(), Dense(2)], (8, 8), preprocess=steps)
