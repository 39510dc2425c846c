"""Exported models predict as the model does, in the programs that they are written for."""

import io
import json
import sys

import numpy as np
import pytest
from reference.layers import NETWORKS
from reference.optional import torch
from reference.preprocess import PIPELINES

import digitnet
from digitnet import cli
from digitnet.export import export, formats, onnx_file
from digitnet.export.onnx_layers import ASIDE, LAYERS
from digitnet.export.onnx_steps import STEPS
from digitnet.layers import Dense, Flatten

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

# Of hundreds of millions of parameters: their layers are those of others.
HUGE = ("alexnet", "vgg16", "resnet50")
COMPOSITES = {"sequence", "residual", "concat", *ASIDE}


def session(content):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )


def run_onnx(model, images):
    """onnxruntime's logits and probabilities of raw pixels."""
    content = onnx_file.onnx_bytes(model)
    return session(content).run(None, {"images": np.asarray(images, np.float32)})


def test_every_layer_and_step_can_be_written():
    assert set(LAYERS) | COMPOSITES == {e["name"] for e in digitnet.layers.describe()}
    assert set(STEPS) == {e["name"] for e in digitnet.preprocess.describe()}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_every_layer_predicts_alike(network, rng):
    images = rng.random((7, 2, 9, 9), dtype=np.float32)
    model = digitnet.Model(network, input_shape=(2, 9, 9), seed=2)
    data = digitnet.Dataset(images, [0, 1, 2, 0, 1, 2, 0], classes=3)
    head = any(layer.kind == "domain_head" for layer in network)
    target = images[::-1].copy() if head else None
    model.fit(data, epochs=3, batch_size=7, target=target, progress=False)
    logits, probabilities = run_onnx(model, images)
    np.testing.assert_allclose(logits, model.predict_logits(images), atol=5e-5)
    np.testing.assert_allclose(probabilities, model.predict_proba(images), atol=2e-5)


@pytest.mark.parametrize(("steps", "channels"), PIPELINES.values(), ids=PIPELINES)
def test_every_step_predicts_alike(steps, channels, rng):
    images = rng.integers(0, 256, (6, channels, 10, 9), dtype=np.uint8)
    images[0, 0, 0, 0] = 255
    model = digitnet.Model(
        [Flatten(), Dense(2)], input_shape=(channels, 10, 9), preprocess=steps
    )
    model.fit((images, [0, 1, 0, 1, 0, 1]), epochs=1, progress=False)
    logits, _ = run_onnx(model, images)
    expected = model.predict_logits(images)
    np.testing.assert_allclose(
        logits, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max()
    )


@pytest.mark.parametrize("name", [n for n in digitnet.models.names() if n not in HUGE])
def test_every_named_network_predicts_alike(name, rng):
    model = digitnet.models.make(name, seed=3)
    model.fix_scale(255)
    images = rng.integers(0, 256, (3, *model.input_shape), dtype=np.uint8)
    outputs = run_onnx(model, images)[0]
    expected = (
        model.reconstruct(images)
        if model.outputs_images
        else model.predict_logits(images)
    )
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=2e-4)


def test_ten_thousand_images_get_the_same_classes(rng):
    model = digitnet.models.make("lenet5")
    images = rng.integers(0, 256, (10_000, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, 10, 10_000)
    model.fit((images[:512], labels[:512]), epochs=1, progress=False)
    outputs = run_onnx(model, images[:, None])[0]
    expected = model.predict_logits(images)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    # Where two classes are as good as equal either may win.
    top = np.sort(expected, axis=1)
    clear = top[:, -1] - top[:, -2] > 2e-4
    assert clear.mean() > 0.9
    assert (outputs.argmax(1) == expected.argmax(1))[clear].all()


def test_the_file_says_what_it_is(trained, tmp_path):
    path = export(trained, tmp_path / "m.onnx")
    exported = onnx.load(path)
    about = {p.key: p.value for p in exported.metadata_props}
    assert json.loads(about["classes"]) == list(trained.classes)
    assert about["max_value"] == "16"
    (image,) = exported.graph.input
    assert image.type.tensor_type.shape.dim[0].dim_param == "N"
    assert [output.name for output in exported.graph.output] == [
        "logits",
        "probabilities",
    ]
    assert onnx_file.onnx_bytes(trained) == path.read_bytes()


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:The given buffer is not writable")  # torch 2.11's
def test_torchs_program_predicts_alike_for_any_number(trained, digits, tmp_path):
    path = export(trained, tmp_path / "m.pt2")
    program = torch.export.load(io.BytesIO(path.read_bytes())).module()
    for count in (1, 5, 300):
        images = digits[1].images[:count]
        outputs = program(torch.from_numpy(images[:, None].astype(np.float32)))
        expected = trained.predict_logits(images)
        np.testing.assert_allclose(outputs.detach().numpy(), expected, atol=1e-4)


def test_formats_go_by_suffix_and_the_unknown_lists_the_known(trained, tmp_path):
    assert {f["name"] for f in formats()} == {"onnx", "torch", "card"}
    assert "# optdigits-cnn" in export(trained, tmp_path / "card.md").read_text()
    with pytest.raises(ValueError, match=r"unknown format '\.tflite'; known: onnx, to"):
        export(trained, tmp_path / "m.tflite")
    with pytest.raises(ValueError, match="unknown format 'keras'"):
        export(trained, tmp_path / "m.onnx", "keras")
    assert [p.name for p in tmp_path.iterdir()] == ["card.md"]


def test_a_model_that_was_never_fitted_is_refused(tmp_path):
    with pytest.raises(ValueError, match="export.model: expected a fitted model"):
        export(digitnet.models.make("linear"), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_a_file_whose_outputs_would_differ_is_not_written(
    trained, tmp_path, monkeypatch
):
    wrong = {**LAYERS, "relu": LAYERS["tanh"]}
    monkeypatch.setattr(onnx_file, "LAYERS", wrong)
    (tmp_path / "m.onnx").write_bytes(b"old")
    with pytest.raises(
        RuntimeError, match="expected onnxruntime.s outputs to be the mod"
    ):
        export(trained, tmp_path / "m.onnx")
    assert (tmp_path / "m.onnx").read_bytes() == b"old"


def test_a_missing_onnx_names_the_extra(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'digitnet\[export\]"):
        export(trained, tmp_path / "m.onnx")


def test_a_folder_that_is_not_there_is_named(trained, tmp_path):
    with pytest.raises(FileNotFoundError, match="expected the folder"):
        export(trained, tmp_path / "nowhere" / "m.onnx")


def test_the_shell_exports(trained, tmp_path, capsys):
    trained.save(tmp_path / "m.safetensors")
    out = tmp_path / "m.onnx"
    assert cli.main(["export", str(tmp_path / "m.safetensors"), "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    onnx.checker.check_model(str(out))
    words = ["export", str(tmp_path / "m.safetensors"), "--format", "flat"]
    assert cli.main([*words, "--out", str(out)]) == 1
    assert "unknown format 'flat'" in capsys.readouterr().err
