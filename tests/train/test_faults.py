"""Forks, clocks that jump, memory that is short: what is still true afterwards."""

import os
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import digitnet

ROOT = Path(__file__).parents[2]
FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def script(code, **environment):
    """What it prints, line by line."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


# In a callback of epoch 2; {child} is what the child does, {parent} stands behind.
FORKING = """
import os, sys
import digitnet
from digitnet.testing import weights_sha256

digitnet.set_num_threads(2)
train, test = digitnet.data.load("digits")
def network():
    return digitnet.models.make("optdigits-cnn", seed=0)
def fit(model, callback):
    model.fit(train[:400], epochs=4, batch_size=50, callbacks=callback, progress=False)
alone = network()
fit(alone, None)

def forks(epoch, logs):
    if epoch != 2:
        return
    child = os.fork()
    if child == 0:
        {child}
        return
    print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

model, parent = network(), os.getpid()
fit(model, forks)
if os.getpid() == parent:
    print("same", weights_sha256(model) == weights_sha256(alone))
else:
    print("same there", weights_sha256(model) == weights_sha256(alone), flush=True)
    os._exit(5)
"""
CHILDREN = {
    "ends": ("os._exit(7)", ["child 7"]),
    "raises": ("raise SystemExit(3)", ["child 3"]),
    "trains on": ("pass", ["same there True", "child 5"]),
    "computes": (
        """
        try:
            digitnet.models.make("linear", (8, 8)).predict(test)
        except RuntimeError as error:
            print(str(error).partition(" (")[0], flush=True)
        os._exit(7)""",
        ["digitnet: expected the process that first computed", "child 7"],
    ),
}


@FORK
@pytest.mark.parametrize("what", CHILDREN)
def test_a_fork_in_the_middle_of_a_training_disturbs_neither(what):
    child, lines = CHILDREN[what]
    child = textwrap.indent(textwrap.dedent(child).strip(), " " * 8).strip()
    assert script(FORKING.format(child=child)) == [*lines, "same True"]


@FORK
def test_a_fork_beside_a_training_ends_when_it_is_told_to():
    lines = script(
        """
        import os, sys, threading, time
        import digitnet

        train, _ = digitnet.data.load("digits")
        started = threading.Event()
        def busy():
            digitnet.models.make("optdigits-cnn").fit(
                train, epochs=100_000, callbacks=lambda *_: started.set(), progress=False
            )
        threading.Thread(target=busy, daemon=True).start()
        started.wait()
        for _ in range(5):
            before = time.monotonic()
            child = os.fork()
            if child == 0:
                sys.exit(7)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            print(status, time.monotonic() - before < 2, flush=True)
        """
    )
    assert lines == ["7 True"] * 5


def test_durations_do_not_hang_on_the_clock_of_the_day(digits, monkeypatch):
    """It is set back an hour at every look, as a machine without a battery does."""
    now = [time.time()]

    def jumps():
        now[0] -= 3600
        return now[0]

    monkeypatch.setattr(time, "time", jumps)
    start = time.monotonic()
    model = digitnet.models.make("linear", (8, 8))
    history = model.fit(digits[0], epochs=3, progress=True, validation=0.1)
    seconds = history["seconds"]
    assert min(seconds) > 0
    assert sum(seconds) <= time.monotonic() - start


def test_only_dates_are_read_from_that_clock():
    """Durations, deadlines and rates go by clocks that are never set."""
    dates = {
        "callbacks/loggers.py": 1,  # TensorBoard's events
        "runs/folder.py": 1,  # when a run was written,
        "runs/listing.py": 1,  # when what cannot be read was seen,
        "runs/pruning.py": 1,  # and how many days ago that is
    }
    package = ROOT / "python/digitnet"
    found = {}
    for path in package.rglob("*.py"):
        count = len(
            re.findall(r"\btime\.time(_ns)?\(|datetime\.(utc)?now\(", path.read_text())
        )
        if count:
            found[str(path.relative_to(package))] = count
    assert found == dates
    for path in (ROOT / "cpp").rglob("*.[ch]*"):
        assert "system_clock" not in path.read_text(), path


LIMITED = """
import resource, sys
import numpy as np
import digitnet
from digitnet.layers import AdaptiveAveragePool, Conv, Dense, Flatten

layers = [Conv(64, 3), Conv(64, 3), AdaptiveAveragePool(1), Flatten(), Dense(10)]
model = digitnet.Model(layers, (96, 96))
few = np.zeros((2, 96, 96), np.uint8)
before = model.predict_logits(few)
images = np.zeros((600, 96, 96), np.uint8)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {mega} * 2**20, -1))
try:
    {operation}
    print("done")
except digitnet.OutOfMemory as error:
    print(type(error).__name__, error)
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
print((model.predict_logits(few) == before).all())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
@pytest.mark.parametrize(("mega", "short"), [(1, True), (40, None), (120, None)])
@pytest.mark.parametrize(
    "operation", ["model.predict(images)", "model.evaluate((images, [0] * 600))"]
)
def test_memory_that_is_short_is_said_and_the_model_stays_usable(
    operation, mega, short
):
    """`short`: whether there is certainly too little; None: it depends on the machine."""
    lines = script(LIMITED.format(operation=operation, mega=mega))
    assert re.match("OutOfMemory " if short else "done|OutOfMemory ", lines[0]), lines
    assert lines[1] == "True"
