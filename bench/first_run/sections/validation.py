"""What validation and augmentation add to an epoch."""

from __future__ import annotations

import statistics
from typing import Any

from context import Context
from trials import mnist

import digitnet

AUGMENTATIONS = (
    *("shift 2px | rotate 10deg | zoom 10%", "noise 5%", "elastic 2px"),
    *("horizontal_flip 50%", "blur 1px", "erase 20%"),
)


def run(context: Context) -> None:
    train, test = mnist(context)

    def epoch(name: str, key: str, **options: Any) -> None:
        history = digitnet.models.make(name, seed=0).fit(
            train,
            epochs=4 if context.on_gpu else 2,
            batch_size=256,
            device=context.device,
            progress=False,
            **options,
        )
        spent = [round(1e3 * seconds, 1) for seconds in history["seconds"]]
        plain = context.figures.get(name, {}).get("ms", 0)
        row = {"ms": statistics.median(spent[1:]), "epochs_ms": spent}
        context.put(key, row)
        print(
            f"{key:<50}{row['ms']:9.1f} ms an epoch, {row['ms'] - plain:+.1f}",
            flush=True,
        )

    for name in ("lenet5", "linear"):
        epoch(name, name)
        epoch(name, f"{name}, {len(test):,} validated", validation=test)
    for augment in AUGMENTATIONS:
        epoch("linear", f"linear, {augment}", augment=augment)
    epoch("lenet5", f"lenet5, {AUGMENTATIONS[0]}", augment=AUGMENTATIONS[0])
