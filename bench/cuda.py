"""On a GPU: time to an accuracy, epochs, and PyTorch on the same card in the same run.

    python bench/cuda.py

Peers: PyTorch eager (data resident, channels-last, fused Adam) and torch.compile
(max-autotune). Medians of rounds in which all take turns; every clock waits for the card.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

import digitnet
from digitnet.preprocess import GreyToRGB, Resize, Scale

ROUNDS, BATCH = 5, 512
AUGMENT = "shift 2px | rotate 10deg | zoom 10%"
# Name: (network, its options, augmentation)
EPOCHS = {
    "lenet5": ("lenet5", {}, None),
    "kaggle-cnn, augmented": ("kaggle-cnn", {}, AUGMENT),
    "m5, augmented": ("m5", {}, AUGMENT),
    "resnet18": ("resnet18", {}, None),
    "vgg16 at 48x48": (
        "vgg16-transfer",
        {"preprocess": [GreyToRGB(), Resize(48, 48), Scale()]},
        None,
    ),
}


def timed(work: Callable[[], None]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def by_digitnet(name: str, train: digitnet.Dataset) -> Callable[[], None]:
    network, options, augment = EPOCHS[name]
    model = digitnet.models.make(network, (28, 28), **options)

    def epoch() -> None:
        model.fit(
            train,
            epochs=1,
            batch_size=BATCH,
            augment=augment,
            device="cuda",
            progress=False,
        )

    return epoch


def by_pytorch(
    name: str, train: digitnet.Dataset, *, compiled: bool
) -> Callable[[], None]:
    network, options, _ = EPOCHS[name]
    model = digitnet.models.make(network, (28, 28), **options)
    model._fix_scale(255)
    module = model.to_torch().cuda().to(memory_format=torch.channels_last).train()
    step = torch.compile(module, mode="max-autotune") if compiled else module
    optimizer = torch.optim.Adam(module.parameters(), fused=True)
    images = torch.from_numpy(train.images)[:, None].cuda()
    labels = torch.from_numpy(train.labels).cuda()

    def epoch() -> None:
        order = torch.randperm(len(images), device="cuda")
        for first in range(0, len(images) - BATCH + 1, BATCH):
            chosen = order[first : first + BATCH]
            optimizer.zero_grad(set_to_none=True)
            logits = step(images[chosen].float())
            torch.nn.functional.cross_entropy(logits, labels[chosen]).backward()
            optimizer.step()

    return epoch


def epochs(train: digitnet.Dataset) -> None:
    print(f"epochs of {len(train):,} images, batch {BATCH}, medians of {ROUNDS} rounds")
    for name in EPOCHS:
        contenders = {
            "digitnet": by_digitnet(name, train),
            "PyTorch eager, not augmented": by_pytorch(name, train, compiled=False),
            "torch.compile, not augmented": by_pytorch(name, train, compiled=True),
        }
        seconds: dict[str, list[float]] = {who: [] for who in contenders}
        for turn in range(ROUNDS + 1):  # the first warms up
            for who, work in contenders.items():
                spent = timed(work)
                if turn:
                    seconds[who].append(spent)
        for who, values in seconds.items():
            print(f"  {name:<24} {who:<30} {1e3 * statistics.median(values):9.1f} ms")


def to_accuracy(train: digitnet.Dataset, test: digitnet.Dataset) -> None:
    recipe = digitnet.train.preset("fast")
    scores, spent = [], []
    for seed in range(-1, 10):  # the first warms up
        model = digitnet.models.make(recipe.network, seed=max(0, seed))

        def work(model: digitnet.Model = model, seed: int = seed) -> None:
            model.fit(
                train,
                seed=max(0, seed),
                device="cuda",
                progress=False,
                **recipe.options,
            )

        seconds = timed(work)
        if seed >= 0:
            spent.append(seconds)
            scores.append(model.evaluate(test, device="cuda")["accuracy"])
    print(
        f"preset fast: {np.mean(scores):.2%} (sd {np.std(scores, ddof=1):.2%}, 10 seeds) "
        f"in {statistics.median(spent):.3f} s"
    )


def main() -> int:
    if not torch.cuda.is_available():
        print("bench/cuda.py: expected a GPU, got none", file=sys.stderr)
        return 1
    digitnet.show_versions()
    train, test = digitnet.data.load("mnist")
    to_accuracy(train, test)
    epochs(train)
    return 0


if __name__ == "__main__":
    sys.exit(main())
