"""Make a release: the source archive, and one wheel of the core with a LibTorch engine
for each minor version of torch, repaired and tagged by auditwheel.

    make wheels        or        python release/wheels.py --out dist

The wheel is built from the archive, and the engines from the sources in the wheel, so
both are known to be complete. A bill of materials lies in it. Each engine is compiled against its torch in a folder
that is thrown away: headers and two libraries, without what torch itself requires. An
engine serves every Python; the core, and so the wheel, is for the Python that runs this.
The tag follows from the system's glibc and libstdc++: for older systems, run it on one.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

import bill_of_materials
import check_wheel

ROOT = Path(__file__).parents[1]

# The first of each minor version: later patches have what it has.
TORCH_VERSIONS = ("2.11.0", "2.12.0", "2.13.0", "2.14.0")
# Where torch has no wheel for the Python that runs this: an engine needs no Python.
OTHER_PYTHON = "3.12"


def run(*command: str | Path, **environment: str) -> None:
    """Run a command whose output is shown; CalledProcessError if it fails."""
    words = [str(word) for word in command]
    print(f"+ {shlex.join(words)}", flush=True)
    subprocess.run(words, check=True, env={**os.environ, **environment})


def make_sdist(out: Path) -> Path:
    """The source archive."""
    run(sys.executable, "-m", "build", "--sdist", "--outdir", out, ROOT)
    return _only(out, "digitnet-*.tar.gz")


def make_core(sdist: Path, folder: Path) -> Path:
    """A wheel of the core alone, unpacked."""
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-cache-dir"]
    run(*pip, "-w", folder, "-Ccmake.define.DIGITNET_TORCH=OFF", sdist)
    wheel = _only(folder, "*.whl")
    run(sys.executable, "-m", "wheel", "unpack", "--dest", folder, wheel)
    return next(path for path in folder.iterdir() if path.is_dir())


def build_requires() -> list[str]:
    """What the core is built with, pinned in pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.findall(r'"([^"]+)"', re.search(r"^requires = \[(.*?)\]", text, re.M)[1])


def fetch_torch(version: str, downloads: Path, site: Path, index: str) -> bool:
    """Put torch's headers and the two libraries that are linked into `site`."""
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(downloads)]
    pip += ["--extra-index-url", index] if index else []
    other = ["--only-binary=:all:", "--python-version", OTHER_PYTHON]
    for more in ([], other):
        command = [*pip, *more, f"torch=={version}"]
        if subprocess.run(command).returncode == 0:
            break
    else:
        return False
    wheel = max(
        downloads.glob(f"torch-{version}*.whl"), key=lambda p: p.stat().st_mtime
    )
    wanted = {f"torch/lib/lib{name}.so" for name in ("c10", "torch_cpu")}
    wanted.add("torch/version.py")
    with ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name in wanted or name.startswith("torch/include/"):
                archive.extract(name, site)
    (site / "torch/__init__.py").touch()
    return True


def add_engine(core: Path, site: Path, build: Path) -> None:
    """Compile the engine for the torch in `site` from the unpacked wheel's sources.

    One build folder serves all: what knows no torch is compiled once.
    """
    defines = {
        "CMAKE_BUILD_TYPE": "Release",
        "DIGITNET_PYTHON": "OFF",
        "DIGITNET_TORCH": "ON",
        "Python_EXECUTABLE": sys.executable,
        "SKBUILD_PROJECT_VERSION": core.name.split("-")[1],
    }
    options = [f"-D{name}={value}" for name, value in defines.items()]
    source = core / "digitnet/_source"
    run(
        "cmake",
        "-S",
        source,
        "-B",
        build,
        "-G",
        "Ninja",
        *options,
        PYTHONPATH=str(site),
    )
    run("cmake", "--build", build, "--target", "digitnet_torch_engine")
    run("cmake", "--install", build, "--strip", "--prefix", core)


def pack(core: Path, folder: Path, out: Path) -> Path:
    """The unpacked wheel as a file, with the tag of the systems that it runs on."""
    folder.mkdir()
    run(sys.executable, "-m", "wheel", "pack", "--dest-dir", folder, core)
    repair = [sys.executable, "-m", "auditwheel", "repair", "-z", "9"]
    for library in sorted(check_wheel.TORCH):
        repair += ["--exclude", library]
    repaired = folder / "repaired"
    run(*repair, "-w", repaired, _only(folder, "digitnet-*.whl"))
    wheel = _only(repaired, "digitnet-*.whl")
    out.mkdir(parents=True, exist_ok=True)
    return wheel.rename(out / wheel.name)


def _only(folder: Path, pattern: str) -> Path:
    paths = sorted(folder.glob(pattern))
    if len(paths) != 1:
        raise RuntimeError(f"{folder}: expected one {pattern}, got {paths or 'none'}")
    return paths[0]


def make(args: argparse.Namespace, work: Path) -> int:
    """The whole release; the exit code."""
    sdist = make_sdist(work / "sdist")
    core = make_core(sdist, work / "core")
    built, missing = [], []
    for version in args.torch:
        site = work / f"torch-{version}"
        if not fetch_torch(version, args.downloads or site, site, args.torch_index):
            missing.append(version)
            continue
        add_engine(core, site, work / "build")
        shutil.rmtree(site)
        built.append(version)
    bill_of_materials.write(core, build_requires(), built)
    minors = [version.rpartition(".")[0] for version in built]
    wheel = pack(core, work / "packed", args.out)
    sdist.replace(args.out / sdist.name)
    code = check_wheel.main([str(wheel), "--engines", *minors])
    print(f"engines for torch: {', '.join(minors) or 'none'}")
    if missing:
        print(f"no engine for torch {', '.join(missing)}: pip could not get it (above)")
    return 1 if missing and args.require_all else code


def main() -> int:
    """Read the command line and make the release."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--torch", nargs="*", default=TORCH_VERSIONS, metavar="VERSION")
    parser.add_argument("--torch-index", default="", help="where pip looks for it, too")
    parser.add_argument("--downloads", type=Path, help="keep torch's wheels here")
    parser.add_argument(
        "--require-all",
        action="store_true",
        help="fail if pip cannot get one of the versions; else its engine is left out",
    )
    args = parser.parse_args()
    place = ROOT / "build"
    place.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wheels-", dir=place) as work:
        return make(args, Path(work))


if __name__ == "__main__":
    sys.exit(main())
