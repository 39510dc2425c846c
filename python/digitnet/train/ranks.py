"""What the training loop needs of the other ranks, once all were found to do the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from digitnet._utils.arrays import arrays_sha256
from digitnet.data.dataset import Dataset
from digitnet.distributed import rank, started, world_size

if TYPE_CHECKING:
    from digitnet.models.model import Model

# (this rank, how many there are, what sums memory of the core over all in place)
Ranks = tuple[int, int, Callable[[Any], None]]


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
        "weights": arrays_sha256(model.state_dict()),
        "data": training.sha256(),
        "options": json.dumps(comparable, sort_keys=True, default=str),
    }
