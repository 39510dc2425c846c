"""digitnet into the folder `site` of the run, with neither network nor environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from context import Context
from journal import ROOT

# What was built: its engine must fit the torch that is here.
CHECK = """
import digitnet
from digitnet._utils.torch_engine import find_engine
engine = find_engine()
assert engine.path, engine.reason
print(digitnet.__file__)
print(engine.path)
"""


class Builder:
    """Runs tools; what they say is in build.log, its end also shown if one fails."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder, folder / "site"
        self._log = folder / "build.log"
        self._log.write_text("")
        tools = folder / "tools"
        self._environment = dict(os.environ)
        paths = [str(tools / "bin"), str(Path(sys.executable).parent)]
        self._environment["PATH"] = os.pathsep.join([*paths, os.environ["PATH"]])
        paths = [str(tools), os.environ.get("PYTHONPATH", "")]
        self._environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        self.tools = tools

    def run(self, *command: object) -> str:
        """What a tool prints. RuntimeError if it fails."""
        words = [str(word) for word in command]
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        with self._log.open("a") as log:
            log.write(f"$ {' '.join(words)}\n{done.stdout}")
        if done.returncode:
            lines = done.stdout.strip().splitlines() or ["nothing"]
            print("\n".join(lines[-12:]), flush=True)
            raise RuntimeError(
                f"{' '.join(words[:4])} ...: expected status 0, got {done.returncode}; "
                f"{self._log} has what it said, at last: {lines[-1]}"
            )
        return done.stdout

    def pip(self, target: Path, *arguments: object) -> None:
        """Install into a folder, from nowhere but what is named."""
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index")
        self.run(*pip, "--no-deps", "--upgrade", "--target", target, *arguments)

    def has(self, tool: str) -> bool:
        return shutil.which(tool, path=self._environment["PATH"]) is not None


def by_pip(builder: Builder) -> None:
    """As a user does, but without an index."""
    folder = f"-Cbuild-dir={builder.folder / 'pip-build'}"
    builder.pip(builder.site, "--no-build-isolation", folder, ROOT)


def by_cmake(builder: Builder) -> None:
    """Without pip and scikit-build-core."""
    version = re.search(
        r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M
    )[1]
    made = builder.folder / "cmake-build"
    pybind11 = builder.run(sys.executable, "-m", "pybind11", "--cmakedir").split()[-1]
    builder.run(
        *("cmake", "-S", ROOT, "-B", made, "-DCMAKE_BUILD_TYPE=Release"),
        *(("-G", "Ninja") if builder.has("ninja") else ()),
        *(f"-DSKBUILD_PROJECT_VERSION={version}", "-DDIGITNET_TORCH=ON"),
        *(f"-DPython_EXECUTABLE={sys.executable}", f"-Dpybind11_DIR={pybind11}"),
    )
    builder.run("cmake", "--build", made, "--parallel", os.cpu_count())
    builder.run("cmake", "--install", made, "--prefix", builder.site)
    for package in ("digitnet", "digitnet_pytest"):
        shutil.copytree(
            *(ROOT / "python" / package, builder.site / package),
            ignore=shutil.ignore_patterns("__pycache__"),
            dirs_exist_ok=True,
        )
    about = builder.site / f"digitnet-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: digitnet\nVersion: {version}\n"
    )


def run(context: Context) -> None:
    builder = Builder(context.folder)
    wheels = os.environ.get("WHEELS")
    if wheels:
        found = sorted(Path(wheels).resolve().glob("*.whl"))
        if not found:
            raise FileNotFoundError(f"WHEELS: expected *.whl in {wheels}, got none")
        builder.pip(builder.tools, *found)
    start = time.perf_counter()
    shutil.rmtree(builder.site, ignore_errors=True)
    try:
        by_pip(builder)
        context.put("by", "pip")
    except RuntimeError as error:
        print(f"not by pip: {error}\nby CMake alone", flush=True)
        context.put("not by pip", str(error))
        shutil.rmtree(builder.site, ignore_errors=True)
        by_cmake(builder)
        context.put("by", "CMake alone")
    context.put("seconds", round(time.perf_counter() - start, 1))
    # The run's own environment has `site` in it.
    check = [sys.executable, "-c", CHECK]
    done = subprocess.run(check, cwd=builder.folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"what was built: {done.stderr.strip().splitlines()[-1]}")
    package, engine = done.stdout.split()
    if not Path(package).is_relative_to(builder.site):
        raise RuntimeError(
            f"expected the digitnet in {builder.site}, got {package}; uninstall that"
        )
    context.put("engine", engine)
    print(f"by {context.figures['by']} in {context.figures['seconds']} s: {engine}")
