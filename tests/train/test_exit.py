"""The interpreter ends while threads of it compute: quietly, with the script's own status."""

import os
import subprocess
import sys
import textwrap

import pytest
from train.test_resume import EXECUTORS

# What a daemon thread does; "started" is set once it computes.
BUSY = {
    "fit": """
        digitnet.models.make("optdigits-cnn").fit(
            train, epochs=100_000, progress=False, callbacks=lambda *_: started.set()
        )
    """,
    "fit in one epoch": """
        threading.Timer(0.3, started.set).start()
        digitnet.models.make("optdigits-cnn").fit(
            train.enlarged("shift 1px", 50), batch_size=1, progress=False
        )
    """,
    "predict": """
        model = digitnet.models.make("optdigits-cnn")
        while True:
            model.predict(train)
            started.set()
    """,
    "enlarged": """
        started.set()
        train.enlarged("elastic 2px", 10_000, seed=0)
    """,
    "a callback that sleeps": """
        digitnet.models.make("linear", (8, 8)).fit(
            train, progress=False, callbacks=lambda *_: started.set() or time.sleep(60)
        )
    """,
}
SCRIPT = """
import sys, threading, time
import digitnet

started = threading.Event()
train, _ = digitnet.data.load("digits")


def busy():
    {busy}


for _ in range({threads}):
    threading.Thread(target=busy, daemon=True).start()
started.wait(60)
{end}
"""


def run(what, end="sys.exit(3)", threads=1, executor="native"):
    busy = textwrap.indent(textwrap.dedent(BUSY[what]), "    ").strip()
    code = SCRIPT.format(busy=busy, end=end, threads=threads)
    environment = {**os.environ, "DIGITNET_EXECUTOR": executor}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(what, marks=pytest.mark.slow if "sleeps" in what else ())
        for what in BUSY
    ],
)
def test_a_daemon_thread_that_computes_ends_with_the_script(what):
    result = run(what)
    assert (result.returncode, result.stderr) == (3, "")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_several_threads_end_with_the_script(executor):
    result = run("fit", threads=3, executor=executor)
    assert (result.returncode, result.stderr) == (3, "")


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
def test_it_ends_quietly_every_time(executor):
    for _ in range(20):
        result = run("fit", end="", threads=2, executor=executor)
        assert (result.returncode, result.stderr) == (0, "")


def test_an_error_that_ends_the_script_is_shown():
    result = run("fit", end="raise ValueError('mine')")
    assert result.returncode == 1
    assert result.stderr.endswith("ValueError: mine\n")


def test_exit_handlers_may_compute_meanwhile():
    """Those registered before digitnet was imported are called behind its own."""
    end = "print(model.predict(train).shape)"
    code = f"""
import atexit, threading, time
atexit.register(lambda: print("late", model.predict(train[:5]).shape))
import digitnet
train, _ = digitnet.data.load("digits")
model = digitnet.models.make("optdigits-cnn")
atexit.register(lambda: print("early", model.predict(train[:5]).shape))
def busy():
    digitnet.models.make("linear", (8, 8)).fit(train, epochs=100_000, progress=False)
threading.Thread(target=busy, daemon=True).start()
{end}
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert result.stdout.splitlines() == ["(1438,)", "early (5,)", "late (5,)"]
    assert (result.returncode, result.stderr) == (0, "")
