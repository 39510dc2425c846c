"""Short trainings that several sections make."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from context import Context

import digitnet


def images(shape: tuple[int, ...], count: int) -> digitnet.Dataset:
    """Noise with ten labels, always the same."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
    return digitnet.Dataset(pixels, rng.integers(0, 10, count))


def fitted(
    context: Context,
    model: digitnet.Model,
    data: digitnet.Dataset,
    *,
    capture: bool = True,
    **options: Any,
) -> digitnet.Model:
    """The model after two epochs of Adam, captured or step by step."""
    os.environ["DIGITNET_CAPTURE"] = str(int(capture))
    settings = {"epochs": 2, "batch_size": 32, "learning_rate": 1e-3, **options}
    model.fit(data, device=context.device, progress=False, seed=3, **settings)
    return model


def difference(first: digitnet.Model, second: digitnet.Model) -> float:
    """The largest one between two weights of the same name; NaN if one is not a number."""
    there = second.state_dict()
    apart = [np.abs(there[k] - v).max() for k, v in first.state_dict().items()]
    return float(np.max(apart))  # unlike max(), it keeps NaN


def loop_of(model: digitnet.Model) -> str:
    """How the last fit got its data and steps, in one line."""
    return " ".join(str(model.history.executor.loop).split())


def is_captured(model: digitnet.Model) -> bool:
    return "captured steps" in loop_of(model)


def seconds_of(context: Context, work: Callable[[], object]) -> float:
    """By the clock, the GPU's work included."""
    import torch

    wait = torch.cuda.synchronize if context.on_gpu else (lambda: None)
    wait()
    start = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - start


def mnist(context: Context) -> tuple[digitnet.Dataset, digitnet.Dataset]:
    """MNIST's two parts (a twentieth on a CPU); noise of the same size if it is not
    here, which is said and among the figures."""
    try:
        train, test = digitnet.data.load("mnist")
        context.put("data", "mnist")
    except FileNotFoundError as error:
        print(f"no MNIST, noise instead: {str(error)[:120]}", flush=True)
        train, test = images((28, 28), 60_000), images((28, 28), 10_000)
        context.put("data", "noise")
    return (train, test) if context.on_gpu else (train[:3000], test[:500])
