"""What a file is to be written to is looked at before there is something to lose."""

import os
import socket
import stat

import pytest

import digitnet
from digitnet._utils import files
from digitnet._utils.files import check_target, write_whole

KINDS = {"pipe": stat.S_ISFIFO, "socket": stat.S_ISSOCK}


@pytest.fixture(params=["pipe", "link to a pipe", "socket", "link to a socket"])
def special(request, tmp_path, monkeypatch):
    """(a function: file name to a path of that name, its kind); no ordinary file is there."""
    kind = request.param.removeprefix("link to a ")
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    if kind == "pipe":
        os.mkfifo("special")
    else:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind("special")

    def path(name):
        if request.param.startswith("link"):
            (tmp_path / name).symlink_to("special")
        else:
            (tmp_path / "special").rename(tmp_path / name)
            (tmp_path / "special").symlink_to(name)
        return tmp_path / name

    yield path, kind
    assert KINDS[kind]((tmp_path / "special").stat().st_mode)


def never(*_, **__):
    pytest.fail("trains")


def fits_with(**options):
    def write(path, train):
        given = {k: v(path) if callable(v) else v for k, v in options.items()}
        model = digitnet.models.make("linear", (8, 8))
        model.fit(train, epochs=1, progress=False, **given)

    return write


def searches(path, train):
    pytest.importorskip("optuna")
    digitnet.search.search(never, {"a": [1, 2]}, train, train, trials=1, file=path)


def exports(path, train):
    digitnet.export.export(digitnet.models.make("linear", (8, 8)), path)


WRITERS = {
    "a checkpoint": ("a.safetensors", fits_with(checkpoint=lambda p: p)),
    "ModelCheckpoint": (
        "a.safetensors",
        fits_with(callbacks=digitnet.callbacks.ModelCheckpoint),
    ),
    "CSVLogger": ("a.csv", fits_with(callbacks=digitnet.callbacks.CSVLogger)),
    "a search": ("a.journal", searches),
    "a model": (
        "a.safetensors",
        lambda path, _: digitnet.models.make("linear", (8, 8)).save(path),
    ),
    "a figure": ("a.png", lambda path, t: digitnet.plot.class_counts(t).save(path)),
    "an export": ("a.md", exports),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_pipes_and_sockets_are_refused_by_name_and_stay(
    writer, special, digits, monkeypatch
):
    path, kind = special
    name, write = WRITERS[writer]
    monkeypatch.setattr(digitnet._core.train, "fit", never)
    with pytest.raises(
        OSError, match=f"{name}: expected an ordinary file, got a {kind}"
    ):
        write(path(name), digits[0][:50])


def test_a_link_into_a_folder_that_is_not_there_is_refused(digits, tmp_path):
    (tmp_path / "a.safetensors").symlink_to("absent/a.safetensors")
    with pytest.raises(FileNotFoundError, match=r"the folder .*absent, got none"):
        fits_with(checkpoint=lambda p: p)(tmp_path / "a.safetensors", digits[0][:50])
    assert not (tmp_path / "absent").exists()


def test_a_link_to_itself_is_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="got a link to itself"):
        write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").is_symlink()


def test_a_link_to_a_file_that_is_not_there_makes_it(tmp_path):
    (tmp_path / "a").symlink_to("b")
    write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "b").read_bytes() == b"new"


def test_a_folder_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    # Root may write everywhere: the system's answer to others.
    monkeypatch.setattr(files.os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(PermissionError, match="a: expected a folder that can be writ"):
        check_target(tmp_path / "a")
