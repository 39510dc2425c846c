"""Numbers as people have them: NumPy's, masked, tiny, huge."""

import json

import numpy as np
import pytest
from reference.optional import torch

import digitnet

OPTIONS = {"epochs": 1, "progress": False}


def linear():
    return digitnet.models.make("linear", (8, 8))


@pytest.fixture(scope="module")
def data(digits):
    return digits[0][:80]


def test_masked_arrays_are_refused(data):
    images = np.ma.masked_equal(data.images, 0)
    labels = np.ma.masked_equal(data.labels, 3)
    weights = np.ma.masked_greater(np.arange(80.0), 70)
    model = linear()
    for call in (
        lambda: digitnet.Dataset(images),
        lambda: digitnet.Dataset(list(images)),
        lambda: digitnet.Dataset(data.images, labels),
        lambda: model.predict(images),
        lambda: model.fit(data, sample_weight=weights, **OPTIONS),
    ):
        with pytest.raises(
            ValueError, match="expected an array of numbers; some are ma"
        ):
            call()
    whole = np.ma.masked_array(data.images)
    assert (digitnet.Dataset(whole).images == data.images).all()


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16])
def test_numbers_of_numpy_are_numbers(kind, data):
    assert digitnet.Dataset(data.images, max_value=kind(16)).max_value == 16
    half = kind(0.25)
    assert [len(part) for part in data.split(half)] == [20, 60]
    model = linear()
    model.fit(data, validation=half, **OPTIONS)
    model.fit(data, calibrate=half, **OPTIONS)
    model.temperature = kind(2)
    digitnet.calibration.temper(np.zeros((1, 2)), kind(2))


def test_options_of_numpy_are_kept_as_numbers(data):
    model = linear()
    history = model.fit(
        *(data, None),
        epochs=np.int64(2),
        seed=np.int32(3),
        l2=np.float32(0.5),
        optimizer=("sgd", {"momentum": np.float32(0.5)}),
        augment="shift 1px",
        copies={np.int64(3): np.int64(1)},
        progress=False,
    )
    kept = json.loads(json.dumps(history.options))
    assert (kept["epochs"], kept["seed"], kept["l2"]) == (2, 3, 0.5)
    assert kept["optimizer"][1] == {"momentum": 0.5}
    assert kept["copies"] == {"3": 1}


@pytest.mark.parametrize("weight", [1e-300, 1e300])
def test_weights_that_are_nothing_or_infinite_in_32_bits_are_refused(weight, data):
    model = linear()
    with pytest.raises(ValueError, match=r"fit.sample_weight: expected weights"):
        model.fit(data, sample_weight=np.full(80, weight), **OPTIONS)
    with pytest.raises(ValueError, match=r"fit.class_weights: expected weights"):
        model.fit(data, class_weights=[weight] * 10, **OPTIONS)


def test_calibrating_again_gives_the_same_temperature(data):
    model = linear()
    model.fit(data, calibrate=False, **OPTIONS)
    found = {model.calibrate(data) for _ in range(4)}
    assert len(found) == 1


def test_a_calibration_that_fails_keeps_the_temperature(data, monkeypatch):
    model = linear()
    model.fit(data, calibrate=False, **OPTIONS)
    model.temperature = 3

    def fail(*args, **options):
        raise RuntimeError("no")

    monkeypatch.setattr(model, "predict_logits", fail)
    with pytest.raises(RuntimeError):
        model.calibrate(data)
    assert model.temperature == 3


def test_huge_whole_numbers_are_refused_as_temperatures():
    model = linear()
    for value in (10**400, -(10**400)):
        with pytest.raises(ValueError, match=r"temperature: expected"):
            model.temperature = value
        with pytest.raises(ValueError, match=r"temper.temperature: expected"):
            digitnet.calibration.temper(np.zeros((1, 2)), value)


def test_a_fraction_without_a_sample_is_refused_by_its_own_name(data):
    for name in ("calibrate", "validation"):
        with pytest.raises(
            ValueError, match=rf"fit.{name}: expected a fraction that leaves a sample"
        ):
            linear().fit(data, **OPTIONS | {name: 1e-9})


@pytest.mark.parametrize("name", [0, None, ["lenet5"]])
def test_models_are_made_by_name_alone(name):
    with pytest.raises(ValueError, match=r"unknown model '.*'; known: linear"):
        digitnet.models.make(name)


@pytest.mark.torch
def test_tensors_with_a_negative_bit_are_what_they_say(tmp_path, data):
    model = linear()
    state = {
        name: torch.complex(torch.zeros(value.shape), torch.from_numpy(-value))
        .conj()
        .imag
        for name, value in model.state_dict().items()
    }
    assert all(value.is_neg() for value in state.values())
    torch.save(state, tmp_path / "m.pth")
    for source in (state, tmp_path / "m.pth"):
        again = digitnet.models.make("linear", (8, 8), seed=1)
        again.load_weights(source)
        np.testing.assert_array_equal(
            again.predict_logits(data), model.predict_logits(data)
        )
    images = torch.complex(torch.zeros(3, 8, 8), -torch.ones(3, 8, 8)).conj().imag
    assert (digitnet.Dataset(images).images == 1).all()
