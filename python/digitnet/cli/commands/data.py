"""`digitnet data`: list, get, show."""

from __future__ import annotations

import argparse
from typing import Any

from digitnet.cli.arguments import data_place
from digitnet.cli.output import print_result
from digitnet.data import sources
from digitnet.data.download import fetch, need_files, need_folder


def add(p: argparse.ArgumentParser) -> None:
    verbs = p.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, about, run in (
        ("list", "every named data set", _list),
        ("get", "find or download one", _get),
        ("show", "describe one", _show),
    ):
        verb = verbs.add_parser(name, help=about)
        if name == "get":
            verb.add_argument("name")
        elif name == "show":
            verb.add_argument("data", metavar="NAME_OR_PATH", type=data_place)
        verb.add_argument("--json", action="store_true")
        verb.set_defaults(run=run)


def _list(args: argparse.Namespace) -> int:
    entries = sources.describe()
    print_result(
        args, entries, "\n".join(f"{e['name']:<18} {e['summary']}" for e in entries)
    )
    return 0


def _get(args: argparse.Namespace) -> int:
    source = sources.find(args.name)
    paths = [str(fetch(file)) for file in source.files]
    paths += [str(need_folder(folder)) for folder in source.folders]
    paths += [str(p) for f in source.brought for p in need_files(source.name, f)]
    print_result(
        args,
        {"name": args.name, "files": paths},
        "\n".join(paths) or f"{args.name} needs no files",
    )
    return 0


def _about(data: str) -> dict[str, Any]:
    """What is known of a set beside its images."""
    if sources.is_path(data):
        return {"name": data, "summary": "data of your own"}
    name = sources.find(data).name
    return next(e for e in sources.describe() if e["name"] == name)


def _show(args: argparse.Namespace) -> int:
    about = _about(args.data)
    train, test = sources.load(args.data)
    value = {
        **about,
        "classes": train.classes,
        "shape": train.shape,
        "max_value": train.max_value,
        "train": train.class_counts().tolist(),
        "test": test.class_counts().tolist(),
    }
    lines = [
        f"{about['name']}: {about['summary']}",
        *(
            [f"source: {about['source']} ({about['licence']})"]
            if "source" in about
            else []
        ),
        repr(train),
        repr(test),
        f"{'class':<12} {'train':>7} {'test':>7}",
    ]
    lines += [
        f"{n:<12} {a:>7} {b:>7}"
        for n, a, b in zip(train.classes, value["train"], value["test"], strict=True)
    ]
    print_result(args, value, "\n".join(lines))
    return 0
