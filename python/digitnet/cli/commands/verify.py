"""`digitnet verify`: a recorded training, run again and compared."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from digitnet import runs
from digitnet.cli.output import print_result


def add(p: argparse.ArgumentParser) -> None:
    p.add_argument("folder", help="of a run of 'digitnet train'")
    p.add_argument("--json", action="store_true", help="for machines")
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    result = runs.verify(args.folder, progress=not args.json)
    value = {**asdict(result), "confirmed": result.confirmed}
    print_result(args, value, str(result))
    return 0 if result.confirmed else 1
