"""`digitnet reproduce`."""

from __future__ import annotations

import argparse

from digitnet import papers
from digitnet.cli.arguments import add_run_options
from digitnet.cli.output import print_recipes, print_result


def add(p: argparse.ArgumentParser) -> None:
    p.add_argument("name", help="a recipe, or 'list'")
    p.add_argument("--data", help="for 'best': mnist, fashion-mnist or optdigits")
    p.add_argument(
        "--protocol",
        default="honest",
        help="honest: a validation part chooses, the test set is touched once; paper: as "
        "the authors did (default: %(default)s)",
    )
    add_run_options(p, "runs/NAME-MODE-PROTOCOL")
    p.set_defaults(run=run, mode="default")


def run(args: argparse.Namespace) -> int:
    if args.name == "list":
        return print_recipes(args, papers.describe())
    findings = papers.reproduce(
        args.name,
        args.mode,
        data=args.data,
        protocol=args.protocol,
        seeds=args.seeds,
        out=args.out,
        progress=not args.json,
    )
    print_result(args, findings.metrics, f"\n{findings}")
    return 0
