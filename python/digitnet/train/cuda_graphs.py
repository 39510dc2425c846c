"""Training steps captured as CUDA graphs: the GPU repeats them without the host.

What is recorded is cpp/engine/torch/captured_steps.cpp.

`Model.fit` uses it by itself on a GPU; `DIGITNET_CAPTURE=0` asks for every step singly.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from digitnet._utils.torch_engine import numbers_of

Work = Callable[[], object]

# A capture waits for the whole device at its start, which spoils any other that is
# under way.
_one_capture = threading.Lock()


class Streams:
    """Streams of one device, each lent to one borrower at a time.

    torch hands out 32, again and again: two that record on one would record each other's
    work, and the end of one frees memory that the other's graphs still use.
    """

    POOL = 32  # of torch.cuda.Stream

    def __init__(self, device: Any) -> None:
        self._device = device
        self._lock = threading.Lock()
        self._free: list[Any] = []
        self._known: set[int] = set()

    def lend(self) -> Any:
        """A stream that nobody has; RuntimeError if there is none."""
        import torch

        with self._lock:
            if self._free:
                return self._free.pop()
            for _ in range(self.POOL):
                stream = torch.cuda.Stream(self._device)
                if stream.cuda_stream not in self._known:
                    self._known.add(stream.cuda_stream)
                    return stream
        raise RuntimeError(
            f"all {len(self._known)} streams of {self._device} are in use"
        )

    def take_back(self, stream: Any) -> None:
        """It may be lent again."""
        with self._lock:
            self._free.append(stream)


_streams: dict[int, Streams] = {}  # of each device


class _Lease:
    """A stream until the last who holds this is gone."""

    def __init__(self, device: Any) -> None:
        import torch

        index = torch.cuda.current_device() if device.index is None else device.index
        self._from = _streams.setdefault(index, Streams(device))
        self.stream = self._from.lend()

    def __del__(self) -> None:
        if hasattr(self, "stream"):
            self._from.take_back(self.stream)


class Queue:
    """How far the host is ahead of the device: a launch that is under way and another
    behind it keep the device busy, and whoever wants to stop waits for two.
    """

    AHEAD = 2

    def __init__(self, device: Any) -> None:
        self._device = device
        self._under_way: deque[Any] = deque()

    def launched(self) -> None:
        """To be called behind each launch; waits while there are too many."""
        import torch

        event = torch.cuda.Event()
        # A replay goes to its own device's current stream; an event would go to that
        # of the current device.
        event.record(torch.cuda.current_stream(self._device))
        self._under_way.append(event)
        if len(self._under_way) > self.AHEAD:
            self._under_way.popleft().synchronize()


class _Repeat:
    """A graph, which is gone before its stream can be lent again."""

    def __init__(self, graph: Any, lease: _Lease, queue: Queue) -> None:
        self._graph, self._lease, self._queue = graph, lease, queue

    def __call__(self) -> None:
        self._graph.replay()
        self._queue.launched()

    def __del__(self) -> None:
        del self._graph


class Recorder:
    """Records work of the core on one GPU.

    The work is done once, in which LibTorch chooses kernels and makes room, and recorded,
    both on one stream beside the current one; graphs share their memory, for they are
    repeated one after the other. Whatever happens, the current stream is the same behind.

    Attributes:
        generator: Where the work takes its random numbers from.
        pays_from: Steps of a training from which on recording single ones costs less than
            it saves. Estimated, not measured: about 10 ms against 0.3 ms a step.
        min_repeats: How often a launch of several steps should be repeated: recording one
            costs about what 1.5 ms a step do, and a repetition saves about 60 us a step.
        launch_seconds: How long a launch should take: long beside what launching costs,
            short enough to be waited for.
    """

    pays_from = 150
    min_repeats = 32
    launch_seconds = 0.01

    def __init__(self, device: str) -> None:
        import torch

        self.generator = torch.Generator(device)
        self._device = torch.device(device)
        self._lease: _Lease | None = None
        self._pool: object | None = None
        self._queue = Queue(self._device)

    def __call__(self, first: Work, work: Work) -> Work:
        """What repeats `work`; `first` does it, and is called once."""
        import torch

        self._lease = self._lease or _Lease(self._device)
        stream = self._lease.stream
        with _one_capture, torch.cuda.device(self._device):
            current = torch.cuda.current_stream()
            stream.wait_stream(current)
            # torch.cuda.graph sets the stream, too, but leaves it set if it cannot end.
            try:
                with torch.cuda.stream(stream):
                    first()
                    try:
                        graph = self._captured(work, stream)
                    except BaseException:
                        self._settle_generators(stream)
                        raise
            finally:
                current.wait_stream(stream)  # for what was done there, whatever failed
            return _Repeat(graph, self._lease, self._queue)

    def _captured(self, work: Work, stream: Any) -> Any:
        import torch

        graph = torch.cuda.CUDAGraph()
        if numbers_of(torch.__version__) < [2, 14]:  # which registers by itself
            graph.register_generator_state(self.generator)
        # Other threads may go on using the GPU meanwhile.
        with torch.cuda.graph(
            graph,
            pool=self._pool,
            stream=stream,
            capture_error_mode="thread_local",
        ):
            work()
        self._pool = graph.pool()
        return graph

    def _settle_generators(self, stream: Any) -> None:
        """Before 2.13, a capture that cannot end leaves the generators in its state, and
        the next draw from them fails; one that ends puts them right."""
        import torch

        if numbers_of(torch.__version__) >= [2, 13]:
            return
        zero = torch.zeros(1, device=self._device)
        # If the device is gone, the error that is under way says so.
        with contextlib.suppress(RuntimeError):
            self._captured(lambda: zero.add_(1), stream)


def recorder_for(device: str) -> Recorder | None:
    """Who records the steps on this device: nobody on a CPU."""
    setting = os.environ.get("DIGITNET_CAPTURE", "1")
    if setting not in ("0", "1"):
        raise ValueError(f"DIGITNET_CAPTURE: expected '0' or '1', got {setting!r}")
    return Recorder(device) if device.startswith("cuda") and setting == "1" else None
