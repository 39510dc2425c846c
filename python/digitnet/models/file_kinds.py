"""What a file is, told by its first bytes and its members, never by its name."""

from __future__ import annotations

from pathlib import Path

from digitnet._core import DataError
from digitnet._utils import signatures
from digitnet._utils.input_files import opened

MAX_HEADER_BYTES = 2**23  # of safetensors: 10,000 layers need less than 5 MB

SAFETENSORS = "safetensors"
TORCH = "a file of torch.save"
TORCH_SCRIPT = "a TorchScript program"
TORCH_PROGRAM = "a program of torch.export"
KERAS = "a model of Keras"
HDF5 = "an HDF5 file"
ONNX = "an ONNX model"
PICKLE = "a pickle"
UNKNOWN = "an unknown kind of file"


def kind_of(path: Path) -> str:
    """One of the kinds above. OSError if the file cannot be read."""
    with opened(path) as file:
        start = file.read(16)
    if start.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    if start.startswith(signatures.HDF5):
        return HDF5
    if len(start) > 8 and start[8:9] == b"{":
        return SAFETENSORS
    if start.startswith(signatures.TORCH_BEFORE_1_6):
        return TORCH
    if signatures.is_pickle(start):
        return PICKLE
    # Field 1 is the version of the format, field 2 the name of what wrote it.
    if start[:1] == b"\x08" and start[2:3] == b"\x12":
        return ONNX
    return UNKNOWN


def _kind_of_zip(path: Path) -> str:
    names = signatures.zip_names(path)
    if "config.json" in names and "model.weights.h5" in names:
        return KERAS
    inside = {name.partition("/")[2] for name in names}
    if any(name.startswith("code/") for name in inside):
        return TORCH_SCRIPT
    if "data.pkl" in inside:
        return TORCH
    if inside & {"archive_format", "models/model.json"}:
        return TORCH_PROGRAM
    return UNKNOWN


def check_header(path: Path) -> None:
    """Refuse a safetensors file whose header is longer than 8 MiB, before it is parsed."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > MAX_HEADER_BYTES:
        raise DataError(
            f"{path.name}: expected a safetensors header of at most "
            f"{MAX_HEADER_BYTES:,} bytes, got {size:,}"
        )
