"""release/check_wheel.py, on wheels that are made here: a sound one and faulty ones."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import bill_of_materials
import check_wheel
import pytest

ROOT = Path(__file__).parents[1]
INFO = "digitnet-1.0.dist-info"
NAME = "digitnet-1.0-cp311-cp311-manylinux_2_34_x86_64.whl"
CORE = "digitnet/_core.cpython-311-x86_64-linux-gnu.so"
BILL = f"{INFO}/{check_wheel.BILL}"
ENGINE = "digitnet/_engines/libdigitnet_torch_2.13.so"
SOURCES = {
    "engine/torch/library.cpp": b"",
    "core/a.cpp": b"int a;",
    "core/a.h": b"struct A;",
    "engine/torch/c.h": b"struct C;",
    "models/b.h": b"struct B;",
}

METADATA = """Metadata-Version: 2.4
Name: digitnet
Version: 1.0
Requires-Dist: numpy>=1.26
Requires-Dist: torch>=2.11; extra == 'torch'
"""
ENTRY_POINTS = """[console_scripts]
digitnet = digitnet.cli:main

[pytest11]
digitnet = digitnet_pytest
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Compiles C code into a shared library that needs the ones that are named."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler or not shutil.which("readelf"):
        pytest.skip("no C compiler or no readelf")
    folder = tmp_path_factory.mktemp("libraries")

    def shared(code, *, needs=(), flags=("-s",)):
        output, source = folder / "made.so", folder / "made.c"
        others = []
        for name in needs:
            (folder / "other.c").write_text(f"int of_{len(others)};")
            other = folder / name
            others.append(str(other))
            subprocess.run(
                [compiler, "-shared", "-fPIC", f"-Wl,-soname,{name}"]
                + ["-o", str(other), str(folder / "other.c")],
                check=True,
            )
        source.write_text(code)
        command = [compiler, "-shared", "-fPIC", "-Wl,--no-as-needed", *flags]
        subprocess.run([*command, "-o", str(output), str(source), *others], check=True)
        return output.read_bytes()

    return shared


@pytest.fixture(scope="module")
def sound(library):
    """The files of a wheel without a fault."""
    hashes = [hashlib.sha256(SOURCES[name]).hexdigest() for name in sorted(SOURCES)]
    identity = hashlib.sha256("".join(f"{h};" for h in hashes).encode())
    code = f'const char id[] = "{identity.hexdigest()[:16]}";'
    files = dict.fromkeys(check_wheel.REQUIRED, b"")
    files |= {f"digitnet/_source/cpp/{name}": text for name, text in SOURCES.items()}
    files[CORE] = library(code)
    files[ENGINE] = library(code, needs=("libc10.so", "libtorch_cpu.so"))
    files[f"{INFO}/METADATA"] = METADATA.encode()
    files[f"{INFO}/entry_points.txt"] = ENTRY_POINTS.encode()
    files[f"{INFO}/licenses/LICENSE"] = b"MIT"
    files[BILL] = json.dumps(bill()).encode()
    return files


def bill(version="1.0", left_out=()):
    """A bill of materials as `bill_of_materials.write` makes it."""
    digits = hashlib.sha256(b"").hexdigest()
    components = [
        {"name": "numpy"},
        {"name": "torch", "version": "2.13.0"},
        {"name": check_wheel.DIGITS, "hashes": [{"content": digits}]},
    ]
    return {
        "metadata": {"component": {"name": "digitnet", "version": version}},
        "components": [c for c in components if c["name"] not in left_out],
    }


def hash_of(content):
    digest = hashlib.sha256(content).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def faults_of(folder, files, *, name=NAME, record=None, minors=("2.13",)):
    wheel = folder / name
    rows = {path: hash_of(content) for path, content in files.items()} | (record or {})
    lines = [f"{path},{sha},1" for path, sha in rows.items()] + [f"{INFO}/RECORD,,"]
    with ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
        archive.writestr(f"{INFO}/RECORD", "\n".join(lines))
    return check_wheel.faults(wheel, list(minors))


def test_a_sound_wheel_has_no_fault_and_its_contents_are_listed(
    sound, tmp_path, capsys
):
    assert faults_of(tmp_path, sound) == []
    assert check_wheel.main([str(tmp_path / NAME), "--engines", "2.13"]) == 0
    printed = capsys.readouterr().out
    for part in (CORE, ENGINE, "digitnet/_source", INFO, NAME, "no faults found"):
        assert part in printed


@pytest.mark.parametrize("name", check_wheel.REQUIRED)
def test_a_file_that_must_be_there_is_missed(name, sound, tmp_path):
    files = {path: content for path, content in sound.items() if path != name}
    # A source that is missing changes the sources' hash, too.
    faults = [f for f in faults_of(tmp_path, files) if "core_id" not in f]
    assert faults == [f"{name}: expected it in the wheel, got none"]


def test_a_wheel_without_its_bill_of_materials_is_refused(sound, tmp_path):
    files = {path: content for path, content in sound.items() if path != BILL}
    (fault,) = faults_of(tmp_path, files)
    assert fault == f"{BILL}: expected a bill of materials, got none"


@pytest.mark.parametrize("name", ["numpy", "torch", check_wheel.DIGITS])
def test_the_bill_of_materials_leaves_nothing_out(name, sound, tmp_path):
    text = json.dumps(bill(left_out=[name])).encode()
    (fault,) = faults_of(tmp_path, {**sound, BILL: text})
    assert name in fault and "expected" in fault


def test_the_bill_of_materials_is_of_this_version_and_these_digits(sound, tmp_path):
    (fault,) = faults_of(tmp_path, {**sound, BILL: json.dumps(bill("2.0")).encode()})
    assert fault.endswith("expected version 1.0, got 2.0")
    (fault,) = faults_of(tmp_path, {**sound, check_wheel.DIGITS: b"others"})
    assert "expected digitnet/data/sources/digits.csv.gz with SHA-256" in fault


def test_what_is_written_as_a_bill_of_materials_is_accepted_and_repeatable(
    sound, tmp_path
):
    for name, content in sound.items():
        if name != BILL:
            (tmp_path / "core" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "core" / name).write_bytes(content)
    pins = ["scikit-build-core==1.1.2", "pybind11==3.0.4"]
    first, second = (
        bill_of_materials.write(tmp_path / "core", pins, ["2.13.0"]).read_bytes()
        for _ in range(2)
    )
    assert first == second and b"pkg:pypi/pybind11@3.0.4" in first
    assert faults_of(tmp_path, {**sound, BILL: first}) == []


@pytest.mark.parametrize(
    "name",
    [
        "digitnet.libs/libgomp-1234.so.1",
        "digitnet/_engines/libtorch_cpu.so",
        "digitnet/_engines/libdigitnet_torch_2.so",
    ],
)
def test_a_library_of_others_is_refused(name, sound, tmp_path):
    (fault,) = faults_of(tmp_path, {**sound, name: sound[CORE]})
    assert fault.startswith(f"{name}: expected only the core and its engines")


def test_an_engine_may_need_torch_but_no_gpu_and_the_core_not_even_torch(
    sound, library, tmp_path
):
    # The core of the sound wheel takes the engine's place: it has the right id.
    cuda = library("int x;", needs=("libc10.so", "libtorch_cuda.so"))
    found = faults_of(tmp_path, {**sound, ENGINE: cuda + sound[CORE]})
    assert len(found) == 1 and found[0].endswith("got libtorch_cuda.so")
    found = faults_of(tmp_path, {**sound, CORE: sound[ENGINE]})
    assert [fault.rpartition(" ")[2] for fault in found] == [
        *("libc10.so", "libtorch_cpu.so")
    ]


def test_an_engine_that_needs_python_is_refused(sound, library, tmp_path):
    code = "extern int PyList_New(long); int f(void) { return PyList_New(1); }"
    found = faults_of(tmp_path, {**sound, ENGINE: library(code) + sound[CORE]})
    assert found == [f"{ENGINE}: expected no need of Python's C API, got PyList_New"]


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        (("-s", "-Wl,-rpath,/opt/torch"), "expected no path of libraries"),
        (("-g",), "expected a stripped library"),
    ],
)
def test_a_path_and_symbols_for_debuggers_are_refused(
    flags, fault, sound, library, tmp_path
):
    made = library("int x;", flags=flags)
    (found,) = faults_of(tmp_path, {**sound, CORE: made + sound[CORE]})
    assert found.startswith(f"{CORE}: {fault}")


def test_symbols_that_are_newer_than_the_tag_are_refused(sound, library, tmp_path):
    code = "#include <stdio.h>\nvoid f(void) { puts(0); }"
    files = {**sound, CORE: library(code) + sound[CORE]}
    assert faults_of(tmp_path, files) == []
    name = NAME.replace("2_34", "2_1")
    assert any(
        fault.startswith(f"{CORE}: expected symbols of glibc (2, 1)'s time, got GLIBC_")
        for fault in faults_of(tmp_path, files, name=name)
    )
    (fault,) = faults_of(tmp_path, sound, name=NAME.replace("many", ""))
    assert "expected a manylinux tag" in fault


@pytest.mark.parametrize(
    ("symbol", "glibc", "refused"),
    [
        ("GLIBC_2.34", (2, 34), False),
        ("GLIBC_2.35", (2, 34), True),
        ("GLIBC_2.2.5", (2, 17), False),
        ("GLIBCXX_3.4.29", (2, 34), False),
        ("GLIBCXX_3.4.30", (2, 34), True),
        ("GLIBCXX_3.4.30", (2, 36), False),
        ("GLIBCXX_3.4.31", (2, 36), True),
        ("GLIBCXX_3.4", (2, 28), False),
        ("CXXABI_1.3.13", (2, 31), True),
        ("CXXABI_1.3.13", (2, 34), False),
        ("GCC_3.0", (2, 28), False),
    ],
)
def test_symbols_are_compared_with_what_a_tag_allows(symbol, glibc, refused):
    assert check_wheel.too_new(symbol, glibc) is refused


def test_of_several_tags_the_oldest_counts():
    tag = "digitnet-1.0-cp311-cp311-manylinux_2_34_x86_64.manylinux_2_28_x86_64.whl"
    assert check_wheel.glibc_of(tag) == (2, 28)


def test_engines_are_of_the_same_sources_and_none_is_missing(sound, library, tmp_path):
    other = library('const char id[] = "0123456789abcdef";')
    (fault,) = faults_of(tmp_path, {**sound, ENGINE: other})
    assert fault.startswith(f"{ENGINE}: expected the core_id of _source, ")
    (fault,) = faults_of(tmp_path, sound, minors=("2.13", "2.14"))
    assert fault.endswith("expected an engine for torch 2.14, got none")
    files = {path: content for path, content in sound.items() if path != CORE}
    (fault,) = faults_of(tmp_path, files)
    assert fault.endswith("expected the extension module, got none")


def test_the_id_of_the_sources_is_the_one_that_cmake_makes(sound, tmp_path):
    programs = f"{Path(sys.executable).parent}"
    cmake = shutil.which("cmake", path=programs) or shutil.which("cmake")
    if not cmake:
        pytest.skip("cmake is not installed")
    paths = []
    for name, content in sorted(SOURCES.items()):
        paths.append(tmp_path / "cpp" / name)
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        paths[-1].write_bytes(content)
    output = tmp_path / "core_id.h"
    subprocess.run(
        [cmake, f"-DSOURCES={';'.join(map(str, paths))}", f"-DOUTPUT={output}"]
        + ["-P", str(ROOT / "cmake/core_id.cmake")],
        check=True,
    )
    assert faults_of(tmp_path, sound) == []
    with ZipFile(tmp_path / NAME) as archive:
        assert f'"{check_wheel.core_id(archive)}"' in output.read_text()


@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        ("METADATA", "; extra == 'torch'", "", "METADATA: expected torch as an extra"),
        ("entry_points.txt", "digitnet.cli:main", "x:y", "entry_points.txt: expected"),
        ("entry_points.txt", "= digitnet_pytest", "", "entry_points.txt: expected"),
    ],
)
def test_metadata_are_read(name, old, new, fault, sound, tmp_path):
    path = f"{INFO}/{name}"
    content = sound[path].decode().replace(old, new).encode()
    (found,) = faults_of(tmp_path, {**sound, path: content})
    assert found.startswith(fault)


def test_the_licence_leftovers_and_the_record_are_looked_at(sound, tmp_path):
    files = {path: text for path, text in sound.items() if "LICENSE" not in path}
    (fault,) = faults_of(tmp_path, files)
    assert "expected the licence" in fault
    (fault,) = faults_of(tmp_path, {**sound, "digitnet/__pycache__/a.pyc": b""})
    assert fault.startswith("digitnet/__pycache__/a.pyc: expected none of these")
    (fault,) = faults_of(tmp_path, sound, record={ENGINE: "sha256=other"})
    assert fault.startswith(f"RECORD: expected {ENGINE} with its hash")


def test_a_large_wheel_is_refused(sound, tmp_path, capsys):
    files = {**sound, "digitnet/large": b"\0" * (check_wheel.MAX_BYTES + 1)}
    (fault,) = faults_of(tmp_path, files)
    assert "expected 5,000,000 bytes or less" in fault
    assert check_wheel.main([str(tmp_path / NAME)]) == 1
    assert f"FAULT {fault}" in capsys.readouterr().out
