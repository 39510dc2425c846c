"""Which folders can be replaced as a whole, and what becomes of what others write there."""

import os
import subprocess
from pathlib import Path

import pytest
from test_folders import listing, write

import digitnet
from digitnet._utils import folders
from digitnet._utils.folders import contents, replacing
from digitnet.cli import main

TRAIN = ["train", "--data", "digits", "--model", "linear", "--epochs", "1", "--json"]


@pytest.fixture
def never_trains(monkeypatch):
    monkeypatch.setattr(digitnet._core.train, "fit", lambda *_: pytest.fail("trains"))


@pytest.fixture(params=["of this system", "of its list"])
def mounted(request, tmp_path, monkeypatch):
    """A folder that is a mount point: one that is bound, or one that the list has."""
    folder = tmp_path / "a mount"
    folder.mkdir()
    if request.param == "of its list":
        monkeypatch.setattr(folders, "_mount_points", lambda: [Path("/"), folder])
        yield folder
        return
    bound = subprocess.run(
        ["mount", "--bind", folder, folder], capture_output=True, check=False
    )
    if bound.returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.usefixtures("never_trains")
def test_a_mount_point_is_refused_before_training(mounted, capsys):
    for out in (mounted, mounted.parent):
        assert main([*TRAIN, "--out", str(out)]) == 1
        message = capsys.readouterr().err
        assert f"got the mount point {mounted}; name a new folder in it" in message
    assert list(mounted.iterdir()) == []


def test_a_folder_in_a_mount_point_can_be_written(mounted):
    with replacing(mounted / "run") as new:
        write(new, "a")
    assert listing(mounted / "run") == {"a": "new"}


@pytest.mark.skipif(
    not Path("/proc/self/mountinfo").exists(), reason="a system without its list"
)
def test_the_list_of_mount_points_has_the_root():
    assert Path("/") in folders._mount_points()


@pytest.mark.usefixtures("never_trains")
@pytest.mark.parametrize("out", ["run", "deep/in/it/run"])
def test_a_parent_that_cannot_be_written_is_said_before_training(
    out, tmp_path, monkeypatch, capsys
):
    # Root may write everywhere: the system's answer to others.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    assert main([*TRAIN, "--out", str(tmp_path / out)]) == 1
    assert f"got {tmp_path} above it; name another" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# -- what others write meanwhile --------------------------------------------------


@pytest.fixture(params=["replaced", "stood in"])
def target(request, tmp_path, monkeypatch):
    """A folder with an older run, which is exchanged for another or stays the same."""
    folder = tmp_path / "run"
    folder.mkdir()
    write(folder, "a", "b", "c", "mine", text="old")
    if request.param == "stood in":
        monkeypatch.chdir(folder)
    return folder


def others_files(folder, name):
    return [path for path in folder.iterdir() if path.name.startswith(f"{name}.before")]


def test_what_others_wrote_since_it_was_seen_is_kept(target):
    seen = contents(target)
    (target / "a").write_text("of another")
    (target / "b").write_text("of another")
    with (
        pytest.warns(
            RuntimeWarning, match=r"others wrote there .*kept as (a|b)\.before"
        ),
        replacing(target, owned={"a", "b", "c"}, seen=seen) as new,
    ):
        write(new, "a")
    (a,), (b,) = (others_files(target, name) for name in "ab")
    assert a.read_text() == "of another"
    assert b.read_text() == "of another"
    assert listing(target).items() >= {"a": "new", "mine": "old"}.items()
    assert len(listing(target)) == 4
    assert list(target.parent.iterdir()) == [target]


def test_what_others_write_at_the_last_moment_is_kept(tmp_path, monkeypatch):
    target, exchange = tmp_path / "run", folders._exchange
    (target / "sub").mkdir(parents=True)
    write(target, "a", "sub/b", text="old")

    def late(new, old):
        write(old, "a", "late", "sub/late", "other/late", text="of another")
        exchange(new, old)

    monkeypatch.setattr(folders, "_exchange", late)
    with (
        pytest.warns(RuntimeWarning, match="others wrote there meanwhile"),
        replacing(target) as new,
    ):
        write(new, "a")
    (a,) = others_files(target, "a")
    assert listing(target) == {"a": "new", "late": "of another", a.name: "of another"}
    assert listing(target / "sub") == {"b": "old", "late": "of another"}
    assert listing(target / "other") == {"late": "of another"}


def test_what_others_write_into_a_runs_folder_while_it_trains_is_kept(
    tmp_path, monkeypatch
):
    out, fit = tmp_path / "run", digitnet._core.train.fit
    assert main([*TRAIN, "--out", str(out)]) == 0

    def meanwhile(*arguments):
        write(out, "report.html", "notes.txt", text="of another")
        return fit(*arguments)

    monkeypatch.setattr(digitnet._core.train, "fit", meanwhile)
    with pytest.warns(RuntimeWarning, match=r"kept as report\.html\.before-"):
        assert main([*TRAIN, "--out", str(out)]) == 0
    (page,) = others_files(out, "report.html")
    assert page.read_text() == (out / "notes.txt").read_text() == "of another"
    assert "of another" not in (out / "report.html").read_text()
    monkeypatch.setattr(digitnet._core.train, "fit", fit)
    assert main([*TRAIN, "--out", str(out)]) == 0  # without a warning
