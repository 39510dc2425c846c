"""Every named network: what is published of it, and what every one promises."""

import numpy as np
import pytest
from reference import networks
from reference.optional import torch

import digitnet
from digitnet.models.zoo import count_params

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
    "m3": 1_124_180,
    "m5": 1_128_180,
    "m7": 2_291_972,
    "c1": 269_524,
    "c2": 835_204,
    "c3": 576_180,
    "resnet18": 11_172_810,
    "resnet50": 23_519_690,
    "mobilenetv2": 2_236_106,
    "densenet121": 6_957_834,
    "gru": 61_962,
    "vit-tiny": 138_890,
    "capsnet": 8_215_568,  # 6,804,224 of them without the decoder
    "norm-cnn": 193_130,
    "two-conv-small": 108_874,
    "mnistm-cnn": 871_402,
    "alexnet": 57_044_810,
    "alexnet-small": 2_456_778,
    "vgg16": 33_638_218,
    "vgg16-transfer": 14_848_586,
    "autoencoder": 28_353,
}
# (epochs, learning rate) where 150 epochs at .004 are too few, or more than needed.
LEARNS = {
    "mlp-tiny": (2000, 0.01),  # five sigmoid units
    **dict.fromkeys(("c1", "c2", "c3"), (15, 0.004)),
    **dict.fromkeys(("m3", "m7"), (40, 0.004)),
    "m5": (15, 0.004),
    **dict.fromkeys(("resnet18", "densenet121"), (15, 0.002)),
    "resnet50": (40, 0.002),
    "mobilenetv2": (40, 0.004),
    "gru": (100, 0.01),
    "vit-tiny": (60, 0.003),
    "capsnet": (30, 0.001),
    "alexnet": (120, 0.0002),
    "alexnet-small": (60, 0.002),
    "vgg16": (40, 0.0002),
    "vgg16-transfer": (30, 0.0005),
}

CLASSIFIERS = [e["name"] for e in digitnet.models.describe() if not e["outputs_images"]]
LARGE = (
    *("alexnet", "vgg16", "vgg16-transfer", "resnet18", "resnet50", "mobilenetv2"),
    *("densenet121", "m3", "m7", "capsnet"),
)

every_model = pytest.mark.parametrize("name", digitnet.models.names())
every_classifier = pytest.mark.parametrize("name", CLASSIFIERS)
every_classifier_the_large_ones_slowly = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in LARGE else ())
        for name in CLASSIFIERS
    ],
)


def images_for(model, count, rng):
    pixels = rng.integers(0, 256, (count, *model.input_shape), dtype=np.uint8)
    pixels[0, 0, 0, 0] = 255
    return pixels


@every_model
def test_every_model_has_the_published_number_of_parameters(name):
    model = digitnet.models.make(name)
    assert model.count_params() == PARAMETERS[name] == count_params(name)
    assert model.summary().total("parameters") == PARAMETERS[name]


@every_classifier
@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_model_gives_probabilities_for_any_number_of_images(name, count, rng):
    model = digitnet.models.make(name)
    probabilities = model.predict_proba(images_for(model, count, rng))
    assert probabilities.shape == (count, 10)
    np.testing.assert_allclose(probabilities.sum(1), 1)


@every_classifier
def test_every_model_predicts_the_same_twice_and_alone(name, rng):
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
    count = 8 if name in LARGE else 64
    data = digitnet.Dataset(
        images_for(model, count, rng), rng.integers(0, 10, count), max_value=255
    )
    model.fit(data, epochs=2, batch_size=32, learning_rate=0.01, progress=False)
    for key, value in model.state_dict().items():
        assert not np.array_equal(value, before[key]), key


def enlarged_digits(digits, shape):
    """The first 32 digits as images of `shape`."""
    channels, height, width = shape
    times = height // 8
    images = digits[:32].images.repeat(times, 1).repeat(times, 2)
    rest = height - 8 * times
    images = np.pad(images, ((0, 0), (rest // 2, rest - rest // 2), (0, rest)))
    images = np.pad(images, ((0, 0), (0, 0), (0, width - images.shape[2])))
    return np.repeat(images[:, None], channels, 1)


@every_classifier_the_large_ones_slowly
def test_every_model_can_learn_32_images_by_heart(name, digits):
    model = digitnet.models.make(name)
    data = digitnet.Dataset(
        enlarged_digits(digits[0], model.input_shape),
        digits[0].labels[:32],
        max_value=16,
    )
    epochs, rate = LEARNS.get(name, (150, 0.004))
    model.fit(data, epochs=epochs, batch_size=16, learning_rate=rate, progress=False)
    assert model.evaluate(data)["accuracy"] == 1


@every_classifier
def test_every_model_takes_other_classes(name):
    model = digitnet.models.make(name, classes=["a", "b", "c"])
    assert model.classes == ("a", "b", "c")
    assert model.predict_proba(np.zeros((1, *model.input_shape), np.uint8)).shape == (
        1,
        3,
    )


@every_classifier
def test_every_model_refuses_a_wrong_image_size(name):
    model = digitnet.models.make(name)
    with pytest.raises(ValueError, match="predict: expected images of shape"):
        model.predict(np.zeros((2, 1, 30, 31), np.uint8))


@pytest.mark.parametrize(
    ("name", "min_size"),
    [("vgg16", 32), ("alexnet", 63), ("kaggle-cnn-small", 6), ("densenet121", 29)],
)
def test_an_image_that_is_too_small_names_the_smallest_size(name, min_size):
    with pytest.raises(
        ValueError, match=f"needs at least {min_size}x{min_size} pixels, got 5x"
    ):
        digitnet.models.make(name, input_shape=(3, 5, 5))
    assert digitnet.models.make(name, input_shape=(3, min_size, min_size), classes=2)


@pytest.mark.parametrize(
    "name", ["lenet5", "kaggle-cnn-small", "optdigits-cnn", "two-conv"]
)
def test_an_input_that_is_too_small_names_the_layer_and_the_smallest_size(name):
    with pytest.raises(
        ValueError, match=r"layer '\w+': .*expected an input of at least \d"
    ):
        digitnet.models.make(name, input_shape=(3, 3))


def test_an_unknown_model_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown model 'lenet'; known: linear, mlp"):
        digitnet.models.make("lenet")


@pytest.mark.torch
@pytest.mark.parametrize("name", networks.REFERENCES)
def test_networks_equal_plain_torch(name, rng):
    """The same weights, layer by layer in order, give the same logits."""
    make_reference, sizes = networks.REFERENCES[name]
    module = make_reference()
    for size in sizes:
        channels = digitnet.models.make(name).input_shape[0]
        model = digitnet.models.make(name, (channels, size, size), seed=3)
        state = model.state_dict()
        their_tensors = [
            v for k, v in module.state_dict().items() if "num_batches" not in k
        ]
        # A dense layer on each patch is a 1x1 convolution here.
        assert [tuple(v.squeeze().shape) for v in their_tensors] == [
            v.squeeze().shape for v in state.values()
        ]
        for theirs, ours in zip(their_tensors, state.values(), strict=True):
            theirs.copy_(torch.from_numpy(ours).reshape(theirs.shape))
        images = rng.random((3, *model.input_shape), dtype=np.float32)
        with torch.no_grad():
            expected = module.eval()(torch.from_numpy(images)).numpy()
        scale = np.abs(expected).max()
        np.testing.assert_allclose(
            model.predict_logits(images) / scale, expected / scale, atol=2e-5
        )


@pytest.mark.parametrize(
    ("name", "shape", "classes", "parameters"),
    [
        ("vgg16", (3, 224, 224), 1000, 138_357_544),
        ("vgg16", (3, 224, 224), 10, 134_301_514),
        ("vgg16", (1, 224, 224), 10, 134_300_362),
        ("alexnet", (3, 224, 224), 1000, 61_100_840),
        ("vgg16-transfer", (3, 48, 48), 10, 14_714_688 + 133_898),
        ("resnet18", (3, 32, 32), 10, 11_173_962),
        ("resnet50", (3, 32, 32), 10, 23_520_842),
        ("mobilenetv2", (3, 32, 32), 10, 2_236_682),
        ("mobilenetv2", (3, 224, 224), 1000, 3_504_872),
        ("densenet121", (3, 32, 32), 10, 6_964_106),
        ("densenet121", (3, 224, 224), 1000, 7_978_856),
    ],
)
def test_networks_have_the_published_size_at_their_published_input(
    name, shape, classes, parameters
):
    network, _ = digitnet._core.models.make(name, classes)
    tensors = digitnet._core.models.parameters_of(network, shape, [])
    trained = [sizes for _, sizes, is_buffer in tensors if not is_buffer]
    assert sum(int(np.prod(sizes)) for sizes in trained) == parameters
