"""A folder that one process works in."""

import subprocess
import sys

import pytest

from digitnet._utils.folder_lock import is_locked, locked

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
