"""`digitnet compare`."""

from __future__ import annotations

import argparse

from digitnet._utils.folder_kinds import check_kind
from digitnet._utils.folders import check_replaceable
from digitnet.cli.arguments import add_data, add_seed_of_split
from digitnet.cli.output import print_result
from digitnet.data import sources
from digitnet.evaluation import comparison


def add(p: argparse.ArgumentParser) -> None:
    p.add_argument("first", help="the folder of a run, or a model file")
    p.add_argument("second", help="another")
    add_data(p)
    add_seed_of_split(p)
    p.add_argument("--out", help="folder for a report with curves and images")
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.out:
        check_kind(args.out, "compare.out", "comparison.json")
        check_replaceable(args.out)
    _, test = sources.load(args.data, seed=args.seed)
    compared = comparison.compare(args.first, args.second, test)
    text = str(compared)
    if args.out:
        text += f"\n\nreport: {compared.save(args.out)}"
    print_result(args, compared.to_json(), text)
    return 0
