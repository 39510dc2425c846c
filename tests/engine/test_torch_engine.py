"""The LibTorch engine: when it is loaded, and what is said where it cannot be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import digitnet
import digitnet._core as _core
from digitnet._utils import torch_engine


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_a_gpu_without_torch_says_that_torch_is_not_installed_and_what_to_type():
    code = (
        "import sys, digitnet\n"
        "from digitnet._utils import torch_engine\n"
        "torch_engine.torch_version = lambda: ''\n"
        "model = digitnet.models.make('linear')\n"
        "try:\n"
        "    model.predict([[[0] * 28] * 28], device='cuda')\n"
        "except RuntimeError as error:\n"
        "    print(error)\n"
        "print('torch' in sys.modules)"
    )
    result = python(code)
    message, imported = result.stdout.splitlines()
    assert "torch is not installed; run: pip install 'digitnet[torch]'" in message
    assert imported == "False"


@pytest.mark.parametrize(
    ("version", "fix"),
    [
        ("1.13.1", "install torch 2.11 or newer"),
        ("2.10.0+cu128", "install torch 2.11 or newer"),
        ("2.99.0+cpu", "run: digitnet engine build"),
        ("3.0.0", "run: digitnet engine build"),
    ],
)
def test_a_torch_without_an_engine_is_named_with_what_to_do(
    version, fix, monkeypatch, tmp_path
):
    monkeypatch.setattr(torch_engine, "torch_version", lambda: version)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    engine = torch_engine.find_engine()
    assert engine.path is None
    assert f"no engine for torch {version} (" in engine.reason
    assert engine.reason.endswith(fix)
    assert torch_engine.describe() == f"none: {engine.reason}"
    with pytest.raises(RuntimeError, match="expected the LibTorch engine, got none"):
        torch_engine.load()


def test_engines_are_listed_by_version_and_found_where_they_were_built(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(torch_engine, "torch_version", lambda: "2.90.1+cu130")
    built = torch_engine.built_engines()
    built.mkdir(parents=True)
    assert _core.engine.core_id in built.name
    for minor in ("2.9", "2.90"):
        (built / torch_engine.library_name(f"{minor}.0")).touch()
    assert torch_engine.engine_versions()[-1] == "2.90"
    assert torch_engine.find_engine().path == built / "libdigitnet_torch_2.90.so"


@pytest.mark.parametrize("content", [b"", b"no library", b"\x7fELF" + b"\0" * 100])
def test_a_damaged_engine_is_named(content, tmp_path):
    path = tmp_path / "libdigitnet_torch_2.13.so"
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match=f"{path}: expected a LibTorch engine"):
        _core.engine.load_torch_engine(str(path))


def test_a_library_of_other_sources_is_not_loaded():
    other = next(Path(sys.modules["numpy"].__file__).parent.rglob("*.so"))
    with pytest.raises(RuntimeError, match="expected a LibTorch engine .*got another"):
        _core.engine.load_torch_engine(str(other))


def test_threads_are_the_cores_own_and_checked():
    before = digitnet.get_num_threads()
    try:
        digitnet.set_num_threads(3)
        assert digitnet.get_num_threads() == 3
        for bad in (0, -1, 5000):
            with pytest.raises(ValueError, match=f"set_num_threads: .* got {bad}"):
                digitnet.set_num_threads(bad)
        assert digitnet.get_num_threads() == 3
    finally:
        digitnet.set_num_threads(before)


@pytest.mark.parametrize("setting, threads", [("3", "3"), ("5,2", "5")])
def test_omp_num_threads_says_how_many_threads(setting, threads):
    code = "import digitnet; print(digitnet.get_num_threads())"
    assert python(code, OMP_NUM_THREADS=setting).stdout.strip() == threads


def test_auto_stands_for_the_cpu_where_no_driver_is():
    if _core.engine.gpu_driver_here():
        pytest.skip("a GPU's driver is here")
    assert digitnet.train.resolve_device("auto") == "cpu"
