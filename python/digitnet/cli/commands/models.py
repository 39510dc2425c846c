"""`digitnet models`: list, show."""

from __future__ import annotations

import argparse

from digitnet.cli.output import print_result
from digitnet.models import zoo


def add(p: argparse.ArgumentParser) -> None:
    verbs = p.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = verbs.add_parser("list", help="every named network")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_list)
    show = verbs.add_parser("show", help="layers, parameters and multiply-adds of one")
    show.add_argument("name", help="a named network or a model file")
    show.add_argument("--json", action="store_true")
    show.set_defaults(run=_show)


def _list(args: argparse.Namespace) -> int:
    entries = zoo.describe()
    for entry in entries:
        entry["parameters"] = zoo.count_params(entry["name"])
    lines = [f"{e['name']:<18} {e['parameters']:>10,}  {e['summary']}" for e in entries]
    print_result(args, entries, "\n".join(lines))
    return 0


def _show(args: argparse.Namespace) -> int:
    is_file = args.name.endswith(".safetensors")
    summary = (zoo.load if is_file else zoo.make)(args.name).summary()
    print_result(args, summary.rows, str(summary))
    return 0
