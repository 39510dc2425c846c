"""Keras' files of weights: HDF5, and ``.keras`` archives that hold one beside a config.

Nothing in them is run: the config is read as data, and only for what it says of layers.
"""

from __future__ import annotations

import io
import mmap
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.arrays import from_bfloat16
from digitnet._utils.extras import extra_packages
from digitnet._utils.input_files import MAX_INFLATION, json_in, most_unpacked
from digitnet._utils.text import shortened
from digitnet.models.weights.hdf5_attributes import text_attributes

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
        config: The model's config, as of `get_config()`, or None.
        ordered: Whether the tensors are in the model's order.
    """

    tensors: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    config: dict[str, Any] | None = None
    ordered: bool = False


def read_hdf5(path: Path) -> KerasFile:
    """A ``.h5`` file, of a whole model or of weights only.

    Raises:
        DataError: damaged; more than 2 GiB or MAX_INFLATION times the file's size.
    """
    size = path.stat().st_size
    if size == 0:
        return _read(path, b"", path.name, size)
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return _read(path, content, path.name, size)


def read_keras(path: Path) -> KerasFile:
    """A ``.keras`` archive: config.json and model.weights.h5, each bounded as above."""
    limit = most_unpacked(path.stat().st_size)
    try:
        with zipfile.ZipFile(path) as archive:
            config = _member(archive, "config.json", _MAX_CONFIG_BYTES, path.name)
            weights = _member(
                archive, "model.weights.h5", min(limit, _MAX_BYTES), path.name
            )
    except (zipfile.BadZipFile, EOFError, NotImplementedError, *_ERRORS) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path.name}: expected a whole archive: {shortened(str(error), 200)}"
        ) from error
    read = _read(io.BytesIO(weights), weights, path.name, path.stat().st_size)
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
    config = json_in(text, f"{label}: expected JSON in its config")
    return config if isinstance(config, dict) else None


def _read(source: Any, content: Any, label: str, file_bytes: int) -> KerasFile:
    with extra_packages(f"load_weights of '{label}'"):
        import h5py
    reader = _Reader(label, most_unpacked(file_bytes))
    try:
        texts = text_attributes(content, ("model_config", "layer_names"), label)
        with h5py.File(source, "r") as file:
            file.visititems(reader.visit)
            if "model_config" in file.attrs and "model_config" not in texts:
                raise DataError(f"{label}: model_config: expected an attribute of text")
    except DataError:
        raise
    except _ERRORS as error:
        raise DataError(
            f"{label}: expected an HDF5 file: {str(error)[:200]}"
        ) from error
    read = reader.read
    read.config = _config(b"".join(texts.pop("model_config", [])) or None, label)
    _put_in_order(read, texts)
    return read


def _put_in_order(read: KerasFile, texts: dict[str, list[bytes]]) -> None:
    """Sort tensors as ``layer_names`` lists their layers; long lists are in numbered parts."""
    parts = sorted(texts, key=lambda name: int(name.removeprefix("layer_names") or -1))
    names = [text.decode("utf-8", "replace") for part in parts for text in texts[part]]
    if not names:
        return
    places = {name: place for place, name in enumerate(names)}

    def place_of(path: str) -> int:
        layer = path.removeprefix("model_weights/").partition("/")[0]
        return places.get(layer, len(places))

    read.tensors = dict(
        sorted(read.tensors.items(), key=lambda item: place_of(item[0]))
    )
    read.ordered = True


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
            return
        if item.shape is None or not holds_weights(name):
            return
        # Keras keeps bfloat16 as two bytes that HDF5 has no name for.
        brain = item.dtype.kind == "V" and item.dtype.itemsize == 2
        if item.dtype.kind != "f" and not brain:
            return
        self._check(name, item)
        if brain:
            self.read.tensors[name] = from_bfloat16(np.asarray(item).view(np.uint16))
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
