"""Looking inside."""

import numpy as np
import pytest

import digitnet


def test_filters_are_the_weights(trained):
    np.testing.assert_array_equal(
        digitnet.features.filters(trained, "conv2"),
        trained.state_dict()["conv2.weight"],
    )


def test_a_dense_layer_that_sees_the_image_has_filters_of_its_size():
    model = digitnet.models.make("linear", input_shape=(3, 4, 5))
    filters = digitnet.features.filters(model, "dense1")
    assert filters.shape == (10, 3, 4, 5)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (3, 4, 5)).astype(np.uint8)
    state = model.state_dict()
    expected = (filters * (image / 255)).sum((1, 2, 3)) + state["dense1.bias"]
    np.testing.assert_allclose(
        model.predict_logits(image[None])[0], expected, atol=1e-5
    )


def test_a_layer_without_filters_is_refused_with_those_that_have(trained):
    with pytest.raises(
        ValueError, match="unknown filters 'dense1'; known: conv1, conv2, conv3"
    ):
        digitnet.features.filters(trained, "dense1")


def test_activations_are_the_models(trained, digits):
    ours = digitnet.features.activations(trained, digits[1][:2], ["conv1", "dense3"])
    assert [value.shape for value in ours.values()] == [(2, 16, 8, 8), (2, 10)]
    logits = trained.predict_logits(digits[1][:2]) * trained.temperature
    np.testing.assert_allclose(ours["dense3"], logits, atol=1e-5)


def test_too_many_images_at_once_are_refused(trained):
    with pytest.raises(ValueError, match="expected at most 1000 images, got 1001"):
        digitnet.features.activations(trained, np.zeros((1001, 8, 8), np.uint8))
