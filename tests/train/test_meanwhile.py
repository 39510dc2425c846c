"""What others do to a model and its data while it is trained."""

import json
import threading
import warnings

import numpy as np
import pytest

import digitnet
from digitnet.layers import BatchNorm, Conv, Dense, Flatten, ReLU


def norm_network():
    layers = [Conv(4, 3), BatchNorm(), ReLU(), Flatten(), Dense(10)]
    return digitnet.Model(layers, (8, 8), seed=1)


# Everything that writes into a model.
WRITES = {
    "load_state_dict": lambda model, data: model.load_state_dict(model.state_dict()),
    "load_weights": lambda model, data: model.load_weights(norm_network()),
    "temperature": lambda model, data: setattr(model, "temperature", 2.0),
    "calibrate": lambda model, data: model.calibrate(data),
    "adapt": lambda model, data: model.adapt(data),
}
TRAININGS = {
    "fit": lambda model, data, **more: model.fit(data, progress=False, **more),
    "fit_head": lambda model, data, **more: model.fit_head(
        data, progress=False, **more
    ),
}


def in_a_thread(call):
    """The RuntimeError of a call in another thread, or None."""
    errors = []

    def run():
        try:
            call()
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    return errors[0] if errors else None


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("write", WRITES)
def test_a_model_in_training_is_written_to_by_its_callbacks_alone(
    training, write, digits
):
    model, data = norm_network(), digits[0][:100]
    errors = []

    def others(epoch, logs):
        before = model.state_dict()
        errors.append(in_a_thread(lambda: WRITES[write](model, data)))
        for name, values in model.state_dict().items():
            np.testing.assert_array_equal(values, before[name])
        WRITES[write](model, data)
        model.stop_training = True

    history = TRAININGS[training](model, data, epochs=3, callbacks=others)
    assert history.status == "stopped early"
    (error,) = errors
    assert "expected a model that no other thread trains" in error
    WRITES[write](model, data)  # and now anyone may
    assert in_a_thread(lambda: WRITES[write](model, data)) is None


@pytest.mark.parametrize("second", TRAININGS)
@pytest.mark.parametrize("first", TRAININGS)
def test_a_model_is_trained_once_at_a_time(first, second, digits):
    model, data = norm_network(), digits[0][:100]
    errors = []

    def again():
        TRAININGS[second](model, data, epochs=1)

    def others(epoch, logs):
        errors.append(in_a_thread(again))
        with pytest.raises(RuntimeError) as raised:
            again()
        errors.append(str(raised.value))

    history = TRAININGS[first](model, data, epochs=1, callbacks=others)
    assert history.status == "finished"
    for error in errors:
        assert error.startswith(f"{second}: expected a model that is not being trained")
    again()


def test_no_training_begins_while_a_model_is_adapted(digits, monkeypatch):
    model, data = norm_network(), digits[0][:100]
    adapt, errors = digitnet._core.train.adapt_statistics, []

    def meanwhile(*arguments):
        errors.append(in_a_thread(lambda: TRAININGS["fit"](model, data, epochs=1)))
        adapt(*arguments)

    monkeypatch.setattr(digitnet._core.train, "adapt_statistics", meanwhile)
    model.adapt(data)
    assert errors[0].startswith("fit: expected a model that is not being trained")


@pytest.mark.parametrize(
    "executor", ["native", pytest.param("torch", marks=pytest.mark.torch)]
)
@pytest.mark.parametrize("ema_decay", [0, 0.9])
def test_what_a_callback_writes_is_what_training_goes_on_with(
    executor, ema_decay, digits, monkeypatch
):
    monkeypatch.setenv("DIGITNET_EXECUTOR", executor)
    train = digits[0][:100]

    def weights_of_the_start(epoch, logs):
        if epoch == 2:
            model.load_state_dict(start)

    options = {"schedule": "constant", "ema_decay": ema_decay, "progress": False}
    model = digitnet.models.make("linear", input_shape=(8, 8))
    start = model.state_dict()
    model.fit(train, epochs=2, callbacks=weights_of_the_start, **options)
    for name, value in start.items():  # also after the last epoch
        np.testing.assert_array_equal(model.state_dict()[name], value)

    history = model.fit(train, epochs=3, callbacks=weights_of_the_start, **options)
    model.load_state_dict(start)
    alone = model.fit(train, epochs=3, **options)
    assert history["loss"][:2] == alone["loss"][:2]
    assert history["loss"][2] > alone["loss"][1]  # it lost two epochs


@pytest.mark.parametrize("value", [10, 9_999, -1, 10**15, -(10**12)])
def test_labels_that_change_meanwhile_change_nothing(value, digits):
    def trained(change):
        images, labels = digits[0].images[:200].copy(), digits[0].labels[:200].copy()
        weights = np.ones(200)

        def changes(epoch, logs):
            if change:
                labels[:] = value
                weights[:] = np.nan

        model = digitnet.models.make("linear", input_shape=(8, 8))
        history = model.fit(
            digitnet.Dataset(images, labels, max_value=16),
            (images, labels),
            epochs=3,
            sample_weight=weights,
            callbacks=changes,
            progress=False,
        )
        return model.state_dict(), history["val_loss"]

    (changed, loss), (left, expected) = trained(True), trained(False)
    assert loss == expected
    for name, weights in left.items():
        np.testing.assert_array_equal(changed[name], weights)


def test_images_that_change_meanwhile_are_noticed(digits):
    images = digits[0].images.copy()
    data = digitnet.Dataset(images, digits[0].labels, max_value=16)

    def turn(epoch, logs):
        if epoch == 1:
            images[:] = 16 - images

    model = digitnet.models.make("linear", (8, 8))
    with pytest.warns(RuntimeWarning, match="fit.data: expected images that stay"):
        model.fit(data, epochs=2, callbacks=turn, progress=False)


def test_validation_that_changes_meanwhile_is_noticed(digits):
    images = digits[1].images.copy()
    data = digitnet.Dataset(images, digits[1].labels, max_value=16)

    def shuffle(epoch, logs):
        images[:] = images[::-1].copy()

    model = digitnet.models.make("linear", (8, 8))
    with pytest.warns(RuntimeWarning, match="fit.validation: expected images that"):
        model.fit(digits[0], data, epochs=1, callbacks=shuffle, progress=False)


def test_a_record_names_no_data_that_the_model_did_not_see(digits, tmp_path):
    images = digits[0].images.copy()
    data = digitnet.Dataset(images, digits[0].labels, max_value=16)
    model = digitnet.models.make("linear", (8, 8))
    history = model.fit(data[:500], epochs=1, progress=False)
    report = model.evaluate(digits[1])

    def recorded(name):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            digitnet.runs.write_run(
                tmp_path / name, model, history, report, training=data[:500]
            )
        config = json.loads((tmp_path / name / "config.json").read_text())
        return config["data_sha256"], [str(w.message) for w in seen]

    hashes, messages = recorded("before")
    assert hashes["training"] == data[:500].sha256() and not messages
    images[3] = 0
    hashes, messages = recorded("after")
    assert "training" not in hashes
    assert "write_run.training: expected the data that the model was" in messages[0]
