"""What others do to a model and its data while it is trained."""

import json
import threading
import warnings

import numpy as np
import pytest

import digitnet


def test_a_model_is_trained_once_at_a_time(digits):
    train, _ = digits
    model = digitnet.models.make("linear", input_shape=(8, 8))
    errors, started = [], threading.Event()

    def others(epoch, logs):
        """What another thread may not do meanwhile, and this one's callback may."""

        def meanwhile():
            for call in (
                lambda: model.fit(train, epochs=1, progress=False),
                lambda: model.load_state_dict(model.state_dict()),
            ):
                try:
                    call()
                except RuntimeError as error:
                    errors.append(str(error))
            started.set()

        thread = threading.Thread(target=meanwhile)
        thread.start()
        thread.join(30)
        model.load_state_dict(model.state_dict())
        with pytest.raises(RuntimeError, match="expected a model that is not being tr"):
            model.fit(train, epochs=1, progress=False)
        model.stop_training = True

    history = model.fit(train, epochs=3, callbacks=others, progress=False)
    assert started.is_set()
    assert history.status == "stopped early"
    fit, write = errors
    assert fit.startswith("fit: expected a model that is not being trained")
    assert write.startswith("load_state_dict: expected a model that no other thread")
    model.fit(train, epochs=1, progress=False)  # and now it may
    model.load_state_dict(model.state_dict())


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
