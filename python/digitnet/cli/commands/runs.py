"""`digitnet runs`: list, show, compare, prune."""

from __future__ import annotations

import argparse
import json
from typing import Any

from digitnet import runs
from digitnet._utils.text import shortened
from digitnet.cli.output import print_result

_ROOT = "runs"


def add(p: argparse.ArgumentParser) -> None:
    verbs = p.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = verbs.add_parser("list", help="every run, with its accuracy and size")
    _root(listing)
    listing.set_defaults(run=_list)
    show = verbs.add_parser("show", help="settings and measurements of one")
    show.add_argument("folder")
    show.set_defaults(run=_show)
    compare = verbs.add_parser(
        "compare",
        help="settings that differ, and measurements, of several; 'digitnet compare' "
        "evaluates two models on the same images",
    )
    compare.add_argument("folders", nargs="+", metavar="folder")
    compare.set_defaults(run=_compare)
    prune = verbs.add_parser("prune", help="delete runs; shows which, until --delete")
    _root(prune)
    prune.add_argument(
        "--keep-best",
        type=int,
        metavar="N",
        help="trainings that are not among the N most accurate ones on their data",
    )
    prune.add_argument("--older-than", type=float, metavar="DAYS")
    prune.add_argument(
        "--status",
        action="append",
        default=[],
        help="such as diverged, interrupted, damaged; may be repeated",
    )
    prune.add_argument("--delete", action="store_true", help="not only show, do it")
    prune.set_defaults(run=_prune)
    for verb in (listing, show, compare, prune):
        verb.add_argument("--json", action="store_true", help="for machines")


def _root(parser: Any) -> None:
    parser.add_argument(
        "root", nargs="?", default=_ROOT, help="where to look (default: %(default)s)"
    )


def _list(args: argparse.Namespace) -> int:
    frame = runs.table(args.root)
    value = json.loads(frame.reset_index().to_json(orient="records", date_format="iso"))
    form = {"accuracy": "{:.2%}", "seconds": "{:.0f}", "mib": "{:.1f}"}
    shown = frame.to_string(
        na_rep="", formatters={name: _form(text) for name, text in form.items()}
    )
    print_result(args, value, shown if len(frame) else f"no runs in {args.root}")
    return 0


def _form(text: str) -> Any:
    return lambda value: text.format(value) if value == value else ""


def _show(args: argparse.Namespace) -> int:
    run = runs.read(args.folder)
    value = {
        "folder": str(run.folder),
        "kind": run.kind,
        "status": run.status,
        "created": run.created,
        "settings": run.settings,
        "metrics": run.metrics,
    }
    print_result(args, value, str(run))
    return 0


def _compare(args: argparse.Namespace) -> int:
    frame = runs.compare(args.folders)
    shown = frame.map(lambda value: shortened(str(value)))
    text = shown.rename(index=shortened).to_string()
    print_result(args, frame.to_dict("index"), text)
    return 0


def _prune(args: argparse.Namespace) -> int:
    gone = runs.prune(
        args.root,
        keep_best=args.keep_best,
        older_than_days=args.older_than,
        status=args.status,
        delete=args.delete,
    )
    verb = "deleted" if args.delete else "would delete (with --delete)"
    print_result(
        args,
        {"deleted": args.delete, "folders": [str(folder) for folder in gone]},
        "\n".join(f"{verb} {folder}" for folder in gone) or "nothing to delete",
    )
    return 0
