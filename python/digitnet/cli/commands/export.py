"""`digitnet export`."""

from __future__ import annotations

import argparse

from digitnet import export
from digitnet.cli.output import print_result
from digitnet.models import zoo


def add(p: argparse.ArgumentParser) -> None:
    p.add_argument("model", help="a model saved by digitnet")
    p.add_argument("--format", help="onnx, torch or card (default: by --out's suffix)")
    p.add_argument("--out", required=True, help="the file to write")
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    path = export.export(zoo.load(args.model), args.out, args.format)
    size = path.stat().st_size
    value = {"file": str(path), "bytes": size}
    print_result(args, value, f"wrote {path} ({size / 2**20:.1f} MiB)")
    return 0
