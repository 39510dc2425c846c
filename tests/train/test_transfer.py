"""A frozen base, run once; a head, trained on its features."""

import numpy as np
import pytest

import digitnet
from digitnet import OutOfMemory
from digitnet.layers import Concat, Conv, Dense, Flatten, MaxPool
from digitnet.models import transfer


@pytest.fixture
def model():
    return digitnet.models.make("optdigits-cnn", seed=3)


def test_a_split_model_predicts_as_the_whole(model, digits):
    for layer in (None, "relu1", "max_pool2"):
        base, head = digitnet.models.split_at(model, layer)
        activations = base.predict_logits(digits[1])
        maps = activations.reshape(len(activations), *head.input_shape).astype(
            np.float32
        )
        head.fix_scale(float(maps.max()))
        data = digits[1].with_images(maps, max_value=maps.max())
        np.testing.assert_allclose(
            head.predict_logits(data), model.predict_logits(digits[1]), atol=1e-5
        )


def test_features_are_the_layers_activations(model, digits):
    part = digits[1][:30]
    expected = model.activations(part, ["max_pool2"])["max_pool2"]
    features = model.features(part, "max_pool2", progress=False)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected.reshape(30, -1), atol=1e-6)
    assert model.features(part, progress=False).shape == (30, 64)


def test_a_head_fitted_on_cached_features_is_the_frozen_fit(digits):
    """Same seed, same order, same start: only sums are rounded otherwise."""
    options = {"epochs": 3, "seed": 5, "progress": False, "learning_rate": 0.01}
    layers = [Conv(6, 3), digitnet.layers.ReLU(), MaxPool(2), Flatten(), Dense(10)]
    one = digitnet.Model(layers, (8, 8), seed=1)
    two = digitnet.Model(layers, (8, 8), seed=1)
    first = one.fit(digits[0], validation=0.2, freeze=["conv1"], **options)
    second = two.fit_head(digits[0], validation=0.2, **options)
    np.testing.assert_allclose(first["val_loss"], second["val_loss"], rtol=1e-4)
    for name, value in one.state_dict().items():
        np.testing.assert_allclose(value, two.state_dict()[name], atol=1e-4)
    assert two.history is second
    assert two.max_value == 16
    assert two.evaluate(digits[1])["accuracy"] == pytest.approx(
        one.evaluate(digits[1])["accuracy"], abs=0.01
    )


def test_what_was_learned_on_one_set_helps_on_another(digits):
    """Transfer: five classes teach the base, few samples of the others the head."""
    train, test = digits
    low, high = train[train.labels < 5], train[train.labels >= 5]
    source = digitnet.models.make("optdigits-cnn", seed=1)
    options = {"batch_size": 16, "learning_rate": 0.004, "progress": False}
    source.fit(low, epochs=15, **options)
    target = digitnet.models.make("optdigits-cnn", seed=2)
    report = target.load_weights(source)
    assert not report.mismatched
    target.fit_head(high[:60], epochs=60, **options)
    untaught = digitnet.models.make("optdigits-cnn", seed=2)
    untaught.fit_head(high[:60], epochs=60, **options)
    scores = [
        m.evaluate(test[test.labels >= 5])["accuracy"] for m in (target, untaught)
    ]
    assert scores[0] > scores[1]


def test_the_last_blocks_can_be_freed_with_a_rate_of_their_own(model, digits):
    before = model.state_dict()
    model.fit(
        digits[0],
        epochs=1,
        freeze=["conv1", "conv2"],
        lr_scale={"conv3": 0.1},
        progress=False,
    )
    for name, value in model.state_dict().items():
        frozen = name.startswith(("conv1", "conv2"))
        assert np.array_equal(value, before[name]) == frozen


def test_a_callback_can_stop_a_head(model, digits):
    def stop(epoch, logs):
        model.stop_training = epoch == 2

    history = model.fit_head(digits[0], epochs=9, callbacks=stop, progress=False)
    assert len(history["loss"]) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augment": "shift 1px"}, r"fit_head.augment: expected none.*enlarged"),
        ({"checkpoint": "x.safetensors"}, r"fit_head.checkpoint: expected none"),
        (
            {"base": "dense1"},
            r"expected a layer that gives a map, got 'dense1'; known: c",
        ),
        ({"base": "conv9"}, r"expected a layer that gives a map, got 'conv9'"),
        ({"base": "conv1"}, r"fit_head.base: expected a layer without negative values"),
        ({"epochs": 0}, r"fit.epochs: expected"),
        (
            {"freeze": ["conv1"]},
            r"fit.freeze: expected patterns of dense1.weight.* got 'conv1'",
        ),
    ],
)
def test_wrong_options_change_nothing(options, message, model, digits):
    before = model.state_dict()
    if options.get("base") == "conv1":
        model = digitnet.Model(
            model.core.network, (8, 8)
        )  # whose conv1 is not rectified
        before = model.state_dict()
    with pytest.raises(ValueError, match=message):
        model.fit_head(digits[0], progress=False, **options)
    assert model.max_value is None
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_network_without_maps_has_no_head_to_fit(digits):
    with pytest.raises(
        ValueError, match=r"expected a network with a flatten behind a map"
    ):
        digitnet.models.make("linear", input_shape=(8, 8)).fit_head(digits[0])


def test_sample_weights_follow_their_samples_into_the_head(model, digits):
    """The weights of the held-out part are left out."""
    weights = (digits[0].labels == 3).astype(float) + 1e-6
    model.fit_head(digits[0], 0.2, epochs=6, sample_weight=weights, progress=False)
    assert (model.predict(digits[1]) == 3).mean() > 0.9


def test_features_that_do_not_fit_are_refused(model, digits, monkeypatch):
    monkeypatch.setattr(transfer._core.train, "free_memory", lambda: 1000)
    with pytest.raises(
        OutOfMemory, match=r"features: expected at most half of the free"
    ):
        model.features(digits[1], progress=False)
    with pytest.raises(OutOfMemory, match=r"take fewer images or a later layer"):
        model.fit_head(digits[0], progress=False)


def test_the_amount_of_features_is_announced(model, digits, capsys):
    model.fit_head(digits[0][:64], epochs=1)
    assert "keeping 0 MiB of features" in capsys.readouterr().err


def test_composites_are_split_behind_them(rng):
    layers = [
        Concat(Conv(3, 3), Conv(4, 3), name="both"),
        MaxPool(2),
        Flatten(),
        Dense(3),
    ]
    model = digitnet.Model(layers, (1, 8, 8), preprocess=())
    images = rng.random((5, 1, 8, 8), dtype=np.float32)
    features = model.features(images, "both", progress=False)
    assert features.shape == (5, 7 * 36)


@pytest.mark.parametrize("option", ["lr_scales", "rates", "save", "epoch"])
def test_a_head_refuses_options_that_fit_does_not_have(option, model, digits):
    with pytest.raises(TypeError, match=f"unexpected argument '{option}'"):
        model.fit_head(digits[0], epochs=1, progress=False, **{option: [1]})


def test_features_of_a_network_that_outputs_images_are_its_activations(digits):
    model = digitnet.models.make("autoencoder", (8, 8))
    features = model.features(digits[1][:5], "relu1", progress=False)
    expected = model.activations(digits[1][:5], ["relu1"])["relu1"]
    np.testing.assert_array_equal(features, expected.reshape(5, -1))
