"""The same training twice, with deterministic=True and without, and what each takes."""

from __future__ import annotations

from context import Context
from trials import difference, fitted, images

import digitnet

NAMES = ("lenet5", "kaggle-cnn", "norm-cnn", "resnet18")


def run(context: Context) -> None:
    for name in NAMES if context.on_gpu else NAMES[:1]:
        data = images((28, 28), 32 * (100 if context.on_gpu else 4) + 16)
        for deterministic in (False, True):
            first, second = (
                fitted(
                    context,
                    digitnet.models.make(name, seed=1),
                    data,
                    deterministic=deterministic,
                )
                for _ in range(2)
            )
            apart = difference(first, second)
            step = 1e6 * second.history["seconds"][-1] * 32 / len(data)
            word = "deterministic" if deterministic else "as it is"
            context.put(f"{name}, {word}", {"twice": apart, "step_us": round(step, 1)})
            print(f"{name:<12}{word:<14}{apart:9.1e}{step:10.1f} us a step", flush=True)
            context.expect(
                apart == 0 or not deterministic,
                f"{name}: not the same twice with deterministic=True ({apart:.1e})",
            )
