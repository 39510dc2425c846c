"""Install a wheel into a fresh environment with an empty home, and use it there.

    python release/try_wheel.py dist/digitnet-*.whl
    python release/try_wheel.py dist/digitnet-*.whl --torch torch==2.13.0
    python release/try_wheel.py dist/digitnet-*.whl --torch torch==2.15.0 --build
    python release/try_wheel.py dist/digitnet-*.whl --torch torch==2.11.0 \
        --tests "torch and not slow"

Prints a line for each thing that was seen: sizes, times, memory, which LibTorch engine
was loaded, or what is said where there is none. Exit code 1 if something is not as it
should be. The environment (with a torch for GPUs: gigabytes) is thrown away.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

DEMO = [
    *("train", "--data", "digits", "--model", "optdigits-cnn", "--epochs", "60"),
    *("--validation", "0.1", "--batch-size", "32", "--learning-rate", "0.006"),
    *("--augment", "shift 0.3px | rotate 5deg", "--out", "demo"),
]

IMPORT = """
import resource, sys, time
start = time.perf_counter()
import digitnet
seconds = time.perf_counter() - start
assert "torch" not in sys.modules
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
"""

TRAIN = """
import digitnet
train, test = digitnet.data.load("digits")
model = digitnet.models.make("optdigits-cnn", input_shape=(8, 8), seed=1)
history = model.fit(train, epochs=3, progress=False)
print(f"{model.evaluate(test)['accuracy']:.3f} on {history.executor}")
"""

TO_TORCH = """
import digitnet, numpy, torch
train, test = digitnet.data.load("digits")
images = test.images
model = digitnet.models.make("optdigits-cnn", input_shape=(8, 8), seed=1)
model.fit(train, epochs=1, progress=False)
pixels = torch.from_numpy(numpy.asarray(images, dtype="float32")).reshape(-1, 1, 8, 8)
with torch.no_grad():
    theirs = torch.softmax(model.to_torch().eval()(pixels), 1).numpy()
difference = abs(theirs - model.predict_proba(images)).max()
assert difference < 1e-4, difference
print(f"largest difference of a probability {difference:.1e}")
"""

GPU = """
import digitnet
try:
    digitnet.models.make("linear").predict([[[0] * 28] * 28], device="cuda")
except RuntimeError as error:
    print(error)
"""


@dataclass
class Trial:
    """A fresh environment, and whether all was well in it so far."""

    folder: Path
    ok: bool = True

    def run(
        self, *command: str | Path, cwd: Path | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """A program of the environment, with an empty home and nothing of ours set."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("PIP_", "SSL_", "LANG")) or name.endswith("_proxy")
        }
        programs = self.folder / "venv/bin"
        environment = {
            **kept,
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
            **more,
        }
        return subprocess.run(
            [str(programs / command[0]), *map(str, command[1:])],
            capture_output=True,
            text=True,
            env=environment,
            cwd=cwd or self.folder / "home",
        )

    def python(self, code: str, **more: str) -> str:
        """What a program prints, or the end of its error."""
        done = self.run("python", "-c", code, **more)
        if done.returncode:
            self.ok = False
            return f"FAULT {done.stderr.strip()[-600:]}"
        return done.stdout.strip()

    def check(self, name: str, good: bool, text: str) -> None:
        """A line about one thing; a fault if it is not good."""
        self.ok = self.ok and good
        print(f"{'ok   ' if good else 'FAULT'} {name:<18} {text}", flush=True)


def install(trial: Trial, wheel: Path, requirements: list[str]) -> None:
    """The environment with the wheel, and how long and how large it is."""
    (trial.folder / "home").mkdir()
    subprocess.run([sys.executable, "-m", "venv", trial.folder / "venv"], check=True)
    start = time.perf_counter()
    pip = ["python", "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
    done = trial.run(*pip, wheel, *requirements)
    seconds = time.perf_counter() - start
    # Links are not followed: files are counted once.
    files = [path.lstat() for path in trial.folder.rglob("*") if path.is_file()]
    size = sum(512 * file.st_blocks for file in files) / 1e6
    trial.check(
        "install", not done.returncode, f"{seconds:.0f} s, {size:,.0f} MB on disk"
    )
    if done.returncode:
        print(done.stderr)


def try_core(trial: Trial) -> None:
    """What needs no torch, whether one is there or not."""
    runs = [trial.python(IMPORT).split() for _ in range(5)]
    if trial.ok:
        seconds, memory = (
            statistics.median(map(float, c)) for c in zip(*runs, strict=True)
        )
        trial.check(
            "import", memory <= 130, f"{seconds:.2f} s, {memory:.0f} MB, without torch"
        )
    start = time.perf_counter()
    done = trial.run("digitnet", *DEMO)
    found = re.search(r"^ *accuracy +([\d.]+)", done.stdout, re.MULTILINE)
    seconds = time.perf_counter() - start
    reached = float(found[1]) if found else 0.0
    error = done.stderr[-600:] * (done.returncode != 0)
    text = f"{seconds:.0f} s, accuracy {reached}{error}"
    trial.check("demo's training", reached >= 0.98, text)
    doctor = trial.run("digitnet", "doctor")
    trial.check("doctor", doctor.returncode == 0, _engine_line(doctor.stdout))


def try_engine(trial: Trial, minor: str) -> bool:
    """The LibTorch engine of this minor version, if there is one; whether there is."""
    listed = trial.run("digitnet", "engine", "list").stdout.strip()
    trial.check("engine list", bool(listed), listed.replace("\n", "; "))
    there = f"here: for torch {minor}." in listed
    if there:
        text = trial.python(TRAIN, DIGITNET_EXECUTOR="torch")
        trial.check("trained by it", "torch" in text.lower(), text)
    return there


def try_without(trial: Trial) -> None:
    """What is said where there is no engine."""
    text = trial.python(GPU)
    trial.check("device='cuda'", "; run: " in text or "; install " in text, text)
    done = trial.run("python", "-c", TRAIN, DIGITNET_EXECUTOR="torch")
    message = done.stderr.strip().rpartition("\n")[2]
    trial.check("executor torch", "expected the LibTorch engine" in message, message)


def build(trial: Trial) -> None:
    """`digitnet engine build`, as a user would."""
    start = time.perf_counter()
    done = trial.run("digitnet", "engine", "build")
    text = f"{time.perf_counter() - start:.0f} s; {done.stdout.strip()}"
    error = done.stderr[-1500:] * (done.returncode != 0)
    trial.check("engine build", done.returncode == 0, text + error)


def test(trial: Trial, wheel: Path, marked: str) -> None:
    """This checkout's tests with the wheel: those that pytest selects by marks."""
    start = time.perf_counter()
    pip = ["python", "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
    done = trial.run(*pip, f"{wheel}[test,engine]", "pybind11>=3.0.1,<3.1")
    seconds = time.perf_counter() - start
    trial.check("tests' packages", not done.returncode, f"{seconds:.0f} s{done.stderr}")
    data = {k: v for k, v in os.environ.items() if k == "DIGITNET_DATA"}
    done = trial.run(
        *("python", "-m", "pytest", "-q", "-n", "auto", "-m", marked),
        cwd=ROOT,
        OMP_NUM_THREADS="1",
        **data,
    )
    lines = done.stdout.strip().splitlines() or [done.stderr]
    faults = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    text = "; ".join([*faults, lines[-1]])
    trial.check(f"tests: {marked}", done.returncode == 0, text)


def _engine_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith(("ok ", "FAIL"))]
    return "; ".join(lines)


def main() -> int:
    """Read the command line and try the wheel."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--torch", default="", metavar="REQUIREMENT")
    parser.add_argument(
        "--build", action="store_true", help="build an engine where there is none"
    )
    parser.add_argument(
        "--tests",
        default="",
        metavar="MARKS",
        help="run this checkout's tests there, those with these marks, for example "
        "'not slow' or 'torch and not slow'",
    )
    parser.add_argument("--engine", action="store_true", help="there must be one")
    args = parser.parse_args()
    requirements = [args.torch] if args.torch else []
    requirements += ["cmake>=3.24", "ninja"] if args.build else []
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="trial-", dir=ROOT / "build") as folder:
        trial = Trial(Path(folder))
        install(trial, args.wheel.resolve(), requirements)
        if not trial.ok:
            return 1
        try_core(trial)
        version = trial.python(
            "from digitnet._utils.torch_engine import *; v = torch_version();"
            "print(v and minor(v))"
        )
        there = bool(version) and try_engine(trial, version)
        if not there:
            try_without(trial)
        if version:
            text = trial.python(TO_TORCH)
            trial.check("to_torch", text.startswith("largest"), text)
        if version and not there and args.build:
            build(trial)
            there = try_engine(trial, version)
        if args.engine or args.build:
            trial.check("an engine", there, f"for torch {version}")
        if args.tests:
            test(trial, args.wheel.resolve(), args.tests)
    return 0 if trial.ok else 1


if __name__ == "__main__":
    sys.exit(main())
