"""The temperature: fitted on held-out data, a part of the model wherever it goes."""

import copy
import pickle

import numpy as np
import pytest
from scipy.special import softmax

import digitnet
from digitnet import calibration
from digitnet.train.temperature import best_temperature

OPTIONS = {"epochs": 2, "label_smoothing": 0.2, "progress": False}


@pytest.fixture(scope="module")
def parts(digits):
    return digits[0].split(0.8)


@pytest.fixture(scope="module")
def calibrated(parts):
    """A network whose smoothed labels made it underconfident, fitted with validation."""
    model = digitnet.models.make("optdigits-cnn", (8, 8), seed=1)
    model.fit(*parts, **{**OPTIONS, "epochs": 8, "batch_size": 32})
    return model


def at_one(model):
    """A copy of the model without its temperature."""
    model = copy.deepcopy(model)
    model.temperature = 1
    return model


def test_probabilities_are_the_softmax_of_logits_divided_by_it(calibrated, digits):
    images = digits[1][:50]
    logits = calibrated.predict_logits(images)
    assert calibrated.temperature < 0.9
    raw = at_one(calibrated)
    np.testing.assert_allclose(
        logits * calibrated.temperature, raw.predict_logits(images), rtol=1e-6
    )
    probabilities = calibrated.predict_proba(images)
    np.testing.assert_allclose(probabilities, softmax(logits, 1), atol=1e-7)
    report = calibrated.evaluate(images)
    np.testing.assert_array_equal(report.probabilities, probabilities)
    np.testing.assert_array_equal(calibrated.predict(images), raw.predict(images))


def test_the_validation_data_choose_it(calibrated, parts):
    raw = at_one(calibrated)
    expected = calibration.fit_temperature(raw, parts[1])
    assert calibrated.temperature == pytest.approx(expected, rel=1e-6)
    assert calibration.fit_temperature(calibrated, parts[1]) == pytest.approx(
        1, abs=1e-3
    )
    assert raw.calibrate(parts[1]) == raw.temperature
    assert raw.temperature == pytest.approx(expected, rel=1e-6)
    assert calibrated.calibrate(parts[1]) == pytest.approx(expected, rel=1e-6)


def test_it_makes_probabilities_of_unseen_images_honest(calibrated, digits):
    raw = at_one(calibrated).evaluate(digits[1])
    honest = calibrated.evaluate(digits[1])
    assert honest["log_loss"] < raw["log_loss"]
    assert honest["calibration_error"] < raw["calibration_error"]


@pytest.mark.parametrize("calibrate", [False, True])
def test_without_held_out_data_it_is_1(parts, calibrate):
    model = digitnet.models.make("linear", (8, 8))
    model.temperature = 3
    model.fit(parts[0], calibrate=calibrate, **OPTIONS)
    assert model.temperature == 1
    model.fit(parts[0], parts[1] if not calibrate else None, calibrate=False, **OPTIONS)
    assert model.temperature == 1


@pytest.mark.parametrize("validation", [None, 0.2])
def test_a_fraction_is_held_out_for_it_alone(parts, validation):
    rows = []
    model = digitnet.models.make("linear", (8, 8), seed=2)
    history = model.fit(
        parts[0],
        validation,
        calibrate=0.25,
        seed=5,
        sample_weight=np.ones(len(parts[0])),
        callbacks=lambda epoch, logs: rows.append(logs),
        **OPTIONS,
    )
    kept = parts[0]
    if validation:
        kept, _ = kept.split(1 - validation, seed=5)
    kept, held_out = kept.split(0.75, seed=5)
    other = digitnet.models.make("linear", (8, 8), seed=2)
    other.fit(kept, calibrate=False, seed=5, **OPTIONS)
    for name, value in other.state_dict().items():
        np.testing.assert_array_equal(value, model.state_dict()[name])
    expected = best_temperature(other.predict_logits(held_out), held_out.labels)
    assert model.temperature == pytest.approx(expected, rel=1e-6)
    assert history.options["calibrate"] == 0.25
    assert ("val_loss" in rows[-1]) == bool(validation)


def test_it_is_1_while_the_model_is_trained_again(calibrated, parts):
    model = copy.deepcopy(calibrated)
    seen = []
    model.fit(
        parts[0],
        parts[1],
        callbacks=lambda epoch, logs: seen.append(
            (model.temperature, model.evaluate(parts[1])["log_loss"], logs["val_loss"])
        ),
        **{**OPTIONS, "label_smoothing": 0},
    )
    for temperature, evaluated, logged in seen:
        assert temperature == 1
        assert evaluated == pytest.approx(logged, rel=1e-5)
    assert model.temperature not in (1, calibrated.temperature)


def test_other_weights_bring_it_back_to_1(calibrated):
    model = copy.deepcopy(calibrated)
    assert model.temperature == calibrated.temperature
    model.load_state_dict(calibrated.state_dict())
    assert model.temperature == 1
    model = copy.deepcopy(calibrated)
    model.load_weights(digitnet.models.make("optdigits-cnn", (8, 8), seed=3))
    assert model.temperature == 1


def test_files_and_pickles_have_it(calibrated, digits, tmp_path):
    calibrated.save(tmp_path / "model.safetensors")
    expected = calibrated.predict_proba(digits[1][:20])
    for other in (
        digitnet.models.load(tmp_path / "model.safetensors"),
        pickle.loads(pickle.dumps(calibrated)),
    ):
        assert other.temperature == calibrated.temperature
        np.testing.assert_array_equal(other.predict_proba(digits[1][:20]), expected)


@pytest.mark.torch
def test_the_torch_module_has_it(calibrated, digits):
    import torch

    images = digits[1][:20].to_nchw()
    logits = calibrated.to_torch()(torch.from_numpy(images).float())
    np.testing.assert_allclose(
        logits.detach().numpy(), calibrated.predict_logits(images), atol=1e-4
    )


def test_the_onnx_file_has_it(calibrated, digits):
    runtime = pytest.importorskip("onnxruntime")
    from digitnet.export.onnx_file import onnx_bytes

    images = digits[1][:20].to_nchw().astype(np.float32)
    session = runtime.InferenceSession(onnx_bytes(calibrated))
    logits, probabilities = session.run(None, {"images": images})
    np.testing.assert_allclose(logits, calibrated.predict_logits(images), atol=1e-4)
    np.testing.assert_allclose(
        probabilities, calibrated.predict_proba(images), atol=1e-5
    )


def test_a_head_that_is_trained_alone_gives_it_to_the_model(parts):
    model = digitnet.models.make("optdigits-cnn", (8, 8), seed=1)
    model.fit_head(*parts, **OPTIONS)
    expected = best_temperature(
        model.predict_logits(parts[1]) * model.temperature, parts[1].labels
    )
    assert model.temperature != 1
    assert model.temperature == pytest.approx(expected, rel=1e-3)


def test_a_finished_training_that_is_resumed_gives_it_again(parts, tmp_path):
    temperatures = []
    for _ in range(2):
        model = digitnet.models.make("linear", (8, 8))
        model.fit(*parts, resume=tmp_path / "state", **OPTIONS)
        temperatures.append(model.temperature)
    assert temperatures[0] == temperatures[1] != 1


def test_a_few_images_that_are_all_right_do_not_make_it_extreme(digits):
    few = digits[0][:30]
    temperature = best_temperature(np.eye(10)[few.labels] * 20, few.labels)
    assert softmax(np.eye(10)[:1] * 20 / temperature, 1).max() == pytest.approx(
        31 / 32, abs=1e-3
    )


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 1e4, "1", True])
def test_odd_temperatures_are_refused(calibrated, value):
    model = copy.deepcopy(calibrated)
    with pytest.raises(ValueError, match=r"model.temperature: expected a number"):
        model.temperature = value
    assert model.temperature == calibrated.temperature


@pytest.mark.parametrize("value", [0.0, -0.1, 1.0, 2, float("nan"), "0.1", None])
def test_odd_fractions_are_refused(parts, value):
    model = digitnet.models.make("linear", (8, 8))
    with pytest.raises(ValueError, match="fit.calibrate: expected 0 < fraction < 1"):
        model.fit(parts[0], calibrate=value, **OPTIONS)


def test_a_network_that_makes_images_has_none(parts):
    model = digitnet.models.make("autoencoder", (8, 8))
    with pytest.raises(ValueError, match="expected a network with classes"):
        model.temperature = 2
    with pytest.raises(ValueError, match="network that makes images"):
        model.fit(parts[0], calibrate=0.1, epochs=1, progress=False)
    model.fit(*parts, epochs=1, progress=False)
    assert model.temperature == 1
    with pytest.raises(ValueError, match="calibrate: expected a network with classes"):
        model.calibrate(parts[1])
