"""Keras' files of weights: HDF5, and ``.keras`` archives that hold one beside a config.

Nothing in them is run: the config is read as data, and only for what it says of layers.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.extras import extra_packages
from digitnet.models.file_kinds import MAX_INFLATION, inflated_limit

_MAX_BYTES = 2**31  # of an HDF5 file's weights: VGG16 has half a gigabyte
_MAX_CONFIG_BYTES = 2**23
_MAX_DEPTH = 16
# What a file holds beside weights: the optimizer's, metrics' and generators' state.
_NO_WEIGHTS = re.compile(
    r"^(optimizer|optimizer_weights|_?metrics|compile_metrics)/|(^|/)seed_generator/"
)
_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError)


def holds_weights(path: str) -> bool:
    """Whether a tensor of this path is a layer's, not an optimizer's or a metric's."""
    return not _NO_WEIGHTS.search(path)


@dataclass
class KerasFile:
    """What a file of Keras says.

    Attributes:
        tensors: Floats of layers by path, in the model's order where the file has one.
        names: Names of layers by the path of their group, where the file gives them.
        config: The model's config, as of `get_config()`, or None.
        ordered: Whether the tensors are in the model's order.
    """

    tensors: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] | None = None
    ordered: bool = False


def read_hdf5(path: Path) -> KerasFile:
    """A ``.h5`` file, of a whole model or of weights only.

    Raises:
        DataError: damaged; more than 2 GiB or MAX_INFLATION times the file's size.
    """
    return _read(path, path.name, path.stat().st_size)


def read_keras(path: Path) -> KerasFile:
    """A ``.keras`` archive: config.json and model.weights.h5, each bounded as above."""
    limit = inflated_limit(path.stat().st_size)
    try:
        with zipfile.ZipFile(path) as archive:
            config = _member(archive, "config.json", _MAX_CONFIG_BYTES, path.name)
            weights = _member(
                archive, "model.weights.h5", min(limit, _MAX_BYTES), path.name
            )
    except (zipfile.BadZipFile, EOFError, NotImplementedError, *_ERRORS) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path.name}: expected a whole archive: {error}") from error
    read = _read(io.BytesIO(weights), path.name, path.stat().st_size)
    read.config = _config(config, path.name)
    return read


def _member(archive: zipfile.ZipFile, name: str, limit: int, label: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > limit or archive.namelist().count(name) > 1:
        raise DataError(
            f"{label}: {name}: expected one member of at most {limit:,} bytes, got "
            f"{info.file_size:,}"
        )
    with archive.open(info) as member:
        return member.read(limit + 1)


def _config(text: Any, label: str) -> dict[str, Any] | None:
    """A config as data; DataError if it is not JSON."""
    if isinstance(text, np.ndarray) or not isinstance(text, bytes | str):
        return None
    if len(text) > _MAX_CONFIG_BYTES:
        raise DataError(
            f"{label}: expected a config of at most {_MAX_CONFIG_BYTES:,} bytes"
        )
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{label}: expected JSON in its config: {str(error)[:80]}"
        ) from error
    return config if isinstance(config, dict) else None


def _read(source: Any, label: str, file_bytes: int) -> KerasFile:
    with extra_packages(f"load_weights of '{label}'"):
        import h5py
    reader = _Reader(label, inflated_limit(file_bytes))
    try:
        with h5py.File(source, "r") as file:
            file.visititems(reader.visit)
            read = reader.read
            read.config = _config(file.attrs.get("model_config"), label)
            root = file.get("model_weights", file)
            order = _in_order(root) if isinstance(root, h5py.Group) else []
    except DataError:
        raise
    except _ERRORS as error:
        raise DataError(
            f"{label}: expected an HDF5 file: {str(error)[:200]}"
        ) from error
    if order:
        listed = [name for name in order if name in read.tensors]
        rest = [name for name in read.tensors if name not in set(listed)]
        read.tensors = {name: read.tensors[name] for name in [*listed, *rest]}
        read.ordered = bool(listed)
    return read


class _Reader:
    """Takes over one thing of the file after the other, and counts its bytes."""

    def __init__(self, label: str, limit: int) -> None:
        self.label, self.limit = label, limit
        self.read = KerasFile()
        self.total = 0

    def visit(self, name: str, item: Any) -> None:
        import h5py

        if name.count("/") > _MAX_DEPTH:
            raise DataError(f"{self.label}: expected groups at most {_MAX_DEPTH} deep")
        if not isinstance(item, h5py.Dataset):
            title = item.attrs.get("name") if name.endswith("vars") else None
            if isinstance(title, str) and len(title) <= 1000:
                self.read.names[name.removesuffix("vars").rstrip("/")] = title
            return
        if item.shape is None or not holds_weights(name):
            return
        brain = item.dtype.kind == "V" and item.attrs.get("dtype") == "bfloat16"
        if item.dtype.kind != "f" and not (brain and item.dtype.itemsize == 2):
            return
        self._check(name, item)
        if brain:
            halves = np.asarray(item).view(np.uint16).astype(np.uint32) << 16
            self.read.tensors[name] = halves.view(np.float32)
        else:
            self.read.tensors[name] = np.asarray(item)

    def _check(self, name: str, item: Any) -> None:
        where = f"{self.label}: {name}"
        if item.is_virtual or item.external:  # would read other files
            raise DataError(
                f"{where}: expected numbers in the file, got a reference to another one"
            )
        chunk = int(np.prod(item.chunks, dtype=object)) if item.chunks else 0
        self.total += max(item.size, chunk) * item.dtype.itemsize
        if self.total > _MAX_BYTES:
            raise DataError(
                f"{where}: expected at most {_MAX_BYTES >> 20:,} MiB of weights"
            )
        if self.total > self.limit:
            raise DataError(
                f"{where}: expected weights of at most {MAX_INFLATION} times the file's "
                f"size, got {self.total:,} bytes"
            )


def _in_order(root: Any) -> list[str]:
    """Paths of the tensors in the model's order, as ``layer_names`` gives it; or none."""
    paths = []
    for layer in _names(root, "layer_names"):
        group = root.get(layer)
        if not hasattr(group, "attrs"):
            continue
        prefix = f"{root.name}/{layer}".strip("/")
        paths += [f"{prefix}/{name}" for name in _names(group, "weight_names")]
    return paths


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names; long ones are stored in parts: layer_names0, layer_names1, ..."""
    numbered = [key for key in group.attrs if re.fullmatch(attribute + r"\d{1,5}", key)]
    keys = sorted(numbered, key=lambda key: int(key[len(attribute) :]))
    if attribute in group.attrs:
        keys = [attribute]
    names = [name for key in keys for name in np.ravel(group.attrs[key]).tolist()]
    return [
        n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in names
    ]
