"""A model keeps what computed its last answer, and never answers with what it was."""

import threading

import numpy as np
import pytest
import torch

import digitnet
from digitnet.layers import BatchNorm, Conv, Dense, Flatten, ReLU

CHANGES = {
    "fit": lambda m, data: m.fit(data, epochs=1, progress=False),
    "fit_head": lambda m, data: m.fit_head(data, epochs=1, progress=False),
    "load_state_dict": lambda m, data: m.load_state_dict(
        {name: value * 1.5 for name, value in m.state_dict().items()}
    ),
    "load_weights": lambda m, data: m.load_weights(network(seed=9)),
    "adapt": lambda m, data: m.adapt(data[:200]),
}


def network(seed=1):
    layers = [Conv(4, 3), BatchNorm(), ReLU(), Flatten(), Dense(10)]
    return digitnet.Model(layers, (8, 8), seed=seed)


def anew(model, images, tmp_path):
    """What the same weights say in a model that was asked nothing before."""
    model.save(tmp_path / "m.safetensors")
    return digitnet.models.load(tmp_path / "m.safetensors").predict_logits(images)


@pytest.mark.parametrize("executor", ["native", "torch"])
@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_is_of_the_weights_of_now(
    change, executor, digits, tmp_path, monkeypatch
):
    monkeypatch.setenv("DIGITNET_EXECUTOR", executor)
    train, test = digits[0][:300], digits[1][:50]
    model = network()
    before = model.predict_logits(test)
    CHANGES[change](model, train)
    after = model.predict_logits(test)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_array_equal(after, anew(model, test, tmp_path))


def test_an_answer_in_the_middle_of_training_is_of_the_weights_of_then(
    digits, tmp_path
):
    train, test = digits[0][:300], digits[1][:50]
    model, asked = network(), []

    def ask(epoch, logs):
        said = model.predict_logits(test)
        np.testing.assert_array_equal(said, anew(model, test, tmp_path))
        asked.append(said)

    model.fit(train, epochs=3, callbacks=[ask], progress=False)
    assert np.abs(asked[0] - asked[1]).max() > 1e-3
    assert np.abs(asked[1] - asked[2]).max() > 1e-3


def test_one_image_and_many_give_what_each_gives_alone(digits):
    model, images = network(), digits[1].images
    one = model.predict_logits(images[:1])
    many = model.predict_logits(images)
    np.testing.assert_array_equal(one, many[:1])
    np.testing.assert_array_equal(model.predict_logits(images[7:8]), many[7:8])


def test_settings_of_the_environment_and_threads_hold_at_the_next_question(
    digits, monkeypatch
):
    model, images = network(), digits[1].images
    native = model.predict_logits(images)
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")
    np.testing.assert_allclose(model.predict_logits(images), native, atol=1e-4)
    assert not np.array_equal(model.predict_logits(images), native)
    monkeypatch.setenv("DIGITNET_EXECUTOR", "nobody")
    with pytest.raises(ValueError, match="DIGITNET_EXECUTOR: expected 'native'"):
        model.predict_logits(images)
    monkeypatch.delenv("DIGITNET_EXECUTOR")
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        np.testing.assert_array_equal(model.predict_logits(images), native)
    finally:
        torch.set_num_threads(threads)


def test_several_threads_may_ask_at_once(digits):
    model, images = network(), digits[1].images
    expected = model.predict_logits(images)
    said = [None] * 8

    def ask(i):
        for _ in range(20):
            said[i] = model.predict_logits(images)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(said))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in said:
        np.testing.assert_array_equal(answer, expected)


def test_what_asks_outlives_its_model(digits):
    model = network()
    expected = model.predict_logits(digits[1].images)
    asker = model.predictor
    del model
    images = digits[1].images[:, None]
    np.testing.assert_array_equal(asker.predict(images, None, "cpu", False), expected)
