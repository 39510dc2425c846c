"""The LibTorch engine: which one fits the torch that is here, and loading it.

The core computes on a CPU by itself. A GPU, several ranks and bfloat16 are LibTorch's:
a library compiled for one minor version of torch, opened when it is first needed.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import re
import sys
import warnings
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import digitnet._core as _core
from digitnet._build_info import VERSION
from digitnet._utils.files import cache_folder

OLDEST_TORCH = "2.11"


def minor(version: str) -> str:
    """The part of a version that binary compatibility depends on: "2.13"."""
    numbers = re.match(r"\d+\.\d+", version)
    return numbers[0] if numbers else "0.0"


def numbers_of(version: str) -> list[int]:
    """A version's minor as numbers, to compare: [2, 13]."""
    return [int(part) for part in minor(version).split(".")]


@dataclass(frozen=True)
class Engine:
    """A LibTorch engine that is here, or why there is none.

    Attributes:
        torch: Version of the torch that is installed; "" without one.
        path: The library for it, or None.
        reason: Why there is none and what to do; "" if there is one.
    """

    torch: str
    path: Path | None
    reason: str


def torch_version() -> str:
    """Version of the torch that is installed, which is not imported; "" without one."""
    if "torch" in sys.modules:
        module = sys.modules["torch"]  # None: its import is blocked
        version = getattr(module, "__version__", "")
        # Another thread may be in the middle of importing it.
        half = getattr(getattr(module, "__spec__", None), "_initializing", False)
        if version or not half:
            return str(version)
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return ""
    about = Path(spec.origin).parent / "version.py"
    if not about.is_file():
        return ""  # some other torch.py
    text = about.read_text(errors="replace")
    found = re.search(r"^__version__ = ['\"](\d+\.\d+[^'\"]*)['\"]", text, re.M)
    return found[1] if found else ""


def built_engines() -> Path:
    """The folder of engines that `digitnet engine build` made for this version."""
    return cache_folder() / "engines" / f"{VERSION}-{_core.engine.core_id()}"


def engine_folders() -> list[Path]:
    """Where engines are looked for: those of the package, then those built here."""
    return [Path(_core.__file__).parent / "_engines", built_engines()]


def library_name(torch: str) -> str:
    """The file name of the engine for a version of torch."""
    return f"libdigitnet_torch_{minor(torch)}.so"


def engine_versions() -> list[str]:
    """Minor versions of torch that engines are here for: ["2.13"]."""
    found = {
        path.stem.rpartition("_")[2]
        for folder in engine_folders()
        for path in folder.glob("libdigitnet_torch_*.so")
        if re.fullmatch(r"\d+\.\d+", path.stem.rpartition("_")[2])
    }
    return sorted(found, key=numbers_of)


def find_engine() -> Engine:
    """The engine for the torch that is installed; imports nothing."""
    torch = torch_version()
    if not torch:
        return Engine(
            "", None, "torch is not installed; run: pip install 'digitnet[torch]'"
        )
    for folder in engine_folders():
        path = folder / library_name(torch)
        if os.access(path, os.R_OK) and path.is_file():
            return Engine(torch, path, "")
    here = engine_versions()
    have = f"engines here are for torch {', '.join(here)}" if here else "none is here"
    if numbers_of(torch) < numbers_of(OLDEST_TORCH):
        fix = f"install torch {OLDEST_TORCH} or newer"
    else:
        fix = "run: digitnet engine build"
    return Engine(torch, None, f"no engine for torch {torch} ({have}); {fix}")


def describe() -> str:
    """Which LibTorch engine is here, or why none, in one line."""
    engine = find_engine()
    if engine.path is None:
        return f"none: {engine.reason}"
    state = "loaded" if _core.engine.torch_engine_loaded() else "loaded when needed"
    return f"for torch {engine.torch}, {state}"


def load() -> None:
    """Import torch and open the engine for it. The core calls this.

    Raises:
        RuntimeError: no torch, no engine for it, or a damaged one.
    """
    engine = find_engine()
    if engine.path is None:
        raise RuntimeError(
            f"digitnet: expected the LibTorch engine, got none: {engine.reason}"
        )
    try:
        import torch  # noqa: F401  (its libraries are what the engine is linked to)
    except (ImportError, OSError) as error:
        raise RuntimeError(
            f"digitnet: expected torch {engine.torch} to be importable, got {error}; "
            "install it again"
        ) from error

    _core.engine.load_torch_engine(str(engine.path))


def check_unchanged(path: Path) -> None:
    """Compare an engine of the package with the hash that it was installed with.

    Raises:
        RuntimeError: the file is another.
    """
    for file in metadata.files("digitnet") or []:
        if file.hash is None or Path(str(file.locate())).resolve() != path.resolve():
            continue
        digest = hashlib.new(file.hash.mode, path.read_bytes()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != file.hash.value:
            raise RuntimeError(
                f"{path}: expected the engine as it was installed, got a changed or "
                "damaged file; install digitnet again"
            )


def warn_of_missing_engine(reason: str) -> None:
    """Say that device "auto" leaves a GPU unused. The core calls this once."""
    warnings.warn(
        f"{reason}; a GPU is here, but device='auto' stands for the CPU",
        RuntimeWarning,
        stacklevel=2,
    )
