"""Six trainings at once, in threads, on one device."""

from __future__ import annotations

import threading

import torch
from context import Context
from trials import difference, fitted, images, loop_of

import digitnet

COUNT = 6


def run(context: Context) -> None:
    data = images((28, 28), 32 * 80 if context.on_gpu else 64)
    models: dict[int, digitnet.Model] = {}
    loops: dict[int, str] = {}

    def work(number: int) -> None:
        try:
            model = digitnet.models.make("kaggle-cnn", seed=1)
            models[number] = fitted(context, model, data, deterministic=True)
            loops[number] = loop_of(models[number])
        except RuntimeError as error:
            loops[number] = f"FAILED {str(error)[:150]}"

    threads = [threading.Thread(target=work, args=(n,)) for n in range(COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(COUNT):
        loop = loops.get(number, "FAILED: see above")
        context.put(f"thread {number}", loop)
        print(f"{number} {loop}", flush=True)
        good = "captured steps" in loop if context.on_gpu else number in models
        context.expect(good, f"thread {number}: {loop[:120]}")
    if len(models) == COUNT:
        apart = max(difference(models[0], models[n]) for n in range(1, COUNT))
        context.put("difference", apart)
        context.expect(apart == 0, f"threads: weights differ by {apart:.1e}")
    if context.on_gpu:
        # What a failed capture would have left unusable.
        drawn = torch.rand(2, device="cuda").tolist()
        stream = torch.cuda.current_stream()
        print(f"default generator: {drawn}; stream: {stream}", flush=True)
        context.expect(
            stream == torch.cuda.default_stream(), f"the current stream is {stream}"
        )
