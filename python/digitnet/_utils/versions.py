"""Versions: of digitnet, of what it was built with, of what is installed here."""

from __future__ import annotations

import os
import platform
from importlib import metadata

from digitnet._build_info import COMPILER, TORCH_VERSION

VERSION = metadata.version("digitnet")

_PACKAGES = (
    "torch",
    "numpy",
    "matplotlib",
    "pandas",
    "pillow",
    "safetensors",
    "scikit-learn",
    "tqdm",
)


def versions() -> dict[str, str]:
    """Versions of everything that matters to a result."""
    import torch

    versions = {
        "digitnet": VERSION,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": f"{os.cpu_count()} cores, {platform.machine()}",
        "built for torch": TORCH_VERSION,
        "compiler": COMPILER,
        "threads": str(torch.get_num_threads()),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none",
    }
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "missing"
    return versions


def show_versions() -> None:
    """Print `versions()`, for a bug report."""
    for name, value in versions().items():
        print(f"{name:<16} {value}")


def minor(version: str) -> str:
    """The part of a version that binary compatibility depends on: "2.13"."""
    return ".".join(version.split("+")[0].split(".")[:2])


def check_torch(built_for: str) -> None:
    """Import torch, and refuse another minor version than the one built for.

    Raises:
        ImportError: naming both versions and the command that fixes it.
    """
    fix = (
        f"install that one (pip install 'torch=={minor(built_for)}.*'), or rebuild "
        "digitnet for yours (pip install --no-build-isolation --force-reinstall "
        "--no-deps digitnet)"
    )
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ImportError(
            f"digitnet: expected torch {minor(built_for)}, got none; {fix}"
        ) from error
    if minor(torch.__version__) != minor(built_for):
        raise ImportError(
            f"digitnet: expected torch {minor(built_for)}, for which it was built, "
            f"got {torch.__version__}; {fix}"
        )
