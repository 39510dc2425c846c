"""Weights of other programs as plain arrays, by name: read, checked, nothing run."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.arrays import as_array
from digitnet._utils.extras import extra_packages
from digitnet.models.base import BaseModel

Tensors = dict[str, npt.NDArray[Any]]

_MAX_BYTES = 2**31  # of an HDF5 file's weights: VGG16 has half a gigabyte
_MAX_DEPTH = 16


def tensors_of(source: Any) -> tuple[Tensors, str]:
    """Weights by name, and what to call where they are from."""
    if isinstance(source, BaseModel):
        return dict(source.state_dict()), source.name
    label = "a state_dict"
    if hasattr(source, "state_dict"):
        source, label = source.state_dict(), type(source).__name__
    if isinstance(source, Mapping):
        where = "load_weights.source"
        return {str(k): as_array(v, f"{where}: {k}") for k, v in source.items()}, label
    path = Path(source)
    readers: dict[str, Callable[[Path], Tensors]] = {
        ".safetensors": _read_safetensors,
        ".pth": _read_torch,
        ".pt": _read_torch,
        ".h5": _read_hdf5,
        ".hdf5": _read_hdf5,
    }
    if path.suffix.lower() not in readers:
        raise ValueError(
            f"load_weights: expected a file that ends in {', '.join(readers)}, "
            f"got '{path.name}'"
        )
    if not path.is_file():
        raise FileNotFoundError(f"load_weights: expected a file, got '{path}'")
    return readers[path.suffix.lower()](path), path.name


def _read_safetensors(path: Path) -> Tensors:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, KeyError, TypeError) as error:
        raise DataError(
            f"{path.name}: expected a safetensors file of float tensors: {error}"
        ) from error


def _read_torch(path: Path) -> Tensors:
    with extra_packages(f"load_weights of '{path.name}'"):
        import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
    ) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{path.name}: expected tensors by name, saved by torch: {first}"
        ) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor)
        for key, value in content.items()
    ):
        raise DataError(
            f"{path.name}: expected a dict of tensors by name, got {type(content).__name__}"
        )
    return {
        key: value.float().numpy() if value.is_floating_point() else value.numpy()
        for key, value in content.items()
    }


def _read_hdf5(path: Path) -> Tensors:
    with extra_packages(f"load_weights of '{path.name}'"):
        import h5py
    tensors: Tensors = {}
    total = 0

    def visit(name: str, item: Any) -> None:
        nonlocal total
        if name.count("/") > _MAX_DEPTH:
            raise DataError(f"{path.name}: expected groups at most {_MAX_DEPTH} deep")
        if not isinstance(item, h5py.Dataset) or item.dtype.kind != "f":
            return
        if item.shape is None:
            return
        if item.is_virtual or item.external:  # would read other files
            raise DataError(
                f"{path.name}: {name}: expected numbers in the file, got a reference "
                "to another one"
            )
        total += item.size * item.dtype.itemsize
        if total > _MAX_BYTES:
            raise DataError(
                f"{path.name}: {name}: expected at most {_MAX_BYTES >> 20:,} MiB of "
                "weights"
            )
        tensors[name] = np.asarray(item)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except DataError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path.name}: expected an HDF5 file: {error}") from error
    return tensors
