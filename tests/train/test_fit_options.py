"""Options of `fit` that cannot be: refused before anything changes."""

import inspect

import numpy as np
import pytest

import digitnet
from digitnet.train.options import FitOptions, default_options


def linear():
    return digitnet.models.make("linear", input_shape=(8, 8))


def weights(model):
    return np.concatenate([v.ravel() for v in model.state_dict().values()])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "fit.epochs: expected 1 to 1000000, got 0"),
        ({"epochs": "three"}, "fit.epochs: expected another type"),
        ({"epochs": 2.5}, "fit.epochs: expected another type"),
        ({"batch_size": 0}, "fit.batch_size: expected 1"),
        ({"batch_size": -3}, "fit.batch_size: expected 1"),
        ({"learning_rate": -1}, "fit.learning_rate: expected a positive number"),
        (
            {"learning_rate": float("nan")},
            "fit.learning_rate: expected a positive number",
        ),
        (
            {"label_smoothing": 1},
            "fit.label_smoothing: expected 0 <= label_smoothing < 1",
        ),
        ({"l2": -1}, "fit.l2: expected 0"),
        ({"ema_decay": 1.0}, "fit.ema_decay"),
        ({"clip_norm": float("inf")}, "fit.clip_norm"),
        ({"early_stopping": -1}, "fit.early_stopping: expected 0 or more"),
        ({"monitor": "val_loss"}, "fit.monitor: expected validation data"),
        ({"monitor": "speed"}, "unknown monitor 'speed'; known: loss"),
        ({"validation": 1.5}, "fit.validation: expected 0 < fraction < 1"),
        ({"sample_weight": [1, 2]}, "fit.sample_weight: expected shape"),
        (
            {"sample_weight": np.full(1438, -1.0)},
            "sample_weight: expected finite weights",
        ),
        ({"sample_weight": np.zeros(1438)}, "at least one positive weight"),
        ({"class_weights": [1, 2]}, "fit.class_weights: expected 10 weights"),
        ({"class_weights": "fair"}, "numbers or 'balanced'"),
        ({"lr_scale": {"dense1": -1}}, "fit.lr_scale: expected 0 or more"),
        ({"seed": -1}, "fit.seed: expected a number from 0"),
        (
            {"augment": "wobble 3"},
            "unknown augmentation 'wobble'; known: blur",
        ),
        ({"device": "tpu"}, "device: expected 'auto'"),
        ({"schedule": "cosin"}, "unknown schedule"),
    ],
)
def test_wrong_options_change_nothing_and_say_what_is_right(digits, options, message):
    model = linear()
    before = weights(model)
    with pytest.raises(ValueError, match=message):
        model.fit(digits[0], **{"progress": False, **options})
    np.testing.assert_array_equal(weights(model), before)
    assert model.max_value is None


def test_data_that_does_not_fit_is_refused(digits):
    model = linear()
    with pytest.raises(
        ValueError, match=r"fit.data: expected images of shape \(1, 8, 8\)"
    ):
        model.fit((np.zeros((3, 9, 9)), [0, 1, 2]), progress=False)
    with pytest.raises(
        ValueError, match="fit.data.labels: expected classes 0 to 9, got 10"
    ):
        model.fit((np.zeros((3, 8, 8)), [0, 1, 10]), progress=False)
    with pytest.raises(
        ValueError, match=r"fit.validation.max_value: expected 16, got 255"
    ):
        other = digitnet.Dataset(digits[1].images, digits[1].labels, max_value=255)
        model.fit(digits[0], validation=other, progress=False)
    with pytest.raises(ValueError, match="expected at least one sample, got none"):
        model.fit(digits[0][:0], progress=False)
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        model.fit(digits[0], epoch=3)
    assert model.max_value is None


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"optimizer": None}, ValueError, "fit.optimizer: expected a name or"),
        ({"optimizer": ()}, ValueError, "fit.optimizer: expected a name or"),
        ({"schedule": 3}, ValueError, "fit.schedule: expected a name or"),
        ({"lr_scale": 3}, TypeError, "fit.lr_scale: expected a dict"),
        (
            {"class_weights": [0] * 10},
            ValueError,
            "fit.class_weights: expected at least one",
        ),
        (
            {"class_weights": {10: 1.0}},
            ValueError,
            "fit.class_weights: expected classes 0 to 9",
        ),
        ({"device": 0}, ValueError, "device: expected 'auto', 'cpu'"),
        (
            {"checkpoint": "/nowhere/a"},
            FileNotFoundError,
            "expected the folder /nowhere",
        ),
        ({"checkpoint": "/"}, IsADirectoryError, "expected a file's name"),
    ],
)
def test_options_of_the_wrong_kind_are_refused_before_training(
    digits, options, kind, message
):
    model = linear()
    with pytest.raises(kind, match=message):
        model.fit(digits[0], progress=False, **options)
    assert model.history is None


def test_fits_arguments_are_the_options_of_the_loop_with_the_same_defaults():
    """`Model.fit`, `FitOptions` and the core say the same, so one cannot be forgotten."""
    arguments = inspect.signature(digitnet.Model.fit).parameters
    options = default_options()
    derived = {"rates", "lr_scales"}
    assert options.keys() - derived <= arguments.keys()
    for name in options.keys() - derived - {"class_weights"}:
        assert arguments[name].default == options[name], name
    core = digitnet._core.train.default_options()
    chosen = FitOptions(device="cpu").as_dict()
    assert core.keys() == chosen.keys()
    for name in core.keys() - {"device"}:
        assert core[name] == chosen[name], name
