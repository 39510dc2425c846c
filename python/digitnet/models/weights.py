"""Weights from elsewhere: read as plain tensors, found a place by name, listed if not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.arrays import arrays_sha256, as_floats
from digitnet.data.download import File, fetch
from digitnet.models.weight_files import Tensors, tensors_of

if TYPE_CHECKING:
    import torch

    from digitnet.models.model import Model

NAMINGS = ("digitnet", "torchvision", "keras")

# Published weights that can be downloaded. Their hash is known by its beginning, which is
# part of the name that PyTorch gave the file.
PUBLISHED = {
    "vgg16": File(
        folder="weights",
        name="vgg16-397923af.pth",
        sha256="397923af",
        content_sha256="397923af",
        urls=("https://download.pytorch.org/models/vgg16-397923af.pth",),
    )
}


@dataclass
class WeightReport:
    """What `load_weights` did, name by name."""

    source: str
    naming: str
    loaded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)  # got nothing and stayed
    unfit: list[tuple[str, str, tuple[int, ...], tuple[int, ...]]] = field(
        default_factory=list
    )  # own name, name there, expected shape, found shape
    unused: list[str] = field(default_factory=list)  # in the source, without a place

    def __str__(self) -> str:
        total = len(self.loaded) + len(self.missing) + len(self.unfit)
        lines = [
            f"{len(self.loaded)} of {total} tensors loaded from {self.source} "
            f"({self.naming} names)"
        ]
        lines += [
            f"  does not fit: {own} from {theirs}: expected {expected}, found {found}"
            for own, theirs, expected, found in self.unfit
        ]
        lines += [f"  left as it was: {name}" for name in self.missing]
        lines += [f"  not used: {name}" for name in self.unused]
        return "\n".join(lines)


def weights_sha256(model: Model) -> str:
    """A hash of all weights and running statistics: equal models have equal ones.

    Example:
        >>> first, second = (digitnet.models.make("linear", seed=s) for s in (0, 1))
        >>> from digitnet.testing import weights_sha256
        >>> weights_sha256(first) == weights_sha256(second)
        False
    """
    return arrays_sha256(model.state_dict())


def fetch_weights(name: str) -> Path:
    """The file of published weights, found in DIGITNET_DATA or the cache, or downloaded.

    Args:
        name: "vgg16": torchvision's, trained on ImageNet, 528 MB.
    Raises:
        ValueError: unknown name.
        FileNotFoundError, OSError: offline, or no download; says which file goes where.
    """
    if name not in PUBLISHED:
        raise ValueError(f"unknown weights '{name}'; known: {', '.join(PUBLISHED)}")
    return fetch(PUBLISHED[name])


def load_weights(
    model: Model,
    source: str | PathLike[str] | Model | torch.nn.Module | Mapping[str, Any],
    *,
    naming: str = "auto",
    bgr: bool | None = None,
    strict: bool = False,
) -> WeightReport:
    """Take over the weights that fit, by name; the others stay as they are.

    Args:
        model: Whose weights are set; `model.load_weights(source)` is the usual call.
        source: A Model, a torch Module or a state_dict (arrays or tensors by name), or a
            file: safetensors, torch's ``.pth`` (read without running
            code), or Keras' ``.h5`` (needs h5py: ``pip install digitnet[keras]``).
        naming: "digitnet" (also any torch module whose names are this model's),
            "torchvision" (``features.0.weight``) or "keras" (``block1_conv1/kernel``,
            stored height, width, in, out). Default: by the names.
        bgr: The first convolution takes blue first, and is turned round. Default: only
            for Keras' names, whose published VGG16 does.
        strict: Refuse, and change nothing, unless every tensor of the model is found.
    Returns:
        A WeightReport; print it.
    Raises:
        DataError: the file is damaged or no such file; a tensor is not finite.
        ValueError: nothing fits, or not everything and `strict`; lists name, expected
            and found shape. Nothing was changed.
        ImportError: h5py is not installed.
    Example:
        >>> first = digitnet.models.make("lenet5", seed=1)
        >>> second = digitnet.models.make("lenet5", classes=3, seed=2)
        >>> print(second.load_weights(first))
        8 of 10 tensors loaded from lenet5 (digitnet names)
          does not fit: dense3.weight from dense3.weight: expected (3, 84), found (10, 84)
          does not fit: dense3.bias from dense3.bias: expected (3,), found (10,)
    """
    found, label = tensors_of(source)
    own = model.state_dict()
    naming = _naming(found, own) if naming == "auto" else naming
    if naming not in NAMINGS:
        raise ValueError(
            f"unknown naming '{naming}'; known: {', '.join(NAMINGS)}, auto"
        )
    report = WeightReport(label, naming)
    chosen: Tensors = {}
    taken = set()
    for name, theirs, convert in _TRANSLATIONS[naming](model, found):
        if name in chosen or name not in own:
            continue
        taken.add(theirs)
        value = convert(found[theirs])
        if value is None or value.shape != own[name].shape:
            report.unfit.append((name, theirs, own[name].shape, found[theirs].shape))
            continue
        floats = as_floats(value)
        if floats is None:
            raise DataError(
                f"{label}: {theirs}: expected finite weights of 32 bits, got others"
            )
        chosen[name] = floats
    if bgr or (bgr is None and naming == "keras"):
        _turn_colours(chosen, own)
    unfit = {name for name, *_ in report.unfit}
    report.loaded = list(chosen)
    report.missing = [name for name in own if name not in chosen and name not in unfit]
    report.unused = [name for name in found if name not in taken]
    if not chosen:
        raise ValueError(
            f"load_weights: expected a tensor that fits, got none\n{report}"
        )
    if strict and len(chosen) < len(own):
        raise ValueError(f"load_weights: expected every tensor (strict)\n{report}")
    for name, value in chosen.items():
        model._core.set(name, value)
    return report


def _turn_colours(chosen: Tensors, own: Tensors) -> None:
    """Blue, green, red to red, green, blue in the first convolution."""
    first = next((name for name, value in own.items() if value.ndim == 4), None)
    if first in chosen and chosen[first].shape[1] == 3:
        chosen[first] = np.ascontiguousarray(chosen[first][:, ::-1])


# -- names --------------------------------------------------------------------

Place = tuple[str, str, Callable[[npt.NDArray[Any]], Any]]
_TORCHVISION = re.compile(r"(features|classifier)\.(\d+)\.(\w+)")


def _naming(found: Tensors, own: Tensors) -> str:
    if any(name in own for name in found):
        return "digitnet"
    if any(_TORCHVISION.fullmatch(name) for name in found):
        return "torchvision"
    return "keras"


def _same(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return value


def _by_own_names(model: Model, found: Tensors) -> Iterator[Place]:
    for name in found:
        yield name, name, _same


def _by_torchvision(model: Model, found: Tensors) -> Iterator[Place]:
    """Layers counted from the first one, and again behind flatten."""
    rows = model._core.summary()
    kinds = [row["kind"] for row in rows]
    border = kinds.index("flatten") if "flatten" in kinds else len(rows)
    for name in found:
        match = _TORCHVISION.fullmatch(name)
        if not match:
            continue
        index = int(match[2]) + (0 if match[1] == "features" else border + 1)
        inside = index < (border if match[1] == "features" else len(rows))
        if inside:
            yield f"{rows[index]['layer']}.{match[3]}", name, _same


_KERAS_PARTS = {
    "kernel": "weight",
    "W": "weight",
    "bias": "bias",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_KERAS_TOP = ("fc1", "fc2", "predictions")


def _by_keras(model: Model, found: Tensors) -> Iterator[Place]:
    """A layer's name is a part of the path; kernels are stored with the outputs last."""
    rows = model._core.summary()
    layers = {row["layer"]: row["layer"] for row in rows}
    dense = [row["layer"] for row in rows if row["kind"] == "dense"]
    if len(dense) == len(_KERAS_TOP):
        layers |= dict(zip(_KERAS_TOP, dense, strict=True))
    maps = _maps_before_dense(model)
    for name, value in found.items():
        parts = name.split("/")
        layer = next((layers[part] for part in parts if part in layers), None)
        part = _keras_part(parts, value.ndim)
        if layer is None or part is None:
            continue
        yield f"{layer}.{part}", name, _from_keras(maps.get(layer))


def _keras_part(parts: list[str], rank: int) -> str | None:
    last = parts[-1].split(":")[0]
    if len(parts) > 1 and parts[-2] == "vars":  # Keras 3: kernel and bias as 0 and 1
        return {"0": "weight" if rank > 1 else None, "1": "bias"}.get(last)
    if last in _KERAS_PARTS:
        return _KERAS_PARTS[last]
    old = re.fullmatch(r".+_([Wb])_\d+", last)  # block1_conv1_W_1
    return _KERAS_PARTS[old[1]] if old else None


def _maps_before_dense(model: Model) -> dict[str, tuple[int, ...]]:
    """The map (C, H, W) that is flattened for a dense layer, by the layer's name."""
    maps: dict[str, tuple[int, ...]] = {}
    last: tuple[int, ...] | None = None
    for row in model._core.summary():
        if len(row["output"]) == 3:
            last = tuple(row["output"])
        elif row["kind"] == "dense" and last is not None:
            maps[row["layer"]] = last
            last = None
    return maps


def _from_keras(
    shape: tuple[int, ...] | None,
) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any] | None]:
    def convert(value: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
        if value.ndim == 4:
            return np.ascontiguousarray(value.transpose(3, 2, 0, 1))  # out, in, H, W
        if value.ndim != 2:
            return value
        if shape is None:
            return np.ascontiguousarray(value.T)
        channels, height, width = shape
        if len(value) != channels * height * width:
            return None
        rows = value.reshape(height, width, channels, -1)
        rows = rows.transpose(3, 2, 0, 1)  # out, C, H, W
        return np.ascontiguousarray(rows.reshape(len(rows), -1))

    return convert


_TRANSLATIONS: dict[str, Callable[[Model, Tensors], Iterator[Place]]] = {
    "digitnet": _by_own_names,
    "torchvision": _by_torchvision,
    "keras": _by_keras,
}
