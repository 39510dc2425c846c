"""Every kind of layer on both engines: predictions, a training, activations, gradients."""

import numpy as np
import pytest
from reference.layers import NETWORKS

import digitnet
from digitnet.layers import Dense, Flatten, ReLU, ReLU6

# Masks of dropout are each engine's own; a domain head needs a second domain.
TRAINED_ALIKE = sorted(set(NETWORKS) - {"dropout", "domain_head"})
SHAPE = (2, 9, 9)


def on_both(monkeypatch, name, compute):
    """compute(model) on each engine, with the same weights."""
    results = []
    for engine in ("native", "torch"):
        monkeypatch.setenv("DIGITNET_EXECUTOR", engine)
        results.append(compute(digitnet.Model(NETWORKS[name], SHAPE, seed=1)))
    return results


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (12, *SHAPE)).astype(np.uint8)


@pytest.mark.torch
@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_gives_the_same_activations(name, images, monkeypatch):
    ours, theirs = on_both(
        monkeypatch, name, lambda model: digitnet.features.activations(model, images)
    )
    assert list(ours) == list(theirs)
    for layer, values in theirs.items():
        np.testing.assert_allclose(
            ours[layer], values, rtol=2e-4, atol=2e-5, err_msg=layer
        )


@pytest.mark.torch
@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_passes_the_same_gradient_to_the_images(name, images, monkeypatch):
    ours, theirs = on_both(
        monkeypatch, name, lambda model: digitnet.features.saliency(model, images, 1)
    )
    # Rounding can turn a ReLU or a maximum, seldom: then one image differs.
    differ = ~np.isclose(ours, theirs, rtol=1e-3, atol=1e-4)
    assert differ.any(axis=(1, 2, 3)).sum() <= 1, np.abs(ours - theirs).max()


@pytest.mark.torch
@pytest.mark.parametrize("rectifier", [ReLU, ReLU6])
def test_a_rectifier_passes_no_gradient_where_it_bends(rectifier, monkeypatch):
    images = np.tile(np.float32([0, 3, 6, 9]), (1, 1, 2, 1))
    passed = [0, 1, rectifier is ReLU, rectifier is ReLU]
    layers = [rectifier(), Flatten(), Dense(3)]
    for engine in ("native", "torch"):
        monkeypatch.setenv("DIGITNET_EXECUTOR", engine)
        model = digitnet.Model(layers, (1, 2, 4), preprocess=[], seed=1)
        slopes = digitnet.features.saliency(model, images, 1)
        np.testing.assert_array_equal(
            slopes != 0, np.broadcast_to(passed, (1, 1, 2, 4))
        )


@pytest.mark.torch
@pytest.mark.parametrize("name", TRAINED_ALIKE)
def test_every_layer_learns_the_same(name, images, rng, monkeypatch):
    data = digitnet.Dataset(images, rng.integers(0, 3, 12), classes=3, max_value=255)

    def train(model):
        model.fit(
            data, epochs=1, batch_size=6, optimizer="sgd", schedule="constant",
            learning_rate=0.01, progress=False, seed=3,
        )  # fmt: skip
        return model.state_dict()

    ours, theirs = on_both(monkeypatch, name, train)
    for weight, values in theirs.items():
        np.testing.assert_allclose(
            ours[weight], values, rtol=1e-3, atol=1e-4, err_msg=weight
        )


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_predicts_natively(name, images):
    model = digitnet.Model(NETWORKS[name], SHAPE, seed=1)
    assert np.isfinite(model.predict_logits(images)).all()
    assert "runs on native" in str(model.summary())
