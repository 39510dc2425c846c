"""Files and folders appear whole, and what was there stays until then."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import SEED

import digitnet
from digitnet._utils import files, folders
from digitnet._utils.files import write_whole
from digitnet._utils.folders import replacing


def listing(folder):
    return {p.name: p.read_text() for p in folder.iterdir() if p.is_file()}


def write(folder, *names, text="new"):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def test_a_folder_appears_when_its_block_has_ended(tmp_path):
    target = tmp_path / "deep" / "run"
    with replacing(target) as new:
        write(new, "a", "b")
        assert not target.exists()
    assert listing(target) == {"a": "new", "b": "new"}
    assert list(target.parent.iterdir()) == [target]


@pytest.fixture(params=["exchange", "no exchange", "no links"])
def system(request, monkeypatch):
    """A system that can change two folders at once, or cannot; one without links."""

    class Without:
        pass

    def no_link(*_, **__):
        raise OSError(95, "Operation not supported")

    if request.param == "no exchange":
        monkeypatch.setattr(folders.ctypes, "CDLL", lambda *_, **__: Without())
    elif request.param == "no links":
        monkeypatch.setattr(folders.os, "link", no_link)


@pytest.mark.usefixtures("system")
def test_what_the_block_does_not_write_stays(tmp_path):
    target = tmp_path / "run"
    target.mkdir(mode=0o750)
    write(target, "a", "mine", "sub/mine", "sub/a", text="old")
    (target / "link").symlink_to("mine")
    with replacing(target) as new:
        write(new, "a", "sub/a")
        assert listing(target) == {"a": "old", "mine": "old", "link": "old"}
    assert listing(target) == {"a": "new", "mine": "old", "link": "old"}
    assert listing(target / "sub") == {"a": "new", "mine": "old"}
    assert (target / "link").is_symlink()
    assert target.stat().st_mode & 0o777 == 0o750
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("inside", [False, True])
def test_owned_files_that_the_block_does_not_write_go(inside, tmp_path, monkeypatch):
    target = tmp_path / "run"
    target.mkdir()
    write(target, "a", "b", "mine", "sub/b", text="old")
    if inside:
        monkeypatch.chdir(target)
    with replacing(target, owned={"a", "b", "c"}) as new:
        write(new, "a")
    assert listing(target) == {"a": "new", "mine": "old"}
    assert listing(target / "sub") == {"b": "old"}


class Killed(BaseException):
    pass


def cut_off(target, monkeypatch, renames):
    """Replace the target, by a process that ends after so many renames, on a system that
    cannot change two folders at once; the state it leaves is put back by nobody."""
    done = []

    def rename(self, to):
        if len(done) == renames:
            raise Killed
        done.append(real(self, to))
        return done[-1]

    real = Path.rename
    with monkeypatch.context() as patch:
        patch.setattr(folders.ctypes, "CDLL", lambda *_, **__: object())
        patch.setattr(Path, "rename", rename)
        patch.setattr(folders, "put_back", lambda _: None)
        patch.setattr(folders.shutil, "rmtree", lambda *_, **__: None)
        patch.setattr(files.os, "getpid", lambda: dead_pid())
        with pytest.raises(Killed), replacing(target) as new:
            write(new, "a")


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("renames", [0, 1, 2])
@pytest.mark.parametrize("name", ["run", "y" * 255])
def test_a_kill_between_two_renames_loses_nothing(renames, name, tmp_path, monkeypatch):
    target = tmp_path / name
    target.mkdir()
    write(target, "a", "mine", text="old")
    cut_off(target, monkeypatch, renames)
    monkeypatch.setattr(files, "_cleaned", set())
    write_whole(tmp_path / "other", b"new")  # cleans
    folders.put_back(target)
    assert listing(target) == {"a": "new" if renames == 2 else "old", "mine": "old"}
    with replacing(target) as new:
        write(new, "a", text="newer")
    assert listing(target) == {"a": "newer", "mine": "old"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError])
def test_a_block_that_raises_leaves_what_was_there(error, tmp_path):
    target = tmp_path / "run"
    for expected in ({}, {"a": "old"}):
        with pytest.raises(error), replacing(target) as new:
            write(new, "a")
            raise error
        assert (listing(target) if target.exists() else {}) == expected
        target.mkdir(exist_ok=True)
        write(target, "a", text="old")
    assert list(tmp_path.iterdir()) == [target]


def test_links_are_written_through(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with replacing(tmp_path / "link") as new:
        write(new, "a")
    write_whole(tmp_path / "real" / "b", b"old")
    (tmp_path / "file").symlink_to("real/b")
    write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").is_symlink()
    assert listing(tmp_path / "real") == {"a": "new", "b": "new"}


def test_the_folder_in_which_one_stands_stays_the_same_one(tmp_path, monkeypatch):
    write(tmp_path, "mine", text="old")
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_ino
    with replacing(".") as new:
        write(new, "a", "sub/b")
    assert tmp_path.stat().st_ino == before
    assert listing(Path.cwd()) == {"a": "new", "mine": "old"}
    assert listing(Path("sub")) == {"b": "new"}


def test_a_file_in_the_folders_place_stays(tmp_path):
    write(tmp_path, "run", text="mine")
    refused = pytest.raises(NotADirectoryError, match="expected a folder, got a file")
    with refused, replacing(tmp_path / "run"):
        pytest.fail("began")
    assert listing(tmp_path) == {"run": "mine"}


@pytest.mark.parametrize("length", [200, 240, 255])
def test_long_names_can_be_written(length, tmp_path):
    target = tmp_path / ("x" * (length - 12) + ".safetensors")
    model = digitnet.models.make("linear", (8, 8))
    model.save(target)
    digitnet.models.load(target)
    with replacing(tmp_path / ("y" * length)) as new:
        write(new, "a")
    assert len(list(tmp_path.iterdir())) == 2


def test_leftovers_of_dead_processes_go_and_others_stay(tmp_path, monkeypatch):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {
        f"{files._PREFIX}{dead.pid}-0123abcd": False,  # of this machine, dead
        f"{files._PREFIX}{os.getppid()}-0123abcd": True,  # alive
        f".dignet-{dead.pid}-0123abcd": True,
        f".digitnet-ffffff-{dead.pid}-0123abcd": True,  # of another machine
        f"{files._PREFIX}{dead.pid}-mine": True,
        "mine": True,
    }
    for name in names:
        write(tmp_path, name)
    (tmp_path / f"{files._PREFIX}{dead.pid}-89abcdef" / "sub").mkdir(parents=True)
    monkeypatch.setattr(files, "_cleaned", set())
    write_whole(tmp_path / "a", b"new")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a", *(name for name, stays in names.items() if stays)}


def test_the_same_numbers_of_other_containers_and_boots_are_others(monkeypatch):
    if not Path("/proc/self/ns/pid").exists():
        pytest.skip("a system without namespaces of processes")
    here = files._where_numbers_count()
    assert here == files.HOST
    with monkeypatch.context() as patch:
        patch.setattr(Path, "readlink", lambda _: Path("pid:[1]"))
        assert files._where_numbers_count() != here
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", lambda *_, **__: "another boot")
        assert files._where_numbers_count() != here


def test_figures_are_whole_or_not_there(tmp_path, monkeypatch):
    train, _ = digitnet.data.load("digits")
    shown = digitnet.plot.class_counts(train)
    shown.save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    shown.save(tmp_path / "without")
    shown.save(tmp_path / "b.svg")
    assert {p.name for p in tmp_path.iterdir()} == {"a.png", "without.png", "b.svg"}
    assert (tmp_path / "b.svg").read_text().startswith("<?xml")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        shown.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == whole
    assert len(list(tmp_path.iterdir())) == 3


SCRIPT = """
import sys
import digitnet
from digitnet._utils import folders
if sys.argv[2] == "no exchange":
    folders.ctypes.CDLL = lambda *_, **__: object()
train, test = digitnet.data.load("digits")
models = [digitnet.models.make("linear", (8, 8), seed=seed) for seed in (0, 1)]
for seed, model in enumerate(models):
    model.fit(train, epochs=seed + 1, progress=False)
reports = [model.evaluate(test[:100]) for model in models]
print("ready", flush=True)
for i in range(10_000):
    k = i % 2
    digitnet.runs.write_run(
        sys.argv[1], models[k], models[k].history, reports[k], {"model": f"run {k}"}
    )
"""


def assert_of_one_run(folder):
    """Every file is there and of the same run."""
    run = digitnet.runs.read(folder)
    k = int(run.settings["model"].removeprefix("run "))
    assert run.status == "finished"
    assert run.metrics["epochs"] == k + 1
    rows = (folder / "history.csv").read_text().splitlines()
    assert len(rows) == k + 2
    page = (folder / "report.html").read_text()
    assert page.endswith("</html>\n") or "</html>" in page
    assert f"&quot;model&quot;: &quot;run {k}&quot;" in page
    model = digitnet.models.load(folder / "model.safetensors")
    _, test = digitnet.data.load("digits")
    assert model.evaluate(test[:100])["accuracy"] == run.accuracy
    for name in ("curves", "confusion_matrix", "roc", "feature_maps"):
        assert (folder / f"{name}.png").read_bytes().endswith(b"IEND\xaeB`\x82")


def epochs_in(folder):
    """Of the run that is there now; empty while there is none."""
    try:
        return {json.loads((folder / "metrics.json").read_text())["epochs"]}
    except FileNotFoundError:
        return set()


def kill_while_writing(kills, folder, system):
    """kill -9 at random moments of writing one run over another."""
    rng, seen = random.Random(SEED), set()
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    for left in reversed(range(kills)):
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(folder), system], stdout=subprocess.PIPE
        )
        assert process.stdout.readline() == b"ready\n"
        end = time.monotonic() + rng.uniform(0, 4)
        # The last one goes on until both runs were there.
        while time.monotonic() < end or (left == 0 and len(seen) < 2):
            assert process.poll() is None
            seen |= epochs_in(folder)
            time.sleep(0.02)
        process.kill()
        process.communicate()
        folders.put_back(folder)
        assert (folder / "mine.txt").read_text() == "mine"
        if (folder / "metrics.json").exists():
            assert_of_one_run(folder)
    assert seen == {1, 2}


@pytest.mark.parametrize("system", ["exchange", "no exchange"])
def test_a_killed_write_leaves_a_folder_of_one_run(system, tmp_path):
    kill_while_writing(3, tmp_path / "run", system)


@pytest.mark.slow
@pytest.mark.parametrize("system", ["exchange", "no exchange"])
def test_a_hundred_killed_writes_leave_folders_of_one_run(system, tmp_path):
    kill_while_writing(100, tmp_path / "run", system)
    write_whole(tmp_path / "a", json.dumps({}).encode())
    left = [p.name for p in tmp_path.iterdir() if p.name.startswith(".digitnet")]
    assert len(left) <= 1
