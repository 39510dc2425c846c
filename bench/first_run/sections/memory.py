"""What is left of the GPU's memory after each of five trainings."""

from __future__ import annotations

import torch
from context import Context
from trials import fitted, images

import digitnet


def run(context: Context) -> None:
    data = images((28, 28), 32 * 80)
    held = []
    for _ in range(5):
        fitted(context, digitnet.models.make("lenet5", seed=1), data)
        torch.cuda.empty_cache()
        held.append(round(torch.cuda.memory_allocated() / 2**20, 2))
    context.put("mib_after_each_fit", held)
    print(f"MiB held after each fit: {held}", flush=True)
    context.expect(
        held[-1] - held[0] <= 1, f"a fit keeps memory: {held[0]} to {held[-1]} MiB"
    )
