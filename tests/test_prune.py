"""Pruning deletes what runs wrote, by their own record, and nothing that is at work."""

import json
import os
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest
from test_runs import fake

import digitnet
from digitnet import runs
from digitnet._utils.folder_lock import locked
from digitnet.experiments import Recipe, Stage, run
from digitnet.runs import pruning

TRAIN = (sys.executable, "-m", "digitnet.cli", "train", "--data", "digits")
ALL = {"older_than_days": 0, "delete": True}


def begin(out):
    """A training of many epochs, once its first state is there."""
    words = ("--model", "optdigits-cnn", "--epochs", "400", "--out", str(out))
    process = subprocess.Popen(
        [*TRAIN, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not list((out / "state").glob("training-?.safetensors")):
        assert process.poll() is None
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("metrics", ["finished", "damaged"])
def test_a_training_that_runs_beside_an_older_run_stays(metrics, tmp_path):
    out = fake(tmp_path / "run", 0.9, age_days=3)
    if metrics == "damaged":
        (out / "metrics.json").write_text("{")
    process = begin(out)
    try:
        assert runs.read(out).status == "running"
        assert runs.prune(tmp_path, **ALL) == []
        assert (out / "metrics.json").exists()
    finally:
        process.kill()
        process.wait()
    interrupted = runs.read(out)
    assert interrupted.status == "interrupted"
    assert time.time() - interrupted.created < 60
    assert runs.prune(tmp_path, older_than_days=1, delete=True) == []
    assert runs.prune(tmp_path, status=["finished", "damaged"], delete=True) == []
    assert runs.prune(tmp_path, status=["interrupted"], delete=True) == [out]


def recipe_of(work):
    return Recipe("mine", "Mine", "none", "works", (), (Stage("only", "Only", work),))


def test_a_recipe_whose_stage_is_done_again_is_running(tmp_path):
    seen = []

    def work(context):
        context.table("listed", "Listed", pd.DataFrame({"a": [1]}))
        seen.append(runs.read(tmp_path / "r").status)
        assert runs.prune(tmp_path, **ALL) == []

    for _ in range(2):
        run(recipe_of(work), out=tmp_path / "r", progress=False)
        (tmp_path / "r" / "tables" / "listed.csv").unlink()
    assert seen == ["running", "running"]
    assert runs.read(tmp_path / "r").status == "finished"


def test_a_recipe_with_a_training_that_is_not_done_is_interrupted(tmp_path):
    run(recipe_of(lambda _: None), out=tmp_path / "r", progress=False)
    state = tmp_path / "r" / "state" / "a-01234567"
    state.mkdir(parents=True)
    (state / "training-0.safetensors").touch()
    assert runs.read(tmp_path / "r").status == "interrupted"


def test_a_state_that_a_run_did_not_keep_stays_and_says_nothing(tmp_path):
    out = fake(tmp_path / "run", 0.9)
    (out / "state").mkdir()
    (out / "state" / "training-0.safetensors").touch()  # of fit(resume=)
    assert runs.read(out).status == "finished"
    assert runs.prune(tmp_path, **ALL) == []


def test_a_run_that_begins_between_listing_and_deleting_stays(tmp_path, monkeypatch):
    out = fake(tmp_path / "run", 0.9)
    handles, looked = [], pruning._has_foreign

    def begins(folder):
        if not handles:
            handles.append(locked(folder / "state" / "run.lock"))
        return looked(folder)

    monkeypatch.setattr(pruning, "_has_foreign", begins)
    assert runs.prune(tmp_path, **ALL) == []
    assert out.exists()
    handles[0].close()


def work(context):
    context.cached("a number", lambda: 3)
    context.table("listed", "Listed", pd.DataFrame({"a": [1]}))


def link(path, target):
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)


THEIRS = {
    "a card": lambda folder: (folder / "card.md").write_text("precious"),
    "a figure": lambda folder: (folder / "curves.png").write_text("precious"),
    "a part": lambda folder: (folder / "parts/x-deadbeef.json").write_text("precious"),
    "a part below": lambda folder: write(folder / "parts/a/x-deadbeef.json"),
    "a model": lambda folder: write(folder / "models/x-deadbeef.safetensors"),
    "a link": lambda folder: link(folder / "tables/mine.csv", "/etc/hosts"),
    "a link to a folder": lambda folder: link(folder / "figures", "/etc"),
    "an empty folder": lambda folder: (folder / "mine").mkdir(),
    "a pipe": lambda folder: os.mkfifo(folder / "pipe"),
}


def write(path):
    path.parent.mkdir(exist_ok=True)
    path.write_text("precious")


@pytest.mark.parametrize("what", THEIRS)
def test_what_a_study_did_not_write_keeps_its_folder(what, tmp_path):
    run(recipe_of(work), out=tmp_path / "r", progress=False)
    THEIRS[what](tmp_path / "r")
    assert runs.prune(tmp_path, **ALL) == []
    assert runs.read(tmp_path / "r").status == "finished"


@pytest.mark.parametrize("what", ["a figure", "a link", "an empty folder"])
def test_what_a_training_did_not_write_keeps_its_folder(what, tmp_path):
    out = fake(tmp_path / "r", 0.9, files=["config.json", "metrics.json"])
    THEIRS[what](out)
    assert runs.prune(tmp_path, **ALL) == []


def test_a_record_cannot_claim_other_files(tmp_path):
    out = fake(tmp_path / "r", 0.9, files=["notes.txt", "config.json", "/etc/hosts"])
    (out / "notes.txt").write_text("precious")
    assert runs.prune(tmp_path, **ALL) == []
    run(recipe_of(work), out=tmp_path / "study", progress=False)
    state = json.loads((tmp_path / "study" / "state.json").read_text())
    state["files"] += ["notes.txt", "parts/../notes.txt", 3, None]
    (tmp_path / "study" / "state.json").write_text(json.dumps(state))
    (tmp_path / "study" / "notes.txt").write_text("precious")
    assert runs.prune(tmp_path, **ALL) == []


def test_a_killed_recipes_folder_goes_with_all_that_it_wrote(tmp_path):
    code = f"""
import os, pandas as pd, signal
from digitnet.experiments import Recipe, Stage, run
def work(context):
    context.cached("a number", lambda: 3)
    context.table("listed", "Listed", pd.DataFrame({{"a": [1]}}))
    open(context.out / "parts" / f".digitnet-012345-{{os.getpid()}}-01234567", "w")
    os.kill(os.getpid(), signal.SIGKILL)
recipe = Recipe("mine", "Mine", "none", "works", (), (Stage("only", "Only", work),))
run(recipe, out={str(tmp_path / "r")!r}, progress=False)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert (tmp_path / "r" / "parts").is_dir()
    assert runs.prune(tmp_path, **ALL) == [tmp_path / "r"]
    assert list(tmp_path.iterdir()) == []


def test_a_study_of_an_earlier_version_goes_by_the_names_of_its_files(tmp_path):
    run(recipe_of(work), out=tmp_path / "r", progress=False)
    state = json.loads((tmp_path / "r" / "state.json").read_text())
    del state["files"]
    (tmp_path / "r" / "state.json").write_text(json.dumps(state))
    assert runs.prune(tmp_path, older_than_days=0) == [tmp_path / "r"]
    run(recipe_of(work), out=tmp_path / "r", progress=False)  # keeps no list for it
    assert runs.prune(tmp_path, **ALL) == [tmp_path / "r"]


def test_files_that_are_replaced_meanwhile_spoil_no_listing(tmp_path):
    out, ends = fake(tmp_path / "run", 0.9), threading.Event()

    def replace():
        while not ends.is_set():
            for name in ("a", "b", "c"):
                (out / name).write_text(name)
            for name in ("a", "b", "c"):
                (out / name).unlink()

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for _ in range(200):
            assert runs.table(tmp_path).index.tolist() == ["run"]
    finally:
        ends.set()
        thread.join()


def test_a_run_that_ends_while_it_is_read_is_listed(tmp_path, monkeypatch):
    """The note of its beginning goes, and what it measured comes."""
    state = tmp_path / "run" / "state"
    state.mkdir(parents=True)
    (state / "command.json").write_text("{}")
    read = runs.listing._readable

    def ends(file):
        if file.name == "command.json":
            file.unlink()
            about = {"status": "finished", "test": {"accuracy": 0.5}}
            (tmp_path / "run" / "metrics.json").write_text(json.dumps(about))
        return read(file)

    monkeypatch.setattr(runs.listing, "_readable", ends)
    assert runs.table(tmp_path)["status"].tolist() == ["finished"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root sees everything")
def test_a_folder_within_a_run_that_may_not_be_entered_spoils_nothing(tmp_path):
    out = fake(tmp_path / "run", 0.9)
    (out / "state").mkdir(mode=0o400)
    try:
        assert runs.table(tmp_path)["status"].tolist() == ["finished"]
        assert runs.prune(tmp_path, **ALL) == []
    finally:
        (out / "state").chmod(0o700)


def test_a_run_without_epochs_leaves_no_curves_of_an_older_one(digits, tmp_path):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    for epochs in (1, 0):
        history = model.fit(digits[0], epochs=1, progress=False)
        if not epochs:
            history = type(history)(history.options)
        report = model.evaluate(digits[1])
        runs.write_run(tmp_path / "run", model, history, report)
        files = set(json.loads((tmp_path / "run/config.json").read_text())["files"])
        assert ("curves.png" in files) == bool(epochs)
        assert {path.name for path in (tmp_path / "run").iterdir()} == files
    assert runs.prune(tmp_path, **ALL) == [tmp_path / "run"]
