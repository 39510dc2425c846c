"""Versions: of digitnet, of what it was built with, of what is installed here."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

import digitnet._core as _core
from digitnet._build_info import COMPILER, VERSION
from digitnet._utils.torch_engine import describe

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
    versions = {
        "digitnet": VERSION,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": f"{processor()}, {os.cpu_count()} cores, {platform.machine()}",
        "memory": memory(),
        "compiler": COMPILER,
        "threads": str(_core.engine.num_threads()),
        "native engine": f"kernels {', '.join(_core.train.kernels())}",
        "LibTorch engine": describe(),
        "gpu": _gpu_in_use(),
    }
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "missing"
    return versions


def processor() -> str:
    """The processor's model, as the system names it."""
    about = Path("/proc/cpuinfo")
    if about.is_file():
        for line in about.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown model"


def memory() -> str:
    """The machine's memory, where the system tells it."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return "unknown"
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{size / 2**30:.1f} GiB"


def _gpu_in_use() -> str:
    """Name of torch's first GPU, where torch is at work."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return "none in use"
    return str(torch.cuda.get_device_name(0))


def show_versions() -> None:
    """Print `versions()`, for a bug report."""
    for name, value in versions().items():
        print(f"{name:<16} {value}")
