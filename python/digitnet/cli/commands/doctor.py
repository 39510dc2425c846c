"""`digitnet doctor`."""

from __future__ import annotations

import argparse
import json

from digitnet._utils.versions import versions
from digitnet.cli import doctor


def add(p: argparse.ArgumentParser) -> None:
    p.add_argument("--json", action="store_true", help="for machines")
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if not args.json:
        return doctor.main()
    results = doctor.checks()
    print(json.dumps({"versions": versions(), "checks": results}))
    return 0 if all(result["ok"] for result in results) else 1
