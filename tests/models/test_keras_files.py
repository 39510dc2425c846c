"""Files of Keras in their other forms: of branches, within each other, of other versions."""

import json

import numpy as np
import pytest
from reference.keras_checks import assert_equal_logits, images_for, network, refused
from reference.keras_model import WITH_CONFIG, Builder, KerasModel, Layer

import digitnet
from digitnet import DataError
from digitnet.layers import (
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    ReLU,
)

pytest.importorskip("h5py")


@pytest.fixture
def build():
    return Builder(np.random.default_rng(3))


def plain(build):
    """A network, the same here, and Keras' config of it as data."""
    keras = KerasModel(
        *(build.conv(3, 4, 3), build.batch_norm(4), Layer("Flatten")),
        build.dense(144, 2),
    )
    model = network([Conv(4, 3), BatchNorm(epsilon=1e-3), Flatten(), Dense(2)])
    return keras, model, json.loads(keras.config())


@pytest.mark.parametrize("version", [2, 3])
def test_functional_models_are_compared_as_sequences_are(version, build, tmp_path):
    keras, model, config = plain(build)
    before = None
    for entry in config["config"]["layers"]:
        node = [[before, 0, 0, {}]]
        if version == 3:
            inner = {"shape": [None, 4], "keras_history": [before, 0, 0]}
            node = {"args": [{"class_name": "__keras_tensor__", "config": inner}]}
        entry["inbound_nodes"] = [node] if before else []
        before = entry["config"]["name"]
    config["class_name"] = "Functional"
    keras.config = lambda: json.dumps(config)
    for form in WITH_CONFIG:
        model.load_weights(keras.save(tmp_path, form), strict=True)
        assert_equal_logits(model, keras)
    layers = [Conv(4, 3), ReLU(), BatchNorm(epsilon=1e-3), Flatten(), Dense(2)]
    refused(keras, layers, tmp_path, r"behind conv1: expected nothing, .* got relu")


def test_models_within_models_are_found(build, tmp_path):
    """Their groups are nested, and counted within each."""
    keras, model, config = plain(build)
    first, conv, norm, *rest = config["config"]["layers"]
    inner = {"name": "inner", "layers": [first, conv, norm]}
    sequence = {"class_name": "Sequential", "config": inner}
    config["config"]["layers"] = [first, sequence, *rest]
    keras.config = lambda: json.dumps(config)
    keras.groups[:2] = [f"sequential/layers/{name}" for name in keras.groups[:2]]
    model.load_weights(keras.save(tmp_path, "keras"), strict=True)
    assert_equal_logits(model, keras)
    wrong = [Conv(4, 3), BatchNorm(), Flatten(), Dense(2)]
    with pytest.raises(
        ValueError, match=r"batch_norm1: expected epsilon 1e-05, got 0.0"
    ):
        network(wrong).load_weights(keras.save(tmp_path, "keras"))


def test_the_h5_of_version_3_is_read(build, tmp_path):
    """A whole model in the old format, its tensors a level deeper and without ":0"."""
    import h5py

    keras, model, _ = plain(build)
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = keras.config()
        root = file.create_group("model_weights")
        names = [layer.config["name"] for layer in keras.layers]
        root.attrs["layer_names"] = names
        for name, layer in zip(names, keras.layers, strict=True):
            inner = [f"sequential/{name}/{part}" for part in layer.weights]
            root.create_group(name).attrs["weight_names"] = inner
            for path, value in zip(inner, layer.weights.values(), strict=True):
                root[f"{name}/{path}"] = value
    report = model.load_weights(tmp_path / "m.h5", strict=True)
    assert report.by_order[0] == ("conv1", "conv2d")
    assert_equal_logits(model, keras)


def test_subclassed_models_name_layers_by_their_attributes(build, tmp_path):
    import h5py

    keras, model, _ = plain(build)
    with h5py.File(tmp_path / "m.weights.h5", "w") as file:
        for name, layer in zip(("stem", "norm", "", "fc"), keras.layers, strict=True):
            for i, value in enumerate(layer.weights.values()):
                file[f"{name}/vars/{i}"] = value
    report = model.load_weights(tmp_path / "m.weights.h5", strict=True)
    assert ("dense1", "fc") in report.by_order
    assert_equal_logits(model, keras)


def test_a_quantised_layer_is_refused_by_name(build, tmp_path):
    keras, model, _ = plain(build)
    kernel = keras.layers[3].weights["kernel"]
    keras.layers[3].weights["kernel"] = (kernel * 50).astype(np.int8)
    with pytest.raises(
        DataError, match=r"layers/dense: expected floats numbered from 0"
    ):
        model.load_weights(keras.save(tmp_path, "keras"))


def test_a_base_without_its_head_takes_keras_convolutions(build, tmp_path):
    keras, model, _ = plain(build)
    base, _ = digitnet.models.split_at(model)
    report = base.load_weights(keras.save(tmp_path, "keras"), skip=["*dense*"])
    assert "the outputs are those of a flatten" in str(report)
    images = images_for(base)
    expected = keras.layers[1](keras.layers[0](images.transpose(0, 2, 3, 1)))
    np.testing.assert_allclose(
        base.predict_logits(images).reshape(-1, 4, 6, 6),
        expected.transpose(0, 3, 1, 2),
        atol=1e-4,
    )


def test_bfloat16_tensors_are_taken(build, tmp_path):
    import h5py

    keras, model, _ = plain(build)
    path = keras.save(tmp_path, "weights.h5")
    kernel = keras.layers[3].weights["kernel"]
    kernel = (kernel.view(np.uint32) >> 16 << 16).view(np.float32)
    keras.layers[3].weights["kernel"] = kernel
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
        halves = (kernel.view(np.uint32) >> 16).astype(np.uint16).view("V2")
        file["layers/dense/vars/0"] = halves
        file["layers/dense/vars/0"].attrs["dtype"] = "bfloat16"
    model.load_weights(path, strict=True)
    assert_equal_logits(model, keras)
