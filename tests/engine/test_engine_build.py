"""`digitnet engine build`: what it needs, what it shows, what it leaves behind."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from digitnet import cli
from digitnet._utils import engine_build, torch_engine

BIN = Path(sys.executable).parent

# In place of CMake: what a test says, at the step that it says.
CMAKE = """#!/bin/sh
case "$1" in --build) folder=$2; step=build;; *) folder=$4; step=configure;; esac
{commands}
"""


def no_progress(done, steps):
    pass


@pytest.fixture
def place(monkeypatch, tmp_path):
    """A home whose torch, 2.90, has no engine yet; the folder of those built there."""
    monkeypatch.setattr(torch_engine, "torch_version", lambda: "2.90.1+cpu")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return torch_engine.built_engines()


@pytest.fixture
def cmake(monkeypatch, tmp_path):
    """Puts a program in the place of CMake."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setattr(sys, "executable", str(programs / "python"))

    def put(commands):
        (programs / "cmake").write_text(CMAKE.format(commands=commands))
        (programs / "cmake").chmod(0o755)

    return put


def assert_nothing_is_left(tmp_path):
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not (tmp_path / "cache").exists()


def is_running(pid):
    status = Path("/proc", pid, "stat")
    # A process that has ended stays listed until its parent has asked.
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_an_engine_is_built_and_every_step_is_counted(place, cmake, tmp_path, capfd):
    cmake(
        'if [ $step = build ]; then for i in 1 2 3; do echo "[$i/3] Building"; done;'
        " printf engine > $folder/libdigitnet_torch_2.90.so; fi"
    )
    steps = []
    path = engine_build.build_engine(lambda *step: steps.append(step))
    assert path == place / "libdigitnet_torch_2.90.so"
    assert path.read_text() == "engine"
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert list((tmp_path / "temporary").iterdir()) == []
    assert torch_engine.find_engine().path == path
    assert cli.main(["engine", "build"]) == 0
    out, err = capfd.readouterr()
    assert out == f"{path}\n"
    assert "compiling the engine for torch 2.90.1+cpu" in err
    assert err.endswith("1/3\n2/3\n3/3\n")


def test_make_counts_in_percent(place, cmake):
    cmake(
        'if [ $step = build ]; then echo "[  5%] Building"; echo "[100%] Linking";'
        " printf engine > $folder/libdigitnet_torch_2.90.so; fi"
    )
    steps = []
    engine_build.build_engine(lambda *step: steps.append(step))
    assert steps == [(5, 100), (100, 100)]


def test_a_failure_shows_the_last_lines_and_keeps_the_engine_of_before(
    place, cmake, tmp_path, capsys
):
    place.mkdir(parents=True)
    before = place / "libdigitnet_torch_2.90.so"
    before.write_text("before")
    cmake('seq 100; echo "no such header"; [ $step = configure ] || exit 3')
    assert cli.main(["engine", "build"]) == 1
    message = capsys.readouterr().err
    assert "expected cmake to succeed, got exit status 3" in message
    assert "it needs a C++20 compiler" in message
    assert message.endswith("no such header\n\n")
    assert "\n77\n" in message and "\n76\n" not in message
    assert before.read_text() == "before"
    assert list((tmp_path / "temporary").iterdir()) == []
    assert list(place.iterdir()) == [before]


def test_ctrl_c_ends_the_compilers_and_leaves_nothing_behind(place, cmake, tmp_path):
    cmake('sleep 300 & echo $! > $folder/../pid; echo "[1/9] Building"; wait')

    def interrupt(done, steps):
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        engine_build.build_engine(interrupt)
    assert time.monotonic() - start < 60
    pid = tmp_path / "temporary/pid"
    assert not is_running(pid.read_text().strip())
    pid.unlink()
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("version", "got"), [("", "got none"), ("2.10.2", "got 2.10.2")]
)
def test_a_torch_that_will_not_do_is_named(version, got, place, monkeypatch, tmp_path):
    monkeypatch.setattr(torch_engine, "torch_version", lambda: version)
    with pytest.raises(RuntimeError, match=f"expected torch 2.11 or newer, {got}; run"):
        engine_build.build_engine(no_progress)
    assert_nothing_is_left(tmp_path)


def test_an_engine_of_the_package_is_not_built_again(place, monkeypatch, tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "libdigitnet_torch_2.90.so").touch()
    monkeypatch.setattr(torch_engine, "engine_folders", lambda: [package, place])
    with pytest.raises(RuntimeError, match=f"which has {package}.*remove that file"):
        engine_build.build_engine(no_progress)
    assert_nothing_is_left(tmp_path)


def test_no_cmake_names_the_extra(place, cmake, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"program cmake.*'digitnet\[engine\]'"):
        engine_build.build_engine(no_progress)
    assert_nothing_is_left(tmp_path)


def test_a_cache_that_cannot_be_written_is_named_first(place, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(RuntimeError, match=f"got {tmp_path}/file; set XDG_CACHE_HOME"):
        engine_build.build_engine(no_progress)
    assert_nothing_is_left(tmp_path)


def test_no_compiler_is_what_cmake_says(place, monkeypatch, tmp_path):
    if not shutil.which("cmake") and not (BIN / "cmake").exists():
        pytest.skip("cmake is not installed")
    monkeypatch.setenv("CXX", str(tmp_path / "no_compiler"))
    with pytest.raises(RuntimeError, match="(?s)needs a C[+][+]20 compiler.*no_compil"):
        engine_build.build_engine(no_progress)
    assert_nothing_is_left(tmp_path)


@pytest.mark.slow
def test_an_engine_is_compiled_loaded_and_trains(tmp_path):
    pytest.importorskip("torch")
    code = (
        "from digitnet._utils import torch_engine\n"
        "torch_engine.engine_folders = lambda: [torch_engine.built_engines()]\n"
        "import digitnet\n"
        "from digitnet import cli\n"
        "assert cli.main(['engine', 'build']) == 0\n"
        "train, test = digitnet.data.load('digits')\n"
        "model = digitnet.models.make('linear', input_shape=(8, 8))\n"
        "history = model.fit(train, epochs=5, learning_rate=0.01, progress=False)\n"
        "print(history.executor, '|', model.evaluate(test)['accuracy'])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=1800,
        env={
            **os.environ,
            "DIGITNET_EXECUTOR": "torch",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "TMPDIR": str(tmp_path),
        },
    )
    assert result.returncode == 0, result.stderr
    path, trained = result.stdout.splitlines()
    assert Path(path).parent.is_relative_to(tmp_path / "cache")
    executor, _, accuracy = trained.partition("|")
    assert "torch" in executor.lower() and float(accuracy) > 0.8
    assert [entry.name for entry in tmp_path.iterdir()] == ["cache"]
