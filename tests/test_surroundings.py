"""What surrounds digitnet's work: streams, homes, torch's own settings, ways to name a file."""

import os
import subprocess
import sys

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet._utils.files import cache_folder
from digitnet._utils.streams import is_terminal


class Writer:
    """A stand-in for a stream that can write and nothing else."""

    def write(self, text):
        return len(text)

    def flush(self):
        pass


def linear():
    return digitnet.models.make("linear", (8, 8))


@pytest.mark.parametrize("stream", [None, Writer()], ids=["none", "writer"])
def test_training_needs_no_terminal(digits, monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "stdout", stream)
    model = digitnet.models.make("optdigits-cnn", seed=1)
    assert model.fit(digits[0][:100], epochs=1).status == "finished"
    assert model.features(digits[0][:20]).shape[0] == 20
    model.fit_head(digits[0][:100], epochs=1, progress=True)
    digitnet.papers.reproduce  # noqa: B018 (loads what draws bars)
    assert not is_terminal(stream)


def in_shell(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_the_command_line_needs_no_streams():
    result = in_shell(
        "import sys; sys.stdout = sys.stderr = None\n"
        "from digitnet.cli import main\n"
        "code = main(['models', 'list'])\n"
        "raise SystemExit(40 + code)"
    )
    assert result.returncode == 40, result.stderr


def test_what_a_terminal_cannot_encode_is_escaped(tmp_path):
    folder = tmp_path / "caf\u00e9"
    folder.mkdir()
    result = in_shell(
        "from digitnet.cli import main\n"
        f"raise SystemExit(main(['runs', 'show', {str(folder)!r}]))",
        PYTHONIOENCODING="ascii",
    )
    assert result.returncode == 1
    assert "caf\\xe9: expected the folder of a run" in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX users")
def test_a_user_without_a_home_has_a_cache(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", no_home)
    assert cache_folder().name == f"digitnet-{os.getuid()}"


def test_a_tilde_is_the_home_wherever_a_file_is_named(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    model = linear()
    keep = digitnet.callbacks.ModelCheckpoint("~/in/last.safetensors")
    log = digitnet.callbacks.CSVLogger("~/in/log.csv")
    history = model.fit(
        *digits,
        epochs=1,
        progress=False,
        checkpoint="~/best.safetensors",
        resume="~/state",
        callbacks=[keep, log],
    )
    model.save("~/model.safetensors")
    loaded = digitnet.models.load("~/model.safetensors")
    assert loaded.count_params() == model.count_params()
    linear().load_weights("~/best.safetensors")
    digitnet.runs.write_run("~/run", model, history, model.evaluate(digits[1]))
    assert digitnet.runs.read("~/run").status == "finished"
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["best.safetensors", "in", "model.safetensors", "run", "state"]
    assert (tmp_path / "in" / "last.safetensors").is_file()


def test_a_data_folder_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DIGITNET_DATA", "~/nowhere")
    monkeypatch.setenv("DIGITNET_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(
        FileNotFoundError, match=rf"{tmp_path}/nowhere/mnist \(no folder {tmp_path}"
    ):
        digitnet.data.load("mnist")


@pytest.mark.torch
@pytest.mark.parametrize(
    "surroundings",
    [
        lambda: torch.inference_mode(),
        lambda: torch.device("meta"),
        lambda: torch.autocast("cpu", torch.bfloat16),
    ],
    ids=["inference_mode", "meta", "autocast"],
)
def test_a_torch_module_is_the_same_whatever_torch_is_set_to(trained, surroundings):
    with surroundings():
        module = trained.to_torch()
    images = torch.rand(2, 1, 8, 8) * 16
    logits = module(images)
    logits.sum().backward()
    expected = trained.predict_logits(images.numpy())
    np.testing.assert_allclose(logits.detach().numpy(), expected, atol=1e-3)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_a_torch_module_is_of_float32_whatever_the_default_is(trained, dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        module = trained.to_torch()
        images = torch.rand(2, 1, 8, 8, dtype=torch.float32) * 16
        logits = module(images)
    finally:
        torch.set_default_dtype(before)
    assert logits.dtype == torch.float32
    expected = trained.predict_logits(images.numpy())
    np.testing.assert_allclose(logits.detach().numpy(), expected, atol=1e-3)


def test_one_image_may_have_its_channels_last_or_be_a_row_of_pixels(trained, digits):
    image = digits[1].to_nchw()[0]
    expected = trained.predict_logits(image)
    for same in (image[0], image[0][..., None], image.ravel(), image[None]):
        np.testing.assert_array_equal(trained.predict_logits(same), expected)
        np.testing.assert_array_equal(
            digitnet.features.embedding(trained, same),
            digitnet.features.embedding(trained, image[None]),
        )
    with pytest.raises(ValueError, match="expected images, got the path 'my.png'"):
        trained.predict("my.png")


def test_normalised_pixels_are_refused_with_what_to_do(rng):
    images = rng.standard_normal((10, 8, 8))
    with pytest.raises(ValueError, match="as they were before they were normalised"):
        linear().fit((images, np.zeros(10, int)), epochs=1, progress=False)


def test_folders_that_are_numbers_are_counted_as_numbers(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name in ("0", "2", "10", "1"):
        (tmp_path / name).mkdir()
        image.new("L", (4, 4)).save(tmp_path / name / "a.png")
    assert digitnet.data.read_folder(tmp_path).classes == ("0", "1", "2", "10")
    (tmp_path / "10").rename(tmp_path / "ten")
    assert digitnet.data.read_folder(tmp_path).classes == ("0", "1", "2", "ten")
