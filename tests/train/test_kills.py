"""Trainings that are killed or told to end: fit(resume=FOLDER) goes on from there."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import SEED
from train.test_resume import EXECUTORS, assert_equal, network, unbroken

from digitnet.train import state_files

SCRIPT = """
import hashlib, json, sys
import digitnet, digitnet.train.training
from digitnet._utils.files import write_json  # whole or not at all
digitnet.train.training.SAVE_SECONDS = 0  # at every pulse
from train.test_resume import network, weights, columns
folder, out, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
times = options.pop("times")
train = digitnet.data.load("digits")[0].enlarged("shift 1px", times, seed=0)
model = network()
history = model.fit(train, resume=folder or None, progress=False, **options)
digest = hashlib.sha256(b"".join(weights(model).values())).hexdigest()
write_json(out, [digest, columns(history), history.steps, history.status])
"""
KILLED = {
    "plain": {"batch_size": 4},
    "averages": {"augment": "shift 1px | noise 5%", "ema_decay": 0.99},
    "early stopping": {
        "early_stopping": 2,
        "validation": 0.2,
        "record_steps": True,
        "schedule": "reduce-on-plateau",
        "optimizer": "sgd",
    },
    "resident": {"augment": "elastic 1px", "validation": 0.2, "early_stopping": 4},
}


def start(folder, out, options, executor):
    environment = {**os.environ, "DIGITNET_EXECUTOR": executor}
    if options is KILLED["resident"] and executor == "torch":
        environment["DIGITNET_RESIDENT"] = "1"
    times = 14 if executor == "native" else 1
    text = json.dumps({"epochs": 5, "batch_size": 8, "times": times} | options)
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), str(out), text],
        env=environment,
        cwd=Path(__file__).parent.parent,
        stderr=subprocess.PIPE,
        text=True,
    )


def states(folder):
    """What tells a written state from the one before."""
    files = folder.glob("training-?.safetensors")
    return {file.name: file.stat().st_mtime_ns for file in files}


def kill_until_done(kills, case, executor, folder):
    """kill -9 at random moments, until so many fell into trainings: into processes that
    wrote a state, and did not come to their end."""
    rng = random.Random(f"{SEED} {case} {executor}")
    out, options = folder / "out.json", KILLED[case]
    began = time.monotonic()
    process = start("", out, options, executor)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    seconds, expected = time.monotonic() - began, json.loads(out.read_text())
    done = trainings = 0
    while done < kills:
        state = folder / f"state{trainings}"
        trainings += 1
        out.unlink()
        while not out.is_file():
            before = states(state)
            process = start(state, out, options, executor)
            try:
                _, errors = process.communicate(timeout=rng.uniform(0.2, 1) * seconds)
                assert process.returncode == 0, errors
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                done += states(state) != before and not out.is_file()
        assert json.loads(out.read_text()) == expected, f"{case}: training {trainings}"


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_killed_training_goes_on_in_the_middle_of_an_epoch(executor, tmp_path):
    kill_until_done(2, "averages", executor, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("case", KILLED)
def test_two_hundred_killed_trainings_go_on(case, executor, tmp_path):
    kill_until_done(25, case, executor, tmp_path)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_lets_the_training_keep_its_state(name, digits, tmp_path, capfd):
    if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
        pytest.skip("a signal that is ignored here, as under nohup")
    train = digits[0]
    number = getattr(signal, name)
    options = {"epochs": 30, "batch_size": 4, "progress": False}
    whole = unbroken(network, train, epochs=30, batch_size=4)
    before = signal.getsignal(number)
    model = network()

    def soon(epoch, logs):
        if epoch == 3:
            threading.Timer(0.01, os.kill, (os.getpid(), number)).start()

    with pytest.raises(SystemExit) as end:
        model.fit(train, resume=tmp_path, callbacks=soon, **options)
    assert end.value.code == 128 + number
    assert signal.getsignal(number) == before
    assert model.history.status == "interrupted"
    assert f"fit(resume='{tmp_path}') goes on" in capfd.readouterr().err
    kept = state_files.newest(tmp_path)
    # Of the epoch in progress, or of one whose end was interrupted.
    assert kept.numbers["epoch"] - model.history.epochs in (0, 1)
    again = network()
    again.fit(train, resume=tmp_path, **options)
    assert_equal(again, whole)


def test_ctrl_c_says_how_to_go_on(digits, tmp_path):
    # A shell's background job starts with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupts(epoch, logs):
        if epoch == 2:
            signal.raise_signal(signal.SIGINT)

    options = {"epochs": 4, "progress": False, "resume": tmp_path}
    try:
        with pytest.raises(
            KeyboardInterrupt, match="2 whole epochs; .*resume='.*'. goes"
        ):
            network().fit(digits[0][:200], callbacks=interrupts, **options)
    finally:
        signal.signal(signal.SIGINT, before)
    model = network()
    model.fit(digits[0][:200], **options)
    assert_equal(model, unbroken(network, digits[0][:200], epochs=4))
