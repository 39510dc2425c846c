"""The LibTorch engine: when it is loaded, and what is said where it cannot be."""

import base64
import hashlib
import importlib.util
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import digitnet
import digitnet._core as _core
from digitnet._utils import torch_engine
from digitnet.cli import doctor


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
    assert _core.engine.core_id() in built.name
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


@pytest.fixture
def real_engine():
    path = torch_engine.find_engine().path
    if path is None:
        pytest.skip("no LibTorch engine is here")
    return path


@pytest.mark.parametrize("part", [0.0001, 0.1, 0.5, 0.9])
def test_an_engine_that_was_cut_short_is_named(part, real_engine, tmp_path):
    content = real_engine.read_bytes()
    path = tmp_path / real_engine.name
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(RuntimeError, match=f"{path}: .* got a damaged file"):
        _core.engine.load_torch_engine(str(path))


def test_an_engine_under_the_name_of_another_is_not_taken(real_engine, tmp_path):
    path = tmp_path / "libdigitnet_torch_2.90.so"
    path.write_bytes(real_engine.read_bytes())
    code = (
        "import torch, digitnet._core as core\n"
        "try:\n"
        f"    core.engine.load_torch_engine({str(path)!r})\n"
        "except RuntimeError as error:\n"
        "    print(error, core.engine.torch_engine_loaded())"
    )
    minor = real_engine.stem.rpartition("_")[2]
    found = python(code).stdout
    assert f"{path}: expected a LibTorch engine of this digitnet for that" in found
    assert found.endswith(f"got one for torch {minor} False\n")


def test_the_doctor_names_an_engine_of_the_package_that_was_changed(
    monkeypatch, tmp_path
):
    path = tmp_path / "libdigitnet_torch_2.90.so"
    path.write_bytes(b"as installed")
    digest = hashlib.sha256(b"as installed").digest()
    (tmp_path / "digitnet-1.0.dist-info").mkdir()
    record = tmp_path / "digitnet-1.0.dist-info/RECORD"
    sha = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    record.write_text(f"{path.name},sha256={sha},12\nother.py,,\n")
    installed = metadata.PathDistribution(record.parent)
    monkeypatch.setattr(metadata, "files", lambda _: installed.files)
    engine = torch_engine.Engine("2.90.0", path, "")
    monkeypatch.setattr(torch_engine, "find_engine", lambda: engine)
    torch_engine.check_unchanged(path)
    torch_engine.check_unchanged(Path(__file__))  # of no record
    path.write_bytes(b"as inst\0lled")
    check = {check["check"]: check for check in doctor.checks()}["LibTorch engine"]
    assert not check["ok"]
    assert f"{path}: expected the engine as it was installed" in check["found"]


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


@pytest.mark.parametrize(
    ("device", "what"),
    [
        ("mps", "a GPU of Apple"),
        ("mps:0", "a GPU of Apple"),
        ("hip", "a GPU of AMD"),
        ("ROCm:1", "a GPU of AMD"),
        ("xpu", "a GPU of Intel"),
        ("tpu", "a TPU"),
    ],
)
def test_a_device_of_another_vendor_is_named_with_what_would_be_needed(device, what):
    with pytest.raises(ValueError) as error:
        digitnet.train.resolve_device(device)
    assert str(error.value) == (
        f"device: expected 'auto', 'cpu', 'cuda' or 'cuda:N', got '{device}', {what}; "
        "GPUs must be NVIDIA's, with a CUDA build of torch: use device='cpu'"
    )


@pytest.mark.parametrize("device", ["gpu", "mpsx", "", "cuda:", "cuda:x"])
def test_a_name_of_no_device_is_refused(device):
    with pytest.raises(ValueError, match=f"or 'cuda:N', got '{device}'$"):
        digitnet.train.resolve_device(device)


@pytest.mark.torch
def test_the_doctor_says_why_there_is_no_gpu(real_engine):
    if _core.engine.gpu_count() > 0:
        pytest.skip("a GPU is here")
    check = {check["check"]: check for check in doctor.checks()}["LibTorch engine"]
    assert check["ok"]
    assert check["found"].endswith(f"; GPUs: none: {_core.engine.no_gpu_reason()}")


def test_a_torch_that_another_thread_is_importing_is_one(monkeypatch, tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").touch()
    (tmp_path / "torch/version.py").write_text("__version__ = '2.90.1+cpu'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    spec = importlib.util.find_spec("torch")
    half = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "torch", half)
    assert torch_engine.torch_version() == ""  # some other torch.py
    spec._initializing = True
    assert torch_engine.torch_version() == "2.90.1+cpu"
    half.__version__ = "2.91"
    assert torch_engine.torch_version() == "2.91"
