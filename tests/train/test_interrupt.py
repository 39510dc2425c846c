"""Ctrl-C, threads and forks: the loop lives well with its process."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from train.test_resume import assert_equal, network, unbroken

import digitnet
from digitnet.train import state_files


def run_script(code, *, after="epoch", timeout=60):
    """Run code in a fresh Python, send SIGINT once it has printed `after`; its output."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if after in line:
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            break
    start = time.monotonic()
    try:
        rest, _ = process.communicate("", timeout=timeout)
    finally:
        process.kill()
    return process.returncode, "".join(lines) + rest, time.monotonic() - start


SCRIPT = """
    import signal
    import digitnet
    # A shell's background job starts with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    train, test = digitnet.data.load("digits")
    model = digitnet.models.make("optdigits-cnn")
    {prompt}
    try:
        history = model.fit(train, epochs=100000, batch_size=1)
        print("returned", history.status)
    except KeyboardInterrupt:
        print("raised", model.history.status)
    print("still answers", model.predict(test).shape)
"""


def test_a_script_gets_keyboard_interrupt_with_the_model_usable():
    code = SCRIPT.format(prompt="print('epoch soon', flush=True)")
    returned, output, seconds = run_script(code)
    assert "raised interrupted" in output
    assert "still answers (359,)" in output
    assert returned == 0
    assert seconds < 10


def test_an_interactive_prompt_gets_the_history():
    code = SCRIPT.format(
        prompt="import sys; sys.ps1 = '> '; print('epoch soon', flush=True)"
    )
    _, output, _ = run_script(code)
    assert "returned interrupted" in output
    assert "still answers (359,)" in output


def test_an_interrupt_brings_the_best_weights_back(digits):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    bests = {}

    def interrupt(epoch, logs):
        bests[epoch] = model.state_dict()["dense1.weight"]
        if epoch == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(
            digits[0],
            validation=0.2,
            epochs=50,
            early_stopping=50,
            callbacks=[interrupt],
            progress=False,
        )
    assert model.history.status == "interrupted"
    best = model.history.best_epoch
    assert (model.state_dict()["dense1.weight"] == bests[best]).all()


def interrupted_in_the_first_epoch(train, folder, patch, **options):
    """Epochs whose callbacks were heard before an interrupt, and the state that was kept."""
    loop, seen = digitnet._core.train.fit, []

    def interrupted_soon(*arguments):
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()
        return loop(*arguments)

    def callback(epoch, logs):
        seen.append(epoch)

    patch.setattr(digitnet._core.train, "fit", interrupted_soon)
    with pytest.raises(KeyboardInterrupt):
        network().fit(train, resume=folder, callbacks=callback, **options)
    patch.undo()
    return len(seen), state_files.newest(folder)


def test_an_interrupt_in_a_short_epoch_loses_none_of_it(digits, tmp_path, monkeypatch):
    """It is heard behind the epoch, whose row, callbacks and state are kept."""
    options = {"epochs": 30, "batch_size": 16, "progress": False}
    # A shell's background job starts with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        # One that comes before the loop or within a callback says nothing of this.
        for attempt in range(10):
            folder = tmp_path / str(attempt)
            epochs, saved = interrupted_in_the_first_epoch(
                digits[0], folder, monkeypatch, **options
            )
            if saved is not None and saved.numbers["epoch"] == epochs + 1:
                break
        else:
            pytest.fail("no interrupt of ten left a state behind the epoch it came in")
    finally:
        signal.signal(signal.SIGINT, before)
    again = network()
    again.fit(digits[0], resume=folder, **options)
    assert_equal(again, unbroken(network, digits[0], epochs=30, batch_size=16))


def test_another_python_thread_runs_while_it_trains(digits):
    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.002)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.monotonic()
    digitnet.models.make("optdigits-cnn").fit(
        digits[0], epochs=6, batch_size=16, progress=False
    )
    end = time.monotonic()
    done.set()
    thread.join()
    during = [t for t in ticks if start < t < end]
    gaps = [b - a for a, b in zip(during, during[1:], strict=False)]
    assert len(during) > 20
    assert max(gaps) < 0.5 * (end - start)


def test_two_models_train_in_two_threads_as_they_would_alone(digits):
    def run(seed, results):
        model = digitnet.models.make("linear", input_shape=(8, 8), seed=seed)
        model.fit(digits[0], epochs=3, seed=seed, progress=False)
        results[seed] = model.state_dict()["dense1.weight"]

    alone, together = {}, {}
    for seed in (1, 2):
        run(seed, alone)
    threads = [threading.Thread(target=run, args=(seed, together)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (1, 2):
        assert (alone[seed] == together[seed]).all()


def _in_child(queue):
    try:
        train, _ = digitnet.data.load("digits")
        digitnet.models.make("linear", input_shape=(8, 8)).fit(
            train, epochs=1, progress=False
        )
        queue.put("trained")
    except Exception as error:
        queue.put(f"{type(error).__name__}: {error}")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_gets_an_error_not_a_hang(digits):
    digitnet.models.make("linear", input_shape=(8, 8)).fit(
        digits[0], epochs=1, progress=False
    )
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue,))
    child.start()
    message = queue.get(timeout=60)
    child.join(10)
    assert message.startswith(
        "RuntimeError: digitnet: expected the process that first computed"
    )
    assert "'spawn'" in message


# What stands before the fork, and what its child does.
CHILDREN = {
    "trains if nothing was computed before": (
        "",
        """
        train, _ = digitnet.data.load("digits")
        model = digitnet.models.make("linear", input_shape=(8, 8))
        model.fit(train, epochs=1, progress=False)
        """,
    ),
    "lets go of a model that its parent asked": (
        """
        digitnet.set_num_threads(2)
        model = digitnet.models.make("lenet5")
        model.predict([[[0] * 28] * 28] * 500)
        """,
        "del model",
    ),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("what", CHILDREN)
def test_a_forked_child(what):
    before, inside = map(textwrap.dedent, CHILDREN[what])
    code = "import os, digitnet\n" + before + "child = os.fork()\nif child == 0:\n"
    code += textwrap.indent(inside + "\nos._exit(7)\n", "    ")
    code += "print('child', os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.stdout.strip() == "child 7", result.stderr
