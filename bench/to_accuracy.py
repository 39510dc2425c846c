"""Time to an accuracy: the presets' networks and settings, by digitnet and by a tuned
PyTorch loop.

Each is trained over ever more of MNIST, a rung after the other. An accuracy counts as
reached at the first rung whose mean over the seeds is that high on the test images.
Seconds are from the data in memory to the last step, a new model each time.

As a process: reads `RUNG SEED` lines and answers each with seconds and accuracy.

    python bench/to_accuracy.py CONTENDER
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
import torch
from small import grid_samples

import digitnet

TARGETS = (0.97, 0.98, 0.99, 0.995)


@dataclass(frozen=True)
class Rung:
    """How much is trained on, and how."""

    images: int
    epochs: int
    preset: str = "fast"
    seeds: int = 3

    @property
    def recipe(self) -> digitnet.train.Preset:
        return digitnet.train.preset(self.preset)


RUNGS = (
    Rung(4_000, 1),
    Rung(10_000, 1),
    Rung(25_000, 1),
    Rung(60_000, 1),
    Rung(60_000, 4),
    Rung(60_000, 5, "accurate", seeds=1),  # minutes by PyTorch
)


def by_digitnet(train: digitnet.Dataset, rung: Rung, seed: int) -> tuple[float, object]:
    model = digitnet.models.make(rung.recipe.network, seed=seed)
    options = {**rung.recipe.options, "epochs": rung.epochs}
    start = time.perf_counter()
    model.fit(train, seed=seed, progress=False, **options)
    return time.perf_counter() - start, model.predict_logits


def by_pytorch(train: digitnet.Dataset, rung: Rung, seed: int) -> tuple[float, object]:
    """Eager, channels-last, fused Adam, everything in memory."""
    torch.manual_seed(seed)
    twin = digitnet.models.make(rung.recipe.network, seed=seed).to_torch()
    twin.steps = []  # scaling is done here
    model = twin.to(memory_format=torch.channels_last).train()
    options = rung.recipe.options
    batch = options["batch_size"]
    _, betas = options.get("optimizer", ("adam", {"beta1": 0.9, "beta2": 0.999}))
    _, cycle = options.get("schedule", ("one-cycle", {"rise": 0.3, "start": 0.04}))
    x = torch.tensor(train.images).reshape(-1, 1, 28, 28)
    y = torch.tensor(train.labels)
    start = time.perf_counter()
    optimizer = torch.optim.Adam(
        model.parameters(), betas=(betas["beta1"], betas["beta2"]), fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        options["learning_rate"],
        epochs=rung.epochs,
        steps_per_epoch=-(-len(x) // batch),
        pct_start=cycle["rise"],
        div_factor=1 / cycle["start"],
        final_div_factor=1e6,
        cycle_momentum=False,
    )
    for _ in range(rung.epochs):
        for rows in torch.randperm(len(x)).split(batch):
            part = x[rows].float() / 255
            if "augment" in options:  # the accurate preset's is small.py's
                part = grid_samples(part)
            loss = torch.nn.functional.cross_entropy(
                model(part.contiguous(memory_format=torch.channels_last)),
                y[rows],
                label_smoothing=options["label_smoothing"],
            )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    seconds = time.perf_counter() - start

    def logits(images: np.ndarray) -> np.ndarray:
        model.eval()
        with torch.inference_mode():
            return model(torch.tensor(images)[:, None].float() / 255).numpy()

    return seconds, logits


CONTENDERS = {"digitnet": by_digitnet, "pytorch tuned": by_pytorch}


def main() -> None:
    train, test = digitnet.data.load("mnist")
    learn = CONTENDERS[sys.argv[1]]
    learn(train[:2_000], RUNGS[0], 0)  # warm up
    print("ready", flush=True)
    for line in sys.stdin:
        rung, seed = RUNGS[int(line.split()[0])], int(line.split()[1])
        seconds, logits = learn(train[: rung.images], rung, seed)
        right = logits(test.images).argmax(1) == test.labels
        print(seconds, right.mean(), flush=True)


if __name__ == "__main__":
    main()
