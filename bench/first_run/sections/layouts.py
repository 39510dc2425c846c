"""A step of the plain torch module in NCHW and NHWC, with TF32 and without.

On a GPU captured, sixteen steps a graph: what digitnet's own steps could take.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from context import Context

import digitnet

NAMES = ("lenet5", "two-conv-small", "kaggle-cnn")
LAYOUTS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}
STEPS, REPEATS = 16, 10


def step_of(
    name: str, layout: torch.memory_format, device: str, batch: int
) -> Callable[[], None]:
    """Forward, backward and fused Adam."""
    model = digitnet.models.make(name)
    model.fix_scale(255)
    module = model.to_torch().to(device, memory_format=layout).train()
    optimizer = torch.optim.Adam(
        module.parameters(), fused=True, capturable=device != "cpu"
    )
    x = torch.rand(batch, 1, 28, 28, device=device) * 255
    x = x.contiguous(memory_format=layout)
    y = torch.randint(0, 10, (batch,), device=device)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(module(x), y).backward()
        optimizer.step()

    return step


def captured_us(step: Callable[[], None]) -> float:
    """Microseconds of a step within a graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(STEPS):
            step()
    graph.replay()
    torch.cuda.synchronize()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(REPEATS):
        graph.replay()
    end.record()
    torch.cuda.synchronize()
    return 1e3 * begin.elapsed_time(end) / (STEPS * REPEATS)


def plain_us(step: Callable[[], None]) -> float:
    """Microseconds of a step on a CPU."""
    step()
    start = time.perf_counter()
    for _ in range(3):
        step()
    return 1e6 * (time.perf_counter() - start) / 3


def run(context: Context) -> None:
    for name in NAMES if context.on_gpu else NAMES[:1]:
        for word, layout in LAYOUTS.items():
            for tf32 in (True, False) if context.on_gpu else (False,):
                torch.backends.cudnn.allow_tf32 = tf32
                step = step_of(
                    name, layout, context.device, 256 if context.on_gpu else 16
                )
                spent = captured_us(step) if context.on_gpu else plain_us(step)
                key = f"{name} {word}{' TF32' if tf32 else ''}"
                context.put(key, round(spent, 1))
                print(f"{key:<28}{spent:9.1f} us a step", flush=True)
