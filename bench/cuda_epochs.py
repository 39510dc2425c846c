"""Epochs on a GPU: digitnet captured and step by step, PyTorch eager and compiled."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

import digitnet
from digitnet.preprocess import GreyToRGB, Resize, Scale

PEAK = 989e12  # dense bfloat16 operations a second of an H100 or H200 (SXM)
AUGMENT = "shift 2px | rotate 10deg | zoom 10%"
# Name: (network, its options, augmentation)
NETWORKS: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "lenet5": ("lenet5", {}, None),
    "kaggle-cnn, augmented": ("kaggle-cnn", {}, AUGMENT),
    "resnet18": ("resnet18", {}, None),
    "m5, augmented": ("m5", {}, AUGMENT),
    "vgg16 at 48x48": (
        "vgg16-transfer",
        {"preprocess": [GreyToRGB(), Resize(48, 48), Scale()]},
        None,
    ),
}


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        device: "cuda" or "cpu".
        networks: Names in NETWORKS.
        precisions: Of each network.
        compiled: Names of those that torch.compile compiles, too; a minute each.
        rounds: Turns of every contender, behind one that warms up.
        batch: Samples a step.
        until: By time.perf_counter; what would begin later is left out.
    """

    device: str
    networks: tuple[str, ...]
    precisions: tuple[str, ...]
    compiled: tuple[str, ...]
    rounds: int
    batch: int
    until: float

    def is_over(self) -> bool:
        return time.perf_counter() > self.until


def made(name: str) -> digitnet.Model:
    network, options, _ = NETWORKS[name]
    return digitnet.models.make(network, (28, 28), **options)


def wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def by_digitnet(
    name: str, train: digitnet.Dataset, precision: str, size: Size, *, capture: bool
) -> Callable[[], list[float]]:
    """Seconds of two epochs: steps are recorded in the first."""
    model = made(name)

    def epochs() -> list[float]:
        os.environ["DIGITNET_CAPTURE"] = str(int(capture))
        history = model.fit(
            train,
            epochs=2,
            batch_size=size.batch,
            augment=NETWORKS[name][2],
            precision=precision,
            device=size.device,
            progress=False,
        )
        return list(history["seconds"])

    return epochs


@contextlib.contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """float32 means the same for every contender: all of its bits, unless said."""
    backends = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [backend.allow_tf32 for backend in backends]
    try:
        for backend in backends:
            backend.allow_tf32 = allowed
        yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.allow_tf32 = value


def by_pytorch(
    name: str, train: digitnet.Dataset, precision: str, size: Size, *, compiled: bool
) -> Callable[[], list[float]]:
    """Seconds of an epoch: data on the device, channels last, fused Adam."""
    model = made(name)
    model.fix_scale(255)
    module = model.to_torch().to(size.device, memory_format=torch.channels_last).train()
    # On a CPU, where this is only tried, nothing is compiled.
    how = {"backend": "eager"} if size.device == "cpu" else {"mode": "reduce-overhead"}
    step = torch.compile(module, **how) if compiled else module
    optimizer = torch.optim.Adam(module.parameters(), fused=True)
    images = torch.from_numpy(train.images)[:, None].to(size.device)
    labels = torch.from_numpy(train.labels).to(size.device)
    kind = size.device.partition(":")[0]

    def epoch() -> list[float]:
        wait(size.device)
        start = time.perf_counter()
        order = torch.randperm(len(images), device=size.device)
        with tf32(precision == "tf32"):
            for first in range(0, len(images) - size.batch + 1, size.batch):
                chosen = order[first : first + size.batch]
                optimizer.zero_grad(set_to_none=True)
                with torch.autocast(kind, torch.bfloat16, precision == "bfloat16"):
                    logits = step(images[chosen].float())
                loss = torch.nn.functional.cross_entropy(logits.float(), labels[chosen])
                loss.backward()
                optimizer.step()
        wait(size.device)
        return [time.perf_counter() - start]

    return epoch


def contenders_for(
    name: str, train: digitnet.Dataset, precision: str, size: Size
) -> dict[str, Callable[[], list[float]]]:
    listed = {
        "digitnet, captured": by_digitnet(name, train, precision, size, capture=True),
        "digitnet, step by step": by_digitnet(
            name, train, precision, size, capture=False
        ),
        "PyTorch eager, not augmented": by_pytorch(
            name, train, precision, size, compiled=False
        ),
    }
    if name in size.compiled:
        listed["torch.compile, not augmented"] = by_pytorch(
            name, train, precision, size, compiled=True
        )
    return listed


def in_turn(
    contenders: dict[str, Callable[[], list[float]]], size: Size
) -> dict[str, list[list[float]]]:
    """Each contender's turns; the first, which warms up, is theirs, too."""
    turns: dict[str, list[list[float]]] = {who: [] for who in contenders}
    for turn in range(size.rounds + 1):
        for who, epochs in contenders.items():
            if turn > 1 and size.is_over():
                return turns
            turns[who].append(epochs())
    return turns


def measure(train: digitnet.Dataset, size: Size) -> None:
    """Print a line a contender: medians of the rounds, and the very first epoch."""
    print(
        f"epochs of {len(train):,} images, batch {size.batch}, medians of at most "
        f"{size.rounds} rounds; first: the first epoch of all, which loads and records",
        flush=True,
    )
    for name in size.networks:
        work = 6 * made(name).summary().total("multiply_adds") * len(train)
        for precision in size.precisions:
            if size.is_over():
                print(f"  {name:<22} {precision:<9} left out: no time", flush=True)
                continue
            turns = in_turn(contenders_for(name, train, precision, size), size)
            for who, spent in turns.items():
                show(f"  {name:<22} {precision:<9} {who:<29}", spent, work)


def show(who: str, turns: list[list[float]], work: float) -> None:
    """One contender's line.

    Args:
        who: Its beginning.
        turns: Seconds of the epochs of each turn, the warming one first.
        work: Floating-point operations of an epoch.
    """
    last = statistics.median(epochs[-1] for epochs in turns[1:])
    first = statistics.median(epochs[0] for epochs in turns[1:])
    print(
        f"{who} {1e3 * last:9.1f} ms (a fit's first {1e3 * first:.1f}, the first of all "
        f"{1e3 * turns[0][0]:.0f}) {work / last / 1e12:7.2f} TFLOP/s "
        f"{work / last / PEAK:6.1%} of the card's bfloat16 rate",
        flush=True,
    )
