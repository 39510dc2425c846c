"""A network that makes images: learning to remove noise."""

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet.layers import Conv, ReLU, Sigmoid


@pytest.fixture
def model():
    return digitnet.models.make("autoencoder", input_shape=(8, 8), seed=1)


def small(seed=0, **options):
    layers = [Conv(6, 3, padding="same"), ReLU(), Conv(1, 3, padding="same"), Sigmoid()]
    return digitnet.Model(layers, (8, 8), seed=seed, **options)


@pytest.mark.torch
def test_it_gives_images_of_its_inputs_shape(model, digits, rng):
    assert model.outputs_images
    assert model.classes == ()
    model.fix_scale(16)
    reconstruction = model.reconstruct(digits[1][:5])
    assert reconstruction.shape == (5, 1, 8, 8)
    assert reconstruction.dtype == np.float32
    assert model.reconstruct(digits[1].images[0]).shape == (1, 1, 8, 8)
    module = model.to_torch()
    pixels = torch.from_numpy(digits[1].images[:5, None].astype(np.float32))
    with torch.no_grad():
        np.testing.assert_allclose(reconstruction, module(pixels).numpy(), atol=1e-6)


@pytest.mark.torch
def test_training_follows_torch_on_the_squared_error(digits):
    """Inputs are noisy, targets are not; both are drawn by epoch and sample."""
    data = digits[0][:40]
    model = small()
    module = model.to_torch()
    model.core.max_value = 16
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    text = "noise 20%"
    clean = torch.from_numpy(data.images[:, None].astype(np.float32) / 16)
    module.steps, losses = [], []
    for epoch in (1, 2, 3):
        drawn = digitnet.augment.Pipeline(text)(
            data.images, seed=7, epoch=epoch, max_value=16
        )
        noisy = torch.from_numpy(drawn[:, None] / 16)
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(module(noisy), clean)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    history = model.fit(
        data,
        epochs=3,
        batch_size=40,
        optimizer="sgd",
        schedule="constant",
        learning_rate=0.5,
        augment=text,
        seed=7,
        progress=False,
    )
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-4)
    assert "accuracy" not in history
    for name, value in module.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name], value.numpy(), atol=1e-5)


def test_targets_are_moved_as_their_inputs_are(digits):
    """With moves alone, input and target are equal: the identity is learned."""
    eye = digitnet.Model([Conv(1, 1)], (8, 8))
    eye.load_state_dict(
        {"conv1.weight": np.ones((1, 1, 1, 1)), "conv1.bias": np.zeros(1)}
    )
    history = eye.fit(
        digits[0],
        epochs=1,
        learning_rate=1e-12,
        augment="shift 2px | rotate 20deg",
        progress=False,
    )
    assert history["loss"][0] < 1e-8
    noisy_history = eye.fit(
        digits[0], epochs=1, learning_rate=1e-12, augment="noise 20%", progress=False
    )
    assert 0.005 < noisy_history["loss"][0] < 0.04  # clipped noise of deviation .2


def test_validation_is_the_error_on_corrupted_validation_images(digits):
    data, validation = digits[0][:200], digits[1][:70]
    model = small()
    history = model.fit(
        data,
        validation,
        epochs=2,
        batch_size=32,
        augment="noise 20%",
        seed=3,
        progress=False,
    )
    drawn = digitnet.augment.Pipeline("noise 20%")(
        validation.images, seed=3, max_value=16
    )
    reconstruction = model.reconstruct(validation.with_images(drawn))
    expected = np.square(reconstruction[:, 0] - validation.images / 16).mean()
    assert history["val_loss"][-1] == pytest.approx(expected, rel=1e-4)
    assert "val_accuracy" not in history


def test_it_learns_to_remove_noise(model, digits):
    model.fit(
        digits[0], epochs=25, learning_rate=0.005, augment="noise 30%", progress=False
    )
    before, after = digitnet.plot.restorations(model, digits[1], "noise 30%", 50).data
    assert after < before / 2


def test_it_can_learn_32_images_by_heart(digits):
    model = digitnet.models.make("autoencoder", input_shape=(8, 8), seed=1)
    subset = digits[0][:32]
    history = model.fit(
        subset, epochs=300, batch_size=16, learning_rate=0.005, progress=False
    )
    assert history["loss"][-1] < 0.1 * np.var(subset.images / 16)


def test_unlabelled_images_will_do(digits):
    images = digitnet.Dataset(digits[0].images[:50])
    history = small().fit(images, validation=0.2, epochs=1, progress=False)
    assert history.status == "finished"
    assert str(history.executor).startswith("native")
    history.plot().close()


def test_it_survives_save_and_load(model, digits, tmp_path):
    model.fit(digits[0][:50], epochs=1, progress=False)
    model.save(tmp_path / "m.safetensors")
    again = digitnet.models.load(tmp_path / "m.safetensors")
    assert again.outputs_images
    np.testing.assert_array_equal(
        again.reconstruct(digits[1]), model.reconstruct(digits[1])
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m, d: m.predict(d),
            "predict: expected a network with classes, got one",
        ),
        (lambda m, d: m.predict_proba(d), "predict: expected a network with classes"),
        (lambda m, d: m.evaluate(d), "expected a network with classes"),
        (lambda m, d: m.fit(d, label_smoothing=0.1), "fit.label_smoothing: expected 0"),
        (
            lambda m, d: m.fit(d, monitor="accuracy"),
            "fit.monitor: expected a loss for a",
        ),
        (
            lambda m, d: m.fit(d, class_weights="balanced"),
            "fit.class_weights: expected n",
        ),
        (
            lambda m, d: digitnet.features.saliency(m, d),
            "expected a network with classes",
        ),
        (
            lambda m, d: digitnet.models.make("linear", (8, 8)).reconstruct(d),
            "reconstruct: expected a network that makes images",
        ),
        (
            lambda m, d: digitnet.Model([Conv(2, 3, padding="same")], (8, 8)),
            "expected the network to end in at least 2 flat outputs, or in images",
        ),
        (
            lambda m, d: digitnet.models.make("autoencoder", (30, 30)),
            "images of its input",
        ),
    ],
)
def test_questions_that_make_no_sense_are_refused(call, message, model, digits):
    with pytest.raises(ValueError, match=message):
        call(model, digits[1][:5])


def test_the_named_one_removes_noise_from_digits():
    """It does not fall into the black images that are the least error of all constants."""
    from digitnet.experiments.placeholder_data import placeholder

    train, test = placeholder("mnist")
    model = digitnet.models.make("autoencoder")
    model.fit(train[:800], epochs=5, augment="noise 30%", progress=False)
    display = digitnet.plot.restorations(model, test, "noise 30%")
    before, after = display.data
    display.close()
    assert after < 0.6 * before


def test_the_old_names_still_work_for_one_version(digits):
    model = digitnet.models.make("autoencoder", (8, 8))
    with pytest.warns(DeprecationWarning, match="'outputs_images'"):
        assert model.makes_images
    with pytest.warns(DeprecationWarning, match="'reconstruct'"):
        old = model.restore(digits[1][:2])
    np.testing.assert_array_equal(old, model.reconstruct(digits[1][:2]))
