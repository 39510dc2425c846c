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
    "m5": (15, 0.004),
    "alexnet": (120, 0.0002),
    "alexnet-small": (60, 0.002),
    "vgg16": (40, 0.0002),
    "vgg16-transfer": (30, 0.0005),
}

CLASSIFIERS = [e["name"] for e in digitnet.models.describe() if not e["makes_images"]]
LARGE = ("alexnet", "vgg16", "vgg16-transfer")

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
    assert model.count_params() == PARAMETERS[name]
    assert model.summary().total("parameters") == PARAMETERS[name]


@every_classifier
@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_model_gives_probabilities_for_any_number_of_images(name, count, rng):
    model = digitnet.models.make(name)
    probabilities = model.predict_proba(images_for(model, count, rng))
    assert probabilities.shape == (count, 10)
    np.testing.assert_allclose(probabilities.sum(1), 1)


@every_classifier
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
    ("name", "least"), [("vgg16", 32), ("alexnet", 63), ("kaggle-cnn-small", 6)]
)
def test_an_image_that_is_too_small_says_the_least_size(name, least):
    with pytest.raises(
        ValueError, match=f"needs at least {least}x{least} pixels, got 5x"
    ):
        digitnet.models.make(name, input_shape=(3, 5, 5))
    assert digitnet.models.make(name, input_shape=(3, least, least), classes=2)


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


def vgg16_twin(head):
    """Table 1, column D of Simonyan and Zisserman, in plain torch.nn."""
    from torch import nn

    layers, inputs = [], 3
    for channels, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
            inputs = channels
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), *head)


def alexnet_twin(first, pool, tail):
    from torch import nn

    return nn.Sequential(
        *(first, nn.ReLU(), pool),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), pool),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), pool),
        *tail,
    )


def mnistm_twin():
    from torch import nn

    layers, inputs = [], 3
    for channels in (32, 64):
        for _ in range(2):
            conv = nn.Conv2d(inputs, channels, 3, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(channels), nn.ReLU()]
            inputs = channels
        layers += [nn.MaxPool2d(2), nn.Dropout(0.25)]
    layers += [nn.Flatten(), nn.Linear(64 * 49, 256), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(256, 10))


def twins():
    from torch import nn

    dense = [nn.Linear(512, 4096), nn.ReLU(), nn.Dropout()]
    dense += [nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 10)]
    small = [nn.Linear(512, 256), nn.ReLU(), nn.Dropout(), nn.Linear(256, 10)]
    large = [nn.AdaptiveAvgPool2d(6), nn.Flatten(), nn.Dropout()]
    large += [nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096)]
    large += [nn.ReLU(), nn.Linear(4096, 10)]
    first = nn.Conv2d(3, 64, 11, stride=4, padding=2)
    tiny = nn.Conv2d(1, 64, 11, stride=4, padding=5)
    return {
        "vgg16": (vgg16_twin(dense), (32, 40)),
        "vgg16-transfer": (vgg16_twin(small), (48,)),
        "alexnet": (alexnet_twin(first, nn.MaxPool2d(3, 2), large), (63, 70)),
        "alexnet-small": (
            alexnet_twin(tiny, nn.MaxPool2d(2), [nn.Flatten(), nn.Linear(256, 10)]),
            (32,),
        ),
        "mnistm-cnn": (mnistm_twin(), (28,)),
    }


@pytest.mark.parametrize(
    "name", ["vgg16", "vgg16-transfer", "alexnet", "alexnet-small", "mnistm-cnn"]
)
def test_networks_equal_plain_torch(name, rng):
    """The same weights, layer by layer in order, give the same logits."""
    import torch

    twin, sizes = twins()[name]
    for size in sizes:
        channels = digitnet.models.make(name).input_shape[0]
        model = digitnet.models.make(name, (channels, size, size), seed=3)
        state = model.state_dict()
        own = [v for k, v in twin.state_dict().items() if "num_batches" not in k]
        assert [tuple(v.shape) for v in own] == [v.shape for v in state.values()]
        for theirs, ours in zip(own, state.values(), strict=True):
            theirs.copy_(torch.from_numpy(ours))
        images = rng.random((3, *model.input_shape), dtype=np.float32)
        with torch.no_grad():
            expected = twin.eval()(torch.from_numpy(images)).numpy()
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
    ],
)
def test_networks_have_the_published_size_at_their_published_input(
    name, shape, classes, parameters
):
    network, _ = digitnet._core.models.make(name, classes)
    tensors = digitnet._core.models.parameters_of(network, shape, [])
    assert sum(int(np.prod(sizes)) for _, sizes, _ in tensors) == parameters
