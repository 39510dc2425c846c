"""`digitnet predict`."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from digitnet._utils.files import write_whole
from digitnet._utils.text import printable
from digitnet.data.file_tree import Entry, files_at
from digitnet.data.formats.pictures import is_picture
from digitnet.data.image_checks import brought_to_scale
from digitnet.data.read import read_to_predict
from digitnet.models import zoo
from digitnet.models.model import Model
from digitnet.models.pictures import predict_picture, prediction_of

_SHOWN = 20  # rows of a table


def add(p: argparse.ArgumentParser) -> None:
    p.add_argument("model", help="a model saved by digitnet")
    p.add_argument(
        "files",
        nargs="+",
        help="pictures of any size, folders and archives of them, or tables of images such as "
        "test.csv",
    )
    p.add_argument(
        "--as",
        dest="mode",
        choices=("scan", "exact"),
        help="scan: find, crop and centre the digit; exact: take the picture as it is "
        "(default: exact if it has the size and the looks of the training set, else scan)",
    )
    p.add_argument(
        "--submission",
        metavar="FILE",
        help="write a CSV file: ImageId (from 1) and Label of a table's rows, or the names "
        "of pictures and their labels",
    )
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    model = zoo.load(args.model)
    results: list[dict[str, Any]] = []
    for file in args.files:
        results += _predictions(model, file, args.mode)
    failed = [r for r in results if "error" in r]
    for result in failed:
        if not args.json:
            print(printable(f"digitnet: {result['error']}"), file=sys.stderr)
    if args.submission and not failed:
        _write_submission(args.submission, results)
    if args.json:
        print(json.dumps(results))
    else:
        right = [result for result in results if "error" not in result]
        for result in right[:_SHOWN] if args.submission else right:
            print(printable(_prediction_text(result)))
        if args.submission and not failed:
            print(printable(f"{len(right):,} predictions: {args.submission}"))
    return 1 if failed else 0


def _predictions(model: Model, file: str, mode: str | None) -> Iterator[dict[str, Any]]:
    """A prediction for each picture, or each row of a table, at a path."""
    try:
        entries = files_at(file)
        pictures = [entry for entry in entries if is_picture(entry)]
        if not pictures and len(entries) > 1:
            pictures = entries
        if not pictures:
            yield from _rows(model, file)
            return
    except (OSError, ValueError) as error:
        yield {"file": file, "error": str(error)}
        return
    for entry in pictures:
        name = file if len(entries) == 1 else str(entry.path)
        yield _of_picture(model, entry, name, mode)


def _of_picture(
    model: Model, entry: Entry, name: str, mode: str | None
) -> dict[str, Any]:
    try:
        seen = predict_picture(model, entry.read(), mode, name=entry.where)
        del seen["image"]
        return {"file": name, **seen}
    except (OSError, ValueError) as error:
        return {"file": name, "error": str(error)}


def _rows(model: Model, file: str) -> Iterator[dict[str, Any]]:
    data = brought_to_scale(read_to_predict(file), model.max_value)
    probabilities = model.predict_proba(data)
    for row, values in enumerate(np.asarray(probabilities), 1):
        yield {"file": file, "row": row, **prediction_of(model, values)}


def _write_submission(path: str, results: list[dict[str, Any]]) -> None:
    """In Kaggle's form of the digits, or a line a file."""
    rows = all("row" in result for result in results)
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("ImageId", "Label") if rows else ("file", "label"))
    for number, result in enumerate(results, 1):
        table.writerow((number if rows else result["file"], result["label"]))
    write_whole(path, out.getvalue().encode())


def _prediction_text(result: dict[str, Any]) -> str:
    ranked = sorted(result["probabilities"].items(), key=lambda item: -item[1])[:3]
    others = ", ".join(f"{name} {value:.1%}" for name, value in ranked)
    row = f" row {result['row']}" if "row" in result else ""
    return f"{result['file']}{row}: {result['label']} ({result['confidence']:.1%})  [{others}]"
