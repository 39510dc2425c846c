"""Fuzz every reader for a while: `make fuzz`, or

    python tests/fuzz --seconds 60 picture model csv

The core's readers by libFuzzer, if Clang has built build/fuzz/digitnet_fuzz; Python's by
atheris where it is installed (extra `fuzz`), else by random changes of the corpus. What was
found lies in --out afterwards; copy it into tests/fuzz/corpus/<name>/found-... with the
mending. The exit status is 1 if anything was found.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests")]

from fuzz.make_corpus import CORPUS  # noqa: E402
from fuzz.mutations import mutated  # noqa: E402
from fuzz.targets import TARGETS, fuzz_one, scratch_root  # noqa: E402

PROGRAM = ROOT / "build/fuzz/digitnet_fuzz"
MAX_SECONDS = 20  # for one input
MAX_MEGA = 4096
_DONE = re.compile(r"^stat::number_of_executed_units: +(\d+)|^#(\d+)\s+DONE", re.M)


@dataclass
class Result:
    name: str
    way: str
    inputs: int = 0
    findings: list[str] = field(default_factory=list)


def targets_of_core() -> list[str]:
    """The fuzzers in C++; none where Clang has not built them."""
    if not PROGRAM.is_file():
        return []
    listed = subprocess.run([PROGRAM, "--list"], capture_output=True, text=True)
    return listed.stdout.split()


def targets_of_python() -> list[str]:
    """Those whose packages are installed."""
    return [
        name for name, t in TARGETS.items() if all(find_spec(p) for p in t.packages)
    ]


def seen(name: str, out: Path) -> Path:
    """What libFuzzer found worth keeping, from earlier times, too."""
    folder = out / "seen" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def by_libfuzzer(
    name: str, way: str, program: list[str], seconds: float, seed: int, out: Path
) -> Result:
    """Of a program with libFuzzer's options, which stops at the first finding."""
    command = [
        *program,
        f"-max_total_time={max(1, round(seconds))}",
        f"-seed={seed % 2**31 + 1}",
        f"-timeout={MAX_SECONDS}",
        f"-rss_limit_mb={MAX_MEGA}",
        "-print_final_stats=1",
        f"-artifact_prefix={out}/{name}-",
        str(seen(name, out)),
        str(CORPUS / name),
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    result = Result(name, way)
    counts = _DONE.findall(done.stderr)
    result.inputs = max((int(a or b) for a, b in counts), default=0)
    if done.returncode:
        log = out / f"{name}.log"
        log.write_text(done.stdout + done.stderr)
        result.findings.append(f"exit {done.returncode}, see {log}")
    return result


def by_mutations(name: str, seconds: float, seed: int, out: Path) -> Result:
    result = Result(name, "mutations")
    files = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    rng = random.Random(f"{seed} {name}")
    until = time.monotonic() + seconds
    kinds = set()
    while time.monotonic() < until:
        content = mutated(rng, files)
        start = time.monotonic()
        try:
            fuzz_one(name, content)
            if time.monotonic() - start > MAX_SECONDS:
                raise TimeoutError(f"{time.monotonic() - start:.1f} s")
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
            if kind not in kinds:
                kinds.add(kind)
                file = out / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}"
                file.write_bytes(content)
                result.findings.append(f"{kind}: {error!s:.80}; {file}")
        result.inputs += 1
    return result


def run(name: str, seconds: float, seed: int, out: Path) -> list[Result]:
    """By each way that there is for this fuzzer."""
    results = []
    if name in targets_of_core():
        program = [str(PROGRAM), f"--target={name}"]
        results.append(by_libfuzzer(name, "libFuzzer", program, seconds, seed, out))
    if name in TARGETS and find_spec("atheris"):
        program = [sys.executable, str(Path(__file__).with_name("by_atheris.py")), name]
        results.append(by_libfuzzer(name, "atheris", program, seconds, seed, out))
    elif name in TARGETS:
        results.append(by_mutations(name, seconds, seed, out))
    for result in results:
        if result.inputs == 0:
            result.findings.append(f"{result.way} tried no input")
    return results


def show(results: list[Result], seed: int) -> None:
    print(f"{'fuzzer':20} {'by':10} {'inputs':>10} {'findings':>9}")
    for result in results:
        print(
            f"{result.name:20} {result.way:10} {result.inputs:10,} "
            f"{len(result.findings):9}"
        )
    for result in results:
        for finding in result.findings:
            print(f"{result.name}: {finding}")
    inputs = sum(result.inputs for result in results)
    findings = sum(len(result.findings) for result in results)
    print(f"seed {seed}: {inputs:,} inputs, {findings} findings")


def main() -> int:
    known = list(dict.fromkeys([*targets_of_core(), *targets_of_python()]))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help=f"default: {', '.join(known)}")
    parser.add_argument("--seconds", type=float, default=60, help="for each")
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().getrandbits(30)
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build/fuzz/findings")
    options = parser.parse_args()
    unknown = set(options.names) - set(known)
    if unknown:
        parser.error(f"unknown {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    options.out.mkdir(parents=True, exist_ok=True)
    if scratch_root():
        os.environ.setdefault("TMPDIR", scratch_root())
    results = []
    for name in options.names or known:
        results += run(name, options.seconds, options.seed, options.out)
        print(f"{name}: {results[-1].inputs:,} inputs", file=sys.stderr, flush=True)
    show(results, options.seed)
    return 1 if any(result.findings for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
