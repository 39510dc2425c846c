"""`digitnet predict`."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from digitnet._utils.text import printable
from digitnet.models import zoo
from digitnet.models.pictures import predict_one, prepare


def add(p: argparse.ArgumentParser) -> None:
    p.add_argument("model", help="a model saved by digitnet")
    p.add_argument("files", nargs="+", help="pictures of any size")
    p.add_argument(
        "--as",
        dest="mode",
        choices=("scan", "exact"),
        help="scan: find, crop and centre the digit; exact: take the picture as it is "
        "(default: exact if the size fits, else scan)",
    )
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    model = zoo.load(args.model)
    results: list[dict[str, Any]] = []
    for file in args.files:
        try:
            image = prepare(model, file, args.mode)
        except (OSError, ValueError) as error:
            results.append({"file": file, "error": str(error)})
            continue
        results.append({"file": file, **predict_one(model, image)})
    failed = [r for r in results if "error" in r]
    if args.json:
        print(json.dumps(results))
    else:
        for result in results:
            if "error" in result:
                print(printable(f"digitnet: {result['error']}"), file=sys.stderr)
            else:
                print(printable(_prediction_text(result)))
    return 1 if failed else 0


def _prediction_text(result: dict[str, Any]) -> str:
    ranked = sorted(result["probabilities"].items(), key=lambda item: -item[1])[:3]
    others = ", ".join(f"{name} {value:.1%}" for name, value in ranked)
    return (
        f"{result['file']}: {result['label']} ({result['confidence']:.1%})  [{others}]"
    )
