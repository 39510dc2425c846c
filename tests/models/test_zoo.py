"""Every named network: what is published of it, and what every one promises."""

import numpy as np
import pytest

import digitnet

PARAMETERS = {
    "linear": 7_850,
    "mlp": 669_706,
    "mlp-tiny": 3_985,
    "lenet5": 61_706,
    "two-conv": 215_194,
    "torch-example": 1_199_882,
    "kaggle-cnn": 887_530,
    "kaggle-cnn-small": 65_194,
    "optdigits-cnn": 102_794,
    "m5": 1_128_180,
    "norm-cnn": 193_130,
    "two-conv-small": 108_874,
}

every_model = pytest.mark.parametrize("name", digitnet.models.names())


def images_for(model, count, rng):
    pixels = rng.integers(0, 256, (count, *model.input_shape), dtype=np.uint8)
    pixels[0, 0, 0, 0] = 255
    return pixels


@every_model
def test_every_model_has_the_published_number_of_parameters(name):
    model = digitnet.models.make(name)
    assert model.count_params() == PARAMETERS[name]
    assert model.summary().total("parameters") == PARAMETERS[name]


@every_model
@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_model_gives_probabilities_for_any_number_of_images(name, count, rng):
    model = digitnet.models.make(name)
    probabilities = model.predict_proba(images_for(model, count, rng))
    assert probabilities.shape == (count, 10)
    np.testing.assert_allclose(probabilities.sum(1), 1)


@every_model
def test_every_model_answers_the_same_twice_and_alone(name, rng):
    model = digitnet.models.make(name)
    images = images_for(model, 4, rng)
    images[:, 0, 0, 0] = 255
    together = model.predict_logits(images)
    np.testing.assert_array_equal(together, model.predict_logits(images))
    alone = np.concatenate([model.predict_logits(images[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@every_model
def test_every_models_weights_are_a_function_of_the_seed(name):
    first, again, other = (
        digitnet.models.make(name, seed=s).state_dict() for s in (1, 1, 2)
    )
    for key, value in first.items():
        np.testing.assert_array_equal(value, again[key])
        drawn = len(np.unique(value)) > 1  # batch norm starts as 1 and 0
        assert not drawn or not np.array_equal(value, other[key])


@every_model
def test_every_parameter_of_every_model_is_trained(name, rng):
    model = digitnet.models.make(name)
    before = model.state_dict()
    data = digitnet.Dataset(
        images_for(model, 64, rng), rng.integers(0, 10, 64), max_value=255
    )
    model.fit(data, epochs=2, batch_size=32, learning_rate=0.01, progress=False)
    for key, value in model.state_dict().items():
        assert not np.array_equal(value, before[key]), key


@every_model
def test_every_model_can_learn_32_images_by_heart(name, digits):
    images = np.repeat(np.repeat(digits[0][:32].images, 3, 1), 3, 2)  # 24 x 24
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    if name == "optdigits-cnn":
        images = digits[0][:32].images
    labels = digits[0].labels[:32]
    model = digitnet.models.make(name)
    data = digitnet.Dataset(images, labels, max_value=16)
    few = name == "mlp-tiny"  # five sigmoid units need longer
    epochs, rate = (2000, 0.01) if few else (150, 0.004)
    if name == "m5":  # the dearest, and it learns fast
        epochs = 15
    model.fit(data, epochs=epochs, batch_size=16, learning_rate=rate, progress=False)
    assert model.evaluate(data)["accuracy"] == 1


@every_model
def test_every_model_takes_other_classes(name):
    model = digitnet.models.make(name, classes=["a", "b", "c"])
    assert model.classes == ("a", "b", "c")
    assert model.predict_proba(np.zeros((1, *model.input_shape), np.uint8)).shape == (
        1,
        3,
    )


@every_model
def test_every_model_refuses_a_wrong_image_size(name):
    model = digitnet.models.make(name)
    with pytest.raises(ValueError, match="predict: expected images of shape"):
        model.predict(np.zeros((2, 1, 30, 31), np.uint8))


@pytest.mark.parametrize(
    "name", ["lenet5", "kaggle-cnn-small", "optdigits-cnn", "two-conv"]
)
def test_an_input_that_is_too_small_names_the_layer_and_the_least_size(name):
    with pytest.raises(
        ValueError, match=r"layer '\w+': .*expected an input of at least \d"
    ):
        digitnet.models.make(name, input_shape=(3, 3))


def test_an_unknown_model_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown model 'lenet'; known: linear, mlp"):
        digitnet.models.make("lenet")
