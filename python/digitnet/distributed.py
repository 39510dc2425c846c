"""Several processes that train one model, each its part of every batch.

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
import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from digitnet.weights import weights_sha256

if TYPE_CHECKING:
    from digitnet.data.dataset import Dataset
    from digitnet.model import Model

__all__ = ["rank", "start", "started", "world_size"]

Ranks = tuple[int, int, Callable[[Any], None]]


def start() -> None:
    """Join the other ranks that torchrun started; nothing to do if that is done, or if
    this process was started alone.

    Raises:
        RuntimeError: the others cannot be reached.
    """
    import torch
    from torch import distributed

    if started() or int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return
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
    from torch import distributed

    return distributed.is_available() and distributed.is_initialized()


def rank() -> int:
    """Which of the ranks this is; 0 if it is alone."""
    from torch import distributed

    return int(distributed.get_rank()) if started() else 0


def world_size() -> int:
    """How many ranks there are; 1 if this is alone."""
    from torch import distributed

    return int(distributed.get_world_size()) if started() else 1


def ranks_for(model: Model, training: Dataset, options: Mapping[str, Any]) -> Ranks:
    """What the loop needs of the ranks, once all were found to do the same.

    Raises:
        ValueError: no ranks, or ranks that differ in what they were given.
    """
    from torch import distributed

    if not started():
        raise ValueError(
            "fit.distributed: expected a process group, got none; start the script by "
            "torchrun and call digitnet.distributed.start()"
        )
    own = _told(model, training, options)
    everyone: list[Any] = [None] * world_size()
    distributed.all_gather_object(everyone, own)
    for other, told in enumerate(everyone):
        for what in own:
            if told[what] != everyone[0][what]:
                raise ValueError(
                    f"fit.distributed: expected the same {what} on all ranks, got others "
                    f"on rank {other} than on rank 0"
                )
    return rank(), world_size(), _add_up


def _add_up(capsule: Any) -> None:
    """Sums memory of the core over the ranks, in place."""
    from torch import distributed
    from torch.utils.dlpack import from_dlpack

    distributed.all_reduce(from_dlpack(capsule))


def _told(
    model: Model, training: Dataset, options: Mapping[str, Any]
) -> dict[str, str]:
    comparable = {key: value for key, value in options.items() if key != "device"}
    return {
        "weights": weights_sha256(model),
        "data": training.sha256(),
        "options": json.dumps(comparable, sort_keys=True, default=str),
    }
