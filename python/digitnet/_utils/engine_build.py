"""Compiling the LibTorch engine for the torch that is here, from the package's sources."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import digitnet._core as _core
from digitnet._build_info import VERSION
from digitnet._utils.files import write_whole
from digitnet._utils.torch_engine import (
    OLDEST_TORCH,
    built_engines,
    find_engine,
    library_name,
    numbers_of,
)

_LAST_LINES = 25  # of a compiler's output that are shown when it fails
# How far it is, in a line of Ninja "[3/20] ..." or of Make "[ 15%] ...".
_STEP = re.compile(r"\[\s*(\d+)(?:/(\d+)|%)\]")


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


def _run(command: list[str], progress: Callable[[int, int], None]) -> None:
    """Run a command to its end; when interrupted, end it with all that it started."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    with process:
        try:
            for line in process.stdout:
                lines.append(line)
                if step := _STEP.match(line):
                    progress(int(step[1]), int(step[2] or 100))
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.stdout.read()  # until the last of them has ended
            raise
    if process.returncode == 0:
        return
    tail = "".join(lines[-_LAST_LINES:])
    raise RuntimeError(
        f"digitnet engine build: expected {Path(command[0]).name} to succeed, got exit "
        f"status {process.returncode}; it needs a C++20 compiler (Debian: g++). Its last "
        f"lines:\n{tail}"
    )


def _check_build_folder(folder: Path) -> None:
    """Before minutes of compiling, and without making the folder."""
    here = next(path for path in (folder, *folder.parents) if path.exists())
    if not here.is_dir() or not os.access(here, os.W_OK | os.X_OK):
        raise RuntimeError(
            f"digitnet engine build: expected a folder to write to, got {here}; set "
            "XDG_CACHE_HOME to another"
        )


def _torch_to_build_for() -> str:
    """The version of the torch that is here and has no engine in the package."""
    engine = find_engine()
    torch = engine.torch
    if not torch or numbers_of(torch) < numbers_of(OLDEST_TORCH):
        raise RuntimeError(
            f"digitnet engine build: expected torch {OLDEST_TORCH} or newer, got "
            f"{torch or 'none'}; run: pip install 'digitnet[torch]'"
        )
    if engine.path is not None and engine.path.parent != built_engines():
        raise RuntimeError(
            f"digitnet engine build: expected a torch without an engine, got {torch}, "
            f"which has {engine.path}; to replace it, remove that file first"
        )
    return torch


def build_engine(progress: Callable[[int, int], None]) -> Path:
    """Compile the engine for the torch of this environment; minutes on two cores.

    Args:
        progress: Called with the steps that are done and how many there are.
    Returns:
        The library, in the user's cache. An engine of before stays until this one is whole.
    Raises:
        RuntimeError: no torch, one that is too old or has an engine in the package, no
            sources, no cmake, no compiler, a cache that cannot be written to.
    """
    torch = _torch_to_build_for()
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
    _check_build_folder(target.parent)
    settings = {
        "CMAKE_BUILD_TYPE": "Release",
        "DIGITNET_PYTHON": "OFF",
        "DIGITNET_TORCH": "ON",
        "Python_EXECUTABLE": sys.executable,
        "SKBUILD_PROJECT_VERSION": VERSION,
    }
    defines = [f"-D{key}={value}" for key, value in settings.items()]
    jobs = ["--parallel", str(os.cpu_count() or 1)]
    with tempfile.TemporaryDirectory(prefix="digitnet-engine-") as build:
        _run([cmake, "-S", str(source), "-B", build, *generator, *defines], progress)
        _run(
            [cmake, "--build", build, "--target", "digitnet_torch_engine", *jobs],
            progress,
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, (Path(build) / name).read_bytes())
    return target
