"""A model as a program of torch.export."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digitnet.models.model import Model


def torch_bytes(model: Model) -> bytes:
    """What `torch.export.load` reads: float32 (N, C, H, W) to logits (N, K), any N."""
    import torch

    twin = model.to_torch()
    # Two, because torch takes a dimension of one for fixed.
    example = torch.zeros((2, *model.input_shape))
    count = torch.export.Dim("N", min=1)
    program = torch.export.export(twin, (example,), dynamic_shapes=({0: count},))
    content = io.BytesIO()
    torch.export.save(program, content)
    return content.getvalue()
