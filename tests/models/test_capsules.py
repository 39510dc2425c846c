"""Capsules: routing by hand, the margin loss, and the reconstruction."""

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet.layers import CapsuleLogits, Capsules, Conv, Dense, Reconstruct, Sigmoid


def squash(s):
    squares = (s**2).sum(-1, keepdims=True)
    return squares / (1 + squares) * s / np.sqrt(squares)


def routed(maps, weight, units, size, inputs, rounds):
    """Sabour et al., 2017, procedure 1, vector by vector."""
    channels, height, width = maps.shape
    vectors = []
    for kind in range(channels // inputs):
        block = maps[kind * inputs : (kind + 1) * inputs]
        vectors += [block[:, y, x] for y in range(height) for x in range(width)]
    vectors = squash(np.array(vectors))
    foreseen = np.array(
        [(w @ v).reshape(units, size) for w, v in zip(weight, vectors, strict=True)]
    )
    logits = np.zeros(foreseen.shape[:2])
    for _ in range(rounds):
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        outputs = squash((shares[:, :, None] * foreseen).sum(0))
        logits = logits + (foreseen * outputs).sum(2)
    return outputs


@pytest.mark.parametrize("rounds", [1, 2, 3, 5])
def test_routing_is_the_papers_procedure(rounds, rng):
    model = digitnet.Model(
        [Capsules(3, 4, 2, rounds), CapsuleLogits(4)], (6, 5, 4), preprocess=()
    )
    weight = rng.normal(0, 1, model.state_dict()["capsules1.weight"].shape)
    model.load_state_dict({"capsules1.weight": weight.astype(np.float32)})
    images = rng.random((2, 6, 5, 4), dtype=np.float32)
    capsules = model.activations(images, ["capsules1"])["capsules1"]
    for image, ours in zip(images, capsules, strict=True):
        expected = routed(image.astype(float), weight, 3, 4, 2, rounds)
        np.testing.assert_allclose(ours.reshape(3, 4), expected, atol=1e-5)
    lengths = np.linalg.norm(capsules.reshape(2, 3, 4), axis=2)
    np.testing.assert_allclose(
        model.predict_logits(images), np.log(lengths / (1 - lengths)), atol=1e-4
    )


def small():
    layers = [
        *(Conv(8, 3), Capsules(3, 4, 4)),
        Reconstruct([Dense(20), Sigmoid(), Dense(36)], 4, weight=0.01),
        CapsuleLogits(4),
    ]
    return digitnet.Model(layers, (6, 6), classes=3, preprocess=(), seed=2)


@pytest.mark.torch
def test_the_true_classs_features_must_make_the_image(rng):
    """Three steps by torch's autograd, with the mask written out."""
    images = rng.random((5, 1, 6, 6), dtype=np.float32)
    labels = np.array([0, 1, 2, 0, 1])
    model = small()
    model.core.max_value = 1
    module = model.to_torch()
    decoder = module.reconstruct1.sequence1
    optimizer = torch.optim.SGD(module.parameters(), lr=0.3)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        vectors = module.capsules1(module.conv1(x))
        kept = torch.zeros_like(vectors)
        for i, label in enumerate(labels):
            part = slice(4 * label, 4 * label + 4)
            kept[i, part] = vectors[i, part]
        lengths = vectors.reshape(5, 3, 4).norm(dim=2)
        there = torch.eye(3)[y]
        margin = there * (0.9 - lengths).relu() ** 2
        margin = margin + 0.5 * (1 - there) * (lengths - 0.1).relu() ** 2
        errors = ((decoder(kept) - x.flatten(1)) ** 2).sum(1)
        loss = (margin.sum(1) + 0.01 * errors).mean()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    history = model.fit(
        digitnet.Dataset(images, labels, classes=3, max_value=1),
        epochs=3,
        batch_size=5,
        optimizer="sgd",
        schedule="constant",
        learning_rate=0.3,
        progress=False,
    )
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-5)
    for name, value in module.state_dict().items():
        np.testing.assert_allclose(
            model.state_dict()[name], value.numpy(), atol=2e-5, err_msg=name
        )


@pytest.mark.torch
def test_the_longest_vectors_image_can_be_looked_at(rng):
    model = small()
    images = rng.random((3, 6, 6), dtype=np.float32)
    activations = model.activations(images)
    reconstruction = activations["reconstruct1.sequence1.dense2"]
    assert reconstruction.shape == (3, 36)
    vectors = activations["capsules1"].reshape(3, 3, 4)
    longest = np.linalg.norm(vectors, axis=2).argmax(1)
    kept = np.zeros_like(vectors)
    kept[range(3), longest] = vectors[range(3), longest]
    decoder = model.to_torch().reconstruct1.sequence1
    with torch.no_grad():
        expected = decoder(torch.from_numpy(kept.reshape(3, 12))).numpy()
    np.testing.assert_allclose(reconstruction, expected, atol=1e-5)


def test_validation_goes_by_the_margin_loss(rng):
    images = rng.random((6, 6, 6), dtype=np.float32)
    labels = np.array([0, 1, 2, 2, 1, 0])
    model = small()
    data = digitnet.Dataset(images, labels, classes=3, max_value=1)
    history = model.fit(data, data, epochs=1, learning_rate=1e-12, progress=False)
    logits = model.predict_logits(images) * model.temperature
    lengths = 1 / (1 + np.exp(-logits))
    there = np.eye(3)[labels]
    losses = there * np.maximum(0.9 - lengths, 0) ** 2
    losses += 0.5 * (1 - there) * np.maximum(lengths - 0.1, 0) ** 2
    assert history["val_loss"][0] == pytest.approx(losses.sum(1).mean(), abs=1e-6)


def test_smoothed_labels_are_refused():
    data = digitnet.Dataset(np.zeros((2, 6, 6)), [0, 1], classes=3)
    with pytest.raises(ValueError, match="fit.label_smoothing: expected 0 for a net"):
        small().fit(data, label_smoothing=0.1, progress=False)


def test_capsnets_encoder_has_the_published_size():
    model = digitnet.models.make("capsnet")
    encoder = [r for r in model.summary().rows if "reconstruct" not in r["layer"]]
    assert sum(row["parameters"] for row in encoder) == 6_804_224
    with pytest.raises(ValueError, match="makes the 1024 values of its input"):
        digitnet.models.make("capsnet", (1, 32, 32))
