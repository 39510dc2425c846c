"""A training whose loss or weights are no longer finite."""

import numpy as np
import pytest
from train.test_fit import linear, weights

import digitnet


@pytest.mark.parametrize("how", ["sgd", "adam"])
def test_divergence_is_named_and_the_last_good_weights_stay(digits, how):
    model = digitnet.models.make("optdigits-cnn")
    model.fit(digits[0], epochs=2, learning_rate=0.003, progress=False)
    before = weights(model)
    with pytest.warns(
        RuntimeWarning, match=r"diverged in epoch 1, step \d+ of 23 \(learning rate"
    ):
        history = model.fit(
            digits[0], epochs=3, optimizer=how, learning_rate=1e30, progress=False
        )
    assert history.status == "diverged"
    assert "those before training" in history.message
    np.testing.assert_array_equal(weights(model), before)


def test_divergence_later_keeps_the_last_finite_epoch(digits):
    model = linear()
    snapshots = []
    with pytest.warns(RuntimeWarning, match=r"diverged in epoch \d, step 1 of 1"):
        model.fit(
            digits[0],
            epochs=10,
            batch_size=5000,
            optimizer="sgd",
            learning_rate=1e30,
            # The first step, which is the first epoch, has rate 0.
            schedule=digitnet.train.schedule("one-cycle", rise=0.5, start=0.0),
            label_smoothing=0.1,
            l2=1e5,
            callbacks=[lambda epoch, logs: snapshots.append(weights(model))],
            progress=False,
        )
    assert len(snapshots) == model.history.epochs >= 1
    assert f"the weights are those of epoch {len(snapshots)}" in model.history.message
    np.testing.assert_array_equal(weights(model), snapshots[-1])


# -- the temperature, which belongs to the weights ------------------------------------


DIVERGES = {
    "epochs": 1,
    "learning_rate": 1e30,
    "l2": 1e5,
    "optimizer": "sgd",
    "progress": False,
}


def breaks(*_):
    raise MemoryError


@pytest.mark.parametrize("trained", ["fit", "fit_head"])
@pytest.mark.parametrize("resume", [False, True])
def test_a_training_that_diverges_at_once_keeps_the_temperature(
    trained, resume, digits, tmp_path
):
    model = digitnet.models.make("optdigits-cnn")
    model.temperature = 2.0
    before = weights(model)
    options = {"resume": tmp_path} if resume else {}
    for _ in range(2):  # with `resume` the second one brings the end back
        with pytest.warns(RuntimeWarning, match="diverged in epoch 1"):
            getattr(model, trained)(digits[0], **DIVERGES, **options)
        assert model.temperature == 2.0
        np.testing.assert_array_equal(weights(model), before)


def test_a_training_that_fails_before_its_first_step_keeps_it(digits, monkeypatch):
    model = linear()
    model.temperature = 2.0
    monkeypatch.setattr(digitnet._core.train, "fit", breaks)
    with pytest.raises(MemoryError):
        model.fit(digits[0], epochs=1, progress=False)
    assert model.temperature == 2.0


def test_a_training_that_fails_later_has_other_weights_without_one(digits):
    model = linear()
    model.temperature = 2.0
    with pytest.raises(MemoryError):
        model.fit(digits[0], epochs=2, callbacks=breaks, progress=False)
    assert model.temperature == 1.0


def test_a_temperature_that_a_callback_chose_stays(digits):
    class Choose(digitnet.callbacks.Callback):
        def on_train_end(self):
            self.model.temperature = 3.0

    model = linear()
    model.temperature = 2.0
    with pytest.warns(RuntimeWarning, match="diverged in epoch 1"):
        model.fit(digits[0], callbacks=Choose(), **DIVERGES)
    assert model.temperature == 3.0
