"""Loading weights by name: from other models, torch, torchvision and Keras."""

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
from digitnet._utils.deprecation import warn_renamed
from digitnet._utils.registry import check_name
from digitnet.data.download import File, fetch
from digitnet.models.base import BaseModel
from digitnet.models.weight_files import Tensors, weights_of

if TYPE_CHECKING:
    import torch


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
    missing_keys: list[str] = field(default_factory=list)  # stayed as they were
    mismatched: list[tuple[str, str, tuple[int, ...], tuple[int, ...]]] = field(
        default_factory=list
    )  # name in the model, name in the source, shape in the model, shape in the source
    unexpected_keys: list[str] = field(default_factory=list)  # of the source, not used
    notes: list[str] = field(default_factory=list)  # sentences about how it was read

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Pickles of version 0.1 have the old names."""
        renamed = {
            "missing": "missing_keys",
            "unfit": "mismatched",
            "unused": "unexpected_keys",
        }
        self.notes = []
        vars(self).update({renamed.get(key, key): v for key, v in state.items()})

    @property
    def missing(self) -> list[str]:
        """The old name of `missing_keys`."""
        warn_renamed("WeightReport", "missing", "missing_keys")
        return self.missing_keys

    @property
    def unfit(self) -> list[tuple[str, str, tuple[int, ...], tuple[int, ...]]]:
        """The old name of `mismatched`."""
        warn_renamed("WeightReport", "unfit", "mismatched")
        return self.mismatched

    @property
    def unused(self) -> list[str]:
        """The old name of `unexpected_keys`."""
        warn_renamed("WeightReport", "unused", "unexpected_keys")
        return self.unexpected_keys

    def __str__(self) -> str:
        total = len(self.loaded) + len(self.missing_keys) + len(self.mismatched)
        lines = [
            f"{len(self.loaded)} of {total} tensors loaded from {self.source} "
            f"({self.naming} names)"
        ]
        lines += [
            f"  does not fit: {name} from {theirs}: expected {expected}, found {shape}"
            for name, theirs, expected, shape in self.mismatched
        ]
        lines += [f"  left as it was: {name}" for name in self.missing_keys]
        lines += [f"  not used: {name}" for name in self.unexpected_keys]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


def weights_sha256(model: BaseModel) -> str:
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
    check_name("weights", name, PUBLISHED)
    return fetch(PUBLISHED[name])


def load_weights(
    model: BaseModel,
    source: str | PathLike[str] | BaseModel | torch.nn.Module | Mapping[str, Any],
    *,
    naming: str = "auto",
    bgr: bool | None = None,
    strict: bool = False,
) -> WeightReport:
    """`Model.load_weights`; see there."""
    read = weights_of(source)
    loaded, label = read.tensors, read.label
    state = model.state_dict()
    naming = _naming(loaded, state) if naming == "auto" else naming
    check_name("naming", naming, [*NAMINGS, "auto"])
    report = WeightReport(label, naming, notes=list(read.notes))
    chosen: Tensors = {}
    taken = set()
    for name, theirs, convert in _TRANSLATIONS[naming](model, loaded):
        if name in chosen or name not in state:
            continue
        taken.add(theirs)
        value = convert(loaded[theirs])
        if value is None or value.shape != state[name].shape:
            shapes = state[name].shape, loaded[theirs].shape
            report.mismatched.append((name, theirs, *shapes))
            continue
        floats = as_floats(value)
        if floats is None:
            raise DataError(f"{label}: {theirs}: expected finite weights of 32 bits")
        chosen[name] = floats
    if bgr or (bgr is None and naming == "keras"):
        _swap_colours(chosen, state)
    mismatched = {name for name, *_ in report.mismatched}
    report.loaded = list(chosen)
    report.missing_keys = [
        name for name in state if name not in chosen and name not in mismatched
    ]
    report.unexpected_keys = [name for name in loaded if name not in taken]
    if not chosen:
        raise ValueError(
            f"load_weights: expected a tensor that fits, got none\n{report}"
        )
    if strict and len(chosen) < len(state):
        raise ValueError(f"load_weights: expected every tensor (strict)\n{report}")
    for name, value in chosen.items():
        model.core.set(name, value)
    model.core.temperature = 1.0
    return report


def _swap_colours(chosen: Tensors, state: Tensors) -> None:
    """Blue, green, red to red, green, blue in the first convolution."""
    first = next((name for name, value in state.items() if value.ndim == 4), None)
    if first in chosen and chosen[first].shape[1] == 3:
        chosen[first] = np.ascontiguousarray(chosen[first][:, ::-1])


# -- names --------------------------------------------------------------------

Place = tuple[str, str, Callable[[npt.NDArray[Any]], Any]]
_TORCHVISION = re.compile(r"(features|classifier)\.(\d+)\.(\w+)")


def _naming(loaded: Tensors, state: Tensors) -> str:
    if any(name in state for name in loaded):
        return "digitnet"
    if any(_TORCHVISION.fullmatch(name) for name in loaded):
        return "torchvision"
    return "keras"


def _same(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return value


def _by_same_names(model: BaseModel, loaded: Tensors) -> Iterator[Place]:
    for name in loaded:
        yield name, name, _same


def _by_torchvision(model: BaseModel, loaded: Tensors) -> Iterator[Place]:
    """Layers counted from the first one, and again behind flatten."""
    rows = model.core.summary()
    kinds = [row["kind"] for row in rows]
    border = kinds.index("flatten") if "flatten" in kinds else len(rows)
    for name in loaded:
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


def _by_keras(model: BaseModel, loaded: Tensors) -> Iterator[Place]:
    """A layer's name is a part of the path; kernels are stored with the outputs last."""
    rows = model.core.summary()
    layers = {row["layer"]: row["layer"] for row in rows}
    dense = [row["layer"] for row in rows if row["kind"] == "dense"]
    if len(dense) == len(_KERAS_TOP):
        layers |= dict(zip(_KERAS_TOP, dense, strict=True))
    maps = _maps_before_dense(model)
    for name, value in loaded.items():
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


def _maps_before_dense(model: BaseModel) -> dict[str, tuple[int, ...]]:
    """The map (C, H, W) that is flattened for a dense layer, by the layer's name."""
    maps: dict[str, tuple[int, ...]] = {}
    last: tuple[int, ...] | None = None
    for row in model.core.summary():
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


_TRANSLATIONS: dict[str, Callable[[BaseModel, Tensors], Iterator[Place]]] = {
    "digitnet": _by_same_names,
    "torchvision": _by_torchvision,
    "keras": _by_keras,
}
