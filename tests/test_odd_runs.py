"""Folders of runs that are odd do not spoil the listing of the others."""

import json
import os
import tracemalloc

import pytest
from test_runs import fake

from digitnet import cli, runs
from digitnet.runs import listing

ODD = {
    "accuracy null": {"test": {"accuracy": None}},
    "accuracy a list": {"test": {"accuracy": [0.9]}},
    "accuracy huge": {"test": {"accuracy": 10**400}},
    "accuracy text": {"test": {"accuracy": "0.9"}},
    "accuracy true": {"test": {"accuracy": True}},
    "no accuracy": {"test": {}},
    "test a list": {"test": [1]},
    "epochs a fraction": {"epochs": 2.5},
    "epochs text": {"epochs": "many"},
    "epochs huge": {"epochs": 1e300},
    "epochs of many digits": {"epochs": 10**30},
    "epochs negative": {"epochs": -3},
    "seconds text": {"train_seconds": "long"},
    "seconds endless": {"train_seconds": float("inf")},
    "data a list": {"test_data": ["a"]},
    "rows numbers": {"rows": [{"what": 1, "measured": 2}]},
    "rows a number": {"rows": 7},
    "rows texts": {"rows": ["ab"]},
    "status a list": {"status": ["finished"]},
    "a surrogate": {"test_data": "\ud800"},
    "enormous text": {"test_data": "a" * 1_000_000},
    "enormous list": {"mine": ["a"] * 100_000},
    "an enormous name": {"a" * 1_000_000: 1},
}
ODD_SETTINGS = {
    "created endless": {"created": float("inf")},
    "created huge": {"created": 1e300},
    "created text": {"created": "today"},
    "created before 1970": {"created": -1e18},
    "a model of layers": {"model": [1, {"a": 2}]},
    "a kind of its own": {"kind": {"a": 1}},
    "an enormous model": {"model": {"layers": ["a"] * 100_000}},
    "lines": {"model": "a\n" * 1000},
}


@pytest.mark.parametrize("odd", [*ODD, *ODD_SETTINGS, "deep", "digits", "latin-1"])
def test_one_odd_folder_does_not_spoil_the_others(odd, tmp_path, capsys):
    fake(tmp_path / "good", 0.9)
    fake(tmp_path / "odd", 0.8)
    metrics, config = (
        tmp_path / "odd" / "metrics.json",
        tmp_path / "odd" / "config.json",
    )
    if odd in ODD:
        metrics.write_text(json.dumps(json.loads(metrics.read_text()) | ODD[odd]))
    elif odd in ODD_SETTINGS:
        config.write_text(
            json.dumps(json.loads(config.read_text()) | ODD_SETTINGS[odd])
        )
    elif odd == "deep":
        metrics.write_text('{"a":' + "[" * 200_000 + "]" * 200_000 + "}")
    elif odd == "digits":
        metrics.write_text('{"epochs": ' + "9" * 10_000 + "}")
    else:
        metrics.write_bytes('{"status": "é"}'.encode("latin-1"))
    table = runs.table(tmp_path)
    assert sorted(table.index) == ["good", "odd"]
    assert table.loc["good", "accuracy"] == 0.9
    assert cli.main(["runs", "list", str(tmp_path)]) == 0
    assert cli.main(["runs", "show", str(tmp_path / "odd")]) == 0
    folders = [str(tmp_path / name) for name in ("odd", "good")]
    assert cli.main(["runs", "compare", *folders]) == 0
    assert cli.main(["runs", "prune", str(tmp_path), "--keep-best", "1"]) == 0
    text = capsys.readouterr().out
    assert len(text.encode()) < 10_000
    assert max(map(len, text.splitlines())) < 2_500


def test_a_name_that_is_no_text_does_not_spoil_the_listing(tmp_path, capsys):
    odd = tmp_path / os.fsdecode(b"odd\xff")
    try:
        fake(odd, 0.9)
    except (OSError, UnicodeError):
        pytest.skip("a file system of texts")
    good = fake(tmp_path / "good", 0.8)
    assert sorted(runs.table(tmp_path).index) == ["good", r"odd\udcff"]
    for words in (["list", tmp_path], ["show", odd], ["compare", odd, good]):
        for form in ([], ["--json"]):
            assert cli.main(["runs", *map(str, words), *form]) == 0
            assert r"odd\udcff" in capsys.readouterr().out.replace("\\\\", "\\")
    assert runs.prune(tmp_path, keep_best=1, delete=True) == [good]


def test_a_run_does_not_hide_those_below_it(tmp_path):
    top = fake(tmp_path / "runs", 0.7)
    fake(top / "a", 0.8)
    fake(top / "a" / "b", 0.9)
    assert sorted(runs.table(top).index) == [".", "a", "a/b"]
    gone = runs.prune(top, keep_best=0, delete=True)
    assert gone == [top / "a" / "b"]  # the others hold what their runs did not write


def test_a_listing_holds_one_runs_files_at_a_time(tmp_path):
    for name in "abcdef":
        fake(tmp_path / name, 0.9, mine=["a" * 1000] * 2000)
    tracemalloc.start()
    runs.table(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12_000_000  # of 12 MB in all


def test_records_beyond_a_bound_are_damaged(tmp_path):
    folder = fake(tmp_path / "a", 0.9)
    with (folder / "metrics.json").open("a") as file:
        file.write(" " * listing._MAX_BYTES)
    assert runs.read(folder).status == "damaged"
