"""The command line, as a shell sees it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import digitnet
from digitnet import cli


def run(*args):
    """(exit code, stdout, stderr) of a fresh process."""
    result = subprocess.run(
        [sys.executable, "-m", "digitnet.cli", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    return result.returncode, result.stdout, result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished training run."""
    out = tmp_path_factory.mktemp("run")
    code = cli.main(
        [
            "train",
            "--data",
            "digits",
            "--model",
            "optdigits-cnn",
            "--epochs",
            "8",
            "--batch-size",
            "32",
            "--learning-rate",
            "0.006",
            "--schedule",
            "one-cycle",
            "--validation",
            "0.1",
            "--seed",
            "3",
            "--out",
            str(out),
        ]
    )
    assert code == 0
    return out


def test_an_unknown_adversary_is_refused_before_anything_is_written(tmp_path, capsys):
    words = ("train", "--data", "digits", "--model", "linear", "--adversary", "cw")
    assert cli.main([*words, "--out", str(tmp_path / "run")]) == 1
    assert "unknown attack 'cw'; known: fgsm, pgd" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_training_leaves_a_whole_folder(folder):
    names = {path.name for path in folder.iterdir()}
    assert {
        "report.html",
        "history.csv",
        "metrics.json",
        "model.safetensors",
        "config.json",
    } <= names
    assert {
        "curves.png",
        "confusion_matrix.png",
        "feature_maps.png",
        "predictions.png",
    } <= names
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] > 0.85
    assert metrics["epochs"] == 8
    config = json.loads((folder / "config.json").read_text())
    assert config["seed"] == 3
    assert config["batch_size"] == 32
    assert config["label_smoothing"] == 0  # nobody set it
    assert config["versions"]["digitnet"] == digitnet.__version__
    assert (folder / "history.csv").read_text().count("\n") == 9


def test_a_preset_brings_its_settings_and_gives_way_to_those_beside_it(tmp_path):
    words = ["train", "--preset", "fast", "--data", "digits", "--model", "mlp-tiny"]
    words += ["--epochs", "2", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["model"], config["preset"], config["epochs"]) == (
        "mlp-tiny",
        "fast",
        2,
    )
    recipe = digitnet.train.preset("fast", device="auto")
    assert config["batch_size"] == recipe.options["batch_size"]
    assert config["optimizer"] == ["adam", {"beta1": 0.7, "beta2": 0.9}]


def test_training_without_a_network_says_what_would_name_one(capsys):
    assert cli.main(["train", "--data", "digits"]) == 1
    assert "train: expected --model or --preset" in capsys.readouterr().err


def test_an_unknown_preset_lists_the_known(capsys):
    assert cli.main(["train", "--data", "digits", "--preset", "fats"]) == 1
    assert "unknown preset 'fats'; known: fast, accurate" in capsys.readouterr().err


def test_the_report_needs_no_server_and_no_other_file(folder):
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 8
    assert 'src="http' not in page
    assert "<script" not in page
    metrics = json.loads((folder / "metrics.json").read_text())
    assert f"{metrics['test']['accuracy']:.2%}" in page


def test_evaluate_gives_the_accuracy_of_the_run(folder, capsys):
    code = cli.main(
        [
            "evaluate",
            str(folder / "model.safetensors"),
            "--data",
            "digits",
            "--seed",
            "3",
            "--json",
        ]
    )
    assert code == 0
    metrics = json.loads(capsys.readouterr().out)["test"]
    assert metrics == json.loads((folder / "metrics.json").read_text())["test"]


def test_two_runs_of_one_seed_leave_equal_models(tmp_path):
    for name in ("a", "b"):
        assert (
            cli.main(
                [
                    "train",
                    "--data",
                    "digits",
                    "--model",
                    "linear",
                    "--epochs",
                    "1",
                    "--seed",
                    "5",
                    "--out",
                    str(tmp_path / name),
                ]
            )
            == 0
        )
    first, second = (tmp_path / name / "model.safetensors" for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def write_scan(path, image):
    """A digit as a person's scan: large, dark on light, off the centre."""
    ink = Image.fromarray((image * 15.9).astype(np.uint8)).resize(
        (240, 240), Image.Resampling.BOX
    )
    paper = np.full((400, 500), 245.0)
    paper[60:300, 120:360] -= 0.88 * np.asarray(ink)
    Image.fromarray(paper.astype(np.uint8)).save(path)


@pytest.fixture
def scan(tmp_path, digits):
    write_scan(tmp_path / "scan.png", digits[1].images[0])
    return tmp_path / "scan.png"


def test_predict_reads_scans(folder, tmp_path, digits, capsys):
    files = []
    for i in range(40):
        files.append(str(tmp_path / f"{i}.png"))
        write_scan(files[-1], digits[1].images[i])
    code = cli.main(
        ["predict", str(folder / "model.safetensors"), *files, "--as", "scan", "--json"]
    )
    assert code == 0
    predictions = json.loads(capsys.readouterr().out)
    right = [
        f["label"] == str(label)
        for f, label in zip(predictions, digits[1].labels, strict=False)
    ]
    assert np.mean(right) >= 0.75
    for entry in predictions:
        assert entry["confidence"] == max(entry["probabilities"].values())
        assert sum(entry["probabilities"].values()) == pytest.approx(1)


def test_predict_goes_on_behind_a_bad_file_and_says_so(folder, scan, tmp_path, capsys):
    Image.new("L", (50, 50), 255).save(tmp_path / "blank.png")
    (tmp_path / "text.png").write_text("no picture")
    files = [
        tmp_path / "blank.png",
        tmp_path / "text.png",
        tmp_path / "none.png",
        scan,
    ]
    code = cli.main(["predict", str(folder / "model.safetensors"), *map(str, files)])
    out, err = capsys.readouterr()
    assert code == 1
    assert "blank.png: scan: expected ink" in err
    assert "text.png: expected a picture" in err
    assert "none.png" in err
    assert out.startswith(f"{scan}: ")


def test_exact_takes_a_picture_as_it_is(folder, tmp_path, digits, capsys):
    image, label = digits[1][0]
    Image.fromarray((image * 15.9).astype(np.uint8)).save(tmp_path / "x.png")
    Image.new("L", (9, 9)).save(tmp_path / "wrong.png")
    assert (
        cli.main(
            [
                "predict",
                str(folder / "model.safetensors"),
                str(tmp_path / "x.png"),
                "--as",
                "exact",
            ]
        )
        == 0
    )
    assert f": {label} (" in capsys.readouterr().out
    assert (
        cli.main(
            [
                "predict",
                str(folder / "model.safetensors"),
                str(tmp_path / "wrong.png"),
                "--as",
                "exact",
            ]
        )
        == 1
    )
    assert (
        "wrong.png: expected 8x8 pixels as the model, got 9x9"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["train", "--data", "mnits", "--model", "lenet5"],
            "unknown data set 'mnits'; known: digits",
        ),
        (
            ["train", "--data", "digits", "--model", "lenet"],
            "unknown model 'lenet'; known: linear",
        ),
        (
            ["train", "--data", "digits", "--model", "linear", "--optimizer", "x"],
            "unknown optimizer 'x'",
        ),
        (
            ["train", "--data", "digits", "--model", "lenet5"],
            "layer 'conv2': conv: expected an input of at least 5",
        ),
        (
            ["train", "--data", "digits", "--model", "linear", "--epochs", "0"],
            "fit.epochs: expected 1",
        ),
        (
            ["evaluate", "nothing.safetensors", "--data", "digits"],
            "expected a model file",
        ),
        (["data", "show", "x"], "unknown data set 'x'"),
        (["models", "show", "x"], "unknown model 'x'"),
    ],
)
def test_what_fails_says_why_in_one_line(args, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(args) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("digitnet: ")
    assert "Traceback" not in err


def test_a_wrong_word_is_a_usage_error():
    code, _, err = run("trian")
    assert code == 2
    assert "invalid choice: 'trian'" in err


def test_lists_name_every_member(capsys):
    assert cli.main(["data", "list", "--json"]) == 0
    assert [
        e["name"] for e in json.loads(capsys.readouterr().out)
    ] == digitnet.data.names()
    assert cli.main(["models", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [e["name"] for e in listed] == digitnet.models.names()
    assert {e["name"]: e["parameters"] for e in listed}["lenet5"] == 61_706


def test_models_are_listed_without_making_weights(capsys, monkeypatch):
    monkeypatch.setattr(digitnet.Model, "__init__", None)
    assert cli.main(["models", "list"]) == 0
    assert "33,638,218" in capsys.readouterr().out  # vgg16


@pytest.mark.parametrize("word", ["max", "most"])  # "most" is the old name
def test_serve_limits_bytes_and_pixels(word, folder, monkeypatch, capsys):
    limits = []
    monkeypatch.setattr(
        digitnet.serve, "serve", lambda *args, **options: limits.append(options)
    )
    file = str(folder / "model.safetensors")
    assert cli.main(["serve", file, f"--{word}-bytes=7", f"--{word}-pixels=8"]) == 0
    assert limits[0]["limits"] == digitnet.serve.Limits(max_bytes=7, max_pixels=8)
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])
    assert "--most" not in capsys.readouterr().out


def test_show_describes_data_and_models(capsys, folder):
    assert cli.main(["data", "show", "digits"]) == 0
    assert "1438 images 1x8x8" in capsys.readouterr().out
    assert cli.main(["models", "show", "lenet5"]) == 0
    assert "61,706 parameters" in capsys.readouterr().out
    assert (
        cli.main(["models", "show", str(folder / "model.safetensors"), "--json"]) == 0
    )
    assert json.loads(capsys.readouterr().out)[0]["layer"] == "conv1"
    assert cli.main(["data", "get", "digits"]) == 0


def test_doctor_finds_all_well(capsys):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "ok   training: trained a linear model" in out
    assert "torch" in out
    assert cli.main(["doctor", "--json"]) == 0
    assert all(check["ok"] for check in json.loads(capsys.readouterr().out)["checks"])


def test_json_prints_json_and_nothing_else(tmp_path):
    code, out, _ = run(
        "train",
        "--data",
        "digits",
        "--model",
        "linear",
        "--epochs",
        1,
        "--json",
        "--out",
        tmp_path,
    )
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "metrics.json").read_text())


def test_an_out_folder_that_cannot_be_created_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run(
        "train",
        "--data",
        "digits",
        "--model",
        "linear",
        "--epochs",
        1,
        "--out",
        tmp_path / "file",
    )
    assert code == 1
    assert err.splitlines()[-1].startswith("digitnet: ")
    assert (tmp_path / "file").stat().st_size == 0


def test_who_reads_only_the_beginning_gets_no_complaint():
    """As `digitnet models list | head -1`."""
    words = [sys.executable, "-m", "digitnet.cli", "models", "list"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        error = process.stderr.read()
        assert process.wait(60) == 141
    assert error == ""


def test_sets_of_another_scale_are_brought_to_the_models_and_said(folder, tmp_path):
    _, test = digitnet.data.load("digits")
    np.savez(tmp_path / "set.npz", x_test=test.images / 16, y_test=test.labels)
    model, data = folder / "model.safetensors", tmp_path / "set.npz"
    labels = digitnet.models.load(model).predict(test)
    code, out, err = run("predict", model, data, "--json")
    assert code == 0
    assert "set.npz" in err and "taken as images * 16" in err
    assert [int(row["label"]) for row in json.loads(out)] == labels.tolist()


def test_inverted_sets_are_noted_in_the_shell(folder, tmp_path):
    _, test = digitnet.data.load("digits")
    np.savez(
        tmp_path / "set.npz",
        **{f"x_{part}": 16 - test.images for part in ("train", "test")},
        **{f"y_{part}": test.labels for part in ("train", "test")},
    )
    model = folder / "model.safetensors"
    code, _, err = run("evaluate", model, "--data", tmp_path / "set.npz")
    assert code == 0
    assert "note: evaluate: expected images whose border" in err
