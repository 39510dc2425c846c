"""Distributed training: several processes train one model, each a part of every batch.

    torchrun --nproc-per-node 2 -m digitnet.cli train --data mnist --model lenet5

or in a script of one's own, which torchrun starts on every rank:

    digitnet.distributed.start()
    model.fit(train, distributed=True)

Every rank has the whole data set and the same model. A batch is divided by the order of
its samples, gradients and the statistics of batch norms are summed over the ranks within
the C++ step, so that the weights are those of one process with the same batch size, to
rounding (but for dropout, whose masks are each rank's own). Rank 0 writes and shows.
"""

from __future__ import annotations

import atexit
import os
import sys

from digitnet._utils.extras import extra_packages

__all__ = ["rank", "start", "started", "world_size"]


def start() -> None:
    """Join the other ranks that torchrun started; nothing to do if that is done, or if
    this process was started alone.

    Raises:
        RuntimeError: the others cannot be reached.
        ImportError: torch is not installed; names the extra.
    """
    if started() or int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return
    with extra_packages("distributed.start"):
        import torch
        from torch import distributed

    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group(backend)
    atexit.register(_leave)


def _leave() -> None:
    """Before Python ends: threads of the group that are left would end it with a signal."""
    from torch import distributed

    if started():
        distributed.destroy_process_group()


def started() -> bool:
    """Whether this process is one of several ranks."""
    distributed = sys.modules.get("torch.distributed")
    return bool(
        distributed and distributed.is_available() and distributed.is_initialized()
    )


def rank() -> int:
    """Which of the ranks this is; 0 if it is alone."""
    if not started():
        return 0
    from torch import distributed

    return int(distributed.get_rank())


def world_size() -> int:
    """How many ranks there are; 1 if this is alone."""
    if not started():
        return 1
    from torch import distributed

    return int(distributed.get_world_size())
