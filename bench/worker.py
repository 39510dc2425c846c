"""One contender of bench/run.py: answers one question about one network as JSON.

The peer is tuned PyTorch eager: channels-last, resident tensors, fused SGD, no loader.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

BATCH = 128
SAMPLES = 128 * 60


def images_and_labels() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (SAMPLES, 28, 28), dtype=np.uint8)
    return images, rng.integers(0, 10, SAMPLES)


def digitnet_epochs(
    network: str, images: np.ndarray, labels: np.ndarray
) -> Callable[[], float]:
    """A function that trains one epoch and returns its seconds."""
    import digitnet

    model = digitnet.models.make(network)
    data = digitnet.Dataset(images, labels, max_value=255)
    momentum = digitnet.train.optimizer("sgd", momentum=0.9)

    def epoch() -> float:
        history = model.fit(
            data,
            epochs=1,
            batch_size=BATCH,
            optimizer=momentum,
            learning_rate=0.01,
            progress=False,
        )
        return history["seconds"][0]

    return epoch


def pytorch_epochs(
    network: str, images: np.ndarray, labels: np.ndarray
) -> Callable[[], float]:
    """The same in tuned PyTorch eager."""
    import torch

    import digitnet

    model = digitnet.models.make(network)
    twin = model.to_torch().to(memory_format=torch.channels_last).train()
    twin.steps = []
    x = torch.from_numpy(images)[:, None]
    y = torch.from_numpy(labels)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.01, momentum=0.9, fused=True)

    def epoch() -> float:
        start = time.perf_counter()
        order = torch.randperm(len(x))
        total = torch.zeros(())
        for i in range(0, len(x), BATCH):
            rows = order[i : i + BATCH]
            batch = (x[rows].float() / 255).contiguous(
                memory_format=torch.channels_last
            )
            optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.cross_entropy(twin(batch), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        total.item()
        return time.perf_counter() - start

    return epoch


def step_ms(epoch: Callable[[], float]) -> float:
    epoch()  # warm up
    return statistics.median(epoch() for _ in range(3)) / (SAMPLES // BATCH) * 1000


def peak_mib(contender: str, network: str) -> float:
    """Peak resident memory of training one epoch on MNIST's 60,000 images."""
    import digitnet

    train, _ = digitnet.data.load("mnist")
    make = digitnet_epochs if contender == "digitnet" else pytorch_epochs
    make(network, train.images, train.labels)()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    question, contender, network = sys.argv[1:]
    if question == "memory":
        value = peak_mib(contender, network)
    else:
        make = digitnet_epochs if contender == "digitnet" else pytorch_epochs
        value = step_ms(make(network, *images_and_labels()))
    print(json.dumps({"value": value}))


if __name__ == "__main__":
    main()
