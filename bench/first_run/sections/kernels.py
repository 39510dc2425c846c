"""What is launched in a step: kernels on a GPU, LibTorch's operations on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from context import Context
from torch.profiler import ProfilerActivity, profile
from trials import images

import digitnet

CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lenet5", {}),
    ("lenet5", {"augment": "shift 2px | rotate 10deg | zoom 10%"}),
    ("lenet5", {"precision": "bfloat16"}),
    ("two-conv-small", {"label_smoothing": 0.1}),
    ("resnet18", {}),
)
MANY, FEW = 340, 64  # of an epoch: three make enough for several steps a launch
SHOWN = 12


def profiled(
    context: Context, name: str, steps: int, batch: int, options: dict[str, Any]
) -> tuple[list[Any], float]:
    """What ran in the last of three epochs, by kind, and its seconds."""
    on_gpu = context.on_gpu
    activity = ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU
    profiler = profile(activities=[activity])
    wait = torch.cuda.synchronize if on_gpu else (lambda: None)

    def around_the_last(epoch: int, logs: dict[str, float]) -> None:
        wait()
        if epoch == 2:
            profiler.start()
        elif epoch == 3:
            profiler.stop()

    history = digitnet.models.make(name, seed=0).fit(
        images((28, 28), batch * steps),
        epochs=3,
        batch_size=batch,
        device=context.device,
        progress=False,
        callbacks=around_the_last,
        **options,
    )
    kind = torch.autograd.DeviceType.CUDA if on_gpu else torch.autograd.DeviceType.CPU
    rows = [row for row in profiler.key_averages() if row.device_type == kind]
    return rows, history["seconds"][-1]


def run(context: Context) -> None:
    batch = 256 if context.on_gpu else 16
    spent = "self_device_time_total" if context.on_gpu else "self_cpu_time_total"
    word = "kernels" if context.on_gpu else "operations"
    for name, options in CASES if context.on_gpu else CASES[:2]:
        steps = 3 if not context.on_gpu else FEW if name == "resnet18" else MANY
        rows, seconds = profiled(context, name, steps, batch, options)
        count = sum(row.count for row in rows) / steps
        busy = sum(getattr(row, spent) for row in rows) / steps
        key = f"{name} {options or ''}".strip()
        rows.sort(key=lambda row: -getattr(row, spent))
        most = [
            {
                "name": row.key[:140],
                "a_step": round(row.count / steps, 2),
                "us": round(getattr(row, spent) / row.count, 2),
            }
            for row in rows[:SHOWN]
        ]
        figures = {word: count, "busy_us": busy, "clock_us": 1e6 * seconds / steps}
        context.put(key, {**figures, "most": most})
        print(
            f"{key}: {count:.1f} {word} a step that take {busy:.1f} us; "
            f"{figures['clock_us']:.1f} us by the clock (profiled)",
            flush=True,
        )
        for row in most:
            print(
                f"    {row['a_step']:6.1f} x {row['us']:8.2f} us  {row['name'][:100]}"
            )
        context.expect(count > 0, f"{key}: the profiler saw nothing")
