"""A training set in the device's memory: the same training as on batches that the host
prepares. A GPU keeps it by itself; a CPU does so on request."""

import numpy as np
import pytest

import digitnet
from digitnet import Dataset, preprocess
from digitnet.layers import (
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Tanh,
)

KEPT = "; the data in the device's memory, "
OPERATIONS = [
    "shift 2px",
    "rotate 20deg",
    "zoom 20%",
    "zoom 20% axes=2",
    "shear 15deg",
    "crop 2px",
    "horizontal_flip 50%",
    "vertical_flip 50%",
    "elastic 2px sigma=3px",
    "erase 30%",
    "brightness 40%",
    "channel_gain 40%",
    "contrast 60%",
    "noise 20%",
    "blur 2px",
    "sharpen 2",
]
PIPELINES = [
    *OPERATIONS,
    "",
    "shift 3px | fill nearest",
    "rotate 40deg | fill reflect",
    "zoom 30% | fill constant 60%",
    "rotate 30deg | interpolation nearest",
    "noise 10% p=50% | elastic 1px p=50% | rotate 10deg | blur 1px p=30% | erase 20% p=50%",
]


@pytest.fixture
def torch_only(monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")


def small_net(*steps):
    """Smooth in its weights and pixels: where a ReLU or a maximum turns, rounding would
    become a difference as large as a gradient."""
    return digitnet.Model(
        [Conv(4, 3, padding="same"), Tanh(), AveragePool(2), Flatten(), Dense(3)],
        input_shape=(1, 10, 12),
        preprocess=list(steps) or ["scale"],
        seed=1,
    )


def dropping_net():
    layers = [Conv(4, 3), BatchNorm(), Tanh(), Flatten(), Dropout(0.4), Dense(3)]
    return digitnet.Model(layers, input_shape=(1, 10, 12), seed=1)


def some_images(rng, shape=(50, 10, 12), dtype=np.uint8):
    pixels = rng.integers(0, 256, shape)
    images = pixels.astype(np.uint8) if dtype == np.uint8 else pixels / np.float32(255)
    return Dataset(images.astype(dtype), rng.integers(0, 3, shape[0]))


def fit_both_modes(monkeypatch, make, data, **options):
    """The same training with batches of the host and with data that are kept."""
    models = []
    settings = {
        "epochs": 2,
        "batch_size": 16,
        "optimizer": "sgd",
        "learning_rate": 0.05,
    }
    for word in "01":
        monkeypatch.setenv("DIGITNET_RESIDENT", word)
        model = make()
        model.fit(data, progress=False, seed=4, device="cpu", **{**settings, **options})
        assert str(model.history.executor).count(KEPT) == int(word)
        models.append(model)
    return models


def assert_weights_close(first, second, tolerance=2e-3):
    there = second.state_dict()
    for name, value in first.state_dict().items():
        np.testing.assert_allclose(
            there[name], value, rtol=tolerance, atol=tolerance, err_msg=name
        )


def assert_close(first, second, tolerance=2e-5, losses=1e-4, hits=1e-5):
    assert_weights_close(first, second, tolerance)
    for key, relative, absolute in (("loss", losses, 1e-5), ("accuracy", 1e-4, hits)):
        np.testing.assert_allclose(
            second.history[key], first.history[key], rtol=relative, atol=absolute
        )


@pytest.mark.torch
@pytest.mark.parametrize("augment", PIPELINES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_every_operation_augments_as_the_host_does(
    augment, dtype, torch_only, monkeypatch, rng
):
    data = some_images(rng, dtype=dtype)
    assert_close(*fit_both_modes(monkeypatch, small_net, data, augment=augment))


def test_the_operations_are_all_of_them():
    assert {text.split()[0] for text in OPERATIONS} == set(digitnet.augment.names())


@pytest.mark.torch
@pytest.mark.parametrize(
    "steps",
    [
        ["scale"],
        [preprocess.Standardise()],
        [preprocess.MeanRGB(), "scale"],
        [preprocess.Resize(14, 9), "scale"],
        [preprocess.Resize(7, 20, method="nearest"), "scale"],
        [preprocess.Blur(passes=2), "scale"],
        [preprocess.Sharpen(), "scale"],
        [preprocess.Median(passes=2), "scale"],
        ["grey_to_rgb", preprocess.Standardise(), "rgb_to_grey"],
    ],
    ids=str,
)
def test_every_preprocessing_step_does_what_the_host_does(
    steps, torch_only, monkeypatch, rng
):
    data = some_images(rng)
    assert_close(
        *fit_both_modes(
            monkeypatch, lambda: small_net(*steps), data, augment="rotate 9deg"
        )
    )


@pytest.mark.torch
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 50},
        {"batch_size": 7},
        {"batch_size": 500},
        {"optimizer": "adam", "learning_rate": 0.003, "schedule": "cosine"},
        {"optimizer": "rmsprop", "learning_rate": 0.001, "ema_decay": 0.9},
        {"label_smoothing": 0.1, "clip_norm": 0.5, "l2": 0.01},
        {"class_weights": [1, 2, 0.5]},
        {"sample_weight": np.arange(50) % 4},
        {"schedule": [0.1, 0.01]},
        {"validation": 0.2},
    ],
    ids=str,
)
def test_every_option_means_the_same(options, torch_only, monkeypatch, rng):
    data = some_images(rng)
    assert_close(
        *fit_both_modes(monkeypatch, small_net, data, augment="shift 1px", **options),
        2e-4,
    )


@pytest.mark.torch
def test_a_part_of_a_set_is_trained_on_alone(torch_only, monkeypatch, rng):
    part = some_images(rng)[rng.permutation(50)[:23]]
    assert_close(*fit_both_modes(monkeypatch, small_net, part))


@pytest.mark.torch
def test_dropout_and_batch_norm_draw_and_count_alike(torch_only, monkeypatch, rng):
    assert_close(*fit_both_modes(monkeypatch, dropping_net, some_images(rng)))


@pytest.mark.torch
def test_a_network_that_removes_noise_aims_at_images_without_it(
    torch_only, monkeypatch, rng
):
    data = some_images(rng, (40, 12, 12))

    def make():
        return digitnet.models.make("autoencoder", input_shape=(1, 12, 12), seed=1)

    first, second = fit_both_modes(
        monkeypatch, make, data, augment="noise 20% | shift 1px"
    )
    np.testing.assert_allclose(second.history["loss"], first.history["loss"], rtol=1e-4)


@pytest.mark.torch
def test_recorded_steps_are_the_same_ones(torch_only, monkeypatch, rng):
    first, second = fit_both_modes(
        monkeypatch, small_net, some_images(rng), record_steps=True
    )
    for key in ("loss", "learning_rate"):
        np.testing.assert_allclose(
            second.history.steps[key], first.history.steps[key], rtol=1e-4
        )


@pytest.mark.torch
def test_what_must_stay_with_the_host_is_named(torch_only, monkeypatch, rng):
    monkeypatch.setenv("DIGITNET_RESIDENT", "1")
    model = small_net()
    model.fit(
        some_images(rng), epochs=1, progress=False, device="cpu", adversary="fgsm"
    )
    assert KEPT not in str(model.history.executor)


@pytest.mark.torch
def test_divergence_is_detected_and_the_weights_stay_good(torch_only, monkeypatch, rng):
    monkeypatch.setenv("DIGITNET_RESIDENT", "1")
    model = digitnet.Model([Flatten(), Dense(9), Dense(3)], input_shape=(1, 10, 12))
    with pytest.warns(RuntimeWarning, match="diverged in epoch 1"):
        model.fit(
            some_images(rng),
            epochs=3,
            optimizer="sgd",
            learning_rate=1e30,
            batch_size=16,
            progress=False,
            device="cpu",
        )
    assert all(np.isfinite(v).all() for v in model.state_dict().values())


@pytest.mark.torch
def test_a_word_it_does_not_know_is_refused(torch_only, monkeypatch, rng):
    monkeypatch.setenv("DIGITNET_RESIDENT", "yes")
    with pytest.raises(ValueError, match="DIGITNET_RESIDENT: expected '0' or '1', got"):
        small_net().fit(some_images(rng), epochs=1, progress=False, device="cpu")
