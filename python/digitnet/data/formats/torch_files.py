"""Files of torch.save that hold tensors: torchvision's training.pt, pairs, dicts. Nothing in
them is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.extras import extra_packages
from digitnet._utils.signatures import TORCH_BEFORE_1_6, zip_names
from digitnet._utils.text import shortened
from digitnet._utils.torch_load import load_tensors
from digitnet.data.containers import most_unpacked
from digitnet.data.formats.arrays import pieces_of_arrays
from digitnet.data.formats.contents import Contents
from digitnet.data.pieces import Piece, ReadOptions


def is_kind(content: bytes) -> bool:
    if content.startswith(TORCH_BEFORE_1_6):
        return True
    return any(name.endswith("/data.pkl") for name in zip_names(content))


def pieces(contents: Contents, options: ReadOptions) -> list[Piece]:
    content, where = contents.whole, contents.where
    with extra_packages(f"read '{shortened(where)}'"):
        import torch  # noqa: F401

    loaded = load_tensors(
        content,
        where,
        "tensors",
        lambda _: (
            f"{where}: expected tensors, got other objects, which only running their code "
            "would read; save the pair by torch.save((images, labels), file)"
        ),
    )
    return pieces_of_arrays(_arrays(loaded, where, len(content)), contents, options)


def _arrays(loaded: Any, where: str, file_bytes: int) -> dict[str, npt.NDArray[Any]]:
    """Tensors by name: of a dict, or of a pair of images and labels."""
    import torch

    if isinstance(loaded, torch.Tensor):
        items: Mapping[str, Any] = {"tensor": loaded}
    elif isinstance(loaded, Mapping):
        items = {str(key): value for key, value in loaded.items()}
    elif isinstance(loaded, list | tuple):
        items = {f"item{i}": value for i, value in enumerate(loaded)}
    else:
        items = {}
    arrays = {}
    for name, value in items.items():
        if isinstance(value, torch.Tensor) and not value.is_complex():
            if value.numel() * value.element_size() > most_unpacked(file_bytes):
                raise DataError(
                    f"{where}: expected at most {most_unpacked(file_bytes):,} bytes inside, "
                    f"got a tensor of shape {tuple(value.shape)}"
                )
            plain = value.detach().to_dense() if value.is_sparse else value.detach()
            if plain.dtype in (torch.float16, torch.bfloat16):
                plain = plain.float()
            arrays[name] = plain.cpu().contiguous().numpy()
        elif isinstance(value, list) and value and isinstance(value[0], str | int):
            arrays[name] = np.array(value)
    if not arrays:
        raise DataError(
            f"{where}: expected tensors of images, got {type(loaded).__name__}"
        )
    return arrays
