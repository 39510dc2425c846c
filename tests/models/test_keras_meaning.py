"""What a Keras network does between and around its weights: equal here, or refused by name
with what to build."""

import numpy as np
import pytest
from reference.keras_checks import assert_equal_logits, images_for, network, refused
from reference.keras_model import FORMS, WITH_CONFIG, Builder, KerasModel, Layer

import digitnet
from digitnet.layers import (
    AdaptiveAveragePool,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    LayerNorm,
    MaxPool,
    ReLU,
    Softmax,
)

pytest.importorskip("h5py")


@pytest.fixture
def build():
    return Builder(np.random.default_rng(3))


# -- epsilon --------------------------------------------------------------------------------


def test_another_epsilon_is_refused_with_the_layer_to_build(build, tmp_path):
    keras = KerasModel(
        *(build.conv(3, 4, 3), build.batch_norm(4, 1e-3), Layer("Flatten")),
        *(build.dense(144, 6), build.layer_norm(6, 1e-6), build.dense(6, 2)),
    )
    keras.layers[1].weights["moving_variance"][:] = 1e-4

    def layers(batch, layer):
        norms = BatchNorm(epsilon=batch), LayerNorm(epsilon=layer)
        return [Conv(4, 3), norms[0], Flatten(), Dense(6), norms[1], Dense(2)]

    refused(
        *(keras, layers(1e-5, 1e-6), tmp_path),
        r"batch_norm1: .*build BatchNorm\(epsilon=0.001, name='batch_norm1'\)",
    )
    refused(
        *(keras, layers(1e-3, 1e-5), tmp_path),
        r"layer_norm1: .*build LayerNorm\(epsilon=1e-06, name='layer_norm1'\)",
    )
    for form in WITH_CONFIG:
        model = network(layers(1e-3, 1e-6))
        model.load_weights(keras.save(tmp_path, form), strict=True)
        assert_equal_logits(model, keras)


@pytest.mark.parametrize("form", [f for f in FORMS if f not in WITH_CONFIG])
def test_weights_alone_say_that_the_epsilon_may_be_another(form, build, tmp_path):
    keras = KerasModel(build.conv(3, 4, 3), build.batch_norm(4), Layer("Flatten"))
    keras = KerasModel(*keras.layers, build.dense(144, 2))
    path = keras.save(tmp_path, form)
    model = network([Conv(4, 3), BatchNorm(), Flatten(), Dense(2)])
    with pytest.warns(
        UserWarning, match=r"Keras' default epsilon is 0.001, this layer"
    ):
        model.load_weights(path)
    model = network([Conv(4, 3), BatchNorm(epsilon=1e-3), Flatten(), Dense(2)])
    model.load_weights(path)  # nothing to say
    assert_equal_logits(model, keras)


# -- padding ----------------------------------------------------------------------------------


def convolution(build, size, strides, side, zeros=None):
    """A network of one convolution, and how long its rows are."""
    padding = "same" if zeros is None else "valid"
    around = [Layer("ZeroPadding2D", padding=zeros)] if zeros else []
    rows = 4 * (-(-side // strides)) ** 2
    conv = build.conv(3, 4, size, strides, padding)
    return KerasModel(*around, conv, Layer("Flatten"), build.dense(rows, 2))


UNEVEN = [  # size, stride, side, zeros added before, how to build it
    (3, 2, 8, None, "Conv(4, 4, stride=2, padding=1, name='conv1')"),
    (5, 2, 8, None, "Conv(4, 6, stride=2, padding=2, name='conv1')"),
    (3, 2, 8, [[0, 1], [0, 1]], "Conv(4, 4, stride=2, padding=1, name='conv1')"),
    ((1, 3), 2, 8, None, "Conv(4, 4, stride=2, padding=1, name='conv1')"),
]


@pytest.mark.parametrize(("size", "stride", "side", "zeros", "line"), UNEVEN)
def test_padding_at_the_bottom_and_right_is_refused_and_can_be_built(
    size, stride, side, zeros, line, build, tmp_path
):
    """TensorFlow's "same"; the message's line, typed, gives its logits."""
    keras = convolution(build, size, stride, side, zeros)
    if isinstance(size, int):
        wrong = Conv(4, size, stride=stride, padding=size // 2)
        message = rf"conv1: .*; build {line};".replace("(", "\\(").replace(")", "\\)")
        refused(keras, [wrong, Flatten(), Dense(2)], tmp_path, message)
    for form in WITH_CONFIG:
        model = network([eval(line), Flatten(), Dense(2)])
        model.load_weights(keras.save(tmp_path, form), strict=True)
        assert_equal_logits(model, keras)


@pytest.mark.parametrize(
    ("size", "stride", "side", "zeros", "layer"),
    [
        (3, 3, 10, None, Conv(4, 3, stride=3, padding="same")),
        (3, 2, 9, None, Conv(4, 3, stride=2, padding="same")),
        (1, 2, 8, None, Conv(4, 1, stride=2)),
        (2, 1, 8, None, Conv(4, 3, padding=1)),
        (4, 1, 8, None, Conv(4, 5, padding=2)),
        (3, 2, 8, [[1, 1], [1, 1]], Conv(4, 3, stride=2, padding=1)),
    ],
)
def test_padding_that_is_even_all_round_or_in_a_larger_kernel_is_taken(
    size, stride, side, zeros, layer, build, tmp_path
):
    keras = convolution(build, size, stride, side, zeros)
    for form in WITH_CONFIG:
        model = network([layer, Flatten(), Dense(2)], (3, side, side))
        model.load_weights(keras.save(tmp_path, form), strict=True)
        assert_equal_logits(model, keras)


def test_weights_alone_say_that_the_padding_may_be_another(build, tmp_path):
    path = convolution(build, 3, 2, 8).save(tmp_path, "weights.h5")
    layers = [Conv(4, 3, stride=2, padding="same"), Flatten(), Dense(2)]
    with pytest.warns(
        UserWarning, match=r"conv1: Keras' padding 'same' at stride 2 is"
    ):
        network(layers).load_weights(path)


def test_strides_dilation_and_groups_are_compared(build, tmp_path):
    def keras(**more):
        conv = build.conv(3, 4, 3, **more)
        end = Layer("GlobalAveragePooling2D"), build.dense(4, 2)
        return KerasModel(conv, *end)

    layers = [Conv(4, 3), AdaptiveAveragePool(1), Flatten(), Dense(2)]
    refused(
        keras(strides=2), layers, tmp_path, r"conv1: .*build Conv\(4, 3, stride=2, p"
    )
    refused(
        keras(dilation_rate=[2, 2]), layers, tmp_path, r"conv1: expected dilation_ra"
    )
    refused(keras(groups=3), layers, tmp_path, r"conv1: expected 1 groups, got 3")
    model = network(layers)
    equal = keras()
    model.load_weights(equal.save(tmp_path, "keras"))
    assert_equal_logits(model, equal)


# -- what is between layers with weights ---------------------------------------------------------


def between(build, *operations, rows, activation="relu", end="linear"):
    return KerasModel(
        build.conv(3, 4, 3, activation=activation),
        *operations,
        Layer("Flatten"),
        build.dense(rows, 2, activation=end),
    )


def test_operations_between_are_compared(build, tmp_path):
    """Activations, pools and what digitnet has no word for."""
    pooled = [Conv(4, 3), ReLU(), MaxPool(2), Flatten(), Dense(2)]
    same = between(build, build.pool(), rows=36)
    for layers in (
        pooled,
        [Conv(4, 3), MaxPool(2), ReLU(), Flatten(), Dense(2), Softmax()],
    ):
        model = network(layers)
        model.load_weights(same.save(tmp_path, "keras"), strict=True)
        images = images_for(model)
        np.testing.assert_allclose(
            model.predict_logits(images), same(images), rtol=1e-4, atol=1e-4
        )
    mean = between(build, build.pool("Average"), rows=36)
    refused(mean, pooled, tmp_path, r"behind conv1: expected relu, average_pool 2x2")
    other = between(build, build.pool(), rows=36, activation="tanh")
    refused(
        other, pooled, tmp_path, r"behind conv1: expected tanh, max_pool .* got relu"
    )
    odd = between(build, build.pool(), rows=36, activation="elu")
    refused(odd, pooled, tmp_path, r"behind conv1: expected activation 'elu'")
    reshaped = between(build, build.pool(), rows=36)
    reshaped.layers[2].class_name = "Permute"
    refused(reshaped, pooled, tmp_path, r"behind conv1: .*Permute 'flatten'")
    many = between(build, build.pool(), rows=36, end="sigmoid")
    refused(many, pooled, tmp_path, r"behind dense1: expected sigmoid, .* got nothing")
    soft = between(build, build.pool(), rows=36, end="softmax")
    network(pooled).load_weights(soft.save(tmp_path, "keras"), strict=True)


@pytest.mark.parametrize("kind", ["LayerNormalization", "UnitNormalization"])
@pytest.mark.parametrize("form", WITH_CONFIG)
def test_a_norm_without_weights_in_the_file_is_compared_too(
    form, kind, build, tmp_path
):
    bare = Layer(kind, center=False, scale=False, epsilon=1e-5)
    keras = between(build, bare, rows=144)
    layers = [Conv(4, 3), ReLU(), Flatten(), Dense(2)]
    with pytest.raises(ValueError, match=rf"behind conv1: expected relu, {kind} '"):
        network(layers).load_weights(keras.save(tmp_path, form))


def test_pools_with_padding_same(build, tmp_path):
    """Of an odd side: a row more at the bottom, which is max-pool's padding only at 3."""
    layers = [Conv(4, 2), ReLU(), MaxPool(3, stride=2, padding=1), Flatten(), Dense(2)]
    pool = build.pool(size=3, strides=2, padding="same")
    keras = KerasModel(
        *(build.conv(3, 4, 2, activation="relu"), pool, Layer("Flatten")),
        build.dense(64, 2),
    )
    model = network(layers)
    model.load_weights(keras.save(tmp_path, "keras"), strict=True)
    assert_equal_logits(model, keras)
    even = KerasModel(
        *(build.conv(3, 4, 3, activation="relu"), pool, Layer("Flatten")),
        build.dense(36, 2),
    )
    layers[0] = Conv(4, 3)
    refused(
        even, layers, tmp_path, r"behind conv1: .*max_pool 3x3 \(stride 2 from 0 to 3"
    )
    mean = build.pool("Average", size=2, padding="same")
    last = KerasModel(build.conv(3, 4, 2), mean, Layer("Flatten"), build.dense(36, 2))
    layers = [Conv(4, 2), AveragePool(2), Flatten(), Dense(2)]
    with pytest.raises(
        ValueError, match=r"dense1.weight from .*expected \(2, 36\)|leaves"
    ):
        network(layers).load_weights(last.save(tmp_path, "keras"), strict=True)


def test_preprocessing_in_the_file_is_said(build, tmp_path):
    scaled = Layer("Rescaling", scale=1 / 127.5, offset=-1)
    keras = KerasModel(scaled, Layer("Flatten"), build.dense(192, 2))
    with pytest.warns(UserWarning, match=r"rescaling: Rescaling \(scale 0.00784"):
        network([Flatten(), Dense(2)]).load_weights(keras.save(tmp_path, "keras"))
    usual = Layer("Rescaling", scale=1 / 255, offset=0.0)
    keras = KerasModel(usual, Layer("Flatten"), build.dense(192, 2))
    model = digitnet.Model([Flatten(), Dense(2)], (3, 8, 8))
    model.load_weights(keras.save(tmp_path, "keras"))
