"""PyTorch's files of weights: tensors by name, read without running code."""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.extras import extra_packages
from digitnet._utils.input_files import MAX_INFLATION, most_unpacked
from digitnet._utils.torch_load import load_tensors

# Under which name common programs keep a state_dict beside their own records: torch's
# tutorials, Lightning, timm, fastai and others. The first one that is there is taken.
WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network")
_MAX_NESTED = 3
_DTYPES = ("float16", "bfloat16", "float32", "float64")
_INTEGERS = ("bool", "uint8", "int8", "int16", "int32", "int64")


def read_torch(path: Path) -> tuple[dict[str, npt.NDArray[Any]], str]:
    """Tensors of a file by torch.save, and under which name it held them.

    Raises:
        DataError: not tensors by name, or more than MAX_INFLATION times the file's size.
    """
    with extra_packages(f"load_weights of '{path.name}'"):
        import torch  # noqa: F401

    content = load_tensors(
        path, path.name, "tensors by name", lambda reason: _refused(path, reason)
    )
    tensors, within = unwrapped(content, path.name)
    limit = most_unpacked(path.stat().st_size)
    total = 0
    for name, value in tensors.items():
        total += value.numel() * 4
        if total > limit:
            raise DataError(
                f"{path.name}: {name}: expected tensors of at most {MAX_INFLATION} "
                f"times the file's size, got {total:,} bytes"
            )
    return {k: plain(v, f"{path.name}: {k}") for k, v in tensors.items()}, within


def _refused(path: Path, reason: str) -> str:
    """Why torch's reader refused a pickle, and how its owner can take the weights out."""
    found = re.search(r"GLOBAL ([\w.]+)", reason)
    what = f"an object of {found[1]}" if found else "something else"
    texts = _texts_in(path)
    key = next((f"checkpoint[{key!r}]" for key in WRAPPERS if key in texts), None)
    return (
        f"{path.name}: expected tensors by name, got {what}, which only running its code "
        "would read; take the weights out in the program that wrote it, with "
        f"torch.save({key or 'module.state_dict()'}, 'weights.pth'), and give that file"
    )


def _texts_in(path: Path) -> set[str]:
    """The texts of a pickle in an archive, keys among them; nothing of it is run."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.endswith("data.pkl")]
            content = archive.read(names[0]) if names else b""
        operations = list(pickletools.genops(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError):
        return set()
    return {value for _, value, _ in operations if isinstance(value, str)}


def unwrapped(content: Any, label: str) -> tuple[dict[str, Any], str]:
    """The tensors by name in what torch.load gave, and the keys that led to them.

    Raises DataError that names the keys if there are none, or several to choose from.
    """
    import torch

    path: list[str] = []
    for _ in range(_MAX_NESTED):
        if not isinstance(content, Mapping):
            break
        if content and all(isinstance(v, torch.Tensor) for v in content.values()):
            if not all(isinstance(key, str) for key in content):
                break
            return dict(content), ".".join(path)
        key = wrapper_of(content, label)
        if key is None:
            break
        path.append(key)
        content = content[key]
    what = type(content).__name__
    if isinstance(content, torch.nn.Module):
        what += " (save its state_dict())"
    elif isinstance(content, Mapping):
        odd = [k for k, v in content.items() if not isinstance(v, torch.Tensor)]
        kinds = [f"{key!s:.40} ({type(content[key]).__name__})" for key in odd[:6]]
        what += f" with {', '.join(kinds) or 'nothing in it'}"
    raise DataError(f"{label}: expected a dict of tensors by name, got {what}")


def wrapper_of(content: Mapping[Any, Any], label: str) -> str | None:
    """Which entry holds the weights: one of WRAPPERS, or the only one that could."""
    inner = [
        key
        for key, value in content.items()
        if isinstance(key, str) and isinstance(value, Mapping) and _names_arrays(value)
    ]
    for key in WRAPPERS:
        if key in inner:
            return key
    if len(inner) > 1:
        raise DataError(
            f"{label}: expected a dict of tensors by name, got several: "
            f"{', '.join(inner[:8])}; give one of them: "
            f"load_weights(loaded[{inner[0]!r}]) of loaded = torch.load(file)"
        )
    return inner[0] if inner else None


def _names_arrays(value: Mapping[Any, Any]) -> bool:
    """Whether it is, or leads to, arrays by name."""
    if any(hasattr(v, "shape") and isinstance(k, str) for k, v in value.items()):
        return True
    return any(key in value for key in WRAPPERS)


def plain(value: Any, where: str) -> npt.NDArray[Any]:
    """A tensor's numbers; DataError for what holds none, or not as they are."""
    import torch

    dtype = str(value.dtype).removeprefix("torch.")
    if value.is_quantized:
        raise DataError(f"{where}: expected plain numbers, got quantised ones")
    if value.layout != torch.strided or value.is_nested:
        raise DataError(
            f"{where}: expected a dense tensor, got {str(value.layout)[6:]}"
        )
    if value.is_meta:
        raise DataError(f"{where}: expected numbers, got a tensor without any (meta)")
    if dtype not in (*_DTYPES, *_INTEGERS):
        raise DataError(f"{where}: expected numbers of 16, 32 or 64 bits, got {dtype}")
    value = value.detach().cpu().resolve_neg()
    if dtype in ("float16", "bfloat16"):
        value = value.float()
    return np.asarray(value.numpy())
