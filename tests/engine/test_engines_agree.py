"""Every kind of layer on both engines: predictions, a training, activations, gradients."""

import numpy as np
import pytest
from reference.layers import NETWORKS

import digitnet

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
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


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
