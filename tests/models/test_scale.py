"""The scale of a model that was never fitted: a guess for one call, which changes nothing."""

import pickle
import threading

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet.layers import Dense, Flatten, ReLU


def model_of(seed=0, **options):
    layers = [Flatten(), Dense(24), ReLU(), Dense(10)]
    return digitnet.Model(layers, (8, 8), seed=seed, **options)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(5).integers(0, 17, (40, 8, 8)).astype(np.uint8)


def test_threads_predict_on_scales_of_their_own(images):
    model = model_of()
    fractions = images.astype(np.float32) / 16
    expected = {
        16: model.predict_logits(images),
        1: model.predict_logits(fractions),
    }
    start, wrong = threading.Barrier(2), []

    def predict(scale, shown):
        start.wait()
        for _ in range(200):
            if not np.array_equal(model.predict_logits(shown), expected[scale]):
                wrong.append(scale)

    threads = [
        threading.Thread(target=predict, args=case)
        for case in ((16, images), (1, fractions))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.torch
def test_a_prediction_does_not_change_what_a_model_is_exported_as(images):
    torch = pytest.importorskip("torch")
    model, fractions = model_of(), images.astype(np.float32) / 16
    before = model.to_torch()(torch.from_numpy(fractions[:, None])).detach()
    model.predict(images)
    after = model.to_torch()(torch.from_numpy(fractions[:, None])).detach()
    np.testing.assert_array_equal(before, after)


def test_a_guess_is_gone_after_every_kind_of_call(images):
    model = model_of()
    features = digitnet.features
    labelled = digitnet.Dataset(images, np.zeros(len(images)))
    for call in (
        lambda: model.predict(images),
        lambda: model.activations(images),
        lambda: model.preprocessed(images),
        lambda: features.saliency(model, images),
        lambda: features.integrated_gradients(model, images, 1, steps=2),
        lambda: features.occlusion(model, images[:2]),
        lambda: features.maximise(model, steps=1),
        lambda: features.most_activating(model, labelled, "dense1", 0),
        lambda: digitnet.attack.attacked(model, labelled, "fgsm"),
    ):
        call()
        assert model.core.max_value == 0


def test_targets_are_predicted_on_the_scale_of_the_set_that_is_shown(images):
    model = model_of()
    dim = digitnet.Dataset(images, max_value=255)
    expected = digitnet.features.saliency(model, dim, model.predict(dim))
    np.testing.assert_array_equal(digitnet.features.saliency(model, dim), expected)


def test_all_weights_of_a_model_come_with_its_scale(images, tmp_path):
    source = model_of(seed=1)
    source.fix_scale(16)
    source.save(tmp_path / "m.safetensors")
    for weights in (source, tmp_path / "m.safetensors"):
        model = model_of()
        model.load_weights(weights)
        assert model.max_value == 16
        with pytest.raises(ValueError, match=r"predict.max_value: expected 16"):
            model.predict(digitnet.Dataset(images / 16, max_value=1))
    part = model_of()
    part.load_weights(source, skip=["dense2*"])
    assert part.max_value is None


def test_a_model_without_a_scale_is_pickled(images):
    model = model_of()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        again.predict_logits(images), model.predict_logits(images)
    )


@pytest.mark.torch
def test_another_threads_guess_is_not_the_modules_scale():
    model = digitnet.models.make("linear", (8, 8), seed=1)
    image = np.random.default_rng(0).random((1, 1, 8, 8), np.float32)
    expected = model.to_torch()(torch.from_numpy(image)).detach().numpy()
    with model.at_scale(255.0):  # as while another thread predicts of bytes
        found = model.to_torch()(torch.from_numpy(image)).detach().numpy()
    np.testing.assert_array_equal(found, expected)
