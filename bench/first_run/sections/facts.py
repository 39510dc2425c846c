"""The machine and what is installed on it; digitnet need not be."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib import metadata
from typing import Any

import torch
from context import Context

PACKAGES = (
    *("torch", "numpy", "pandas", "matplotlib", "pillow", "safetensors", "tqdm"),
    *("pybind11", "scikit-build-core", "cmake", "ninja", "pip", "pytest"),
    *("scipy", "scikit-learn", "triton"),
)
NVIDIA_SMI = (
    "nvidia-smi",
    "--query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit",
    "--format=csv,noheader",
)


def first_line(*command: str) -> str:
    """Of what a program says; why there is none."""
    if shutil.which(command[0]) is None:
        return "not here"
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return (done.stdout or done.stderr).strip().partition("\n")[0]


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def gpus() -> list[dict[str, Any]]:
    """Those that torch sees."""
    found = []
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        found.append(
            {
                "name": about.name,
                "capability": f"{about.major}.{about.minor}",
                "memory_gib": round(about.total_memory / 2**30, 1),
                "multiprocessors": about.multi_processor_count,
            }
        )
    return found


def run(context: Context) -> None:
    machine = {
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "compiler": first_line("c++", "--version"),
        "nvidia-smi": first_line(*NVIDIA_SMI),
        "gpus": gpus(),
    }
    versions = {
        "python": platform.python_version(),
        "cuda of torch": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        **{package: version(package) for package in PACKAGES},
    }
    context.put("machine", machine)
    context.put("versions", versions)
    for name, value in {**machine, **versions}.items():
        print(f"{name:<18} {value}", flush=True)
    if context.on_gpu and not torch.cuda.is_available():
        raise RuntimeError(
            "expected a GPU that torch can use, got none; --device cpu tries the script"
        )
