"""Weights of other programs as plain arrays, by name: read, checked, nothing run."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.arrays import as_array, from_bfloat16
from digitnet._utils.input_files import check_ordinary, expanded, json_in
from digitnet._utils.text import shortened
from digitnet.data.checks import LARGEST_SCALE, LEAST_SCALE
from digitnet.data.image_statistics import ImageStatistics
from digitnet.models import checksum, file_kinds
from digitnet.models.base import BaseModel
from digitnet.models.weights import epsilons
from digitnet.models.weights.hdf5 import KerasFile, read_hdf5, read_keras
from digitnet.models.weights.torch_files import plain, read_torch, wrapper_of

Tensors = dict[str, npt.NDArray[Any]]

_TORCH = (".pth", ".pt", ".ckpt", ".tar", ".bin")
_SUFFIXES = (".safetensors", *_TORCH, ".h5", ".hdf5", ".keras")
_HDF5 = (".h5", ".hdf5")


@dataclass
class Weights:
    """Tensors by name, and what is known of them.

    Attributes:
        label: What to call where they are from.
        ordered: Whether they are in an order of the maker's, not of the alphabet.
        keras: What else a file of Keras says.
        epsilons: Of norms by layer, where they are known.
        classes: Names of the source's outputs, where it is a model of digitnet's.
        max_value: The pixel value of full intensity that it knows.
        image_statistics: Of the images that it learned from.
        notes: What a reader of the report should know.
    """

    tensors: Tensors
    label: str
    ordered: bool = True
    keras: KerasFile | None = None
    epsilons: dict[str, float] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    max_value: float | None = None
    image_statistics: ImageStatistics | None = None
    notes: list[str] = field(default_factory=list)


def weights_of(source: Any) -> Weights:
    """What `load_weights` is given, read."""
    if isinstance(source, BaseModel):
        known = epsilons.of_network(source.core.network.to_dict())
        return Weights(
            dict(source.state_dict()),
            source.name,
            epsilons=known,
            classes=source.classes,
            max_value=source.max_value,
            image_statistics=source.image_statistics,
        )
    if hasattr(source, "state_dict"):
        read = _of_mapping(source.state_dict(), type(source).__name__)
        if hasattr(source, "named_modules"):
            read.epsilons = epsilons.of_module(source)
        return read
    if isinstance(source, Mapping):
        return _of_mapping(source, "a state_dict")
    path = expanded(source)
    if not path.exists() or path.is_dir():
        if path.suffix.lower() not in _SUFFIXES:
            raise _unknown(path)
        raise FileNotFoundError(
            f"load_weights: expected a file, got '{shortened(str(path), 300)}'"
        )
    return _of_file(check_ordinary(path))


def _of_mapping(source: Mapping[Any, Any], label: str) -> Weights:
    within = ""
    while any(isinstance(value, Mapping) for value in source.values()):
        key = wrapper_of(source, "load_weights.source")
        if key is None:
            break
        within = f"{within}.{key}".lstrip(".")
        source = source[key]
    for key, value in source.items():
        if isinstance(value, Mapping):
            raise DataError(
                f"load_weights.source: expected arrays by name, got a {type(value).__name__} "
                f"for '{key!s:.40}'"
            )
    tensors = {
        str(k): _array(v, f"load_weights.source: {k}") for k, v in source.items()
    }
    return Weights(tensors, label, notes=_within(within))


def _array(value: Any, where: str) -> npt.NDArray[Any]:
    """Numbers of an array or tensor, by the rules for files where it is torch's."""
    return (
        plain(value, where)
        if hasattr(value, "is_quantized")
        else as_array(value, where)
    )


def _within(key: str) -> list[str]:
    return [f"the tensors are those of '{key}'"] if key else []


def _of_file(path: Path) -> Weights:
    """By the file's content; its name only says what a damaged one should have been."""
    kind, suffix = file_kinds.kind_of(path), path.suffix.lower()
    if kind == file_kinds.SAFETENSORS:
        return _of_safetensors(path)
    if kind == file_kinds.TORCH or (
        suffix in _TORCH and kind in (file_kinds.UNKNOWN, file_kinds.PICKLE)
    ):
        tensors, within = read_torch(path)
        return Weights(tensors, path.name, notes=_within(within))
    damaged = kind == file_kinds.UNKNOWN and suffix in _HDF5
    if kind in (file_kinds.HDF5, file_kinds.KERAS) or damaged:
        read = read_keras(path) if kind == file_kinds.KERAS else read_hdf5(path)
        return Weights(read.tensors, path.name, read.ordered, read)
    if kind == file_kinds.UNKNOWN and suffix in _SUFFIXES:
        expected = "a Keras archive" if suffix == ".keras" else "a safetensors file"
        raise DataError(
            f"{path.name}: expected {expected}, got something else; is it whole?"
        )
    if kind in (file_kinds.TORCH_SCRIPT, file_kinds.TORCH_PROGRAM):
        raise DataError(
            f"{path.name}: expected tensors by name, saved by torch, got {kind}, which "
            "holds code; load it with torch and give its state_dict()"
        )
    if kind == file_kinds.PICKLE and suffix in _SUFFIXES:
        raise DataError(
            f"{path.name}: expected weights, got a pickle, which holds code"
        )
    raise _unknown(path)


def _unknown(path: Path) -> ValueError:
    return ValueError(
        f"load_weights: expected a file that ends in {', '.join(_SUFFIXES)}, "
        f"got '{path.name}'"
    )


# -- safetensors ----------------------------------------------------------------

_DTYPES: dict[str, Any] = {
    **{"F64": np.float64, "F32": np.float32, "F16": np.float16, "BOOL": np.bool_},
    **{
        f"{c}{b}": f"{n}{b}"
        for c, n in (("I", "int"), ("U", "uint"))
        for b in (8, 16, 32, 64)
    },
}


def _of_safetensors(path: Path) -> Weights:
    """Tensors by name, bfloat16 as float32; and what a model of digitnet's says of them."""
    from safetensors import SafetensorError, deserialize, safe_open

    file_kinds.check_header(path)
    try:
        content = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise DataError(
            f"{path.name}: expected a safetensors file of float tensors: {str(error)[:200]}"
        ) from error
    tensors = {name: _values(entry, f"{path.name}: {name}") for name, entry in content}
    checksum.check(metadata, tensors, path.name)
    read = Weights(tensors, path.name, ordered=False)
    where = f"{path.name}: expected JSON in its description"
    about = json_in(metadata.get("digitnet", "{}"), where)
    if isinstance(about, dict):
        read.epsilons = epsilons.of_network(about.get("network"))
        read.classes = _class_names(about.get("classes"))
        read.max_value = _scale(about.get("max_value"))
        read.image_statistics = _statistics(about)
    return read


def _class_names(value: Any) -> tuple[str, ...]:
    """Names that a description may hold; none if it is odd."""
    if not isinstance(value, list) or not all(isinstance(n, str) for n in value):
        return ()
    return tuple(unicodedata.normalize("NFC", name) for name in value)


def _scale(value: Any) -> float | None:
    known = isinstance(value, int | float) and LEAST_SCALE <= value <= LARGEST_SCALE
    return float(value) if known else None


def _statistics(about: dict[str, Any]) -> ImageStatistics | None:
    try:
        channels = int(about["input_shape"][0])
        return ImageStatistics.from_plain(about["image_statistics"], channels)
    except (LookupError, TypeError, ValueError):  # absent, or odd
        return None


def _values(entry: dict[str, Any], where: str) -> npt.NDArray[Any]:
    dtype, data, shape = entry["dtype"], entry["data"], entry["shape"]
    if dtype == "BF16":
        return from_bfloat16(np.frombuffer(data, np.uint16)).reshape(shape)
    if dtype not in _DTYPES:
        raise DataError(f"{where}: expected numbers of 16, 32 or 64 bits, got {dtype}")
    return np.frombuffer(data, _DTYPES[dtype]).reshape(shape)
