"""Layers of odd widths: their weights lie at addresses that no vector likes."""

from __future__ import annotations

import numpy as np
from context import Context
from trials import fitted, images, loop_of

import digitnet
from digitnet.layers import BatchNorm, Conv, Dense, Flatten, MaxPool, ReLU

WIDTHS = ((3, 5), (7, 9), (6, 16), (10, 20))


def network(first: int, second: int) -> digitnet.Model:
    layers = [
        *(Conv(first, 3), BatchNorm(), ReLU(), Conv(second, 3), BatchNorm(), ReLU()),
        *(MaxPool(2), Flatten(), Dense(11), ReLU(), Dense(10)),
    ]
    return digitnet.Model(layers, (28, 28), seed=1)


def run(context: Context) -> None:
    data = images((28, 28), 1300 if context.on_gpu else 40)
    for widths in WIDTHS if context.on_gpu else WIDTHS[:2]:
        for precision in ("float32", "bfloat16"):
            key = f"{widths[0]}, {widths[1]} {precision}"
            if key in context.figures:
                continue
            try:
                model = network(*widths)
                fitted(context, model, data, batch_size=16, precision=precision)
                row = f"{1e3 * model.history['seconds'][-1]:.1f} ms; {loop_of(model)}"
                good = all(np.isfinite(v).all() for v in model.state_dict().values())
            except RuntimeError as error:
                row, good = f"FAILED {str(error)[:200]}", False
            context.put(key, row)
            print(f"{key:<16} {row}", flush=True)
            context.expect(good, f"widths {key}: {row[:120]}")
            context.check_gpu()
