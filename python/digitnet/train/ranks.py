"""Data-parallel training: what the loop needs of the other ranks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from digitnet._utils.arrays import arrays_sha256
from digitnet.data.dataset import Dataset
from digitnet.distributed import rank, started, world_size
from digitnet.train.trainable import Trainable

# (this rank, how many there are, what sums memory of the core over all in place)
Ranks = tuple[int, int, Callable[[Any], None]]


def ranks_for(model: Trainable, training: Dataset, options: Mapping[str, Any]) -> Ranks:
    """What the loop needs of the ranks, once all were found to do the same.

    Raises:
        ValueError: no ranks, or ranks whose weights, data or options differ.
    """
    if not started():
        raise ValueError(
            "fit.distributed: expected a process group, got none; start the script by "
            "torchrun and call digitnet.distributed.start()"
        )
    from torch import distributed

    fingerprints: list[Any] = [None] * world_size()
    distributed.all_gather_object(fingerprints, _fingerprint(model, training, options))
    for other, theirs in enumerate(fingerprints):
        for what, expected in fingerprints[0].items():
            if theirs[what] != expected:
                raise ValueError(
                    f"fit.distributed: expected the same {what} on all ranks; rank "
                    f"{other} differs from rank 0"
                )
    return rank(), world_size(), _all_reduce


def of_first_rank(make: Callable[[], Any]) -> Any:
    """What the first rank makes, or raises, on all of them."""
    from torch import distributed

    made: list[Any] = [None, None]
    if rank() == 0:
        try:
            made[0] = make()
        except Exception as error:  # also theirs: else they would wait for ever
            made[1] = error
    distributed.broadcast_object_list(made)
    if made[1] is not None:
        raise made[1]
    return made[0]


def _all_reduce(capsule: Any) -> None:
    """Sums memory of the core over the ranks, in place."""
    from torch import distributed
    from torch.utils.dlpack import from_dlpack

    distributed.all_reduce(from_dlpack(capsule))


def _fingerprint(
    model: Trainable, training: Dataset, options: Mapping[str, Any]
) -> dict[str, str]:
    comparable = {key: value for key, value in options.items() if key != "device"}
    return {
        "weights": arrays_sha256(model.state_dict()),
        "data": training.sha256(),
        "options": json.dumps(comparable, sort_keys=True, default=str),
    }
