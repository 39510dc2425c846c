"""Models as files: one safetensors file with weights, network and preprocessing.

The metadata field "digitnet" holds JSON: format, network (a tree of layers with a
closed list of kinds), input_shape, preprocess, classes, max_value, name, temperature
if it is not 1, and image_statistics of the training images if there were any; the field "sha256" has a checksum of it and of the tensors. Nothing in a
file is run; everything is checked before a tensor is made.
"""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

import digitnet._core as _core
from digitnet._core import DataError
from digitnet._utils.arrays import content_sha256
from digitnet._utils.files import check_model_target, write_whole
from digitnet._utils.input_files import check_ordinary, json_in, shown_name
from digitnet._utils.text import shortened
from digitnet.data.checks import LARGEST_SCALE, LEAST_SCALE
from digitnet.data.image_statistics import ImageStatistics
from digitnet.layers import Layer
from digitnet.models import file_kinds
from digitnet.models.base import BaseModel
from digitnet.models.checksum import check, with_checksum

M = TypeVar("M", bound=BaseModel)

FORMAT = 1
_MOST_JSON_BYTES = 2_000_000
_FIELDS: dict[str, Any] = {
    "format": int,
    "name": str,
    "network": dict,
    "input_shape": list,
    "preprocess": list,
    "classes": list,
    "max_value": (int, float),
    "temperature": (int, float),
    "image_statistics": dict,
}
# 1, and not known; version 0.1.0 refuses files that have them.
_MAY_BE_ABSENT = {"temperature", "image_statistics"}


def save(model: BaseModel, path: str | PathLike[str]) -> None:
    """Write a model; `digitnet.models.load` reads it back equal.

    Raises ValueError for a name that promises another program's format.
    """
    check_model_target(path)
    write_whole(path, to_bytes(model))


def to_bytes(model: BaseModel) -> bytes:
    """The content of a model's file."""
    from safetensors.numpy import save

    text = json.dumps(described(model), sort_keys=True)
    state = model.state_dict()
    return with_checksum(save(state, {"digitnet": text}), content_sha256(text, state))


def described(model: BaseModel) -> dict[str, Any]:
    """All of a model but its weights, in plain values."""
    about = {
        "format": FORMAT,
        "name": model.name,
        "network": model.core.network.to_dict(),
        "input_shape": list(model.input_shape),
        "preprocess": [[name, options] for name, options in model.core.preprocess],
        "classes": list(model.classes),
        "max_value": model.max_value or 0,
    }
    if model.temperature != 1:
        about["temperature"] = model.temperature
    if model.image_statistics is not None:
        about["image_statistics"] = model.image_statistics.to_plain()
    return about


def load_as(kind: type[M], path: str | PathLike[str]) -> M:
    """Read a model saved by `Model.save`, as one of this class.

    Raises:
        DataError: not such a file, damaged, of a newer format, or its tensors do not
            fit its network; names the field. No ordinary file.
        FileNotFoundError: no such file.
    """
    from safetensors import SafetensorError, safe_open

    name = shown_name(path)
    try:
        path = check_ordinary(path)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise FileNotFoundError(
            f"models.load: expected a model file, got '{shortened(str(path), 300)}'"
        ) from error
    _require_safetensors(path)
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            about = _read_about(metadata.get("digitnet"), name)
            keys = list(file.keys())
            shapes = {k: tuple(file.get_slice(k).get_shape()) for k in keys}
            model = build(kind, about, shapes, name)
            tensors = {k: _finite(file.get_tensor(k), name, k) for k in keys}
            check(metadata, tensors, name)
            for key, values in tensors.items():
                model.core.set(key, values)
            return model
    except SafetensorError as error:
        raise DataError(
            f"{name}: expected a whole safetensors file: {str(error)[:200]}"
        ) from error


def _require_safetensors(path: Path) -> None:
    """DataError that says what the file is instead, and what reads it."""
    kind = file_kinds.kind_of(path)
    if kind == file_kinds.SAFETENSORS:
        return file_kinds.check_header(path)
    expected = f"{path.name}: expected a model saved by digitnet, got {kind}"
    if kind in (file_kinds.TORCH, file_kinds.KERAS, file_kinds.HDF5):
        raise DataError(
            f"{expected}; build the network and take its weights over with "
            f"model.load_weights('{path.name}')"
        )
    if kind in (file_kinds.TORCH_SCRIPT, file_kinds.TORCH_PROGRAM):
        raise DataError(
            f"{expected}; load it with torch and give its state_dict() to "
            "model.load_weights"
        )
    if kind == file_kinds.UNKNOWN:
        raise DataError(f"{expected}; is it a whole safetensors file?")
    raise DataError(f"{expected}, which digitnet does not read")


def _read_about(text: str | None, name: str) -> dict[str, Any]:
    if text is None:
        raise DataError(
            f"{name}: expected a model saved by digitnet, got a file without its "
            "description; if it holds weights, build the network and take them over "
            f"with model.load_weights('{name}')"
        )
    if len(text) > _MOST_JSON_BYTES:
        raise DataError(
            f"{name}: expected a description of at most {_MOST_JSON_BYTES} bytes"
        )
    about = json_in(text, f"{name}: expected JSON in its description")
    if not isinstance(about, dict) or not (
        set(_FIELDS) - _MAY_BE_ABSENT <= set(about) <= set(_FIELDS)
    ):
        raise DataError(
            f"{name}: expected the fields {', '.join(_FIELDS)}, got {str(about)[:80]}"
        )
    for field, value in about.items():
        kind = _FIELDS[field]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise DataError(f"{name}: {field}: expected {kind}, got {value!r:.60}")
    if about["format"] != FORMAT:
        raise DataError(
            f"{name}: expected format {FORMAT}, got {about['format']!r:.20}; update digitnet"
        )
    return about


def build(
    kind: type[M], about: dict[str, Any], shapes: dict[str, tuple[int, ...]], name: str
) -> M:
    """The model without its weights, once its tensors are known to fit; DataError if not."""
    for field, numbers, least in (
        ("input_shape", about["input_shape"], 1),
        ("max_value", [about["max_value"] or 1], LEAST_SCALE),
    ):
        if not all(
            isinstance(n, int | float) and least <= n <= LARGEST_SCALE for n in numbers
        ):
            raise DataError(
                f"{name}: {field}: expected numbers from {least:g} to {LARGEST_SCALE:g}, "
                f"got {numbers!r:.60}"
            )
    try:
        _check_text([about["network"], about["preprocess"]])
        network = Layer.from_dict(about["network"])
        declared = _core.models.parameters_of(
            network, about["input_shape"], about["preprocess"]
        )
        promised = {key: tuple(shape) for key, shape, _ in declared}
        if promised != shapes:
            wrong = sorted(set(promised.items()) ^ set(shapes.items()))[:4]
            raise DataError(
                f"{name}: expected the tensors of its network; these differ: {wrong}"
            )
        model = kind(
            network,
            input_shape=about["input_shape"],
            classes=[str(c) for c in about["classes"]] or None,
            preprocess=about["preprocess"],
            name=about["name"],
        )
        if "temperature" in about:
            model.temperature = about["temperature"]
        if "image_statistics" in about:
            model.image_statistics = ImageStatistics.from_plain(
                about["image_statistics"], model.input_shape[0]
            )
    except DataError:
        raise
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{name}: expected a description that digitnet knows: {str(error)[:400]}"
        ) from error
    if about["max_value"] > 0:
        model.fix_scale(float(about["max_value"]))
    return model


def _check_text(values: Any) -> None:
    """Raise UnicodeEncodeError for a lone surrogate, which JSON may hold."""
    json.dumps(values, ensure_ascii=False).encode()


def _finite(values: Any, name: str, key: str) -> Any:
    if values.dtype != np.float32:
        raise DataError(f"{name}: {key}: expected float32, got {values.dtype}")
    if not np.isfinite(values).all():
        raise DataError(f"{name}: {key}: expected finite weights, got NaN or infinity")
    return values
