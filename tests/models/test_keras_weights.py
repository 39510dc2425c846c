"""Weights of Keras mean here what they mean there, or are refused by name.

The expected logits are those of tests/reference/keras_model.py, which pads, flattens and
normalises as Keras does.
"""

import numpy as np
import pytest
from reference.keras_model import FORMS, WITH_CONFIG, Builder, KerasModel, Layer

import digitnet
from digitnet import DataError
from digitnet.layers import (
    AdaptiveAveragePool,
    AveragePool,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    MaxPool,
    ReLU,
    Sequence,
    Sigmoid,
    Softmax,
    Tanh,
)

pytest.importorskip("h5py")


@pytest.fixture
def build():
    return Builder(np.random.default_rng(3))


def network(layers, shape=(3, 8, 8), **options):
    return digitnet.Model(layers, shape, preprocess=(), **options)


def images_for(model, count=5):
    return np.random.default_rng(4).random((count, *model.input_shape), np.float32)


def assert_equal(model, keras):
    images = images_for(model)
    expected = keras(images)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(
        model.predict_logits(images) / scale, expected / scale, atol=3e-6
    )


def refused(keras, layers, tmp_path, message, shape=(3, 8, 8)):
    """Refused by every file that has a config; nothing was changed."""
    for form in WITH_CONFIG:
        model = network(layers, shape)
        before = model.state_dict()
        with pytest.raises(ValueError, match=message):
            model.load_weights(keras.save(tmp_path, form))
        for name, value in model.state_dict().items():
            np.testing.assert_array_equal(value, before[name])


# -- all of a network, whatever wrote it -------------------------------------------------


def everything(build):
    """Norms of maps, of features behind a Flatten, and of others; names by default."""
    return KerasModel(
        build.conv(3, 4, 3, padding="same", use_bias=False),
        build.batch_norm(4),
        Layer("Activation", activation="relu"),
        build.pool(),
        build.conv(4, 6, 3, activation="tanh"),
        Layer("Dropout", rate=0.5),
        Layer("Flatten"),
        build.batch_norm(24),
        build.layer_norm(24),
        build.dense(24, 7, activation="sigmoid"),
        build.batch_norm(7, scale=False, center=False),
        build.dense(7, 5),
    )


def everything_here(**names):
    norm = BatchNorm(epsilon=1e-3)
    return [
        *(Conv(4, 3, padding="same", bias=False), norm, ReLU(), MaxPool(2)),
        *(Conv(6, 3), Tanh(), Dropout(0.5), Flatten(), norm, LayerNorm(epsilon=1e-3)),
        *(Dense(7), Sigmoid(), norm, Dense(5)),
    ]


@pytest.mark.parametrize("form", FORMS)
def test_every_file_of_a_network_gives_keras_logits_by_order(form, build, tmp_path):
    keras = everything(build)
    model = network(everything_here())
    report = model.load_weights(keras.save(tmp_path, form), strict=True)
    assert report.naming == "order"
    assert ("conv2", "conv2d_1") in report.by_order
    assert "by order: conv2 from conv2d_1" in str(report)
    assert "batch_norm3.weight: set to 1" in str(report)
    assert_equal(model, keras)


@pytest.mark.parametrize("form", FORMS)
def test_every_file_of_a_network_gives_keras_logits_by_name(form, build, tmp_path):
    """Names that version 3 keeps beside its own count as names."""
    keras = KerasModel(
        build.conv(3, 4, 3, name="conv2"),
        build.conv(4, 4, 3, name="conv1"),
        Layer("Flatten"),
        build.dense(64, 5, name="top"),
    )
    layers = [Conv(4, 3, name="conv2"), Conv(4, 3, name="conv1"), Flatten()]
    model = network([*layers, Dense(5, name="top")])
    report = model.load_weights(keras.save(tmp_path, form), strict=True)
    assert report.naming == "keras" and not report.by_order
    assert_equal(model, keras)


def test_layers_are_counted_not_spelled(build, tmp_path):
    """conv2d_10 comes behind conv2d_9, though the alphabet has it behind conv2d_1."""
    layers = [build.conv(3, 3, 3, padding="same", activation="tanh") for _ in range(12)]
    for layer in layers:
        layer.weights["kernel"] /= 4
    keras = KerasModel(*layers, Layer("Flatten"), build.dense(192, 2))
    here = [x for _ in layers for x in (Conv(3, 3, padding="same"), Tanh())]
    model = network([*here, Flatten(), Dense(2)])
    report = model.load_weights(keras.save(tmp_path, "weights.h5"), strict=True)
    assert report.by_order[10] == ("conv11", "conv2d_10")
    assert_equal(model, keras)


def test_depthwise_convolutions_are_taken(build, tmp_path):
    dense = build.dense(384, 2)
    keras = KerasModel(build.depthwise(3, 2, 3), Layer("Flatten"), dense)
    layers = [Conv(6, 3, padding="same", groups=3), Flatten(), Dense(2)]
    for form in (*WITH_CONFIG, "weights.h5"):
        model = network(layers)
        model.load_weights(keras.save(tmp_path, form), strict=True)
        assert_equal(model, keras)


def test_layers_of_another_class_are_no_convolutions(build, tmp_path):
    keras = KerasModel(build.conv(3, 3, 3), Layer("Flatten"), build.dense(108, 2))
    keras.layers[0].class_name, keras.groups[0] = "Conv2DTranspose", "conv2d_transpose"
    for form in (*WITH_CONFIG, "weights.h5"):
        model = network([Conv(3, 3), Flatten(), Dense(2)])
        with pytest.raises(ValueError, match="conv2d_transpose|Conv2DTranspose"):
            model.load_weights(keras.save(tmp_path, form), strict=True)


# -- colours ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_colours_are_as_the_file_has_them_unless_it_is_said(form, build, tmp_path):
    keras = KerasModel(build.conv(3, 4, 3), Layer("Flatten"), build.dense(144, 2))
    path = keras.save(tmp_path, form)
    model = network([Conv(4, 3), Flatten(), Dense(2)])
    model.load_weights(path)
    assert_equal(model, keras)
    report = model.load_weights(path, bgr=True)
    assert "conv1.weight: turned from blue, green, red" in str(report)
    images = images_for(model)
    expected = keras(images[:, ::-1])
    np.testing.assert_allclose(model.predict_logits(images), expected, rtol=1e-4)


def test_colours_of_a_first_dense_layer_are_turned_too(build, tmp_path):
    keras = KerasModel(Layer("Flatten"), build.dense(192, 3))
    path = keras.save(tmp_path, "keras")
    model = network([Flatten(), Dense(3)])
    model.load_weights(path)
    assert_equal(model, keras)
    model.load_weights(path, bgr=True)
    images = images_for(model)
    expected = keras(images[:, ::-1])
    np.testing.assert_allclose(model.predict_logits(images), expected, rtol=1e-4)
    grey = KerasModel(Layer("Flatten"), build.dense(64, 3)).save(tmp_path, "keras")
    with pytest.raises(
        ValueError, match=r"load_weights.bgr: expected weights for a fir"
    ):
        network([Flatten(), Dense(3)], (1, 8, 8)).load_weights(grey, bgr=True)


def test_a_vgg_with_its_config_is_taken_as_it_is_and_said(build, tmp_path, monkeypatch):
    """Only weights alone can be the published ones; one's own may have begun with them."""
    from digitnet.models import keras_weights

    monkeypatch.setattr(keras_weights, "_VGG", [("block1_conv1", (3, 3, 3, 4))])
    keras = KerasModel(
        build.conv(3, 4, 3, name="block1_conv1"), Layer("Flatten"), build.dense(144, 2)
    )
    layers = [Conv(4, 3, name="block1_conv1"), Flatten(), Dense(2)]
    model = network(layers)
    with pytest.warns(UserWarning, match=r"published VGG weights, give bgr=True"):
        model.load_weights(keras.save(tmp_path, "keras"))
    assert_equal(model, keras)
    report = model.load_weights(keras.save(tmp_path, "weights only h5"))
    assert "turned from blue, green, red" in str(report)


# -- flatten ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_branches_that_are_flattened_apart_keep_their_features(form, build, tmp_path):
    """Each part of the row in its own order; a Keras model of branches, by its layers."""
    left, right = build.conv(3, 2, 3), build.conv(3, 4, 5)
    norm, dense = build.batch_norm(72 + 64), build.dense(136, 3)
    writer = KerasModel(left, right, norm, dense)
    both = Concat([Conv(2, 3), Flatten()], Sequence(Conv(4, 5), Flatten()))
    model = network([both, BatchNorm(epsilon=1e-3), Dense(3)])
    path = writer.save(tmp_path, form)
    model.load_weights(path, strict=True)
    images = images_for(model)
    rows = images.transpose(0, 2, 3, 1).astype(np.float64)
    parts = [layer(rows).reshape(len(rows), -1) for layer in (left, right)]
    expected = dense(norm(np.concatenate(parts, 1)))
    np.testing.assert_allclose(
        model.predict_logits(images), expected, atol=3e-6 * np.abs(expected).max()
    )


def test_features_of_two_orders_are_not_added_up(build, tmp_path):
    from digitnet.layers import Residual

    path = KerasModel(build.dense(192, 192), build.dense(192, 2)).save(
        tmp_path, "keras"
    )
    model = network([Flatten(), Residual(Dense(192)), Dense(2)])
    with pytest.raises(ValueError, match=r"residual1: expected features in one order"):
        model.load_weights(path)


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
        assert_equal(model, keras)


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
    assert_equal(model, keras)


# -- batch norms of fewer vectors ------------------------------------------------------------


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_norms_without_scale_or_center(form, scale, center, build, tmp_path):
    norm = build.batch_norm(4, scale=scale, center=center)
    keras = KerasModel(build.conv(3, 4, 3), norm, Layer("Flatten"), build.dense(144, 2))
    model = network([Conv(4, 3), BatchNorm(epsilon=1e-3), Flatten(), Dense(2)])
    model.load_state_dict({k: v + 0.3 for k, v in model.state_dict().items()})
    path = keras.save(tmp_path, form)
    if form == "weights.h5" and scale != center:  # which one is it?
        with pytest.raises(DataError, match=r"batch_normalization: expected 4 vectors"):
            model.load_weights(path)
        return
    model.load_weights(path, strict=True)
    assert_equal(model, keras)


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
        assert_equal(model, keras)


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
        assert_equal(model, keras)


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
    assert_equal(model, equal)


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
    assert_equal(model, keras)
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


# -- what is left out -----------------------------------------------------------------------------


def test_biases_that_no_layer_takes_are_said_and_those_absent_are_zero(build, tmp_path):
    keras = KerasModel(build.conv(3, 4, 3, name="conv1"), Layer("Flatten"))
    keras = KerasModel(*keras.layers, build.dense(144, 2, name="dense1"))
    model = network([Conv(4, 3, bias=False), Flatten(), Dense(2)])
    with pytest.warns(UserWarning, match=r"not used: layers/conv2d/vars/1"):
        model.load_weights(keras.save(tmp_path, "keras"))
    bare = KerasModel(build.conv(3, 4, 3, use_bias=False), *keras.layers[1:])
    model = network([Conv(4, 3), Flatten(), Dense(2)])
    model.load_weights(bare.save(tmp_path, "keras"), strict=True)
    assert_equal(model, bare)


def test_an_order_that_does_not_fit_names_the_first_tensor(build, tmp_path):
    keras = KerasModel(build.conv(3, 4, 3), Layer("Flatten"), build.dense(144, 3))
    for form in FORMS:
        path = keras.save(tmp_path, form)
        with pytest.raises(
            ValueError, match=r"by order: dense1.weight from .*\(2, 144\)"
        ):
            network([Conv(4, 3), Flatten(), Dense(2)]).load_weights(path)
        report = network([Conv(4, 3), Flatten(), Dense(2)]).load_weights(
            path, skip=["dense1.*", "*dense/*"]
        )
        assert report.by_order == [("conv1", "conv2d")] and report.is_whole


def test_hostile_configs_are_refused_or_read(build, tmp_path):
    import json

    keras = everything(build)
    config = keras.config()
    rng = np.random.default_rng(5)
    odd = [None, -1, 0, 10**30, "x", [], {}, [[]], [1, "a"], 1e300, True, [0, 0]]

    def changed(value):
        if rng.random() < 0.03:
            return odd[rng.integers(len(odd))]
        if isinstance(value, dict):
            return {key: changed(inner) for key, inner in value.items()}
        return [changed(v) for v in value] if isinstance(value, list) else value

    taken = 0
    for _ in range(30):
        text = json.dumps(changed(json.loads(config)))
        keras.config = lambda text=text: text
        model = network(everything_here())
        try:
            model.load_weights(keras.save(tmp_path, "keras"), strict=True)
            taken += 1
        except ValueError:  # DataError too: named, not a crash
            continue
        except UserWarning:
            taken += 1
    assert taken > 1
