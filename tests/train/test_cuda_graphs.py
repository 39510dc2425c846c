"""The recorder of CUDA graphs, with a stand-in for torch.cuda that behaves as the binaries
do: at its worst. On a GPU: tests/cuda."""

import gc
import queue
import threading
import time
from contextlib import contextmanager

import pytest
from reference.optional import torch

from digitnet.train import cuda_graphs

pytestmark = pytest.mark.torch


class Stream:
    def __init__(self, number):
        self.cuda_stream = number
        self.waited_for = []

    def wait_stream(self, other):
        self.waited_for.append(other)


class FakeCuda:
    """What is captured while another capture is open, or opens, fails at its end; and a
    capture that fails leaves its stream set."""

    def __init__(self, streams=32):
        self._pool = [Stream(number) for number in range(streams)]
        self._made = 0
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._open = []
        self.default, self.other = Stream(-1), Stream(-2)
        self.registered = 0
        self.captured = 0
        self.failing = 0  # so many captures
        self.device_work = Device()
        self.recorded_on = []

    def Stream(self, device):
        self._made += 1
        return self._pool[(self._made - 1) % len(self._pool)]

    def current_device(self):
        return 0

    def current_stream(self, device=None):
        """Of another device than the current one: its default stream."""
        if device is not None and (torch.device(device).index or 0) != 0:
            return self.other
        return getattr(self._thread, "stream", self.default)

    @contextmanager
    def device(self, device):
        yield

    @contextmanager
    def stream(self, stream):
        before = self.current_stream()
        self._thread.stream = stream
        try:
            yield
        finally:
            self._thread.stream = before

    def Event(self):
        return Event(self)

    def CUDAGraph(self):
        return Graph(self)

    @contextmanager
    def graph(self, graph, pool=None, stream=None, capture_error_mode="global"):
        assert capture_error_mode == "thread_local"
        before = self.current_stream()
        self._thread.stream = stream
        with self._lock:
            for other in self._open:
                other.spoilt = True
            graph.spoilt = bool(self._open)
            self._open.append(graph)
        time.sleep(0.01)
        try:
            yield
        finally:
            with self._lock:
                self._open.remove(graph)
            self.failing -= 1
            if graph.spoilt or self.failing >= 0:
                raise RuntimeError("failed due to a previous error during capture")
            self._thread.stream = before
            self.captured += 1


class Event:
    """Of what has been launched when it is recorded."""

    def __init__(self, cuda):
        self._cuda = cuda

    def record(self, stream):
        self._cuda.recorded_on.append(stream)
        self._number = self._cuda.device_work.launched

    def synchronize(self):
        self._cuda.device_work.wait_for(self._number)


class Device:
    """A device that runs behind: launches return at once, and take a while each."""

    def __init__(self, seconds=0.0):
        self._queue = queue.Queue()
        self._done = threading.Condition()
        self.seconds = seconds
        self.launched = self.done = 0
        self.furthest = 0  # launches that were under way at once
        threading.Thread(target=self._work, daemon=True).start()

    def launch(self, work):
        self.launched += 1
        self.furthest = max(self.furthest, self.launched - self.done)
        self._queue.put(work)

    def _work(self):
        while True:
            work = self._queue.get()
            time.sleep(self.seconds)
            work()
            with self._done:
                self.done += 1
                self._done.notify_all()

    def wait_for(self, number):
        with self._done:
            self._done.wait_for(lambda: self.done >= number)


class Graph:
    def __init__(self, cuda):
        self._cuda = cuda
        self.replayed = 0

    def register_generator_state(self, generator):
        self._cuda.registered += 1

    def pool(self):
        return "pool"

    def replay(self):
        self.replayed += 1
        self._cuda.device_work.launch(nothing)


@pytest.fixture
def cuda(monkeypatch):
    """torch.cuda with 32 streams, which nobody has."""
    return install(monkeypatch, FakeCuda())


def install(monkeypatch, fake):
    monkeypatch.setattr(torch, "cuda", fake)
    monkeypatch.setattr(torch, "Generator", lambda device: object())
    monkeypatch.setattr(torch, "__version__", "2.13.0")
    monkeypatch.setattr(torch, "zeros", lambda *_, device: torch.ones(1))
    monkeypatch.setattr(cuda_graphs, "_streams", {})
    return fake


def nothing():
    pass


def test_work_is_done_once_and_captured_on_a_stream_beside_the_current_one(cuda):
    streams = []
    repeat = cuda_graphs.Recorder("cuda:0")(
        lambda: streams.append(cuda.current_stream()),
        lambda: streams.append(cuda.current_stream()),
    )
    assert len(streams) == 2
    assert len(set(streams)) == 1
    assert cuda.default not in streams
    assert cuda.current_stream() is cuda.default
    repeat()
    assert repeat._graph.replayed == 1


def test_several_threads_capture_one_after_the_other(cuda):
    failed = []

    def record():
        try:
            cuda_graphs.Recorder("cuda:0")(nothing, nothing)
        except RuntimeError as error:
            failed.append(error)

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert cuda.captured == 8


@pytest.mark.parametrize("version", ["2.11.0", "2.13.0"])
def test_a_capture_that_fails_leaves_the_current_stream_as_it_was(
    cuda, version, monkeypatch
):
    monkeypatch.setattr(torch, "__version__", version)
    cuda.failing = 2
    recorder = cuda_graphs.Recorder("cuda:0")
    with pytest.raises(RuntimeError, match="previous error during capture"):
        recorder(nothing, nothing)
    assert cuda.current_stream() is cuda.default
    assert cuda.default.waited_for == [recorder._lease.stream]


def test_work_that_fails_ends_with_its_own_error(cuda):
    def work():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        cuda_graphs.Recorder("cuda:0")(nothing, work)
    assert cuda.current_stream() is cuda.default


def test_what_follows_waits_for_a_first_time_that_fails(cuda):
    def first():
        raise KeyError("mine")

    recorder = cuda_graphs.Recorder("cuda:0")
    with pytest.raises(KeyError, match="mine"):
        recorder(first, nothing)
    assert cuda.default.waited_for == [recorder._lease.stream]


@pytest.mark.parametrize(("version", "captures"), [("2.11.0", 1), ("2.13.0", 0)])
def test_an_old_torch_gets_its_generators_back_by_a_capture_that_ends(
    cuda, version, captures, monkeypatch
):
    monkeypatch.setattr(torch, "__version__", version)
    cuda.failing = 1
    with pytest.raises(RuntimeError, match="previous error during capture"):
        cuda_graphs.Recorder("cuda:0")(nothing, nothing)
    assert cuda.captured == captures


@pytest.mark.parametrize(("version", "times"), [("2.13.1", 1), ("2.14.1", 0)])
def test_generators_are_registered_where_torch_does_not_do_it(
    cuda, version, times, monkeypatch
):
    monkeypatch.setattr(torch, "__version__", version)
    cuda_graphs.Recorder("cuda:0")(nothing, nothing)
    assert cuda.registered == times


def test_no_two_recorders_have_one_stream_and_it_is_lent_again(monkeypatch):
    install(monkeypatch, FakeCuda(streams=2))
    first, second, third = (cuda_graphs.Recorder("cuda") for _ in range(3))
    kept = [first(nothing, nothing), second(nothing, nothing)]
    assert first._lease.stream is not second._lease.stream
    with pytest.raises(RuntimeError, match="all 2 streams of cuda are in use"):
        third(nothing, nothing)
    stream = first._lease.stream
    del first
    gc.collect()
    with pytest.raises(RuntimeError, match="in use"):  # its graph is still there
        third(nothing, nothing)
    del kept[0]
    gc.collect()
    third(nothing, nothing)
    assert third._lease.stream is stream


def test_many_recorders_in_turn_make_one_stream(cuda):
    for _ in range(20):
        cuda_graphs.Recorder("cuda:0")(nothing, nothing)
        gc.collect()
    assert cuda._made == 1


def test_the_host_is_at_most_two_launches_ahead_of_the_device(cuda):
    cuda.device_work.seconds = 0.003
    repeat = cuda_graphs.Recorder("cuda:0")(nothing, nothing)
    for _ in range(30):
        repeat()
    assert 2 <= cuda.device_work.furthest <= 3
    assert cuda.device_work.launched - cuda.device_work.done <= 2


def test_all_graphs_of_a_recorder_are_one_queue(cuda):
    cuda.device_work.seconds = 0.003
    recorder = cuda_graphs.Recorder("cuda:0")
    repeats = [recorder(nothing, nothing) for _ in range(3)]
    for number in range(30):
        repeats[number % 3]()
    assert cuda.device_work.furthest <= 3


def test_the_queue_of_another_gpu_is_counted_there(cuda):
    repeat = cuda_graphs.Recorder("cuda:1")(nothing, nothing)
    repeat()
    assert cuda.recorded_on == [cuda.other]
