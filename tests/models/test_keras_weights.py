"""Weights of Keras mean here what they mean there, or are refused by name.

The expected logits are those of tests/reference/keras_model.py, which pads, flattens and
normalises as Keras does.
"""

import json

import numpy as np
import pytest
from reference.keras_checks import assert_equal_logits, images_for, network
from reference.keras_model import FORMS, WITH_CONFIG, Builder, KerasModel, Layer

from digitnet import DataError
from digitnet.layers import (
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
    Tanh,
)

pytest.importorskip("h5py")


@pytest.fixture
def build():
    return Builder(np.random.default_rng(3))


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
    assert_equal_logits(model, keras)


@pytest.mark.parametrize("form", FORMS)
def test_every_file_of_a_network_gives_keras_logits_by_name(form, build, tmp_path):
    """Weights alone of version 3 have no names, whatever the layers were called."""
    keras = KerasModel(
        build.conv(3, 4, 3, name="conv2"),
        build.conv(4, 4, 3, name="conv1"),
        Layer("Flatten"),
        build.dense(64, 5, name="top"),
    )
    layers = [Conv(4, 3, name="conv2"), Conv(4, 3, name="conv1"), Flatten()]
    model = network([*layers, Dense(5, name="top")])
    report = model.load_weights(keras.save(tmp_path, form), strict=True)
    assert report.naming == ("order" if form == "weights.h5" else "keras")
    assert_equal_logits(model, keras)


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
    assert_equal_logits(model, keras)


def test_depthwise_convolutions_are_taken(build, tmp_path):
    dense = build.dense(384, 2)
    keras = KerasModel(build.depthwise(3, 2, 3), Layer("Flatten"), dense)
    layers = [Conv(6, 3, padding="same", groups=3), Flatten(), Dense(2)]
    for form in (*WITH_CONFIG, "weights.h5"):
        model = network(layers)
        model.load_weights(keras.save(tmp_path, form), strict=True)
        assert_equal_logits(model, keras)


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
    assert_equal_logits(model, keras)
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
    assert_equal_logits(model, keras)
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
    from digitnet.models.weights import keras_source

    monkeypatch.setattr(keras_source, "_VGG", [("block1_conv1", (3, 3, 3, 4))])
    keras = KerasModel(
        build.conv(3, 4, 3, name="block1_conv1"), Layer("Flatten"), build.dense(144, 2)
    )
    layers = [Conv(4, 3, name="block1_conv1"), Flatten(), Dense(2)]
    model = network(layers)
    with pytest.warns(UserWarning, match=r"published VGG weights, give bgr=True"):
        model.load_weights(keras.save(tmp_path, "keras"))
    assert_equal_logits(model, keras)
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
    assert_equal_logits(model, keras)


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
    assert_equal_logits(model, bare)


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
