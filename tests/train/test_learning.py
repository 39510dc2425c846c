"""The learning-rate finder, recorded steps, and the learning curve."""

import numpy as np
import pytest

import digitnet
from digitnet.evaluation.learning_curves import LearningRates, copied
from digitnet.layers import BatchNorm, Dense, Flatten


@pytest.fixture
def model():
    return digitnet.models.make("optdigits-cnn", seed=3)


def state_of(model):
    return model.state_dict(), model.max_value, model.history, model.classes


@pytest.mark.parametrize(
    "executor", ["native", pytest.param("torch", marks=pytest.mark.torch)]
)
def test_recorded_steps_are_what_the_epoch_is_the_mean_of(
    executor, digits, monkeypatch
):
    monkeypatch.setenv("DIGITNET_EXECUTOR", executor)
    data = digits[0][:150]  # two whole batches and a short one
    model = digitnet.models.make("linear", (8, 8), seed=1)
    plain = digitnet.models.make("linear", (8, 8), seed=1)
    history = model.fit(data, epochs=3, progress=False, record_steps=True)
    plain.fit(data, epochs=3, progress=False)
    for name, value in plain.state_dict().items():
        np.testing.assert_array_equal(value, model.state_dict()[name])
    losses = np.array(history.steps["loss"]).reshape(3, 3)
    np.testing.assert_allclose(losses @ [64, 64, 22] / 150, history["loss"], rtol=1e-5)
    factors = digitnet.train.schedule_factors("one-cycle", 3, 3)
    rates = np.array(history.steps["learning_rate"])
    np.testing.assert_allclose(rates / rates.max(), factors / factors.max())
    assert plain.history.steps == {}


def test_the_finder_leaves_the_model_as_it_was(model, digits):
    fresh = state_of(model)
    digitnet.find_learning_rate(model, digits[0], steps=40)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, fresh[0][name])
    assert state_of(model)[1:] == fresh[1:]
    model.fit(digits[0], epochs=1, progress=False)
    learned = state_of(model)
    digitnet.find_learning_rate(model, digits[0], steps=40, batch_size=32)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, learned[0][name])
    assert state_of(model)[1:] == learned[1:]


def test_the_rate_rises_by_equal_factors_from_min_to_max(digits):
    model = digitnet.models.make("linear", (8, 8))
    result = digitnet.find_learning_rate(
        model, digits[0], min_lr=1e-4, max_lr=1e-2, steps=50, batch_size=50
    )
    np.testing.assert_allclose(result.rates, np.geomspace(1e-4, 1e-2, 50), rtol=1e-9)
    again = digitnet.find_learning_rate(
        model, digits[0], min_lr=1e-4, max_lr=1e-2, steps=50, batch_size=50
    )
    np.testing.assert_array_equal(result.losses, again.losses)


def test_rates_may_still_be_set_by_their_old_names(digits):
    model = digitnet.models.make("linear", (8, 8))
    with pytest.warns(DeprecationWarning, match="'least' is now called 'min_lr'"):
        result = digitnet.find_learning_rate(model, digits[0], least=1e-4, steps=30)
    assert result.rates[0] == pytest.approx(1e-4)
    with pytest.warns(DeprecationWarning, match="'most' is now called 'max_lr'"):
        result = digitnet.find_learning_rate(model, digits[0], most=1e-2, steps=30)
    assert result.rates[-1] == pytest.approx(1e-2)


def test_the_suggested_rate_trains_better_than_a_thirtieth_of_it(digits):
    model = digitnet.models.make("mlp", (8, 8), seed=2)
    result = digitnet.find_learning_rate(model, digits[0], max_lr=10.0)
    assert 1e-4 < result.steepest < result.lowest < 3

    def loss(rate):
        trial = copied(model)
        options = {"epochs": 3, "schedule": "constant", "progress": False}
        return trial.fit(digits[0], learning_rate=rate, **options)["loss"][-1]

    assert loss(result.steepest) < loss(result.steepest / 30)


def test_losses_beyond_four_times_the_smallest_are_left_out():
    losses = np.array([2.0] * 20 + [1.0] * 40 + [50.0] * 20)
    result = LearningRates(np.geomspace(1e-5, 1, 80), losses)
    assert 60 <= len(result.rates) < 65
    assert np.isfinite(result.smoothed).all()
    broken = np.array([2.0] * 20 + [1.5] * 20 + [np.nan] * 40)
    assert len(LearningRates(np.geomspace(1e-5, 1, 80), broken).rates) == 40
    with pytest.raises(
        ValueError, match="min_lr: expected a rate that learns, got 1e-05"
    ):
        LearningRates(np.geomspace(1e-5, 1, 80), np.full(80, np.nan))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"min_lr": 0.1, "max_lr": 0.01},
            "expected 0 < min_lr < max_lr, got 0.1 and 0.01",
        ),
        ({"min_lr": 0}, "expected 0 < min_lr < max_lr"),
        ({"max_lr": float("inf")}, "expected 0 < min_lr < max_lr"),
        ({"steps": 3}, "find_learning_rate.steps: expected a whole number from 20"),
        ({"epochs": 3}, "find_learning_rate.epochs: expected none, got 3"),
        ({"schedule": "cosine"}, "find_learning_rate.schedule: expected none"),
        ({"batch_size": 0}, "fit.batch_size"),
    ],
)
def test_wrong_options_say_what_is_right(options, message, digits):
    model = digitnet.models.make("linear", (8, 8))
    with pytest.raises(ValueError, match=message):
        digitnet.find_learning_rate(model, digits[0], **options)


def test_a_copy_predicts_the_same_and_shares_nothing(digits):
    layers = [Flatten(), Dense(12), BatchNorm(), Dense(10)]
    steps = ["scale", "standardise"]
    model = digitnet.Model(layers, (8, 8), [*"abcdefghij"], preprocess=steps)
    train = digits[0][:100].with_labels(digits[0].labels[:100], model.classes)
    model.fit(train, epochs=1, progress=False)
    module = copied(model)
    np.testing.assert_array_equal(
        module.predict_proba(digits[1]), model.predict_proba(digits[1])
    )
    assert module.classes == model.classes
    before = model.state_dict()
    module.fit(train, epochs=1, progress=False)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_the_learning_curve_has_a_row_a_training(digits):
    def make(seed):
        return digitnet.models.make("linear", (8, 8), seed=seed)

    train, validation = digits[0].split(0.8)
    curve = digitnet.learning_curve(
        make, train, validation, fractions=(0.05, 1.0), seeds=(0, 1), epochs=5
    )
    assert curve[["fraction", "seed"]].to_numpy().tolist() == [
        *([0.05, 0], [0.05, 1], [1.0, 0], [1.0, 1])
    ]
    means = curve.groupby("samples")["validation"].mean().to_list()
    assert means[0] < means[1]
    model = make(1)
    model.fit(train.fraction(0.05, seed=1), epochs=5, seed=1, progress=False)
    assert curve["validation"][1] == model.evaluate(validation)["accuracy"]
    with pytest.raises(ValueError, match="learning_curve: expected at least one"):
        digitnet.learning_curve(make, train, validation, fractions=())
    with pytest.raises(ValueError, match="split"):
        digitnet.learning_curve(make, train, validation, fractions=(1.5,), epochs=1)


def test_an_epoch_much_longer_than_the_steps_gives_the_rates_that_were_asked_for(
    digits,
):
    model = digitnet.models.make("linear", (8, 8))
    train = digits[0]
    weights = np.ones(len(train))
    result = digitnet.find_learning_rate(
        model, train, batch_size=2, steps=150, sample_weight=weights
    )
    np.testing.assert_allclose(result.rates[0], 1e-6)
    step = np.diff(np.log(result.rates))
    np.testing.assert_allclose(step, np.log(1e6) / 149, rtol=1e-3)


def test_rates_too_far_apart_are_refused(digits):
    model = digitnet.models.make("linear", (8, 8))
    with pytest.raises(ValueError, match=r"find_learning_rate: expected max_lr below"):
        digitnet.find_learning_rate(model, digits[0], min_lr=1e-14, max_lr=10.0)
