"""Pieces of networks that several recipes are built from."""

from __future__ import annotations

from typing import Any

from digitnet.layers import BatchNorm, Conv, ReLU


def normed(*channels: int, size: int = 3) -> list[Any]:
    """Convolutions that keep the map's size, each with batch norm and ReLU."""
    layers: list[Any] = []
    for count in channels:
        layers.append(Conv(count, size, padding="same", bias=False))
        layers += [BatchNorm(), ReLU()]
    return layers
