"""Temperature scaling."""

import numpy as np
import pytest

import digitnet
from digitnet import calibration


class FixedLogits:
    """A model with fixed logits."""

    name, max_value = "says", 16
    classes = tuple("0123456789")

    def __init__(self, logits):
        self.logits = logits

    def predict_logits(self, data):
        return self.logits


@pytest.fixture
def honest(digits, rng):
    """Data whose labels are drawn from the softmax of the logits."""
    data = digits[0]
    logits = 2 * rng.standard_normal((len(data), 10))
    shares = calibration.temper(logits, 1)
    labels = np.array([rng.choice(10, p=row) for row in shares])
    return logits, digitnet.Dataset(data.images, labels, max_value=16)


@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_the_temperature_undoes_what_logits_were_multiplied_by(honest, factor):
    logits, data = honest
    temperature = calibration.fit_temperature(FixedLogits(logits * factor), data)
    assert temperature == pytest.approx(factor, rel=0.15)


def test_an_overconfident_network_is_calibrated_and_keeps_its_predictions(digits):
    train, validation = digits[0].split(0.7)
    model = digitnet.models.make("mlp", (8, 8), seed=1)
    model.fit(train[:200], epochs=60, learning_rate=0.01, progress=False)
    temperature = calibration.fit_temperature(model, validation)
    before, after = (
        model.evaluate(validation),
        calibration.evaluate(model, validation, temperature),
    )
    assert temperature > 1
    assert after["log_loss"] < before["log_loss"]
    np.testing.assert_array_equal(after.predicted, before.predicted)
    assert "at temperature" in after.model
    as_it_was = calibration.evaluate(model, validation, 1.0)
    np.testing.assert_allclose(as_it_was.probabilities, before.probabilities, atol=1e-6)


def test_all_right_predictions_do_not_lead_out_of_the_range(digits):
    data = digits[0][:50]
    sure = np.eye(10)[data.labels] * 100
    assert 0.01 < calibration.fit_temperature(FixedLogits(sure), data) <= 1
    wrong = np.eye(10)[(data.labels + 1) % 10] * 100
    assert 1 < calibration.fit_temperature(FixedLogits(wrong), data) <= 51


def test_wrong_temperatures_and_data_are_refused(trained, digits):
    for value in (0, -1.0, float("nan"), float("inf"), "1"):
        with pytest.raises(ValueError, match="temper.temperature: expected a positive"):
            calibration.evaluate(trained, digits[1], value)
    bare = digitnet.Dataset(digits[1].images, max_value=16)
    with pytest.raises(ValueError, match="fit_temperature: expected labels"):
        calibration.fit_temperature(trained, bare)
    with pytest.raises(ValueError, match="expected at least one sample, got none"):
        calibration.fit_temperature(trained, digits[1][:0])
