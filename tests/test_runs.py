"""Folders of runs: listed, read, compared, pruned."""

import json
import math
import os
import time

import pandas as pd
import pytest

import digitnet
from digitnet import cli, plot, runs
from digitnet.experiments import Recipe, Stage, run
from digitnet.runs import listing

_NEEDED = {"config.json", "metrics.json", "history.csv", "model.safetensors", "card.md"}


@pytest.fixture(scope="module")
def trained(digits):
    train, test = digits
    model = digitnet.models.make("linear", input_shape=(8, 8))
    history = model.fit(train[:300], epochs=2, seed=4, progress=False)
    return model, history, model.evaluate(test), train[:300]


def fake(folder, accuracy, *, status="finished", data="digits", age_days=0.0, **more):
    """The files that a training leaves, without the training."""
    folder.mkdir(parents=True)
    about = {"model": "linear", "created": time.time() - 86_400 * age_days, **more}
    (folder / "config.json").write_text(json.dumps(about))
    metrics = {"test": {"accuracy": accuracy}, "test_data": data, "status": status}
    metrics |= {"epochs": 3, "train_seconds": 1.5}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def test_a_run_has_all_its_settings_and_measurements(trained, tmp_path):
    model, history, report, data = trained
    runs.write_run(tmp_path / "one", model, history, report, training=data)
    assert {p.name for p in (tmp_path / "one").iterdir()} >= _NEEDED
    run = runs.read(tmp_path / "one")
    assert (run.kind, run.status) == ("training", "finished")
    assert run.accuracy == report["accuracy"]
    assert run.settings["seed"] == 4
    assert run.settings["data_sha256"] == {
        "test": report.data.sha256(),
        "training": data.sha256(),
    }
    assert abs(run.created - time.time()) < 60
    assert run.size_bytes > 100_000


def test_the_card_has_the_numbers_and_the_hashes(trained, tmp_path):
    model, history, report, data = trained
    runs.write_run(tmp_path, model, history, report, training=data)
    card = (tmp_path / "card.md").read_text()
    assert f"| accuracy | {report['accuracy']:.4f} |" in card
    assert f"value: {report['accuracy']:.6f}" in card.split("---")[1]
    assert data.sha256() in card
    assert "| seed | `4` |" in card
    assert "650 parameters" in card


def test_a_card_without_a_report_says_so():
    model = digitnet.models.make("linear", input_shape=(8, 8))
    card = digitnet.card.model_card(model)
    assert "It was not evaluated" in card
    assert "Its training was not recorded" in card
    assert "model-index" not in card


def test_a_sets_hash_changes_with_whatever_changes(digits):
    data = digits[0][:50]
    other = digitnet.Dataset(data.images.copy(), data.labels, max_value=16)
    assert data.sha256() == other.sha256()
    labels = data.labels.copy()
    labels[0] = (labels[0] + 1) % 10
    changed = [
        digitnet.Dataset(data.images, labels, max_value=16),
        digitnet.Dataset(data.images, data.labels, max_value=255),
        digitnet.Dataset(data.images, data.labels, classes=11, max_value=16),
        digitnet.Dataset(data.images, max_value=16),
        data[::-1],
    ]
    assert len({data.sha256(), *(d.sha256() for d in changed)}) == 6


def test_all_kinds_are_found_wherever_they_are(trained, tmp_path):
    fake(tmp_path / "a", 0.9, age_days=2)
    fake(tmp_path / "deep" / "er" / "b", 0.8, status="diverged", age_days=1)
    digitnet.studies.study("denoise", "smoke", out=tmp_path / "study", progress=False)
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    frame = runs.table(tmp_path)
    assert frame.index.tolist() == ["a", "deep/er/b", "study"]
    assert frame["kind"].tolist() == ["training", "training", "study"]
    assert frame["status"].tolist() == ["finished", "diverged", "finished"]
    assert frame["accuracy"].tolist()[:2] == [0.9, 0.8]
    assert math.isnan(frame["accuracy"]["study"])
    assert frame["model"]["study"] == "denoise"


def test_a_study_that_was_stopped_is_interrupted(tmp_path):
    settings = {"recipe": "mlp", "mode": "quick", "protocol": "paper", "seeds": [0]}
    (tmp_path / "state.json").write_text(json.dumps({"settings": settings}))
    run = runs.read(tmp_path)
    assert (run.kind, run.status, dict(run.metrics)) == ("reproduce", "interrupted", {})


def test_a_folder_says_its_kind(trained, tmp_path):
    model, history, report, _ = trained
    runs.write_run(tmp_path / "a", model, history, report)
    assert (
        json.loads((tmp_path / "a" / "config.json").read_text())["kind"] == "training"
    )
    recipe = Recipe("mine", "Mine", "none", "does nothing", (), ())
    for caller, kind in (("study", "study"), ("run", "reproduce")):
        run(recipe, out=tmp_path / kind, progress=False, caller=caller)
        state = json.loads((tmp_path / kind / "state.json").read_text())
        assert state["kind"] == runs.read(tmp_path / kind).kind == kind
    assert "kind" not in runs.read(tmp_path / "a").settings
    assert "kind" not in runs.read(tmp_path / "study").settings


@pytest.mark.parametrize("kind", [None, 3, "", ["study"]])
def test_folders_that_do_not_say_their_kind_are_those_of_version_0_1(tmp_path, kind):
    for recipe in ("denoise", "optdigits-cnn"):
        (tmp_path / recipe).mkdir()
        settings = {"recipe": recipe, "mode": "quick", "protocol": "honest"}
        state = {"settings": settings, "stages": {}}
        state |= {} if kind is None else {"kind": kind}
        (tmp_path / recipe / "state.json").write_text(json.dumps(state))
    fake(tmp_path / "training", 0.9, **({} if kind is None else {"kind": kind}))
    kinds = runs.table(tmp_path)["kind"]
    assert kinds.to_dict() == {
        "denoise": "study",
        "optdigits-cnn": "reproduce",
        "training": "training",
    }


def test_every_study_of_version_0_1_is_still_a_study():
    assert set(digitnet.studies.names()) >= listing._STUDIES_OF_0_1
    assert set(digitnet.papers.names()).isdisjoint(listing._STUDIES_OF_0_1)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", "\x00\x01", '{"status": 3', "null"]
)
def test_damaged_files_are_listed_as_such(tmp_path, content):
    folder = fake(tmp_path / "run", 0.9)
    (folder / "metrics.json").write_text(content)
    assert runs.table(tmp_path)["status"].tolist() == ["damaged"]
    (folder / "state.json").write_text(content)
    assert runs.table(tmp_path)["status"].tolist() == ["damaged"]


@pytest.mark.parametrize(
    "damage",
    [
        *({"rows": 3}, {"rows": [3]}, {"rows": [{"what": "a"}]}, {"seconds": "a"}),
        *({"rows": [{"what": 3, "measured": "b"}]}, {"epochs": 1.5}, {"epochs": "1"}),
        {"test": {"accuracy": "high"}},
    ],
)
def test_parts_of_other_types_are_damaged_too(tmp_path, damage):
    folder = fake(tmp_path / "run", 0.9)
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | damage))
    assert runs.table(tmp_path)["status"].tolist() == ["damaged"]
    assert "damaged" in str(runs.read(folder))
    runs.compare([folder, fake(tmp_path / "other", 0.8)])


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected the folder of a run, got no"):
        runs.read(tmp_path)
    with pytest.raises(FileNotFoundError, match="expected a folder with runs, got"):
        runs.table(tmp_path / "nowhere")
    assert len(runs.table(tmp_path)) == 0


def test_a_comparison_has_what_differs_and_what_was_measured(tmp_path):
    first = fake(tmp_path / "a", 0.9, seed=1, epochs=3)
    second = fake(tmp_path / "b", 0.8, seed=2, epochs=3, created=0)
    frame = runs.compare([first, second])
    assert frame.loc["seed"].tolist() == [1, 2]
    assert frame.loc["test.accuracy"].tolist() == [0.9, 0.8]
    assert "model" not in frame.index
    with pytest.raises(ValueError, match="runs.compare: expected at least two"):
        runs.compare([first])


def test_nothing_is_deleted_without_a_rule_or_without_delete(tmp_path):
    fake(tmp_path / "a", 0.9)
    assert runs.prune(tmp_path, delete=True) == []
    assert runs.prune(tmp_path, keep_best=0) == [tmp_path / "a"]
    assert (tmp_path / "a").exists()


def test_the_best_on_each_data_stay(tmp_path):
    for number in range(4):
        fake(tmp_path / f"d{number}", 0.9 + number / 100)
    fake(tmp_path / "other", 0.5, data="mnist")
    gone = runs.prune(tmp_path, keep_best=2, delete=True)
    assert {folder.name for folder in gone} == {"d0", "d1"}
    assert {p.name for p in tmp_path.iterdir()} == {"d2", "d3", "other"}


def test_rules_are_joined_by_and(tmp_path):
    fake(tmp_path / "old", 0.9, status="diverged", age_days=10)
    fake(tmp_path / "new", 0.9, status="diverged")
    fake(tmp_path / "good", 0.9, age_days=10)
    gone = runs.prune(tmp_path, older_than_days=5, status=["diverged"])
    assert [folder.name for folder in gone] == ["old"]


def test_a_folder_with_other_files_stays(tmp_path):
    folder = fake(tmp_path / "mine", 0.1)
    (folder / "notes.txt").write_text("precious")
    inner = fake(tmp_path / "inner", 0.1)
    (inner / "figures").mkdir()
    (inner / "figures" / "thesis.svg").write_text("precious")
    for name, file in {
        "photo": "photo.png",
        "part": "parts/mine.npz",
        "model": "models/mine.safetensors",
        "table": "tables/mine.csv",
        "figure": "figures/mine.png",
    }.items():
        path = fake(tmp_path / name, 0.1) / file
        path.parent.mkdir(exist_ok=True)
        path.write_text("precious")
    fake(tmp_path / "theirs", 0.1)
    gone = runs.prune(tmp_path, keep_best=0, delete=True)
    assert [folder.name for folder in gone] == ["theirs"]
    assert (folder / "notes.txt").read_text() == "precious"


@pytest.mark.parametrize(
    "options", [{"keep_best": -1}, {"older_than_days": -1}, {"status": "diverged"}]
)
def test_pruning_by_nonsense_is_refused(tmp_path, options):
    fake(tmp_path / "a", 0.9)
    with pytest.raises(ValueError, match="runs.prune"):
        runs.prune(tmp_path, delete=True, **options)
    assert (tmp_path / "a").exists()


def test_the_shell_lists_shows_compares_and_prunes(tmp_path, capsys):
    a, b = fake(tmp_path / "a", 0.91, seed=1), fake(tmp_path / "b", 0.82, seed=2)

    def output(*arguments):
        assert cli.main(["runs", *map(str, arguments)]) == 0
        return capsys.readouterr().out

    assert "91.00%" in output("list", tmp_path)
    listed = json.loads(output("list", tmp_path, "--json"))
    assert [row["run"] for row in listed] == ["a", "b"]
    assert "seed: 1" in output("show", a)
    assert json.loads(output("show", a, "--json"))["settings"]["seed"] == 1
    assert "test.accuracy" in output("compare", a, b)
    assert f"would delete (with --delete) {b}" in output(
        "prune", tmp_path, "--keep-best", 1
    )
    assert b.exists()
    assert f"deleted {b}" in output("prune", tmp_path, "--keep-best", 1, "--delete")
    assert not b.exists()
    assert "nothing to delete" in output("prune", tmp_path)
    assert cli.main(["runs", "show", str(tmp_path / "nowhere")]) == 1
    assert "expected the folder of a run" in capsys.readouterr().err


def test_folders_that_may_not_be_read_are_left_out(tmp_path, monkeypatch):
    fake(tmp_path / "mine", 0.9)
    fake(tmp_path / "theirs", 0.8)
    real = os.access

    def access(path, mode):
        return path.name != "theirs" and real(path, mode)

    monkeypatch.setattr(os, "access", access)  # tests may run as root
    assert runs.table(tmp_path).index.tolist() == ["mine"]


def test_a_studys_folder_goes_by_its_record(tmp_path):
    """Whole ones and interrupted ones; not with a figure that it does not list."""

    def stage(context):
        context.figure("shown", "Shown", lambda: plot.sample_grid(digits, 2, 2))
        context.table("listed", "Listed", pd.DataFrame({"a": [1]}))
        context.cached("a number", lambda: 3)
        if stops:
            raise KeyboardInterrupt

    digits = digitnet.data.load("digits")[0][:8]
    recipe = Recipe(
        name="short",
        title="Short",
        paper="none",
        summary="short",
        claims=(),
        stages=(Stage("only", "Only", stage, 1),),
    )
    stops = False
    run(recipe, "smoke", out=tmp_path / "whole", progress=False)
    run(recipe, "smoke", out=tmp_path / "mine", progress=False)
    (tmp_path / "mine" / "figures" / "mine.png").write_bytes(b"precious")
    stops = True
    with pytest.raises(KeyboardInterrupt):
        run(recipe, "smoke", out=tmp_path / "cut", progress=False)
    gone = runs.prune(tmp_path, older_than_days=0, delete=True)
    assert sorted(folder.name for folder in gone) == ["cut", "whole"]
    assert (tmp_path / "mine" / "figures" / "mine.png").read_bytes() == b"precious"
