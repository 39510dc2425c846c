"""Images, and trainings of them on a GPU."""

import numpy as np
import pytest

import digitnet


@pytest.fixture(scope="session")
def images():
    """Images of MNIST's size."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (300, 28, 28), dtype=np.uint8)
    return digitnet.Dataset(pixels, rng.integers(0, 10, 300))


@pytest.fixture
def fitted():
    """A function that makes a network (by name or from layers) and trains it."""

    def fit(network, data, device, **options):
        if isinstance(network, str):
            model = digitnet.models.make(network, input_shape=data.shape, seed=2)
        else:
            model = digitnet.Model(network, data.shape, seed=2)
        settings = {"epochs": 2, "optimizer": "sgd", "learning_rate": 0.005, **options}
        model.fit(data, device=device, progress=False, seed=3, **settings)
        return model

    return fit
