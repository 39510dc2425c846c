"""Several pieces of work at a time: order, failures, threads, Ctrl-C."""

import threading
import time

import numpy as np
import pytest

import digitnet
from digitnet import _core
from digitnet._utils.parallel import parallel_map
from digitnet.experiments.context import Context


def test_results_come_in_the_order_of_the_items():
    def slow_first(item):
        time.sleep(0.02 * (3 - item))
        return item * 10

    assert parallel_map(slow_first, [0, 1, 2], jobs=3) == [0, 10, 20]
    assert parallel_map(slow_first, [], jobs=3) == []
    assert parallel_map(slow_first, [2], jobs=1) == [20]


@pytest.fixture
def two_threads():
    before = digitnet.get_num_threads()
    digitnet.set_num_threads(2)
    yield
    digitnet.set_num_threads(before)


@pytest.mark.parametrize(("device", "at_once"), [("cpu", 2), ("cuda:0", 1)])
def test_a_gpu_trains_one_network_at_a_time(device, at_once, two_threads, monkeypatch):
    monkeypatch.setattr(_core.engine, "resolve_device", lambda asked: device)
    assert peak_of(range(6), jobs=None)[0] == at_once


def peak_of(items, jobs):
    """How many worked at a time, and how many threads each had."""
    lock, running, peak, threads = threading.Lock(), [0], [0], []

    def work(_):
        with lock:
            running[0] += 1
            peak[0] = max(peak[0], running[0])
            threads.append(digitnet.get_num_threads())
        time.sleep(0.02)
        with lock:
            running[0] -= 1

    parallel_map(work, items, jobs=jobs)
    return peak[0], set(threads)


def test_so_many_run_at_a_time_each_on_one_thread():
    before = digitnet.get_num_threads()
    assert peak_of(range(6), jobs=2) == (2, {1})
    assert digitnet.get_num_threads() == before


def test_a_failure_surfaces_as_itself_and_what_has_not_begun_does_not():
    begun = []

    def work(item):
        begun.append(item)
        if item == 1:
            raise ValueError("item 1 is broken")
        time.sleep(0.05)

    before = digitnet.get_num_threads()
    with pytest.raises(ValueError, match="item 1 is broken"):
        parallel_map(work, range(50), jobs=2)
    assert len(begun) < 10
    assert digitnet.get_num_threads() == before


def test_ctrl_c_stops_trainings_that_run(digits):
    models = [digitnet.models.make("optdigits-cnn", seed=s) for s in (0, 1)]
    started = threading.Event()

    def train(model):
        started.set()
        model.fit(digits[0], epochs=100_000, progress=False)

    def stop():
        started.wait()
        time.sleep(0.3)
        raise KeyboardInterrupt

    # What Ctrl-C does to the thread that waits, without a signal to all of pytest.
    with pytest.raises(KeyboardInterrupt):
        parallel_map(lambda task: task(), [lambda: train(models[0]), stop], jobs=2)
    for thread in threading.enumerate():
        assert not thread.name.startswith("ThreadPoolExecutor"), thread.name
    history = models[0].history
    assert history.status == "interrupted"
    assert np.isfinite(models[0].predict_proba(digits[1])).all()


def test_trainings_give_the_same_bits_side_by_side_as_alone(digits):
    def weights(seed):
        model = digitnet.models.make("optdigits-cnn", seed=seed)
        model.fit(digits[0][:200], epochs=2, seed=seed, progress=False)
        return model.state_dict()

    alone = [weights(seed) for seed in range(3)]
    together = parallel_map(weights, range(3), jobs=3)
    for one, other in zip(alone, together, strict=True):
        for name, value in one.items():
            np.testing.assert_array_equal(value, other[name])


def test_parallel_results_are_cached_and_move_the_bar(tmp_path):
    context = Context(tmp_path, "smoke", "honest", [0])
    moved, computed = [], []
    context.advance = moved.append

    def work(item):
        def make():
            computed.append(item)
            return {"square": np.array([item * item])}

        return context.cached_arrays(f"item {item}", make)["square"][0]

    assert context.parallel_map(work, [1, 2, 3]) == [1, 4, 9]
    assert sum(moved) == pytest.approx(1)
    again = Context(tmp_path, "smoke", "honest", [0])
    assert again.parallel_map(work, [1, 2, 3]) == [1, 4, 9]
    assert sorted(computed) == [1, 2, 3]
