"""The benchmark for GPUs, tried on a CPU in a small size: it must not rot."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench/cuda.py"
pytestmark = pytest.mark.torch


def bench(*words, **environment):
    return subprocess.run(
        [sys.executable, SCRIPT, *words],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
    )


def test_a_dry_run_on_a_cpu_times_every_contender():
    done = bench("--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "a dry run: nothing here is a measurement" in done.stdout
    assert re.search(r"^preset fast: .* the first fit of all", done.stdout, re.M)
    assert len(re.findall(r"^linear, .* ms an epoch", done.stdout, re.M)) == 3
    lines = re.findall(r"^  lenet5 +(\w+) +(.+?)  +[\d.]+ ms \(", done.stdout, re.M)
    contenders = (
        *("digitnet, captured", "digitnet, step by step"),
        *("PyTorch eager, not augmented", "torch.compile, not augmented"),
    )
    assert lines == [(p, c) for p in ("float32", "bfloat16") for c in contenders]


def test_what_has_no_time_is_left_out():
    done = bench("--device", "cpu", "--parts", "epochs", "--minutes", "0.0001")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("left out: no time") == 2
    assert "ms (a fit's first" not in done.stdout


@pytest.mark.slow
def test_libtorchs_own_way_is_compiled_and_compared():
    done = bench("--device", "cpu", "--parts", "example")
    assert done.returncode == 0, done.stderr
    assert "LibTorch's C++ way:" in done.stdout


def test_a_machine_without_a_gpu_is_told_so():
    done = bench("--quick", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 1
    assert done.stderr == "bench/cuda.py: expected a GPU, got none\n"
