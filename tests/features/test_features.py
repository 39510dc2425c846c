"""Looking inside."""

import numpy as np
import pytest

import digitnet


def test_filters_are_the_weights(trained):
    np.testing.assert_array_equal(
        digitnet.features.filters(trained, "conv2"),
        trained.state_dict()["conv2.weight"],
    )


def test_a_layer_without_filters_is_refused_with_those_that_have(trained):
    with pytest.raises(
        ValueError, match="unknown convolution 'dense1'; known: conv1, conv2, conv3"
    ):
        digitnet.features.filters(trained, "dense1")


def test_activations_are_the_models(trained, digits):
    ours = digitnet.features.activations(trained, digits[1][:2], ["conv1", "dense3"])
    assert [value.shape for value in ours.values()] == [(2, 16, 8, 8), (2, 10)]
    np.testing.assert_allclose(
        ours["dense3"], trained.predict_logits(digits[1][:2]), atol=1e-5
    )


def test_too_many_images_at_once_are_refused(trained):
    with pytest.raises(ValueError, match="expected at most 1000 images, got 1001"):
        digitnet.features.activations(trained, np.zeros((1001, 8, 8), np.uint8))
