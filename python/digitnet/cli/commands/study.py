"""`digitnet study`."""

from __future__ import annotations

import argparse

from digitnet import studies
from digitnet.cli.arguments import add_run_options
from digitnet.cli.output import print_recipes, print_result


def add(p: argparse.ArgumentParser) -> None:
    p.add_argument("name", help="a study, or 'list'")
    add_run_options(p, "runs/study-NAME-MODE")
    p.set_defaults(run=run, mode="default")


def run(args: argparse.Namespace) -> int:
    if args.name == "list":
        return print_recipes(args, studies.describe())
    findings = studies.study(
        args.name,
        args.mode,
        seeds=args.seeds,
        out=args.out,
        progress=not args.json,
    )
    print_result(args, findings.metrics, f"\n{findings}")
    return 0
