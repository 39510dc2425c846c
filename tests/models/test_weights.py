"""Weights from elsewhere: names, layouts, files, and what does not fit."""

import numpy as np
import pytest
from reference.optional import Module, nn, torch

import digitnet
from digitnet import DataError
from digitnet.layers import BatchNorm, Conv, Dense, Flatten, MaxPool, ReLU
from digitnet.models.weights import WeightReport

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


class TorchvisionVGG16(Module):
    """Names and layers of torchvision's vgg16, of a width of our own."""

    def __init__(self, classes=10, top=(512, 64)):
        super().__init__()
        layers, inputs = [], 3
        for channels, count in BLOCKS:
            for _ in range(count):
                layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
                inputs = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        wide, hidden = top
        self.classifier = nn.Sequential(
            *(nn.Linear(wide, hidden), nn.ReLU(), nn.Dropout()),
            *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout()),
            nn.Linear(hidden, classes),
        )

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def vgg16_like(classes=10, side=32, hidden=64):
    """Our vgg16 with a narrow top."""
    network, _ = digitnet._core.models.make("vgg16", classes)
    base = list(network.children)[:32]
    top = [Dense(hidden), ReLU(), Dense(hidden), ReLU(), Dense(classes)]
    dropout = digitnet.layers.Dropout()
    layers = [*base, *top[:2], dropout, *top[2:4], dropout, top[4]]
    return digitnet.Model(layers, (3, side, side), preprocess=(), name="vgg16")


@pytest.fixture
def images(rng):
    return rng.random((2, 3, 32, 32), dtype=np.float32)


def close(model, expected, images):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(
        model.predict_logits(images) / scale, expected / scale, atol=2e-5
    )


def save(state, path):
    if path.suffix == ".pth":
        torch.save(state, path)
    else:
        from safetensors.torch import save_file

        save_file(state, path)


@pytest.mark.torch
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_torchvisions_names_give_torchvisions_logits(suffix, images, tmp_path):
    torch.manual_seed(1)
    theirs = TorchvisionVGG16().eval()
    save(theirs.state_dict(), tmp_path / f"vgg{suffix}")
    model = vgg16_like()
    report = model.load_weights(tmp_path / f"vgg{suffix}", strict=True)
    assert report.naming == "torchvision"
    assert len(report.loaded) == 32
    assert not (report.missing_keys or report.mismatched or report.unexpected_keys)
    with torch.no_grad():
        close(model, theirs(torch.from_numpy(images)).numpy(), images)


@pytest.mark.torch
def test_alexnet_in_torchvisions_names(rng):
    """Places count from the first layer, and again behind flatten."""
    model = digitnet.models.make("alexnet")
    names = [f"features.{i}" for i in (0, 3, 6, 8, 10)]
    names += [f"classifier.{i}" for i in (1, 4, 6)]
    our_names = [
        name.removesuffix(".weight") for name in model.state_dict() if "weight" in name
    ]
    state = {
        f"{theirs}.{part}": torch.full(model.core.get(f"{ours}.{part}").shape, float(i))
        for i, (theirs, ours) in enumerate(zip(names, our_names, strict=True))
        for part in ("weight", "bias")
    }
    tensors = {key: value.numpy() for key, value in state.items()}
    from digitnet.models.weights.naming import torchvision_names

    places = dict(torchvision_names(model, tensors))
    assert places == dict(zip(model.state_dict(), tensors, strict=True))


def keras_tensors(theirs, map_shape, style):
    """A torch VGG16's weights as Keras stores them, blue first."""
    convs = [
        f"block{b}_conv{i + 1}" for b, (_, n) in enumerate(BLOCKS, 1) for i in range(n)
    ]
    layers = [m for m in theirs.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    tensors = {}
    for name, layer in zip([*convs, "fc1", "fc2", "predictions"], layers, strict=True):
        weight = layer.weight.detach().numpy()
        if name == "block1_conv1":
            weight = weight[:, ::-1]
        if weight.ndim == 4:
            weight = weight.transpose(2, 3, 1, 0)
        elif name == "fc1":
            c, h, w = map_shape
            weight = (
                weight.reshape(-1, c, h, w).transpose(2, 3, 1, 0).reshape(c * h * w, -1)
            )
        else:
            weight = weight.T
        kernel, bias = {
            "old": (f"{name}/{name}_W_1:0", f"{name}/{name}_b_1:0"),
            "new": (f"{name}/{name}/kernel:0", f"{name}/{name}/bias:0"),
            "keras 3": (f"layers/{name}/vars/0", f"layers/{name}/vars/1"),
        }[style]
        tensors[kernel] = np.ascontiguousarray(weight)
        tensors[bias] = layer.bias.detach().numpy()
    return tensors


@pytest.mark.torch
@pytest.mark.parametrize("style", ["old", "new", "keras 3"])
def test_keras_names_and_layout_give_the_same_logits(style, rng, tmp_path):
    """Height, width, in, out; flattened height first; blue first."""
    import h5py

    torch.manual_seed(2)
    theirs = TorchvisionVGG16(top=(2048, 64)).eval()
    with h5py.File(tmp_path / "vgg.h5", "w") as file:
        for name, value in keras_tensors(theirs, (512, 2, 2), style).items():
            file[name] = value
    model = vgg16_like(side=64)
    report = model.load_weights(tmp_path / "vgg.h5", strict=True)
    assert report.naming == "keras"
    images = rng.random((2, 3, 64, 64), dtype=np.float32)
    with torch.no_grad():
        close(model, theirs(torch.from_numpy(images)).numpy(), images)


@pytest.mark.torch
def test_a_base_is_taken_and_the_other_top_is_listed(tmp_path):
    """ImageNet's top does not fit a head of ours: shapes are named, the head stays."""
    theirs = TorchvisionVGG16(classes=20, top=(512, 32))
    torch.save(theirs.state_dict(), tmp_path / "v.pth")
    model = digitnet.models.make("vgg16-transfer", input_shape=(3, 32, 32))
    before = model.state_dict()
    with pytest.warns(UserWarning, match=r"load_weights: 26 of 30 (.|\n)*skip=\["):
        report = model.load_weights(tmp_path / "v.pth")
    assert len(report.loaded) == 26
    text = str(report)
    assert "26 of 30 tensors loaded from v.pth (torchvision names)" in text
    assert (
        "does not fit: dense1.weight from classifier.0.weight: expected (256, 512), "
        "found (32, 512)" in text
    )
    assert "not used: classifier.6.weight" in text
    after = model.state_dict()
    for name in before:
        assert np.array_equal(before[name], after[name]) == name.startswith("dense")


@pytest.mark.torch
def test_what_got_nothing_is_listed(tmp_path):
    theirs = TorchvisionVGG16()
    state = {k: v for k, v in theirs.state_dict().items() if "features.28" not in k}
    torch.save(state, tmp_path / "v.pth")
    with pytest.warns(UserWarning, match=r"left as it was: block5_conv3.weight"):
        report = vgg16_like().load_weights(tmp_path / "v.pth")
    assert report.missing_keys == ["block5_conv3.weight", "block5_conv3.bias"]
    assert "left as it was: block5_conv3.weight" in str(report)


@pytest.mark.torch
def test_any_model_can_be_the_source(digits, tmp_path):
    """From a Model, its file, and a plain torch module with its names."""
    first = digitnet.models.make("optdigits-cnn", seed=1)
    first.fit(digits[0], epochs=1, progress=False)
    first.save(tmp_path / "m.safetensors")
    torch.save(first.to_torch().state_dict(), tmp_path / "m.pth")
    for source in (first, tmp_path / "m.safetensors", tmp_path / "m.pth"):
        second = digitnet.models.make("optdigits-cnn", classes=4, seed=2)
        with pytest.warns(UserWarning, match=r"does not fit: dense3.weight"):
            report = second.load_weights(source)
        assert {name for name, *_ in report.mismatched} == {
            "dense3.weight",
            "dense3.bias",
        }
        np.testing.assert_array_equal(
            second.state_dict()["conv3.weight"], first.state_dict()["conv3.weight"]
        )


def test_batch_norm_in_keras_names():
    from digitnet.models.weights.hdf5 import KerasFile
    from digitnet.models.weights.keras_source import KerasSource

    model = digitnet.Model(
        [Conv(4, 3), BatchNorm(name="bn"), ReLU(), MaxPool(2), Flatten(), Dense(2)],
        (1, 8, 8),
    )
    tensors = {
        f"bn/{part}:0": np.zeros(4)
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    source = KerasSource(model, KerasFile(tensors), model.state_dict())
    assert [place.name for place in source.by_name().places] == [
        "bn.weight",
        "bn.bias",
        "bn.running_mean",
        "bn.running_var",
    ]


def test_strict_changes_nothing_unless_all_keys_match(digits):
    first = digitnet.models.make("lenet5", seed=1)
    second = digitnet.models.make("lenet5", classes=3, seed=2)
    before = second.state_dict()
    with pytest.raises(ValueError, match=r"expected every tensor \(strict\)"):
        second.load_weights(first, strict=True)
    for name, value in second.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_nothing_that_fits_is_an_error_that_lists_all(tmp_path):
    with pytest.raises(
        ValueError, match=r"expected a tensor that fits(.|\n)*not used: conv1"
    ):
        digitnet.models.make("linear").load_weights(digitnet.models.make("lenet5"))


def test_a_wrong_source_is_named(tmp_path):
    model = digitnet.models.make("linear")
    with pytest.raises(FileNotFoundError, match=r"load_weights: expected a file"):
        model.load_weights(tmp_path / "none.pth")
    with pytest.raises(ValueError, match=r"expected a file that ends in .safetensors"):
        model.load_weights(tmp_path / "weights.npz")
    with pytest.raises(
        ValueError, match=r"unknown naming 'tf'; known: digitnet, torch"
    ):
        model.load_weights(digitnet.models.make("linear"), naming="tf")


@pytest.mark.parametrize(
    "suffix", [pytest.param(".pth", marks=pytest.mark.torch), ".safetensors", ".h5"]
)
@pytest.mark.parametrize("content", [b"", b"no tensors here" * 9, b"\x80\x02]q\x00."])
def test_a_file_that_holds_no_weights_is_named(suffix, content, tmp_path):
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"bad{suffix}: expected"):
        digitnet.models.make("linear").load_weights(path)


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


@pytest.mark.torch
def test_code_in_a_torch_file_is_not_run(tmp_path, capsys):
    torch.save({"dense1.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(DataError, match=r"evil.pth: expected tensors by name"):
        digitnet.models.make("linear").load_weights(tmp_path / "evil.pth")
    assert "code ran" not in capsys.readouterr().out
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    with pytest.raises(
        DataError, match=r"expected a dict of tensors by name, got list"
    ):
        digitnet.models.make("linear").load_weights(tmp_path / "list.pth")


@pytest.mark.torch
def test_weights_that_are_not_finite_are_refused(tmp_path):
    model = digitnet.models.make("linear")
    state = {k: torch.from_numpy(v) for k, v in model.state_dict().items()}
    state["dense1.bias"] = torch.full((10,), float("nan"))
    torch.save(state, tmp_path / "nan.pth")
    before = model.state_dict()["dense1.weight"]
    with pytest.raises(DataError, match=r"nan.pth: dense1.bias: expected finite"):
        model.load_weights(tmp_path / "nan.pth")
    np.testing.assert_array_equal(model.state_dict()["dense1.weight"], before)


def test_published_weights_say_where_they_go(monkeypatch, tmp_path):
    monkeypatch.setenv("DIGITNET_OFFLINE", "1")
    monkeypatch.setenv("DIGITNET_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(
        FileNotFoundError, match=r"vgg16-397923af.pth: expected the file"
    ):
        digitnet.models.fetch_weights("vgg16")
    with pytest.raises(ValueError, match=r"unknown weights 'vgg19'; known: vgg16"):
        digitnet.models.fetch_weights("vgg19")
    (tmp_path / "vgg16-397923af.pth").write_bytes(b"others")
    with pytest.raises(DataError, match=r"expected contents of SHA-256 397923af, got"):
        digitnet.models.fetch_weights("vgg16")


def test_imagenet_steps_are_what_the_makers_did(rng):
    """On 0 to 255 in Keras' way, on 0 to 1 in torchvision's."""
    pixels = rng.integers(0, 256, (2, 1, 6, 6), dtype=np.uint8)
    pixels[0, 0, 0, 0] = 255
    expected = {
        "keras": pixels.astype(float)
        - np.reshape([123.68, 116.779, 103.939], (3, 1, 1)),
        "torchvision": (pixels / 255 - np.reshape([0.485, 0.456, 0.406], (3, 1, 1)))
        / np.reshape([0.229, 0.224, 0.225], (3, 1, 1)),
    }
    for naming, values in expected.items():
        steps = digitnet.preprocess.imagenet(naming, 12)
        model = digitnet.Model([Flatten(), Dense(2)], (1, 6, 6), preprocess=steps)
        seen = model.preprocessed(pixels)
        assert seen.shape == (2, 3, 12, 12)
        np.testing.assert_allclose(
            seen, values.repeat(2, 2).repeat(2, 3), rtol=1e-4, atol=1e-3
        )
    with pytest.raises(ValueError, match="unknown naming 'timm'"):
        digitnet.preprocess.imagenet("timm", 32)


def test_a_weight_reports_old_names_still_work_for_one_version():
    first, second = (digitnet.models.make("lenet5", classes=k) for k in (10, 3))
    with pytest.warns(UserWarning, match=r"8 of 10 tensors"):
        report = second.load_weights(first)
    for old, new in (
        ("missing", report.missing_keys),
        ("unfit", report.mismatched),
        ("unused", report.unexpected_keys),
    ):
        with pytest.warns(DeprecationWarning, match=f"'{old}'"):
            assert getattr(report, old) == new


def test_a_weight_report_of_version_0_1_is_still_read():
    report = WeightReport.__new__(WeightReport)
    report.__setstate__(
        {
            "source": "a",
            "naming": "keras",
            "loaded": [],
            "missing": ["x"],
            "unfit": [],
            "unused": ["y"],
        }
    )
    assert (report.missing_keys, report.unexpected_keys) == (["x"], ["y"])
    assert "left as it was: x" in str(report)
