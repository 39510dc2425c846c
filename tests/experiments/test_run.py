"""A recipe's run: it resumes, reports what it measured and what not, spares other files."""

import functools
import json
import signal
import sys
import threading

import numpy as np
import pandas as pd
import pytest

import digitnet
from digitnet import plot
from digitnet._utils.folder_lock import locked
from digitnet.experiments import Claim, Exhibit, Recipe, Stage, run
from digitnet.experiments.context import Context, mean_and_std, points_text

# A recipe of three stages that counts what it does.


class Counting:
    def __init__(self, stop_at=None):
        self.ran, self.fits, self.stop_at = [], 0, stop_at

    def stage(self, name):
        def run(context):
            self.ran.append(name)
            for seed in context.progress(context.seeds):
                context.cached(f"{name} {seed}", lambda: self.work(name, seed))  # noqa: B023
            context.measure(name, [float(s) for s in context.seeds])

        return Stage(name, name.title(), run)

    def work(self, name, seed):
        if (name, seed) == self.stop_at:
            raise KeyboardInterrupt
        self.fits += 1
        return [seed, name]

    def recipe(self):
        return Recipe(
            name="counting",
            title="Counting",
            paper="none",
            summary="counts",
            claims=(
                Claim("first", "the first", 0.5),
                Claim("ghost", "nobody", 1.0, ""),
            ),
            stages=tuple(self.stage(name) for name in ("first", "second", "third")),
            remarks=("made up",),
        )


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    first = Counting(stop_at=("second", 1))
    with pytest.raises(KeyboardInterrupt):
        run(first.recipe(), out=tmp_path / "r", seeds=3, progress=False)
    assert first.ran == ["first", "second"]
    again = Counting()
    result = run(again.recipe(), out=tmp_path / "r", seeds=3, progress=False)
    assert again.ran == ["second", "third"]
    assert again.fits == 2 + 3  # of the second stage's three one was finished
    whole = Counting()
    parallel_map = run(whole.recipe(), out=tmp_path / "s", seeds=3, progress=False)
    assert result.metrics["measured"] == parallel_map.metrics["measured"]
    third = Counting()
    run(third.recipe(), out=tmp_path / "r", seeds=3, progress=False)
    assert third.ran == []


def test_means_deviations_and_absent_measurements_are_reported(tmp_path):
    result = run(
        Counting().recipe(), out=tmp_path / "r", seeds=[1, 2, 3], progress=False
    )
    rows = {row["what"]: row for row in result.metrics["rows"]}
    assert rows["the first"]["claim"] == "50.00 %"
    assert rows["the first"]["measured"] == "200.00 % (sd 100.00 %, n 3)"
    assert rows["nobody"]["measured"] == "not measured: not in this protocol"


def test_one_value_has_no_standard_deviation():
    mean, std = mean_and_std([0.25])
    assert mean == 0.25
    assert np.isnan(std)
    assert mean_and_std([0.1, 0.3]) == pytest.approx((0.2, np.sqrt(0.02)))
    assert points_text([0.0042]) == "+0.42 points (one seed)"
    assert points_text([0.0, -0.02]) == "-1.00 points (sd 1.41, n 2)"


def test_a_trained_model_is_trained_once(digits, tmp_path, monkeypatch):
    def make():
        return digitnet.models.make("linear", input_shape=(8, 8), seed=1)

    context = Context(tmp_path, "smoke", "honest", [0])
    first, history = context.trained("one", make, digits[0], digits[1], epochs=2)
    monkeypatch.setattr(
        digitnet.Model, "fit", lambda *a, **k: pytest.fail("fitted again")
    )
    again, cached = Context(tmp_path, "smoke", "honest", [0]).trained(
        "one", make, digits[0], digits[1], epochs=2
    )
    np.testing.assert_array_equal(
        first.predict_proba(digits[1]), again.predict_proba(digits[1])
    )
    assert dict(cached) == dict(history)
    assert (cached.status, cached.monitor, cached.best_epoch) == (
        history.status,
        history.monitor,
        history.best_epoch,
    )


def test_a_half_written_model_is_not_taken_for_a_trained_one(digits, tmp_path):
    def make():
        return digitnet.models.make("linear", input_shape=(8, 8), seed=1)

    context = Context(tmp_path, "smoke", "honest", [0])
    context.trained("one", make, digits[0], epochs=1)
    (about,) = (tmp_path / "models").glob("*.json")
    about.unlink()  # as if killed between the two files
    (model,) = (tmp_path / "models").glob("*.safetensors")
    model.write_bytes(b"half")
    trained, _ = context.trained("one", make, digits[0], epochs=1)
    assert trained.max_value == 16


def test_a_run_says_that_it_is_running_and_has_its_folder_alone(tmp_path):
    out, seen = tmp_path / "r", []

    def work(context):
        seen.append(digitnet.runs.read(out).status)
        with pytest.raises(RuntimeError, match="another process is at work; wait for"):
            run(recipe, out=out, progress=False)
        if len(seen) == 1:
            raise KeyboardInterrupt

    stages = (Stage("only", "Only", work),)
    recipe = Recipe("mine", "Mine", "none", "watches itself", (), stages)
    with pytest.raises(KeyboardInterrupt):
        run(recipe, out=out, progress=False)
    assert digitnet.runs.read(out).status == "interrupted"
    run(recipe, out=out, progress=False)
    assert seen == ["running", "running"]
    assert digitnet.runs.read(out).status == "finished"
    assert not (out / "run.lock").exists()


def test_another_run_in_the_folder_is_refused(tmp_path):
    run(Counting().recipe(), out=tmp_path / "r", seeds=1, progress=False)
    with pytest.raises(ValueError, match=r"run.out: expected a run of .*got one of"):
        run(Counting().recipe(), out=tmp_path / "r", seeds=2, progress=False)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(
        ValueError, match=r"expected an empty folder or one of an earlier"
    ):
        run(Counting().recipe(), out=tmp_path / "mine", progress=False)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "precious"
    with pytest.raises(NotADirectoryError, match=r"run.out: expected a folder, got"):
        run(Counting().recipe(), out=tmp_path / "mine" / "thesis.tex", progress=False)


@pytest.mark.parametrize(
    "content",
    [
        *("", "{}", "[1]", '{"settings": 3}', '{"settings": 3, "stages": [1]}'),
        '{"settings": 3, "stages": {"a": 3}}',
        '{"settings": 3, "stages": {"a": {"items": [3]}}}',
        '{"settings": 3, "stages": {"a": {"items": [{"kind": "figure"}]}}}',
    ],
)
def test_a_corrupt_state_is_named(content, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "state.json").write_text(content)
    with pytest.raises(ValueError, match=r"state.json: expected the state of a run"):
        run(Counting().recipe(), out=tmp_path / "r", progress=False)


def test_the_hashes_of_the_data_survive_an_interruption(digits, tmp_path):
    def recipe(stops):
        def load(context):
            context.data("digits")

        def later(context):
            if stops:
                raise KeyboardInterrupt

        stages = (Stage("load", "Load", load), Stage("later", "Later", later))
        return Recipe("hashing", "Hashing", "none", "hashes", (), stages)

    with pytest.raises(KeyboardInterrupt):
        run(recipe(True), out=tmp_path / "r", progress=False)
    result = run(recipe(False), out=tmp_path / "r", progress=False)
    assert result.metrics["data_sha256"] == {
        "digits training": digits[0].sha256(),
        "digits test": digits[1].sha256(),
    }


def test_a_part_may_have_another_modes_sizes(tmp_path):
    context = Context(tmp_path, "default", "honest", [0])
    sizes = {"smoke": 1, "quick": 2, "default": 3, "full": 4}
    with pytest.raises(ZeroDivisionError), context.in_mode("quick"):
        assert context.size(**sizes) == 2
        raise ZeroDivisionError
    assert context.size(**sizes) == 3


def drawing(ran):
    """A recipe of two stages, the first of which leaves a figure and a table."""

    def first(context):
        ran.append("first")
        series = pd.Series({"a": 0.5}, name="accuracy")
        context.figure("bars", "Bars", lambda: plot.comparison(series), of="Fig. 1")
        context.table("scores", "Scores", series.reset_index())

    def second(context):
        ran.append("second")
        context.text("nothing")

    stages = (Stage("first", "First", first), Stage("second", "Second", second))
    exhibits = (Exhibit("Fig. 1", "bars"),)
    return Recipe("drawing", "D", "none", "draws", (), stages, exhibits=exhibits)


@pytest.mark.parametrize("gone", ["figures/fig01_bars.png", "tables/scores.csv"])
def test_a_stage_whose_file_is_gone_is_done_again(gone, tmp_path):
    ran = []
    findings = run(drawing(ran), "smoke", out=tmp_path / "r", progress=False)
    (tmp_path / "r" / gone).unlink()
    find = findings.figure if "figures" in gone else findings.table
    with pytest.raises(FileNotFoundError, match=r"none; run the recipe again"):
        find("bars" if "figures" in gone else "scores")
    run(drawing(ran), "smoke", out=tmp_path / "r", progress=False)
    assert ran == ["first", "second", "first"]
    assert (tmp_path / "r" / gone).is_file()


def test_stages_of_an_earlier_version_are_not_mixed_with_these(tmp_path):
    run(drawing([]), "smoke", out=tmp_path / "r", progress=False)
    state = tmp_path / "r" / "state.json"
    content = json.loads(state.read_text())
    del content["format"]  # as version 0.1 wrote it
    state.write_text(json.dumps(content))
    with pytest.raises(
        ValueError, match="of this version of drawing, got one of an ea"
    ):
        run(drawing([]), "smoke", out=tmp_path / "r", progress=False)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"key": 1}', "\x00\x01", '"text"', "\ud800"]
)
def test_a_damaged_cache_is_named(content, digits, tmp_path):
    context = Context(tmp_path, "smoke", "honest", [0])
    context.cached("a", lambda: 1)
    context.cached_arrays("b", lambda: {"x": np.zeros(2)})
    make = lambda: digitnet.models.make("linear", input_shape=(8, 8))  # noqa: E731
    context.trained("c", make, digits[0][:40], epochs=1)
    damaged = content.encode("utf-8", "surrogatepass")
    parts, models = tmp_path / "parts", tmp_path / "models"
    for path in (*parts.iterdir(), *models.glob("*.json")):
        path.write_bytes(damaged)
    for work in (
        lambda: context.cached("a", lambda: 1),
        lambda: context.cached_arrays("b", dict),
        lambda: context.trained("c", make, digits[0][:40], epochs=1),
    ):
        with pytest.raises(ValueError, match=rf"{tmp_path}.*: expected "):
            work()


def test_a_model_whose_weights_are_gone_is_trained_again(digits, tmp_path):
    context = Context(tmp_path, "smoke", "honest", [0])
    make = lambda: digitnet.models.make("linear", input_shape=(8, 8), seed=1)  # noqa: E731
    first, _ = context.trained("c", make, digits[0][:40], epochs=1)
    next((tmp_path / "models").glob("*.safetensors")).unlink()
    again, _ = context.trained("c", make, digits[0][:40], epochs=1)
    for name, value in first.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[name], value)


@pytest.mark.parametrize("method", ["fit", "fit_head"])
def test_a_long_runs_training_goes_on_where_it_was_interrupted(
    method, digits, tmp_path
):
    class Killed(Exception):
        pass

    def make():
        return digitnet.models.make("optdigits-cnn", seed=1)

    def killed(epoch, logs):
        if epoch == 3:
            raise Killed

    def epochs_of(*callbacks):
        seen = []
        context = Context(tmp_path / "run", "default", "honest", [0])
        model, _ = context.trained(
            "one",
            make,
            digits[0][:100],
            method=method,
            epochs=4,
            callbacks=[lambda epoch, logs: seen.append(epoch), *callbacks],
        )
        return seen, model

    with pytest.raises(Killed):
        epochs_of(killed)
    assert list((tmp_path / "run" / "state").glob("*/training-?.safetensors"))
    seen, model = epochs_of()
    assert seen == [3, 4]
    assert not list((tmp_path / "run" / "state").iterdir())
    whole = make()
    getattr(whole, method)(digits[0][:100], epochs=4, progress=False)
    for name, value in whole.state_dict().items():
        np.testing.assert_array_equal(model.state_dict()[name], value)


def test_a_stopped_training_is_not_kept_as_a_finished_one(
    digits, tmp_path, monkeypatch
):
    """At a prompt `fit` returns where a script would get KeyboardInterrupt."""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def stop(epoch, logs):
        if epoch == 2:
            signal.raise_signal(signal.SIGINT)

    context = Context(tmp_path, "quick", "honest", [0])
    make = functools.partial(digitnet.models.make, "linear", (8, 8))
    try:
        with pytest.raises(KeyboardInterrupt):
            context.trained("one", make, digits[0][:100], epochs=9, callbacks=stop)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_who_waited_for_a_folder_sees_what_was_done_meanwhile(tmp_path):
    ran, out = [], tmp_path / "r"
    stage = Stage("only", "Only", ran.append)
    recipe = Recipe("mine", "Mine", "none", "counts", (), (stage,))
    run(recipe, out=out, progress=False)
    done = (out / "state.json").read_text()
    begun = json.loads(done) | {"stages": {}}
    (out / "state.json").write_text(json.dumps(begun))
    lock = locked(out / "run.lock")

    def end():
        (out / "state.json").write_text(done)
        (out / "run.lock").unlink()
        lock.close()

    timer = threading.Timer(0.1, end)
    timer.start()
    run(recipe, out=out, progress=False)
    timer.join()
    assert len(ran) == 1


def test_a_folder_with_others_files_stays_as_it_is(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="run.out: expected an empty folder or one of"):
        run(Counting().recipe(), out=tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("content", ["[" * 200_000, "", "[]", "{}", '{"settings": 3}'])
def test_a_damaged_state_is_said_to_be_one(tmp_path, content):
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(ValueError, match="expected the state of a run, got .*; delete"):
        run(Counting().recipe(), out=tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
