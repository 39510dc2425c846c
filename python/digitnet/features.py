"""What a network makes of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from digitnet.model import Model

__all__ = ["activations", "filters"]


def activations(
    model: Model, images: Any, layers: Sequence[str] | None = None
) -> dict[str, npt.NDArray[np.float32]]:
    """Outputs of layers by name; `Model.activations` is the same."""
    return model.activations(images, layers)


def filters(model: Model, layer: str) -> npt.NDArray[np.float32]:
    """A convolution's kernels, (out, in, height, width).

    Raises:
        ValueError: the layer has no kernels; lists those that have.
    Example:
        >>> digitnet.features.filters(digitnet.models.make("lenet5"), "conv1").shape
        (6, 1, 5, 5)
    """
    state = model.state_dict()
    found = state.get(f"{layer}.weight")
    if found is None or found.ndim != 4:
        known = [n.removesuffix(".weight") for n, v in state.items() if v.ndim == 4]
        raise ValueError(f"unknown convolution '{layer}'; known: {', '.join(known)}")
    return found
