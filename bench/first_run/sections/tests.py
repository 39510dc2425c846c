"""tests/cuda, without the plug-ins that happen to be here."""

from __future__ import annotations

import collections
import os
import re
import subprocess
import sys

from context import Context
from journal import ROOT

OUTCOME = re.compile(r"^(\S+::.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")


def run(context: Context) -> None:
    own = {"DIGITNET_REQUIRE_CUDA": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "pytest", "tests/cuda", "-v", "--tb=short"),
            *("-p", "no:cacheprovider", "-W", "default"),
        ],
        cwd=ROOT,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    counts: collections.Counter[str] = collections.Counter()
    assert process.stdout
    for line in process.stdout:
        print(line, end="", flush=True)
        outcome = OUTCOME.match(line)
        if outcome:
            counts[outcome[2].lower()] += 1
            context.put("counts", dict(counts))
            context.expect(outcome[2] == "PASSED", f"{outcome[1]}: {outcome[2]}")
    if process.wait() not in (0, 1):
        raise RuntimeError(f"pytest: expected status 0 or 1, got {process.returncode}")
    if not counts:
        raise RuntimeError("pytest: expected tests, got none")
