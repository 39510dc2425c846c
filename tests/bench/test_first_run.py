"""The script of the first run on a GPU, tried on a CPU: it must not rot."""

import json
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench/first_run"
pytestmark = pytest.mark.torch


def command(out, *words, device="cpu"):
    own = [sys.executable, SCRIPT, "--device", device, "--installed", "--out", out]
    return [*own, *words]


def first_run(out, *words, device="cpu", **environment):
    """The finished process, and what it wrote of each section."""
    done = subprocess.run(
        command(out, *words, device=device),
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
    )
    written = out / "first_run.json"
    return done, json.loads(written.read_text())["sections"] if written.exists() else {}


def test_an_unknown_section_is_refused_with_the_known_ones(tmp_path):
    done, _ = first_run(tmp_path, "--sections", "facts,speed")
    assert done.returncode == 2
    assert "--sections: expected some of facts, build, networks" in done.stderr
    assert done.stderr.rstrip().endswith("got speed")


def test_sections_leave_figures_and_a_text_and_are_not_run_twice(tmp_path):
    done, sections = first_run(tmp_path, "--sections", "widths,memory")
    assert done.returncode == 0, done.stdout + done.stderr
    states = {name: entry["status"] for name, entry in sections.items()}
    assert states == {"facts": "done", "widths": "done", "memory": "needs a GPU"}
    assert sections["facts"]["figures"]["versions"]["torch"] != "missing"
    assert sections["facts"]["figures"]["machine"]["cores"] == os.cpu_count()
    widths = sections["widths"]["figures"]
    assert next(iter(widths)) == "3, 5 float32"
    assert all("the data in the device's memory" in row for row in widths.values())
    assert (tmp_path / "first_run.txt").read_text() == done.stdout

    again, more = first_run(tmp_path, "--sections", "widths,interrupt")
    assert again.stdout.count("done before") == 2
    assert more["widths"] == sections["widths"]
    answers = more["interrupt"]["figures"].values()
    assert len(answers) == 3
    assert min(answers) > 0

    _, fresh = first_run(tmp_path, "--sections", "widths", "--fresh")
    assert fresh["facts"] == sections["facts"]
    assert fresh["widths"] != sections["widths"]


def test_a_section_that_fails_is_reported_and_the_rest_goes_on(tmp_path):
    words = ("--sections", "kernels,layouts")
    done, sections = first_run(tmp_path, *words, DIGITNET_CAPTURE="maybe")
    assert done.returncode == 1
    assert sections["kernels"]["status"] == "failed"
    error = "ValueError: DIGITNET_CAPTURE: expected '0' or '1', got 'maybe'"
    assert sections["kernels"]["error"] == error
    assert f"kernels      failed: {error}" in done.stdout
    assert sections["layouts"]["status"] == "done"

    done, mended = first_run(tmp_path, *words)
    assert done.returncode == 0, done.stdout
    assert mended["kernels"]["status"] == "done"
    assert min(row["operations"] for row in mended["kernels"]["figures"].values()) > 10
    assert mended["layouts"] == sections["layouts"]


def test_a_section_out_of_time_is_ended(tmp_path):
    first_run(tmp_path, "--sections", "facts")
    start = time.perf_counter()
    done, sections = first_run(tmp_path, "--sections", "interrupt", "--seconds", "1")
    assert time.perf_counter() - start < 10
    assert done.returncode == 1
    assert sections["interrupt"]["status"] == "out of time"
    assert "interrupt    out of time: ended after" in done.stdout


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {script!r})
from context import AGAIN, Context
context = Context(sys.argv[1], sys.argv[2], float(sys.argv[3]), Path(sys.argv[4]))
context.put("starts", context.figures.get("starts", 0) + 1)
sys.exit(0 if context.figures["starts"] == {last} else AGAIN)
"""


@pytest.mark.parametrize(("last", "status"), [(3, "done"), (99, "failed")])
def test_a_section_that_loses_its_gpu_goes_on_in_a_new_process(
    tmp_path, monkeypatch, last, status
):
    monkeypatch.syspath_prepend(SCRIPT)
    script = runpy.run_path(str(SCRIPT / "__main__.py"))
    options = script["parsed"](["--device", "cpu", "--installed"])
    (tmp_path / "child.py").write_text(CHILD.format(last=last, script=str(SCRIPT)))
    monkeypatch.setitem(script["Runner"].run.__globals__, "HERE", tmp_path)
    section = script["chosen"](["widths"], installed=True)[1]
    with script["Journal"](tmp_path, "cpu") as journal:
        assert script["Runner"](options, journal).run(section, []) == status
        entry = journal.entry("widths")
    assert entry["figures"]["starts"] == min(last, script["MOST_STARTS"])
    assert entry["error"] == ("" if last == 3 else "the GPU was lost 12 times")


def running(word):
    """Command lines of processes that have this word."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue  # it has ended
    return [line for line in lines if word in line]


def test_who_ends_it_ends_the_section_that_runs(tmp_path):
    process = subprocess.Popen(
        command(tmp_path, "--sections", "interrupt"), stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if line.startswith("##### interrupt"):
            break
    while not any("child.py" in line for line in running(str(tmp_path))):
        time.sleep(0.01)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 143
    deadline = time.monotonic() + 10  # the kernel takes its time to bury them
    while running(str(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running(str(tmp_path)) == []


def test_without_a_gpu_the_first_section_says_what_is_missing(tmp_path):
    done, sections = first_run(tmp_path, device="cuda", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 1
    assert list(sections) == ["facts"]
    assert "expected a GPU that torch can use, got none" in sections["facts"]["error"]


def test_a_folder_holds_the_answers_of_one_device(tmp_path):
    first_run(tmp_path, "--sections", "facts")
    done, _ = first_run(tmp_path, device="cuda")
    assert done.returncode == 2
    assert "--out: expected a folder of device cuda, got one of cpu" in done.stderr


def test_the_sections_times_make_the_whole(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT)
    import plan

    assert sum(section.seconds for section in plan.SECTIONS) <= plan.WHOLE_SECONDS
    assert plan.WHOLE_SECONDS <= 8 * 60
    modules = {path.stem for path in (SCRIPT / "sections").glob("*.py")}
    assert modules == set(plan.NAMES)
