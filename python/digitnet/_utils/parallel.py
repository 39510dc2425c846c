"""Parallel map: several trainings side by side, in threads that share one copy of the data."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import digitnet._core as _core
from digitnet._utils.signals import interrupt

T = TypeVar("T")
R = TypeVar("R")


def parallel_map(
    work: Callable[[T], R],
    items: Sequence[T],
    *,
    jobs: int | None = None,
    done: Callable[[], None] = lambda: None,
    stop: Callable[[], None] | None = None,
) -> list[R]:
    """What `work` returns for each item, in the order of the items.

    As many run at a time as there are cores, each on one thread: training on a CPU gives
    the same bits as on all of them, and together they are done sooner. On a GPU one does:
    several would take turns there and spoil each other's captured steps.

    Args:
        work: Called with an item, from a thread of its own.
        items: What to work on.
        jobs: How many at a time. Default: digitnet.get_num_threads(), or 1 where
            device="auto" is a GPU.
        done: Called in this thread whenever an item is finished.
        stop: Called at Ctrl-C if `work` runs in other threads. Default: stops them where
            they are.
    Raises:
        What the first failing `work` raised, once those that run have ended. Ctrl-C stops
        them where they are.
    Example:
        >>> from digitnet._utils.parallel import parallel_map
        >>> parallel_map(lambda x: x * x, [1, 2, 3], jobs=2)
        [1, 4, 9]
    """
    jobs = min(len(items), jobs or _default_jobs())
    if jobs <= 1:
        return [_then(done, work(item)) for item in items]
    at_work: set[int] = set()  # threads inside `work`; idle ones are the pool's own
    lock = threading.Lock()

    def run(item: T) -> R:
        with lock:
            at_work.add(threading.get_ident())
        try:
            return work(item)
        finally:
            with lock:
                at_work.discard(threading.get_ident())

    with _one_thread_each(), ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run, item) for item in items]
        try:
            _wait(futures, done)
        except BaseException as error:
            for future in futures:
                future.cancel()
            if isinstance(error, KeyboardInterrupt):
                if stop is not None:
                    stop()
                else:
                    with lock:
                        interrupt(at_work)
            raise
    return [future.result() for future in futures]


def _default_jobs() -> int:
    on_cpu = _core.engine.resolve_device("auto") == "cpu"
    return _core.engine.num_threads() if on_cpu else 1


def _then(done: Callable[[], None], result: R) -> R:
    done()
    return result


def _wait(futures: Sequence[Future[R]], done: Callable[[], None]) -> None:
    """Until all have ended or one has failed."""
    left = set(futures)
    while left:
        ended, left = wait(left, return_when=FIRST_COMPLETED)
        for future in ended:
            future.result()
            done()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """One thread for whatever the core computes, and torch where it is at work; their
    numbers are back afterwards."""
    torch = sys.modules.get("torch")
    before = _core.engine.num_threads()
    torch_before = torch.get_num_threads() if torch else 0
    _core.engine.set_num_threads(1)
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        _core.engine.set_num_threads(before)
        if torch:
            torch.set_num_threads(torch_before)
