"""Whether a network of digitnet computes what a Keras model does, or refuses its file."""

import numpy as np
import pytest
from reference.keras_model import WITH_CONFIG

import digitnet


def network(layers, shape=(3, 8, 8), **options):
    return digitnet.Model(layers, shape, preprocess=(), **options)


def images_for(model, count=5):
    return np.random.default_rng(4).random((count, *model.input_shape), np.float32)


def assert_equal_logits(model, keras):
    images = images_for(model)
    expected = keras(images)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(
        model.predict_logits(images) / scale, expected / scale, atol=3e-6
    )


def refused(keras, layers, tmp_path, message, shape=(3, 8, 8)):
    """Refused by every file that has a config; nothing was changed."""
    for form in WITH_CONFIG:
        model = network(layers, shape)
        before = model.state_dict()
        with pytest.raises(ValueError, match=message):
            model.load_weights(keras.save(tmp_path, form))
        for name, value in model.state_dict().items():
            np.testing.assert_array_equal(value, before[name])
