"""A model keeps its executors from one prediction, activation or gradient to the next,
and never computes with weights or settings of before."""

import threading

import numpy as np
import pytest

import digitnet
from digitnet import attack, features
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
INSPECTIONS = {
    "activations": lambda m, data: m.activations(data, ["dense1"])["dense1"],
    "saliency": lambda m, data: features.saliency(m, data, 3),
    "grad_cam": lambda m, data: features.grad_cam(m, data, 3, layer="conv1"),
    "occlusion": lambda m, data: features.occlusion(m, data, 3),
    "integrated_gradients": lambda m, data: features.integrated_gradients(
        m, data, 3, steps=2
    ),
    "maximise": lambda m, data: features.maximise(m, "dense1", 1, steps=3).images,
    "most_activating": lambda m, data: features.most_activating(m, data, "dense1", 1)[
        1
    ],
    "attacked": lambda m, data: np.asarray(
        attack.attacked(m, data, "pgd", steps=2).images
    ),
}


def network(seed=1):
    layers = [Conv(4, 3), BatchNorm(), ReLU(), Flatten(), Dense(10)]
    return digitnet.Model(layers, (8, 8), seed=seed)


def loaded_copy(model, tmp_path):
    """A model of the same weights that has computed nothing yet."""
    model.save(tmp_path / "m.safetensors")
    return digitnet.models.load(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    "executor", ["native", pytest.param("torch", marks=pytest.mark.torch)]
)
@pytest.mark.parametrize("change", CHANGES)
def test_a_prediction_is_by_the_weights_of_now(
    change, executor, digits, tmp_path, monkeypatch
):
    monkeypatch.setenv("DIGITNET_EXECUTOR", executor)
    train, test = digits[0][:300], digits[1][:50]
    model = network()
    before = model.predict_logits(test)
    CHANGES[change](model, train)
    after = model.predict_logits(test)
    assert np.abs(after - before).max() > 1e-3
    expected = loaded_copy(model, tmp_path).predict_logits(test)
    np.testing.assert_array_equal(after, expected)


@pytest.mark.parametrize("inspection", INSPECTIONS)
@pytest.mark.parametrize("change", CHANGES)
def test_an_inspection_is_by_the_weights_of_now(inspection, change, digits, tmp_path):
    train, test = digits[0][:300], digits[1][:50]
    model, inspect = network(), INSPECTIONS[inspection]
    before = inspect(model, test)
    CHANGES[change](model, train)
    after = inspect(model, test)
    assert not np.array_equal(after, before)
    np.testing.assert_array_equal(after, inspect(loaded_copy(model, tmp_path), test))


@pytest.mark.parametrize("inspection", INSPECTIONS)
def test_a_second_inspection_gives_the_same_bits(inspection, digits):
    model, inspect = network(), INSPECTIONS[inspection]
    first = inspect(model, digits[1][:50])
    np.testing.assert_array_equal(inspect(model, digits[1][:50]), first)


def test_executors_are_built_once_and_again_after_a_change(digits):
    model, test = network(), digits[1][:50]
    for _ in range(3):
        model.predict(test)
        for inspect in INSPECTIONS.values():
            inspect(model, test)
    assert model.predictor.executors_made == 1
    CHANGES["load_state_dict"](model, None)
    features.saliency(model, test, 3)
    features.saliency(model, test, 3)
    assert model.predictor.executors_made == 2


def test_a_prediction_in_the_middle_of_training_is_by_the_weights_of_then(
    digits, tmp_path
):
    train, test = digits[0][:300], digits[1][:50]
    model, logits = network(), []

    def predict(epoch, logs):
        logits.append(model.predict_logits(test))
        expected = loaded_copy(model, tmp_path).predict_logits(test)
        np.testing.assert_array_equal(logits[-1], expected)

    model.fit(train, epochs=3, callbacks=[predict], progress=False)
    assert np.abs(logits[0] - logits[1]).max() > 1e-3
    assert np.abs(logits[1] - logits[2]).max() > 1e-3


def test_one_image_and_many_give_what_each_gives_alone(digits):
    model, images = network(), digits[1].images
    one = model.predict_logits(images[:1])
    many = model.predict_logits(images)
    np.testing.assert_array_equal(one, many[:1])
    np.testing.assert_array_equal(model.predict_logits(images[7:8]), many[7:8])


@pytest.mark.torch
def test_settings_of_the_environment_and_threads_apply_to_the_next_prediction(
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
    threads = digitnet.get_num_threads()
    try:
        digitnet.set_num_threads(threads + 1)
        np.testing.assert_array_equal(model.predict_logits(images), native)
    finally:
        digitnet.set_num_threads(threads)


@pytest.mark.parametrize(
    "compute", [lambda m, x: m.predict_logits(x), INSPECTIONS["saliency"]]
)
def test_several_threads_compute_at_once(compute, digits):
    model, test = network(), digits[1][:100]
    expected = compute(model, test)
    results = [None] * 8

    def work(i):
        for _ in range(20):
            results[i] = compute(model, test)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(results))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_a_predictor_outlives_its_model(digits):
    model = network()
    model.fix_scale(digits[1].max_value)
    expected = model.predict_logits(digits[1].images)
    predictor = model.predictor
    del model
    images = digits[1].images[:, None]
    np.testing.assert_array_equal(
        predictor.predict(images, None, "cpu", False), expected
    )
