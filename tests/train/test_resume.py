"""fit(resume=FOLDER): an interrupted training goes on to the bytes of an unbroken one."""

import numpy as np
import pytest

import digitnet
from digitnet.layers import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    ReLU,
)

EXECUTORS = ["native", pytest.param("torch", marks=pytest.mark.torch)]


class Killed(Exception):
    """What ends a training that should go on later."""


def network(**options):
    layers = [
        Conv(6, 3, padding="same"),
        BatchNorm(),
        ReLU(),
        MaxPool(2),
        Flatten(),
        Dropout(0.3),
        Dense(10),
    ]
    return digitnet.Model(layers, (8, 8), 10, seed=1, **options)


def killer(epoch):
    def raises(now, logs):
        if now == epoch:
            raise Killed

    return raises


def weights(model):
    return {name: value.tobytes() for name, value in model.state_dict().items()}


def columns(history):
    return {name: history[name] for name in history if name != "seconds"}


def assert_equal(one, two):
    """Two models with their histories, whose columns have the same order."""
    assert weights(one) == weights(two)
    assert list(one.history) == list(two.history)
    assert columns(one.history) == columns(two.history)
    assert one.history.steps == two.history.steps
    assert one.history.status == two.history.status


def interrupted(make, data, folder, epoch, **options):
    """A training that ended in a callback after so many epochs."""
    with pytest.raises(Killed):
        make().fit(
            data, resume=folder, callbacks=killer(epoch), progress=False, **options
        )


def unbroken(make, data, **options):
    model = make()
    model.fit(data, progress=False, **options)
    return model


CASES = {
    "plain": {},
    "everything": {
        "augment": "shift 1px | rotate 8deg | noise 5%",
        "ema_decay": 0.9,
        "validation": 0.2,
        "early_stopping": 3,
        "label_smoothing": 0.1,
        "clip_norm": 1.0,
        "l2": 1e-4,
        "record_steps": True,
        "class_weights": "balanced",
    },
    "copies": {"augment": "shift 1px", "copies": 1},
    "adversary": {"adversary": "fgsm"},
    "frozen": {"freeze": "conv*", "lr_scale": {"dense*": 0.5}},
}
CASES |= {
    f"optimizer {entry['name']}": {"optimizer": entry["name"]}
    for entry in digitnet._core.train.describe_optimizers()
}
CASES |= {
    f"schedule {entry['name']}": {"schedule": entry["name"], "validation": 0.1}
    for entry in digitnet._core.train.describe_schedules()
}


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("case", CASES)
def test_it_goes_on_to_the_bytes_of_an_unbroken_training(
    case, executor, digits, tmp_path, monkeypatch
):
    monkeypatch.setenv("DIGITNET_EXECUTOR", executor)
    train = digits[0][:200]
    options = {"epochs": 4, "batch_size": 32, **CASES[case]}
    whole = unbroken(network, train, **options)
    interrupted(network, train, tmp_path, 3, **options)
    model = network()
    model.fit(train, resume=tmp_path, progress=False, **options)
    assert_equal(model, whole)


@pytest.mark.torch
def test_sets_that_stay_on_the_device_go_on_too(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")
    monkeypatch.setenv("DIGITNET_RESIDENT", "1")
    train = digits[0][:200]
    options = {"epochs": 3, "augment": "noise 5%", "validation": 0.1}
    whole = unbroken(network, train, **options)
    interrupted(network, train, tmp_path, 2, **options)
    model = network()
    model.fit(train, resume=tmp_path, progress=False, **options)
    assert_equal(model, whole)


def test_a_head_and_networks_that_make_images_go_on_too(digits, tmp_path):
    train = digits[0][:200]
    options = {"epochs": 3, "augment": "noise 20%"}

    def autoencoder():
        return digitnet.models.make("autoencoder", input_shape=(8, 8), seed=1)

    whole = unbroken(autoencoder, train, **options)
    interrupted(autoencoder, train, tmp_path / "image", 2, **options)
    model = autoencoder()
    model.fit(train, resume=tmp_path / "image", progress=False, **options)
    assert_equal(model, whole)

    whole, model = network(), network()
    whole.fit_head(train, epochs=3, progress=False)
    head = {"epochs": 3, "progress": False, "resume": tmp_path / "head"}
    with pytest.raises(Killed):
        model.fit_head(train, callbacks=killer(2), **head)
    model = network()
    model.fit_head(train, **head)
    assert weights(model) == weights(whole)


def test_domains_and_sample_weights_go_on_too(digits, tmp_path):
    train, test = digits[0][:120], digits[1][:60]

    def adapting():
        layers = [
            Flatten(),
            Dense(16),
            ReLU(),
            digitnet.layers.DomainHead([Dense(2)]),
            Dense(10),
        ]
        return digitnet.Model(layers, (8, 8), 10, seed=1)

    weight = np.linspace(0.5, 1.5, len(train))
    options = {"epochs": 3, "target": test, "sample_weight": weight}
    whole = unbroken(adapting, train, **options)
    interrupted(adapting, train, tmp_path, 2, **options)
    model = adapting()
    model.fit(train, resume=tmp_path, progress=False, **options)
    assert_equal(model, whole)


def test_a_finished_training_returns_at_once(digits, tmp_path, monkeypatch):
    train = digits[0][:200]

    def standardised():
        return network(preprocess=[("standardise", {})])

    options = {"epochs": 2, "validation": 0.1, "record_steps": True}
    whole = standardised()
    whole.fit(train, resume=tmp_path, progress=False, **options)
    monkeypatch.setattr(digitnet._core.train, "fit", lambda *_: pytest.fail("trains"))
    for model in (standardised(), whole):  # a fresh one, and the trained one again
        model.fit(train, resume=tmp_path, progress=False, **options)
        assert_equal(model, whole)
        assert model.predict(train).tolist() == whole.predict(train).tolist()


def test_early_stopping_and_divergence_are_ends_too(digits, tmp_path):
    train = digits[0][:100]
    options = {"epochs": 9, "early_stopping": 1, "min_delta": 10.0, "progress": False}
    model = network()
    assert model.fit(train, resume=tmp_path / "a", **options).status == "stopped early"
    again = network()
    assert again.fit(train, resume=tmp_path / "a", **options).epochs == 2
    assert weights(again) == weights(model)
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="training diverged in epoch 1"):
            history = network().fit(
                train, resume=tmp_path / "b", learning_rate=1e30, progress=False
            )
        assert history.status == "diverged"
