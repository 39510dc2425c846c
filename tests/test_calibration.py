"""Temperature scaling."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

import digitnet
from digitnet import calibration
from digitnet._utils.minimize import minimize


class FixedLogits:
    """A model with fixed logits."""

    name, max_value = "says", 16
    classes = tuple("0123456789")

    def __init__(self, logits):
        self.logits = logits

    def predict_logits(self, data):
        return self.logits

    def labels_of(self, data, where):
        return data.require_labels(where)


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


@pytest.mark.parametrize("factor", [0.05, 0.3, 1.0, 1.7, 4.0, 30.0])
def test_the_temperature_is_scipys(honest, factor):
    logits, data = honest

    count, classes = logits.shape
    targets = np.full(logits.shape, 1 / (count + 2) / (classes - 1))  # Platt's
    targets[np.arange(count), data.labels] = (count + 1) / (count + 2)

    def loss(log_temperature):
        scaled = log_softmax(logits * factor / math.exp(log_temperature), axis=1)
        return -(scaled * targets).sum(1).mean()

    theirs = minimize_scalar(
        loss, bounds=(math.log(0.02), math.log(50)), method="bounded"
    )
    ours = calibration.fit_temperature(FixedLogits(logits * factor), data)
    assert ours == pytest.approx(math.exp(theirs.x), rel=1e-6)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x - 1.3) ** 2,
        lambda x: abs(x + 0.7),
        lambda x: -math.exp(-(x**2) / 1e-2),
        lambda x: x,
        lambda x: -x,
        lambda x: 3.0,
        lambda x: math.sin(4 * x) + x**2 / 9,
        lambda x: (x - 0.1) ** 4,
    ],
)
@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-9])
def test_the_minimum_of_one_number_is_scipys_in_as_many_steps(function, tolerance):
    calls = []

    def counted(x):
        calls.append(x)
        return function(x)

    ours = minimize(counted, -3, 2, tolerance=tolerance)
    theirs = minimize_scalar(
        function, bounds=(-3, 2), method="bounded", options={"xatol": tolerance}
    )
    assert ours == pytest.approx(theirs.x, abs=1e-9)
    assert len(calls) == theirs.nfev
    assert all(-3 <= x <= 2 for x in calls)


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
    assert 1 < calibration.fit_temperature(FixedLogits(sure), data) < 51
    unsure = np.eye(10)[data.labels]
    temperature = calibration.fit_temperature(FixedLogits(unsure), data)
    likely = calibration.temper(unsure, temperature).max(1)
    np.testing.assert_allclose(
        likely, 51 / 52, atol=1e-4
    )  # of 50 right, as Platt has it
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
