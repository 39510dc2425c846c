"""On a GPU: time to an accuracy, epochs, and PyTorch on the same card in the same run.

    python bench/cuda.py            # at most 10 minutes
    python bench/cuda.py --quick    # at most 4
    python bench/cuda.py --device cpu    # a dry run in a size for tests: no measurement

Peers: PyTorch eager (data resident, channels-last, fused Adam) and torch.compile
(reduce-overhead: CUDA graphs), both without augmentation, and LibTorch's C++ way. Medians
of rounds in which all take turns; every clock waits for the card.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

import cuda_epochs
import cuda_example
import numpy as np
import torch

import digitnet

PARTS = ("accuracy", "augmentation", "example", "epochs")
# Compiling takes half a minute a precision.
COMPILED = ("lenet5", "resnet18")
MOST_MINUTES = {"quick": 3.5, "full": 9.0}


def to_accuracy(
    name: str,
    train: digitnet.Dataset,
    test: digitnet.Dataset,
    options: argparse.Namespace,
) -> None:
    """Time and accuracy of a preset, over some seeds; a first fit warms up."""
    recipe = digitnet.train.preset(name, device=options.device)
    chosen = {**recipe.options, **({"epochs": 1} if options.device == "cpu" else {})}
    scores, spent = [], []
    for number in range(options.seeds + 1):
        seed = max(0, number - 1)
        model = digitnet.models.make(recipe.network, seed=seed)
        cuda_epochs.wait(options.device)
        start = time.perf_counter()
        model.fit(train, seed=seed, device=options.device, progress=False, **chosen)
        cuda_epochs.wait(options.device)
        spent.append(time.perf_counter() - start)
        scores.append(model.evaluate(test, device=options.device)["accuracy"])
    scores = scores[1:]
    print(
        f"preset {name}: {statistics.mean(scores):.2%} (sd {statistics.stdev(scores):.2%}, "
        f"{options.seeds} seeds) in {statistics.median(spent[1:]):.3f} s; the first fit of "
        f"all {spent[0]:.3f} s",
        flush=True,
    )


def augmentation(train: digitnet.Dataset, options: argparse.Namespace) -> None:
    """What augmentation adds to an epoch of the smallest network."""
    pipelines = (None, cuda_epochs.AUGMENT, f"{cuda_epochs.AUGMENT} | elastic 2px")
    plain = 0.0
    for augment in pipelines:
        history = digitnet.models.make("linear").fit(
            train,
            epochs=3,
            batch_size=options.batch,
            augment=augment,
            device=options.device,
            progress=False,
        )
        seconds = statistics.median(history["seconds"][1:])
        plain = seconds if augment is None else plain
        print(
            f"linear, {augment or 'as they are'}: {1e3 * seconds:.1f} ms an epoch, "
            f"{1e3 * (seconds - plain):.1f} ms of them for augmentation (the first epoch "
            f"{1e3 * history['seconds'][0]:.1f} ms)",
            flush=True,
        )


def size_of(options: argparse.Namespace, began: float) -> cuda_epochs.Size:
    names = tuple(cuda_epochs.NETWORKS)
    if options.quick:
        names = names[:3]
    if options.device == "cpu":
        names = names[:1]
    return cuda_epochs.Size(
        device=options.device,
        networks=names,
        precisions=("float32", *(() if options.quick else ("tf32",)), "bfloat16"),
        compiled=COMPILED[:1] if options.quick else COMPILED,
        rounds=options.rounds,
        batch=options.batch,
        until=began + 60 * options.minutes,
    )


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--parts", nargs="*", choices=PARTS, help="default: all")
    parser.add_argument("--rounds", type=int, help="default: 3; 2 with --quick")
    parser.add_argument("--batch", type=int, help="default: 512")
    parser.add_argument("--minutes", type=float, help="after which nothing begins")
    options = parser.parse_args(arguments)
    dry = options.device == "cpu"
    options.quick |= dry
    if options.parts is None:
        # The example's compilation takes a minute.
        options.parts = [p for p in PARTS if p != "example" or not options.quick]
    options.rounds = options.rounds or (1 if dry else 2 if options.quick else 3)
    options.batch = options.batch or (32 if dry else 512)
    options.seeds = 2 if dry else 3 if options.quick else 10
    word = "quick" if options.quick else "full"
    options.minutes = options.minutes or MOST_MINUTES[word]
    return options


def main(arguments: list[str]) -> int:
    options = parsed(arguments)
    began = time.perf_counter()
    if options.device == "cpu":
        # The same engine, and the data where a GPU has them.
        os.environ.update(DIGITNET_EXECUTOR="torch", DIGITNET_RESIDENT="1")
    elif not torch.cuda.is_available():
        print("bench/cuda.py: expected a GPU, got none", file=sys.stderr)
        return 1
    digitnet.show_versions()
    sys.stdout.flush()
    train, test = digitnet.data.load("digits" if options.device == "cpu" else "mnist")
    if options.device == "cpu":
        print("a dry run: nothing here is a measurement", flush=True)
        train, test = (bordered(part[:96]) for part in (train, test))
    if "accuracy" in options.parts:
        for name in ("fast", "accurate"):
            to_accuracy(name, train, test, options)
    if "augmentation" in options.parts:
        augmentation(train, options)
    if "example" in options.parts:
        if options.device == "cpu":
            rows = np.arange(cuda_example.IMAGES) % len(train)
            cuda_example.measure(train[rows], options.device, epochs=2)
        else:
            cuda_example.measure(train, options.device)
    if "epochs" in options.parts:
        cuda_epochs.measure(train, size_of(options, began))
    print(f"{time.perf_counter() - began:.0f} s in all", flush=True)
    return 0


def bordered(digits: digitnet.Dataset) -> digitnet.Dataset:
    """The embedded digits, 8 x 8, in images of MNIST's size."""
    pixels = np.pad(digits.images, [(0, 0), (10, 10), (10, 10)])
    return digitnet.Dataset((pixels * 15).astype(np.uint8), digits.labels)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
