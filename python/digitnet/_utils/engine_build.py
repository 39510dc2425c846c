"""Compiling the LibTorch engine for the torch that is here, from the package's sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import digitnet._core as _core
from digitnet._build_info import VERSION
from digitnet._utils.files import write_whole
from digitnet._utils.torch_engine import (
    OLDEST_TORCH,
    built_engines,
    library_name,
    numbers_of,
    torch_version,
)

_LAST_LINES = 25  # of a compiler's output that are shown when it fails


def _program(name: str, required: bool = True) -> str:
    """The program's path: of this environment before the system's."""
    path = shutil.which(name, path=str(Path(sys.executable).parent))
    path = path or shutil.which(name)
    if path is None and required:
        raise RuntimeError(
            f"digitnet engine build: expected the program {name}, got none; run: "
            "pip install 'digitnet[engine]'"
        )
    return path or ""


def _run(command: list[str], log: Path) -> None:
    with log.open("a") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT)
    if done.returncode == 0:
        return
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
    raise RuntimeError(
        f"digitnet engine build: expected {Path(command[0]).name} to succeed, got exit "
        f"status {done.returncode}; it needs a C++20 compiler (Debian: g++). Its last "
        f"lines:\n{tail}"
    )


def build_engine() -> Path:
    """Compile the engine for the torch of this environment; minutes on two cores.

    Returns:
        The library, in the user's cache. An engine of before stays until this one is whole.
    Raises:
        RuntimeError: no torch, one that is too old, no sources, no cmake or no compiler.
    """
    torch = torch_version()
    if not torch or numbers_of(torch) < numbers_of(OLDEST_TORCH):
        raise RuntimeError(
            f"digitnet engine build: expected torch {OLDEST_TORCH} or newer, got "
            f"{torch or 'none'}; run: pip install 'digitnet[torch]'"
        )
    source = Path(_core.__file__).parent / "_source"
    if not (source / "CMakeLists.txt").is_file():
        raise RuntimeError(
            f"digitnet engine build: expected the sources in {source}, got none; install "
            "digitnet again"
        )
    cmake, ninja = _program("cmake"), _program("ninja", required=False)
    generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"] if ninja else []
    name = library_name(torch)
    target = built_engines() / name
    with tempfile.TemporaryDirectory(prefix="digitnet-engine-") as folder:
        build, log = Path(folder) / "build", Path(folder) / "log"
        settings = {
            "CMAKE_BUILD_TYPE": "Release",
            "DIGITNET_PYTHON": "OFF",
            "DIGITNET_TORCH": "ON",
            "Python_EXECUTABLE": sys.executable,
            "SKBUILD_PROJECT_VERSION": VERSION,
        }
        defines = [f"-D{key}={value}" for key, value in settings.items()]
        _run([cmake, "-S", str(source), "-B", str(build), *generator, *defines], log)
        jobs = str(os.cpu_count() or 1)
        _run(
            [cmake, "--build", str(build), "--target", "digitnet_torch_engine"]
            + ["--parallel", jobs],
            log,
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, (build / name).read_bytes())
    return target
