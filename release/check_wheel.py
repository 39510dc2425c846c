"""Check a release wheel: what is in it, what it needs, where it can be installed.

    python release/check_wheel.py dist/digitnet-*.whl

Prints its contents and sizes, then each fault in a line; exit code 1 if there is one.
Needs readelf (binutils).
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

MAX_BYTES = 5_000_000

# What every Linux with the tag's glibc has; an engine also finds torch's in the process.
SYSTEM = {
    *("libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2"),
    *("libstdc++.so.6", "libgcc_s.so.1"),
    *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"),
}
TORCH = {"libc10.so", "libtorch_cpu.so"}

# The newest symbols of libstdc++ that a tag allows: auditwheel's policy
# manylinux-policy.json, by glibc's version.
LIBSTDCXX = {
    (2, 28): {"GLIBCXX": (3, 4, 24), "CXXABI": (1, 3, 11)},
    (2, 31): {"GLIBCXX": (3, 4, 28), "CXXABI": (1, 3, 12)},
    (2, 34): {"GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13)},
    (2, 35): {"GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13)},
    (2, 39): {"GLIBCXX": (3, 4, 33), "CXXABI": (1, 3, 15)},
}

BILL = "sboms/digitnet.cdx.json"  # in .dist-info: PEP 770
DIGITS = "digitnet/data/sources/digits.csv.gz"
REQUIRED = (
    "digitnet/__init__.py",
    "digitnet/py.typed",
    "digitnet/_build_info.py",
    DIGITS,
    "digitnet/data/sources/digits.txt",
    "digitnet/_source/CMakeLists.txt",
    "digitnet/_source/cmake/FindDigitnetTorch.cmake",
    "digitnet/_source/cpp/engine/torch/library.cpp",
    "digitnet_pytest/__init__.py",
)
ENTRY_POINTS = ("digitnet = digitnet.cli:main", "digitnet = digitnet_pytest")

CORE = re.compile(r"digitnet/_core\.[\w.-]+\.so")
ENGINE = re.compile(r"digitnet/_engines/libdigitnet_torch_(\d+\.\d+)\.so")


@dataclass(frozen=True)
class Library:
    """An ELF file as readelf sees it.

    Attributes:
        needed: Libraries that it asks for.
        symbols: Versions of symbols that it asks for: "GLIBC_2.34".
        paths: Folders that it searches by itself (RPATH, RUNPATH).
        undefined: Names that others have to define.
        stripped: It has no table of symbols for debuggers.
    """

    needed: set[str]
    symbols: set[str]
    paths: list[str]
    undefined: set[str]
    stripped: bool


def read_library(path: Path) -> Library:
    """What a shared library needs."""
    text = subprocess.run(
        ["readelf", "-W", "-d", "-V", "-S", "--dyn-syms", str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"},
    ).stdout
    return Library(
        needed=set(re.findall(r"\(NEEDED\).*\[(.+)\]", text)),
        symbols=set(re.findall(r"Name: (\w+?_[\d.]+)\s+Flags:", text)),
        paths=re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", text),
        undefined=set(re.findall(r" UND (\w+)", text)),
        stripped=" .symtab " not in text and " .debug_info " not in text,
    )


def glibc_of(tag: str) -> tuple[int, int] | None:
    """The oldest glibc that a file name's platform tag promises to run with."""
    versions = re.findall(r"manylinux_(\d+)_(\d+)_", tag)
    return min((int(a), int(b)) for a, b in versions) if versions else None


def too_new(symbol: str, glibc: tuple[int, int]) -> bool:
    """Whether a platform with this glibc may lack the symbol's version."""
    name, _, version = symbol.rpartition("_")
    numbers = tuple(int(part) for part in version.split("."))
    if name == "GLIBC":
        return numbers > glibc
    known = [limit for limit in LIBSTDCXX if limit <= glibc]
    limits = LIBSTDCXX[max(known)] if known else {"GLIBCXX": (3,), "CXXABI": (1,)}
    return name in limits and numbers > limits[name]


def check_libraries(wheel: Path, archive: ZipFile) -> Iterator[str]:
    """No library of others, and of our own only what the tag allows."""
    glibc = glibc_of(wheel.name)
    if glibc is None:
        yield f"{wheel.name}: expected a manylinux tag, got another"
    for name in archive.namelist():
        if not re.search(r"\.so(\.\d+)*$", name):
            continue
        engine = ENGINE.fullmatch(name)
        if not engine and not CORE.fullmatch(name):
            yield f"{name}: expected only the core and its engines, got this library"
            continue
        with tempfile.TemporaryDirectory() as folder:
            library = read_library(Path(archive.extract(name, folder)))
        for other in sorted(library.needed - SYSTEM - (TORCH if engine else set())):
            yield f"{name}: expected to need none but {sorted(SYSTEM)}, got {other}"
        if library.paths:
            yield f"{name}: expected no path of libraries, got {library.paths}"
        if not library.stripped:
            yield f"{name}: expected a stripped library, got one with symbols"
        if engine and (python := {n for n in library.undefined if _of_python(n)}):
            yield f"{name}: expected no need of Python's C API, got {min(python)}"
        for symbol in sorted(library.symbols):
            if glibc and too_new(symbol, glibc):
                yield f"{name}: expected symbols of glibc {glibc}'s time, got {symbol}"


def _of_python(symbol: str) -> bool:
    return re.match(r"_?Py[A-Z_]", symbol) is not None


def core_id(archive: ZipFile) -> str:
    """The hash of the sources, as cmake/core_id.cmake makes it."""
    root = "digitnet/_source/cpp/"
    sources = sorted(
        name
        for name in archive.namelist()
        if name.startswith(root) and name.endswith((".h", ".cpp"))
    )
    hashes = [hashlib.sha256(archive.read(name)).hexdigest() for name in sources]
    return hashlib.sha256("".join(f"{h};" for h in hashes).encode()).hexdigest()[:16]


def check_engines(archive: ZipFile, minors: list[str]) -> Iterator[str]:
    """An engine for each minor version of torch, of the same sources as the core."""
    names = archive.namelist()
    here = [match[1] for name in names if (match := ENGINE.fullmatch(name))]
    for minor in sorted(set(minors) - set(here)):
        yield f"digitnet/_engines: expected an engine for torch {minor}, got none"
    identity = core_id(archive).encode()
    libraries = [n for n in names if CORE.fullmatch(n) or ENGINE.fullmatch(n)]
    if not any(CORE.fullmatch(n) for n in libraries):
        yield "digitnet/_core: expected the extension module, got none"
    for name in libraries:
        if identity not in archive.read(name):
            yield f"{name}: expected the core_id of _source, {core_id(archive)}, got another"


def check_metadata(archive: ZipFile) -> Iterator[str]:
    """Files that must be there, licence, requirements, commands."""
    names = archive.namelist()
    for name in REQUIRED:
        if name not in names:
            yield f"{name}: expected it in the wheel, got none"
    for name in names:
        if re.search(r"(^|/)(__pycache__|tests?|\.git)/", name):
            yield f"{name}: expected none of these in the wheel"
    info = _info_folder(archive)
    if f"{info}/licenses/LICENSE" not in names:
        yield f"{info}/licenses/LICENSE: expected the licence, got none"
    metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
    for line in metadata.get_all("Requires-Dist", []):
        if re.match(r"torch\b", line) and "extra ==" not in line:
            yield f"METADATA: expected torch as an extra only, got Requires-Dist: {line}"
    entries = archive.read(f"{info}/entry_points.txt").decode().splitlines()
    for line in ENTRY_POINTS:
        if line not in entries:
            yield f"entry_points.txt: expected the line {line!r}, got none"


def check_bill(archive: ZipFile) -> Iterator[str]:
    """The bill of materials names this version, what it needs, its engines and digits."""
    info = _info_folder(archive)
    name = f"{info}/{BILL}"
    if name not in archive.namelist():
        yield f"{name}: expected a bill of materials, got none"
        return
    bill = json.loads(archive.read(name))
    metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
    version = bill["metadata"]["component"].get("version")
    if version != metadata["Version"]:
        yield f"{BILL}: expected version {metadata['Version']}, got {version}"
    parts = {
        (part["name"], part.get("version", "")): part for part in bill["components"]
    }
    listed = {name for name, _ in parts}
    for line in metadata.get_all("Requires-Dist", []):
        needed = re.split(r"[^\w.-]", line)[0]
        if "extra ==" not in line and needed not in listed:
            yield f"{BILL}: expected {needed}, which METADATA requires, got none"
    for path in archive.namelist():
        engine = ENGINE.fullmatch(path)
        if engine and not any(
            n == "torch" and v.startswith(f"{engine[1]}.") for n, v in parts
        ):
            yield f"{BILL}: expected the torch of {path}, got none"
    if DIGITS not in archive.namelist():
        return  # said elsewhere
    digest = hashlib.sha256(archive.read(DIGITS)).hexdigest()
    hashes = [h["content"] for h in parts.get((DIGITS, ""), {}).get("hashes", [])]
    if hashes != [digest]:
        yield f"{BILL}: expected {DIGITS} with SHA-256 {digest}, got {hashes or 'none'}"


def check_record(archive: ZipFile) -> Iterator[str]:
    """RECORD has every file with its hash, by which `digitnet doctor` finds damage."""
    info = _info_folder(archive)
    lines = archive.read(f"{info}/RECORD").decode().splitlines()
    hashes = {row[0]: row[1] for row in csv.reader(lines) if row}
    for name in archive.namelist():
        if name.endswith("/") or name == f"{info}/RECORD":
            continue
        digest = hashlib.sha256(archive.read(name)).digest()
        sha = "sha256=" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if hashes.get(name) != sha:
            yield f"RECORD: expected {name} with its hash, got {hashes.get(name)}"


def _info_folder(archive: ZipFile) -> str:
    folders = {n.split("/")[0] for n in archive.namelist()}
    return next(name for name in sorted(folders) if name.endswith(".dist-info"))


def faults(wheel: Path, minors: list[str]) -> list[str]:
    """Everything that is wrong with a wheel, a line each."""
    result = []
    size = wheel.stat().st_size
    if size > MAX_BYTES:
        result.append(
            f"{wheel.name}: expected {MAX_BYTES:,} bytes or less, got {size:,}"
        )
    with ZipFile(wheel) as archive:
        result += check_libraries(wheel, archive)
        result += check_engines(archive, minors)
        result += check_metadata(archive)
        result += check_bill(archive)
        result += check_record(archive)
    return result


def contents(wheel: Path) -> str:
    """The wheel's parts with their sizes, compressed and installed."""
    packed: Counter[str] = Counter()
    installed: Counter[str] = Counter()
    files: Counter[str] = Counter()
    with ZipFile(wheel) as archive:
        for entry in archive.infolist():
            parts = entry.filename.split("/")
            library = entry.filename.endswith(".so")
            part = entry.filename if library else "/".join(parts[:-1][:2])
            packed[part] += entry.compress_size
            installed[part] += entry.file_size
            files[part] += 1
    lines = [f"{'packed kB':>10} {'installed kB':>13} {'files':>6}  part"]
    for part in sorted(packed, key=lambda part: -packed[part]):
        sizes = f"{packed[part] / 1e3:10,.1f} {installed[part] / 1e3:13,.1f}"
        lines.append(f"{sizes} {files[part]:6}  {part}")
    total = f"{wheel.stat().st_size / 1e3:10,.1f} {installed.total() / 1e3:13,.1f}"
    return "\n".join([*lines, f"{total} {files.total():6}  {wheel.name}"])


def main(argv: list[str] | None = None) -> int:
    """Check one wheel; 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument(
        "--engines",
        nargs="*",
        default=[],
        metavar="MINOR",
        help="versions of torch that it must have an engine for: 2.13",
    )
    args = parser.parse_args(argv)
    print(contents(args.wheel))
    found = faults(args.wheel, args.engines)
    print("\n".join(f"FAULT {fault}" for fault in found) or "no faults found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
