"""Search: what is tried, what is kept, what happens to trials that fail."""

import json
import math
import os
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest

import digitnet
from digitnet.search import journal, load_search, search
from digitnet.search.journal import journal_lock
from digitnet.search.space import METHODS, distribution_of, grid_points

SPACE = {"rate": (1e-4, 1e-1, "log"), "size": [16, 64], "units": (4, 12)}


@pytest.fixture(scope="module")
def parts(digits):
    return digits[0][:300].split(0.7)


def build(params, seed):
    model = digitnet.models.make("linear", (8, 8), seed=seed)
    return model, {"epochs": 2, "learning_rate": params["rate"]}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_tries_what_the_space_allows(method, parts):
    result = search(build, SPACE, *parts, trials=6, method=method)
    table = result.table
    assert len(table) == 6
    assert table["rate"].between(1e-4, 1e-1).all()
    assert set(table["size"]) <= {16, 64}
    assert table["units"].between(4, 12).all()
    assert result.best_value == table["accuracy"].max()
    assert result.best_params["rate"] in table["rate"].to_list()
    assert result.best_so_far().is_monotonic_increasing
    assert result.method == method and method in repr(result)
    assert (table["epochs"] >= 1).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_tries_the_same(method, parts):
    first, again, other = (
        search(build, SPACE, *parts, trials=4, method=method, seed=s).table
        for s in (1, 1, 2)
    )
    columns = [*SPACE, "accuracy"]
    assert first[columns].equals(again[columns])
    assert not first[columns].equals(other[columns])


def test_a_grid_visits_each_point_once(parts):
    space = {"rate": (0.001, 0.1, "log"), "size": [16, 64]}
    table = search(build, space, *parts, trials=50, method="grid").table
    assert len(table) == 6
    assert not table[["rate", "size"]].duplicated().any()
    np.testing.assert_allclose(sorted(table["rate"].unique()), [0.001, 0.01, 0.1])


def test_points_of_a_grid_are_choices_or_ends_and_middle():
    points = {
        "words": ["a", "b"],
        "whole": (1, 4),
        "few": (1, 2),
        "wide": (1, 100, "log"),
        "part": (0.0, 0.5),
    }
    grids = {name: grid_points(distribution_of(name, v)) for name, v in points.items()}
    assert grids["words"] == ["a", "b"]
    assert grids["whole"] == [1, 2, 4]
    assert grids["few"] == [1, 2]
    assert grids["wide"] == [1, 10, 100]
    assert grids["part"] == [0.0, 0.25, 0.5]


def test_a_trial_that_fails_stands_there_with_its_reason(parts):
    def sometimes(params, seed):
        if seed == 1:
            raise ValueError("too few units")
        if seed == 2:
            return digitnet.models.make("linear", (9, 9)), {"epochs": 1}
        return build(params, seed)

    table = search(sometimes, SPACE, *parts, trials=4, prune=False).table
    assert table["state"].tolist() == ["complete", "fail", "fail", "complete"]
    assert table["reason"][1] == "ValueError: too few units"
    assert "expected images of shape (1, 9, 9)" in table["reason"][2]
    assert math.isnan(table["accuracy"][1])


def test_a_bug_in_build_is_not_taken_for_a_failed_trial(parts):
    with pytest.raises(KeyError, match="learning_rate"):
        search(lambda p, seed: p["learning_rate"], SPACE, *parts, trials=2)


def test_a_stopped_search_goes_on_and_does_nothing_twice(parts, tmp_path):
    seeds = []

    def counted(params, seed):
        seeds.append(seed)
        if len(seeds) == 3:
            raise KeyboardInterrupt
        return build(params, seed)

    file = tmp_path / "search.log"
    with pytest.raises(KeyboardInterrupt):
        search(counted, SPACE, *parts, trials=5, file=file)
    result = search(counted, SPACE, *parts, trials=5, file=file)
    finished = result.table.query("state in ('complete', 'pruned')")
    assert len(finished) == 5
    assert len(seeds) == 6  # the one that was cut off was begun anew
    assert result.table["state"].tolist().count("interrupted") == 1
    assert finished["rate"].nunique() == 5  # nor draws what it drew before
    again = search(counted, SPACE, *parts, trials=5, file=file)
    assert len(seeds) == 6
    assert again.best_value == result.best_value == load_search(file).best_value


KILLED = """
import os, signal, sys
import digitnet
from digitnet.search import search
method, file = sys.argv[1:]
train, held = digitnet.data.load("digits")[0][:300].split(0.7)
begun = []
def build(params, seed):
    begun.append(seed)
    if len(begun) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    model = digitnet.models.make("linear", (8, 8), seed=seed)
    return model, {"epochs": 2, "learning_rate": params["rate"]}
space = {"rate": (1e-4, 1e-1, "log"), "size": [16, 64], "units": (4, 12)}
search(build, space, train, held, trials=18, method=method, file=file)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX has them")
@pytest.mark.parametrize("method", METHODS)
def test_a_killed_search_goes_on_as_one_that_was_not(method, parts, tmp_path):
    file = tmp_path / "search.log"
    program = [sys.executable, "-c", KILLED, method, str(file)]
    assert subprocess.run(program).returncode == -signal.SIGKILL
    assert load_search(file).table["state"].tolist() == 3 * ["complete"] + [
        "interrupted"
    ]
    trials = 18 if method == "grid" else 7  # all of its points
    resumed = search(
        build, SPACE, *parts, trials=trials, method=method, file=file
    ).table
    unbroken = search(build, SPACE, *parts, trials=trials, method=method).table
    finished = resumed.query("state != 'interrupted'").reset_index(drop=True)
    columns = ["state", "accuracy", *SPACE]
    if method == "grid":  # the point that was cut off comes when the others are done
        finished, unbroken = (
            t.sort_values([*SPACE]).reset_index(drop=True) for t in (finished, unbroken)
        )
        columns = [*SPACE]
    assert finished[columns].equals(unbroken[columns])


@pytest.mark.skipif(os.name == "nt", reason="locks as POSIX has them")
def test_the_lock_of_a_killed_process_is_free(tmp_path):
    path = tmp_path / "search.log"
    program = f"""
import os, pathlib, signal
from digitnet.search.journal import journal_lock
journal_lock(pathlib.Path({str(path)!r})).acquire()
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == -signal.SIGKILL
    lock = journal_lock(path)
    start = time.perf_counter()
    lock.acquire()
    lock.release()
    assert time.perf_counter() - start < 5


def test_a_journal_that_ends_before_its_settings_is_refused(parts, tmp_path):
    file = tmp_path / "search.log"
    search(build, SPACE, *parts, trials=1, file=file)
    first = file.read_text().splitlines(keepends=True)[0]
    file.write_text(first)
    with pytest.raises(ValueError, match="one that ends before its settings"):
        load_search(file)


def test_several_processes_work_on_one_file(tmp_path):
    program = f"""
import digitnet
from digitnet.search import search
train, held = digitnet.data.load("digits")[0][:200].split(0.7)
def build(params, seed):
    model = digitnet.models.make("linear", (8, 8), seed=seed)
    return model, {{"epochs": 20, "learning_rate": params["rate"]}}
search(build, {{"rate": (1e-3, 1e-1)}}, train, held, trials=12,
       file={str(tmp_path / "search.log")!r}, prune=False)
"""
    workers = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [worker.wait(timeout=240) for worker in workers] == [0, 0]
    table = load_search(tmp_path / "search.log").table
    assert 12 <= len(table) <= 13  # one may have begun while the last one ended
    assert (table["state"] == "complete").all()
    assert table["rate"].nunique() == len(table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": {"rate": (1e-4, 1e-2)}}, r"search.space: expected .* as in '.*log'"),
        ({"method": "random"}, "search.method: expected bayesian as in"),
        ({"seed": 3}, "search.seed: expected 0 as in"),
        ({"prune": False}, "search.prune: expected True as in"),
    ],
)
def test_a_file_of_other_settings_is_refused_by_the_settings_name(
    change, message, parts, tmp_path
):
    options = {"space": {"rate": (1e-4, 1e-1)}, "trials": 1, "file": tmp_path / "a.log"}
    train, validation = parts
    search(build, train=train, validation=validation, **options)
    with pytest.raises(ValueError, match=message):
        search(build, train=train, validation=validation, **options | change)
    with pytest.raises(ValueError, match="search.train: expected 210 of .* got 90 of"):
        search(build, train=validation, validation=validation, **options)


@pytest.mark.parametrize("what", ["images", "labels"])
@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_file_of_other_data_is_refused(part, what, parts, tmp_path):
    names = ("train", "validation")
    options = {"space": {"rate": (1e-4, 1e-1)}, "trials": 1, "file": tmp_path / "a.log"}
    data = dict(zip(names, parts, strict=True))
    search(build, **data, **options)
    arrays = {"images": data[part].images.copy(), "labels": data[part].labels.copy()}
    arrays[what][0], arrays[what][1] = arrays[what][1].copy(), arrays[what][0].copy()
    other = digitnet.Dataset(**arrays, max_value=16, name=data[part].name)
    with pytest.raises(ValueError, match=f"search.{part}: expected .*SHA-256 .* got "):
        search(build, **data | {part: other}, **options)


@pytest.mark.parametrize("content", ["thesis", "{}\n", '{"op_code": 99}\n', "[1, 2]\n"])
def test_another_file_is_refused_and_kept(content, parts, tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"mine.txt: expected the journal of a search"):
        search(build, SPACE, *parts, trials=1, file=file)
    with pytest.raises(ValueError, match=r"mine.txt: expected the journal of a search"):
        load_search(file)
    assert file.read_text() == content
    with pytest.raises(FileNotFoundError, match="expected the journal of a search"):
        load_search(tmp_path / "none.log")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": {}}, "search.space: expected at least one setting, got none"),
        ({"space": {"a": []}}, r"search.space\['a'\]: expected a list of numbers or"),
        ({"space": {"a": (2, 1)}}, r"search.space\['a'\]: expected low < high, got"),
        ({"space": {"a": (0.0, 1.0, "log")}}, "expected 0 < low < high"),
        ({"space": {"a": (1, "b")}}, "expected a list of choices or a range such as"),
        ({"space": {"a": 3}}, "expected a list of choices or a range such as"),
        ({"space": {"a": (0.0, math.inf)}}, "expected a list of choices or a range"),
        ({"method": "guess"}, "search.method: expected grid, random, bayesian, evol"),
        ({"trials": 0}, "search.trials: expected a whole number from 1"),
        ({"jobs": 0}, "search.jobs: expected a whole number from 1"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_tried(
    options, message, parts, tmp_path
):
    file = tmp_path / "a.log"
    train, validation = parts
    settings = {"space": SPACE, "trials": 1, "file": file} | options
    with pytest.raises(ValueError, match=message):
        search(build, train=train, validation=validation, **settings)
    assert not file.exists()


def test_the_most_important_parameter_is_identified(parts):
    def only_rate(params, seed):
        model = digitnet.models.make("linear", (8, 8), seed=seed)
        return model, {"epochs": 3, "learning_rate": params["rate"]}

    space = {"nothing": (0.0, 1.0), "rate": (1e-6, 1e-1, "log")}
    result = search(only_rate, space, *parts, trials=25, method="random", prune=False)
    importance = result.importance()
    assert list(importance.index) == ["rate", "nothing"]
    assert importance.sum() == pytest.approx(1)
    assert list(result.plot().data) == ["nothing", "rate", "accuracy"]
    one = search(only_rate, space, *parts, trials=1)
    with pytest.raises(
        ValueError, match="importance: expected finished trials of diff"
    ):
        one.importance()


def test_trials_that_fall_behind_are_pruned(parts):
    def slow_after_the_first(params, seed):
        model = digitnet.models.make("linear", (8, 8), seed=seed)
        rate = 0.05 if seed < 6 else 1e-7
        return model, {"epochs": 4, "learning_rate": rate}

    table = search(slow_after_the_first, {"x": (0.0, 1.0)}, *parts, trials=8).table
    assert table["state"].tolist()[6:] == ["pruned", "pruned"]
    assert (table["epochs"][6:] < 4).all()
    everything = search(
        slow_after_the_first, {"x": (0.0, 1.0)}, *parts, trials=8, prune=False
    )
    assert (everything.table["epochs"] == 4).all()


def test_trials_side_by_side_are_all_kept(parts, tmp_path):
    result = search(build, SPACE, *parts, trials=7, jobs=3, file=tmp_path / "a.log")
    assert len(result.table) == 7
    lines = (tmp_path / "a.log").read_text().splitlines()
    assert all(json.loads(line) for line in lines)


def test_without_optuna_the_extra_is_named(parts, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"pip install 'digitnet\[search\]"):
        search(build, SPACE, *parts, trials=1)


def test_a_trial_whose_processs_number_another_one_has_was_cut_off():
    def trial(**changes):
        process = {**journal.this_process(), **changes}
        state = types.SimpleNamespace(name="RUNNING")
        return types.SimpleNamespace(state=state, user_attrs={"process": process})

    before = journal.this_process()["started"]
    if before is None:
        pytest.skip("a system that does not say when processes began")
    assert not journal.was_cut_off(trial())
    assert journal.was_cut_off(trial(started=before - 1))
    assert not journal.was_cut_off(trial(started=before - 1, host="another"))
    old = trial()
    del old.user_attrs["process"]["started"]
    assert not journal.was_cut_off(old)


@pytest.mark.parametrize(
    "process", [None, 3, [], {}, {"host": "a"}, {"pid": "1"}, {"pid": -1}]
)
def test_a_journals_odd_process_is_none_that_was_killed(process):
    if isinstance(process, dict):
        process = {"host": journal.this_process()["host"], **process}
    trial = types.SimpleNamespace(
        state=types.SimpleNamespace(name="RUNNING"), user_attrs={"process": process}
    )
    assert not journal.was_cut_off(trial)
