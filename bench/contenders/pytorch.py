"""PyTorch: as its tutorials write it, and tuned for a CPU."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import digitnet

from . import BATCH, MOMENTUM, RATE


def cross_entropy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(model(x), y)


def reconstruction(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return functional.mse_loss(model(x), x)


def margin_and_reconstruction(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """CapsNet's: Sabour et al., NeurIPS 2017, sections 3 and 4.1."""
    vectors = model.capsules1(model.conv2(model.relu1(model.conv1(x))))
    vectors = vectors.view(len(x), 10, 16)
    lengths = vectors.norm(dim=2)
    truth = functional.one_hot(y, 10).to(lengths.dtype)
    margin = (
        truth * (0.9 - lengths).clamp_min(0).square()
        + 0.5 * (1 - truth) * (lengths - 0.1).clamp_min(0).square()
    )
    (decoder,) = model.reconstruct1.children()
    decoded = decoder((vectors * truth[:, :, None]).flatten(1))
    errors = (decoded - x.flatten(1)).square().sum(1)
    return (margin.sum(1) + 0.0005 * errors).mean()


LOSSES = {"autoencoder": reconstruction, "capsnet": margin_and_reconstruction}


class Default:
    """Eager, row-major, the data in memory, no loader."""

    layout = torch.contiguous_format
    fused = False

    def __init__(self, network: str, images: np.ndarray, labels: np.ndarray) -> None:
        twin = digitnet.models.make(network).to_torch()
        twin.steps = []  # scaling is done here, on the batch
        self.model = twin.to(memory_format=self.layout).train()
        self.x = torch.from_numpy(images.reshape(-1, *digitnet_shape(images)))
        self.y = torch.from_numpy(labels)
        self.loss = LOSSES.get(network, cross_entropy)
        self.scale = 1 / float(images.max())
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=RATE, momentum=MOMENTUM, fused=self.fused
        )

    def batch(self, rows: torch.Tensor) -> torch.Tensor:
        x = self.x[rows].float() * self.scale
        return x.contiguous(memory_format=self.layout)

    def train(self) -> None:
        self.model.train()
        order = torch.randperm(len(self.x))
        total = torch.zeros(())
        for start in range(0, len(self.x), BATCH):
            rows = order[start : start + BATCH]
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(self.model, self.batch(rows), self.y[rows])
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        total.item()

    def predict(self) -> None:
        self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(self.x), 1000):
                rows = torch.arange(start, min(start + 1000, len(self.x)))
                self.model(self.batch(rows))


class Tuned(Default):
    """Channels-last, fused optimizer."""

    layout = torch.channels_last
    fused = True


class Compiled(Tuned):
    """torch.compile of the tuned model."""

    def __init__(self, network: str, images: np.ndarray, labels: np.ndarray) -> None:
        super().__init__(network, images, labels)
        self.model = torch.compile(self.model)


def digitnet_shape(images: np.ndarray) -> tuple[int, ...]:
    return images.shape[1:] if images.ndim == 4 else (1, *images.shape[1:])
