"""Questions of gradients by the images: saliency and an attack of many steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from small import in_turn

import digitnet

NETWORKS = ("lenet5", "torch-example")
COUNT, STEPS, STRENGTH = 256, 10, 0.1


class Peer:
    """PyTorch as it is tuned for this: channels-last, evaluation mode, no gradients of
    parameters."""

    def __init__(self, model: digitnet.Model, images: np.ndarray, labels: np.ndarray):
        self.module = model.to_torch().eval().to(memory_format=torch.channels_last)
        self.module.steps = []  # the images are preprocessed
        self.module.requires_grad_(False)
        self.images = torch.from_numpy(model.preprocessed(images)).contiguous(
            memory_format=torch.channels_last
        )
        self.labels = torch.from_numpy(labels)

    def saliency(self) -> torch.Tensor:
        x = self.images.clone().requires_grad_()
        logits = self.module(x).gather(1, self.labels[:, None])
        return torch.autograd.grad(logits.sum(), x)[0]

    def pgd(self) -> torch.Tensor:
        low, high = self.images.min(), self.images.max()
        radius = STRENGTH * (high - low)
        noise = torch.empty_like(self.images).uniform_(-1, 1)
        x = (self.images + radius * noise).clamp(low, high)
        for _ in range(STEPS):
            x.requires_grad_()
            loss = torch.nn.functional.cross_entropy(
                self.module(x), self.labels, reduction="sum"
            )
            gradient = torch.autograd.grad(loss, x)[0]
            with torch.no_grad():
                x = x + 2.5 / STEPS * radius * gradient.sign()
                x = x.clamp(self.images - radius, self.images + radius)
                x = x.clamp(low, high)
        return x


def contenders(network: str) -> dict[str, dict[str, Callable[[], object]]]:
    rng = np.random.default_rng(0)
    model = digitnet.models.make(network)
    images = rng.integers(0, 256, (COUNT, *model.input_shape), dtype=np.uint8)
    labels = rng.integers(0, 10, COUNT)
    data = digitnet.Dataset(images, labels, classes=10, max_value=255)
    model.core.max_value = 255
    peer = Peer(model, images, labels)
    return {
        "saliency": {
            "digitnet": lambda: digitnet.features.saliency(model, images, labels),
            "pytorch tuned": peer.saliency,
        },
        f"pgd of {STEPS} steps": {
            "digitnet": lambda: digitnet.attack.attacked(
                model, data, "pgd", steps=STEPS, strength=STRENGTH
            ),
            "pytorch tuned": peer.pgd,
        },
    }


def questions(rounds: int) -> Iterator[tuple[str, str, dict[str, list[float]]]]:
    """(question, unit, milliseconds of each contender)."""
    for network in NETWORKS:
        for question, work in contenders(network).items():
            yield (
                f"{question}, {COUNT} images, {network}",
                "ms",
                in_turn(work, 3 * rounds),
            )


if __name__ == "__main__":
    for question, unit, times in questions(3):
        medians = {name: float(np.median(values)) for name, values in times.items()}
        ratio = medians["pytorch tuned"] / medians["digitnet"]
        print(f"{question}: {ratio:.2f}x, {unit}: {medians}", flush=True)
