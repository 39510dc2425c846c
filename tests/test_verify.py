"""`digitnet verify`: a recorded training gives its weights again, or says what differs."""

import json
import re

import numpy as np
import pytest

import digitnet
from digitnet.cli import main

TRAIN = ["train", "--data", "digits", "--model", "optdigits-cnn", "--epochs", "2"]


@pytest.fixture
def run_of(tmp_path, capsys):
    def make(*options):
        folder = tmp_path / "run"
        assert main([*TRAIN, *options, "--out", str(folder), "--json"]) == 0
        capsys.readouterr()
        return folder

    return make


def change(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--validation", "0.1", "--augment", "shift 1px | rotate 5deg", "--seed", "3"),
        ("--calibrate", "0.1", "--ema-decay", "0.9", "--optimizer", "sgd"),
        ("--preset", "fast", "--copies", "1", "--augment", "shift 1px"),
    ],
    ids=["plain", "augmented", "averaged", "preset"],
)
def test_a_training_gives_the_same_bits_again(run_of, options):
    folder = run_of(*options)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = digitnet.runs.verify(folder, progress=False)
    assert result.identical and result.largest_difference == 0
    assert result.confirmed
    assert not (result.metrics or result.settings or result.texts)
    assert not result.surroundings
    assert "the same weights, bit for bit" in str(result)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_command_says_so(run_of, capsys):
    folder = run_of()
    assert main(["verify", str(folder)]) == 0
    assert "the same weights, bit for bit" in capsys.readouterr().out
    assert main(["verify", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["identical"] is True


def test_other_weights_are_said_with_how_far_they_are(run_of, capsys):
    folder = run_of()
    model = digitnet.models.load(folder / "model.safetensors")
    state = model.state_dict()
    state["dense1.bias"][0] += 0.5
    model.load_state_dict(state)
    model.save(folder / "model.safetensors")
    result = digitnet.runs.verify(folder, progress=False)
    assert not result.identical
    assert result.largest_difference == pytest.approx(0.5, abs=1e-6)
    assert main(["verify", str(folder)]) == 1
    assert "other weights; two differ by 0.5" in capsys.readouterr().out


FORGED = {
    "metrics.json": {
        "test.accuracy": (r'"accuracy": 0\.\d+', '"accuracy": 0.999'),
        "test.best": (r'"test": {', '"test": {"best": 1.0,'),
        "test.f1_macro": (r'"f1_macro": [\d.]+,', ""),
        "test_samples": (r'"test_samples": \d+', '"test_samples": 9'),
        "epochs": (r'"epochs": 2', '"epochs": 1'),
        "status": (r'"finished"', '"stopped early"'),
        "train_seconds": (r'"train_seconds": [\d.]+', '"train_seconds": 0.001'),
        "last_epoch.loss": (r'"loss": [\d.]+', '"loss": 0.01'),
    },
    "config.json": {
        "batch_size": (r'"batch_size": \d+', '"batch_size": 9'),
        "mine": (r"^{", '{"mine": 1,'),
    },
    "history.csv": {"history.csv": (r"\n1,[\d.]+", "\n1,0.01")},
    "card.md": {"card.md": (r"\| accuracy \| [\d.]+", "| accuracy | 0.9990")},
    "report.html": {"report.html": (r"[\d.]+% of", "99.90% of")},
}


@pytest.mark.parametrize("file", FORGED)
def test_numbers_that_somebody_changed_are_found(file, run_of):
    path = run_of() / file
    for pattern, other in FORGED[file].values():
        text, count = re.subn(pattern, other, path.read_text(), count=1)
        assert count == 1
        path.write_text(text)
    result = digitnet.runs.verify(path.parent, progress=False)
    assert result.identical and not result.confirmed
    found = {*result.metrics, *result.settings, *result.texts}
    assert found == set(FORGED[file])
    assert "the record says otherwise than the training" in str(result)


def test_the_command_fails_at_a_changed_number(run_of, capsys):
    path = run_of() / "metrics.json"
    metrics = json.loads(path.read_text())
    path.write_text(json.dumps(metrics | {"test": metrics["test"] | {"accuracy": 1}}))
    assert main(["verify", str(path.parent)]) == 1
    assert "test.accuracy: 1, now 0." in capsys.readouterr().out


def test_class_names_that_somebody_changed_are_found(run_of):
    folder = run_of()
    model = digitnet.models.load(folder / "model.safetensors")
    model.classes = [f"class {name}" for name in model.classes]
    model.save(folder / "model.safetensors")
    result = digitnet.runs.verify(folder, progress=False)
    assert list(result.settings) == ["model.classes"]
    assert not result.confirmed


def test_files_for_people_that_are_gone_say_nothing(run_of):
    folder = run_of()
    for name in ("history.csv", "card.md", "report.html"):
        (folder / name).unlink()
    assert digitnet.runs.verify(folder, progress=False).confirmed


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_weights_of_another_network_are_named(run_of, name):
    folder = run_of()
    digitnet.models.make(name, (8, 8)).save(folder / "model.safetensors")
    with pytest.raises(ValueError, match="expected weights of the record's network in"):
        digitnet.runs.verify(folder, progress=False)


def test_a_record_of_several_processes_says_so(run_of):
    folder = run_of()
    assert json.loads((folder / "config.json").read_text())["processes"] == 1
    change(folder, processes=4)
    result = digitnet.runs.verify(folder, progress=False)
    assert result.surroundings == {"processes": (4, 1)}
    assert "processes: 4, now 1" in str(result)


DEEP = '{"a":' + "[" * 200_000 + "]" * 200_000 + "}"


@pytest.mark.parametrize("file", ["config.json", "metrics.json"])
@pytest.mark.parametrize("content", [DEEP, '{"a": ' + "9" * 10_000 + "}", "[]", "\x00"])
def test_a_damaged_record_is_said_to_be_one(tmp_path, file, content):
    about = {"data_sha256": {}, "versions": {}, "test": {}, "status": "finished"}
    for name in ("config.json", "metrics.json", "model.safetensors"):
        (tmp_path / name).write_text(json.dumps(about))
    (tmp_path / file).write_text(content)
    with pytest.raises(digitnet.DataError, match=f"{file}: expected") as caught:
        digitnet.runs.verify(tmp_path)
    assert "delete" not in str(caught.value)


@pytest.mark.parametrize("name", ["data_sha256", "versions", "test"])
def test_parts_of_a_record_of_other_types_are_named(tmp_path, name):
    about = {"data_sha256": {}, "versions": {}, "test": {}, "status": "finished"}
    for file in ("config.json", "metrics.json", "model.safetensors"):
        (tmp_path / file).write_text(json.dumps(about | {name: [3]}))
    with pytest.raises(ValueError, match=rf"got \[3\] as its {name}"):
        digitnet.runs.verify(tmp_path)


def test_another_temperature_is_not_the_same(run_of):
    folder = run_of("--calibrate", "0.2")
    model = digitnet.models.load(folder / "model.safetensors")
    model.temperature = 2 * model.temperature
    model.save(folder / "model.safetensors")
    assert not digitnet.runs.verify(folder, progress=False).identical


def test_what_computed_elsewhere_is_named(run_of, monkeypatch):
    folder = run_of()
    config = json.loads((folder / "config.json").read_text())
    assert config["executor"]["engine"] == "native"
    assert config["executor"]["kernels"] in ("avx512", "avx2", "neon", "plain")
    change(
        folder,
        executor=config["executor"] | {"kernels": "other", "threads": 99},
        versions=config["versions"] | {"numpy": "1.0"},
    )
    result = digitnet.runs.verify(folder, progress=False)
    assert result.surroundings["kernels"] == ("other", config["executor"]["kernels"])
    assert result.surroundings["numpy"] == ("1.0", np.__version__)
    assert "threads" not in result.surroundings  # bits do not depend on them
    assert "where equal bits are not promised" in str(result)


def test_a_kernel_set_that_rounds_otherwise_is_seen(run_of, monkeypatch):
    folder = run_of()
    if digitnet.runs.read(folder).settings["executor"]["kernels"] == "plain":
        pytest.skip("this machine has one set of kernels")
    monkeypatch.setenv("DIGITNET_KERNELS", "plain")
    result = digitnet.runs.verify(folder, progress=False)
    assert not result.identical
    assert result.largest_difference < 0.1
    assert result.surroundings["kernels"][1] == "plain"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"command": None}, "does not say how to run it again"),
        ({"command": {"epochs": 1}}, "does not say how to run it again"),
        ({"data_sha256": {"test": "1"}}, "expected the data of the record"),
    ],
)
def test_a_record_that_does_not_say_enough_is_refused(run_of, values, message):
    folder = run_of()
    change(folder, **values)
    with pytest.raises(ValueError, match=message):
        digitnet.runs.verify(folder, progress=False)


def test_a_training_that_did_not_end_is_refused(run_of):
    folder = run_of()
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["status"] = "interrupted"
    (folder / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(
        ValueError, match="that came to its end, got one .* interrupted"
    ):
        digitnet.runs.verify(folder, progress=False)


def test_what_is_no_training_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected the folder of a training"):
        digitnet.runs.verify(tmp_path)
    with pytest.raises(FileNotFoundError, match="expected the folder of a training"):
        digitnet.runs.verify(tmp_path / "none")
