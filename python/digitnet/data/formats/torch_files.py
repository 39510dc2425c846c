"""Files of torch.save that hold tensors: torchvision's training.pt, pairs, dicts. Nothing in
them is run."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.extras import extra_packages
from digitnet._utils.text import shortened
from digitnet.data.containers import most_unpacked
from digitnet.data.formats.arrays import pieces_of_arrays
from digitnet.data.formats.contents import Contents
from digitnet.data.pieces import Piece, ReadOptions

_OLD = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # before version 1.6


def is_kind(content: bytes) -> bool:
    if content.startswith(_OLD):
        return True
    if not content.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False


def pieces(contents: Contents, options: ReadOptions) -> list[Piece]:
    content, where = contents.whole, contents.where
    with extra_packages(f"read '{shortened(where)}'"):
        import torch

    if content.startswith(b"PK"):
        _check_size(content, where)
    try:
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{where}: expected tensors, got other objects, which only running their code "
            "would read; save the pair by torch.save((images, labels), file)"
        ) from error
    except (
        *(RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError),
        *(AttributeError, AssertionError, OverflowError, struct.error),
    ) as error:
        first = f"{error}".strip().split("\n", 1)[0][:200] or type(error).__name__
        raise DataError(
            f"{where}: expected tensors, saved by torch: {shortened(first, 200)}"
        ) from error
    return pieces_of_arrays(_arrays(loaded, where, len(content)), contents, options)


def _check_size(content: bytes, where: str) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        total = sum(info.file_size for info in archive.infolist())
    if total > most_unpacked(len(content)):
        raise DataError(
            f"{where}: expected at most {most_unpacked(len(content)):,} bytes inside, got "
            f"{total:,}"
        )


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
