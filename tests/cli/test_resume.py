"""`digitnet train`, interrupted, and `--resume`."""

import json
import math
import os
import signal
import subprocess
import sys
import time

import pytest

import digitnet
from digitnet import cli
from digitnet.cli.commands import train
from digitnet.train import state_files

TRAIN = ("train", "--data", "digits", "--model", "optdigits-cnn", "--batch-size", "8")


def begin(out, *options):
    """A training in a process of its own, once its first state is there."""
    command = [sys.executable, "-m", "digitnet.cli", *TRAIN, *options, "--out", out]
    process = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job starts with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not list((out / "state").glob("training-?.safetensors")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    return process


def interrupted(out, number, *options):
    process = begin(out, *options)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def weights(out):
    return (out / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a training that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    assert cli.main([*TRAIN, "--epochs", "12", "--out", str(out)]) == 0
    assert not (out / "state").exists()
    return out


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_an_interrupted_training_goes_on_to_the_same_model(name, whole, tmp_path):
    if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
        pytest.skip("a signal that is ignored here, as under nohup")
    code, errors = interrupted(tmp_path, getattr(signal, name), "--epochs", "12")
    assert (
        code
        == {
            "SIGINT": 130,
            "SIGTERM": 143,
            "SIGHUP": 129,
            "SIGKILL": -signal.SIGKILL,
        }[name]
    )
    if name != "SIGKILL":
        assert f"digitnet train --resume '{tmp_path}' goes on" in errors
    assert digitnet.runs.read(tmp_path).status == "interrupted"
    assert cli.main(["train", "--resume", str(tmp_path)]) == 0
    assert weights(tmp_path) == weights(whole)
    assert digitnet.runs.read(tmp_path).status == "finished"
    assert not (tmp_path / "state").exists()


def test_an_older_run_stays_until_the_new_one_is_done(whole, tmp_path):
    assert cli.main([*TRAIN, "--epochs", "1", "--out", str(tmp_path)]) == 0
    older = {p: p.read_bytes() for p in tmp_path.iterdir()}
    interrupted(tmp_path, signal.SIGTERM, "--epochs", "12")
    for path, content in older.items():
        assert path.read_bytes() == content
    assert cli.main(["train", "--resume", str(tmp_path)]) == 0
    assert weights(tmp_path) == weights(whole)


def test_a_running_training_is_listed_kept_and_left_alone(tmp_path, capsys):
    out = tmp_path / "run"
    process = begin(out, "--epochs", "400")
    try:
        run = digitnet.runs.read(out)
        assert (run.kind, run.status) == ("training", "running")
        assert run.settings["epochs"] == 400
        assert math.isnan(run.accuracy)
        frame = digitnet.runs.table(tmp_path)
        assert frame["status"].to_dict() == {"run": "running"}
        rules = {"older_than_days": 0, "status": ["running", "interrupted"]}
        assert digitnet.runs.prune(tmp_path, **rules, delete=True) == []
        for words in ([*TRAIN, "--out", str(out)], ["train", "--resume", str(out)]):
            assert cli.main(words) == 1
            errors = capsys.readouterr().err
            assert "where another process is at work; wait for its end" in errors
        command = json.loads((out / "state/command.json").read_text())
        assert command["epochs"] == 400
    finally:
        process.kill()
        process.communicate()
    assert digitnet.runs.read(out).status == "interrupted"
    assert digitnet.runs.prune(tmp_path, status=["interrupted"]) == [out]


def test_a_new_training_does_not_lose_an_interrupted_one(tmp_path, capsys):
    interrupted(tmp_path, signal.SIGTERM, "--epochs", "12")
    assert cli.main([*TRAIN, "--out", str(tmp_path)]) == 1
    errors = capsys.readouterr().err
    assert "expected a folder without an interrupted training" in errors
    assert f"digitnet train --resume '{tmp_path}' goes on" in errors
    assert state_files.newest(tmp_path / "state") is not None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--epochs", "3"), "expected --resume alone, got --epochs too"),
        (("--data", "mnist"), "expected --resume alone, got --data too"),
        ((), "expected an interrupted training in"),
    ],
)
def test_resume_alone_is_enough_and_needs_a_state(words, message, tmp_path, capsys):
    assert cli.main(["train", "--resume", str(tmp_path), *words]) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path, capsys):
    tmp_path.chmod(0o500)
    assert cli.main([*TRAIN, "--out", str(tmp_path / "run")]) == 1
    assert f"got {tmp_path} above it; name another" in capsys.readouterr().err


def test_a_file_in_the_folders_place_is_refused_before_training(tmp_path, capsys):
    (tmp_path / "run").write_text("in the way")
    assert cli.main([*TRAIN, "--out", str(tmp_path / "run")]) == 1
    out, errors = capsys.readouterr()
    assert "run: expected a folder, got a file; name another" in errors
    assert "training on" not in out
    assert (tmp_path / "run").read_text() == "in the way"


@pytest.mark.parametrize("theirs", ["mine.txt", "state/mine.txt"])
def test_what_others_put_into_a_new_folder_stays_when_nothing_began(
    theirs, tmp_path, monkeypatch
):
    out = tmp_path / "run"

    def broken(*_, **__):
        (out / theirs).write_text("mine")
        raise FileNotFoundError("no such data")

    monkeypatch.setattr(train.sources, "load", broken)
    assert cli.main([*TRAIN, "--out", str(out)]) == 1
    files = [str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()]
    assert files == [theirs]


def test_nothing_stays_of_a_new_folder_when_nothing_began(tmp_path):
    words = ["train", "--data", "none", "--model", "mlp", "--out", str(tmp_path / "r")]
    assert cli.main(words) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["[" * 200_000, "{}", ""])
def test_damaged_options_of_a_training_are_said_to_be_so(content, tmp_path, capsys):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "command.json").write_text(content)
    assert cli.main(["train", "--resume", str(tmp_path)]) == 1
    assert "command.json: expected" in capsys.readouterr().err
