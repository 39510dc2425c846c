"""`digitnet evaluate`."""

from __future__ import annotations

import argparse

from digitnet.cli.arguments import add_data, add_seed_of_split
from digitnet.cli.output import print_result
from digitnet.data import sources
from digitnet.data.image_checks import brought_to_scale
from digitnet.models import zoo


def add(p: argparse.ArgumentParser) -> None:
    p.add_argument("file", help="a model saved by digitnet")
    add_data(p)
    add_seed_of_split(p)
    p.add_argument("--device", default="auto")
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    model = zoo.load(args.file)
    _, test = sources.load(args.data, seed=args.seed)
    test = brought_to_scale(test, model.max_value)
    report = model.evaluate(test, device=args.device)
    print_result(args, {"test": dict(report), "test_data": test.name}, str(report))
    return 0
