"""The build against a torch for GPUs, on a machine without a CUDA toolkit."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from reference.optional import torch

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def configured(tmp_path):
    """CMake's output with a torch of this version in place of the one here."""
    cmake = shutil.which("cmake", path=str(PROGRAMS)) or shutil.which("cmake")
    ninja = shutil.which("ninja", path=str(PROGRAMS)) or shutil.which("ninja")
    if not cmake or not ninja:
        pytest.skip("cmake or ninja is not installed")
    real = Path(torch.__file__).parent
    pybind11 = subprocess.run(
        [sys.executable, "-m", "pybind11", "--cmakedir"], capture_output=True, text=True
    )
    assert pybind11.returncode == 0, pybind11.stderr

    def configure(version, *defines):
        fake = tmp_path / "site" / "torch"
        (fake / "lib").mkdir(parents=True)
        (fake / "__init__.py").touch()
        (fake / "version.py").write_text(f"__version__ = '{version}'\n")
        (fake / "include").symlink_to(real / "include")
        for name in ("c10", "torch_cpu", "torch", "torch_python"):
            for library in (real / "lib").glob(f"lib{name}.*"):
                (fake / "lib" / library.name).symlink_to(library)
        for name in ("c10_cuda", "torch_cuda"):
            (fake / "lib" / f"lib{name}.so").touch()  # nothing may look into these
        environment = {
            name: value for name, value in os.environ.items() if "CUDA" not in name
        }
        environment["PATH"] = f"{PROGRAMS}:/usr/bin:/bin"
        environment["PYTHONPATH"] = str(fake.parent)
        return subprocess.run(
            [
                *(cmake, "-S", ROOT, "-B", tmp_path / "build", "-G", "Ninja"),
                f"-DCMAKE_MAKE_PROGRAM={ninja}",
                f"-DPython_EXECUTABLE={sys.executable}",
                f"-Dpybind11_DIR={pybind11.stdout.strip()}",
                "-DSKBUILD_PROJECT_VERSION=0.0.1",
                *defines,
            ],
            capture_output=True,
            text=True,
            env=environment,
            timeout=300,
        )

    return configure


@pytest.mark.torch
def test_a_torch_for_gpus_needs_no_toolkit_and_none_of_its_gpu_libraries(
    configured, tmp_path
):
    result = configured("2.13.0+cu130")
    assert result.returncode == 0, result.stderr
    assert f"torch 2.13.0+cu130 in {tmp_path}" in result.stdout
    rules = (tmp_path / "build" / "build.ninja").read_text()
    linked = set(re.findall(r"lib(\w+)\.so", rules))
    assert {"c10", "torch_cpu"} <= linked
    assert not [name for name in linked if "cuda" in name or name == "torch_python"]
    cache = (tmp_path / "build" / "CMakeCache.txt").read_text()
    assert "cuda" not in cache.lower().replace("torch_cuda", "")


@pytest.mark.torch
def test_a_torch_that_is_too_old_is_named_and_the_core_is_built(configured, tmp_path):
    result = configured("2.10.0+cu128")
    assert result.returncode == 0, result.stderr
    assert "expected torch 2.11 or newer, got 2.10.0+cu128" in result.stdout
    rules = (tmp_path / "build" / "build.ninja").read_text()
    assert "_core" in rules and "torch_cpu" not in rules


@pytest.mark.torch
def test_an_engine_that_was_asked_for_needs_a_torch_that_will_do(configured):
    result = configured("2.10.0+cu128", "-DDIGITNET_TORCH=ON")
    assert result.returncode != 0
    assert "expected torch 2.11 or newer, got 2.10.0+cu128" in result.stderr


def test_no_source_names_a_header_of_cuda():
    for path in (ROOT / "cpp").rglob("*.*"):
        includes = re.findall(r"#include .*cud[an].*", path.read_text(), re.IGNORECASE)
        assert not includes, f"{path}: {includes}"
