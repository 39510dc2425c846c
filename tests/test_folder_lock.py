"""A folder that one process works in."""

import os
import subprocess
import sys
import threading

import pytest

from digitnet import DataError
from digitnet._utils.folder_lock import alone_in, is_locked, locked

pytest.importorskip("fcntl")
HOLD = "from pathlib import Path; from digitnet._utils.folder_lock import locked; import sys; lock = locked(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"


def test_a_lock_keeps_others_out_until_it_is_closed(tmp_path):
    file = tmp_path / "run.lock"
    assert not is_locked(file)
    lock = locked(file)
    assert is_locked(file)
    with pytest.raises(BlockingIOError):
        locked(file)
    lock.close()
    assert not is_locked(file)
    locked(file).close()


def test_a_killed_process_holds_no_lock(tmp_path):
    file = tmp_path / "run.lock"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", HOLD, file], **pipes)
    with process:
        assert process.stdout.readline() == b"held\n"
        assert is_locked(file)
        process.kill()
        process.wait()
    assert not is_locked(file)


def test_those_who_look_keep_nobody_out(tmp_path):
    file = tmp_path / "run.lock"
    code = f"from pathlib import Path\nfrom digitnet._utils.folder_lock import is_locked\nprint('on', flush=True)\nwhile True: is_locked(Path({str(file)!r}))"
    file.touch()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"on\n"
        for _ in range(20):
            locked(file).close()
        process.kill()


def test_who_waited_for_a_lock_that_was_removed_takes_the_new_one(tmp_path):
    file = tmp_path / "deep" / "run.lock"
    first = locked(file)

    def end():
        file.unlink()
        file.parent.rmdir()
        first.close()

    timer = threading.Timer(0.1, end)
    timer.start()
    with locked(file) as second:
        timer.join()
        assert os.path.samestat(file.stat(), os.fstat(second.fileno()))
        assert is_locked(file)
        with pytest.raises(BlockingIOError):
            locked(file)


def test_two_never_hold_a_lock_that_each_removes(tmp_path):
    code = """
import sys
import threading
from pathlib import Path
from digitnet._utils.folder_lock import locked
file, held = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(200):
    try:
        lock = locked(file)
    except BlockingIOError:
        continue
    held.mkdir()  # raises if another one is here
    held.rmdir()
    file.unlink()
    lock.close()
"""
    words = [sys.executable, "-c", code, tmp_path / "run.lock", tmp_path / "held"]
    processes = [subprocess.Popen(words) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]


@pytest.mark.parametrize("kind", ["pipe", "pipe with a reader", "link", "folder"])
def test_what_is_no_ordinary_file_is_no_lock_and_holds_nobody_up(kind, tmp_path):
    file, reader = tmp_path / "run.lock", None
    if kind == "folder":
        file.mkdir()
    elif kind == "link":
        file.symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(file)
    if kind == "pipe with a reader":
        reader = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    assert not is_locked(file)
    with pytest.raises((DataError, OSError)):
        locked(file)
    assert not (tmp_path / "elsewhere").exists()
    if reader is not None:
        os.close(reader)


def test_one_is_alone_in_a_folder_until_one_leaves_it(tmp_path):
    with alone_in(tmp_path / "run" / "run.lock", "fit.out"):
        refused = (
            "fit.out: expected a folder of its own, got '.*run', where another process "
            "is at work; wait for its end, or give another"
        )
        with pytest.raises(RuntimeError, match=refused):
            alone_in(tmp_path / "run" / "run.lock", "fit.out")
    alone_in(tmp_path / "run" / "run.lock", "fit.out").close()
