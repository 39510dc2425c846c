"""`digitnet engine`: list, build."""

from __future__ import annotations

import argparse
import sys

from digitnet._utils import torch_engine
from digitnet._utils.engine_build import build_engine
from digitnet._utils.streams import is_terminal
from digitnet.cli.output import print_result


def add(p: argparse.ArgumentParser) -> None:
    verbs = p.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = verbs.add_parser("list", help="torch versions that an engine is here for")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_list)
    build = verbs.add_parser(
        "build", help="compile one for the torch that is here (minutes)"
    )
    build.set_defaults(run=_build)


def _list(args: argparse.Namespace) -> int:
    versions = torch_engine.engine_versions()
    here = torch_engine.describe()
    text = f"engines for torch: {', '.join(versions) or 'none'}\nhere: {here}"
    print_result(args, {"engines": versions, "here": here}, text)
    return 0


def _build(_: argparse.Namespace) -> int:
    if torch := torch_engine.torch_version():
        print(f"compiling the engine for torch {torch} (minutes)", file=sys.stderr)
    path = build_engine(_show_progress)
    print(path)
    return 0


def _show_progress(done: int, steps: int) -> None:
    """A line that counts where a person looks, a line for each tenth in a log."""
    if is_terminal(sys.stderr):
        end = "\n" if done == steps else ""
        print(f"\r{done}/{steps}", end=end, file=sys.stderr, flush=True)
    elif done * 10 // steps != (done - 1) * 10 // steps:
        print(f"{done}/{steps}", file=sys.stderr, flush=True)
