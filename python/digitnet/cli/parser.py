"""The argument parser: commands and their arguments."""

from __future__ import annotations

import argparse
from typing import Any

from digitnet._build_info import VERSION
from digitnet.cli import actions, runs
from digitnet.train.presets import PRESETS


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="digitnet", description="Classifiers of small images."
    )
    parser.add_argument("--version", action="version", version=f"digitnet {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_train(commands)
    _add_evaluate(commands)
    _add_predict(commands)
    _add_compare(commands)
    _add_export(commands)
    _add_serve(commands)
    runs.add(commands)
    _add_data(commands)
    _add_models(commands)
    _add_reproduce(commands)
    _add_study(commands)
    doctor = commands.add_parser(
        "doctor", help="what is installed and whether it works"
    )
    doctor.add_argument("--json", action="store_true", help="for machines")
    doctor.set_defaults(run=actions.doctor)
    return parser


def _add_train(commands: Any) -> None:
    p = commands.add_parser("train", help="train a network and write a report folder")
    p.add_argument(
        "--data", required=True, help="a named data set, see 'digitnet data list'"
    )
    p.add_argument("--model", help="a named network, see 'digitnet models list'")
    p.add_argument(
        "--preset",
        help="a recipe: its network and settings, overridden by the other options: "
        + ", ".join(f"{r.name} ({r.summary})" for r in PRESETS.values()).replace(
            "%", "%%"
        ),
    )
    p.add_argument("--epochs", type=int, help="default: 10")
    p.add_argument("--batch-size", type=int, help="default: 64")
    p.add_argument("--optimizer", help="default: adam")
    p.add_argument("--learning-rate", type=float, help="default: the optimizer's own")
    p.add_argument("--schedule", help="default: one-cycle")
    p.add_argument("--augment", help='such as "shift 1px | rotate 8deg | zoom 10%%"')
    p.add_argument(
        "--copies", type=int, help="train on so many fixed augmented copies an image"
    )
    p.add_argument(
        "--validation", type=float, help="fraction of the training data to hold out"
    )
    p.add_argument("--early-stopping", type=int, metavar="EPOCHS")
    p.add_argument("--label-smoothing", type=float)
    p.add_argument("--ema-decay", type=float)
    p.add_argument("--precision", help="float32 or bfloat16")
    p.add_argument("--adversary", help="learn from attacked images: fgsm or pgd")
    p.add_argument(
        "--seed",
        type=int,
        default=0,
        help="seed of weights, order, augmentation, dropout and split",
    )
    p.add_argument("--device", default="auto")
    p.add_argument(
        "--out", default="runs/last", help="folder of the report (default: %(default)s)"
    )
    p.add_argument(
        "--json", action="store_true", help="print metrics.json and nothing else"
    )
    p.set_defaults(run=actions.train)


def _add_evaluate(commands: Any) -> None:
    p = commands.add_parser(
        "evaluate", help="all metrics of a saved model on a data set's test part"
    )
    p.add_argument("file", help="a model saved by digitnet")
    p.add_argument("--data", required=True)
    p.add_argument(
        "--seed", type=int, default=0, help="seed of the split, as in training"
    )
    p.add_argument("--device", default="auto")
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=actions.evaluate)


def _add_compare(commands: Any) -> None:
    p = commands.add_parser(
        "compare", help="two runs or models on a data set's test part, side by side"
    )
    p.add_argument("first", help="the folder of a run, or a model file")
    p.add_argument("second", help="another")
    p.add_argument("--data", required=True)
    p.add_argument(
        "--seed", type=int, default=0, help="seed of the split, as in training"
    )
    p.add_argument("--out", help="folder for a report with curves and images")
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=actions.compare)


def _add_predict(commands: Any) -> None:
    p = commands.add_parser("predict", help="classify picture files")
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
    p.set_defaults(run=actions.predict)


def _add_export(commands: Any) -> None:
    p = commands.add_parser("export", help="write a model for another program")
    p.add_argument("model", help="a model saved by digitnet")
    p.add_argument("--format", help="onnx, torch or card (default: by --out's suffix)")
    p.add_argument("--out", required=True, help="the file to write")
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=actions.export)


def _add_serve(commands: Any) -> None:
    p = commands.add_parser("serve", help="a page to draw on, and a JSON API")
    p.add_argument("model", help="a model saved by digitnet")
    p.add_argument(
        "--host",
        default="127.0.0.1",
        help="0.0.0.0 lets other machines in (default: %(default)s)",
    )
    p.add_argument("--port", type=int, default=8000, help="0: any that is free")
    p.add_argument("--max-bytes", type=int, help="largest body of a request")
    p.add_argument("--max-pixels", type=int, help="largest picture")
    p.add_argument("--batch", type=int, help="maximum of images in a request")
    p.add_argument(
        "--rate", type=float, help="maximum of requests a second of one client"
    )
    for name in ("bytes", "pixels"):  # as they were called before
        p.add_argument(
            f"--most-{name}", dest=f"max_{name}", type=int, help=argparse.SUPPRESS
        )
    p.set_defaults(run=actions.serve)


def _add_data(commands: Any) -> None:
    p = commands.add_parser("data", help="list, get or show named data sets")
    verbs = p.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, about in (
        ("list", "every named data set"),
        ("get", "find or download one"),
        ("show", "describe one"),
    ):
        a = verbs.add_parser(name, help=about)
        if name != "list":
            a.add_argument("name")
        a.add_argument("--json", action="store_true")
        a.set_defaults(
            run={
                "list": actions.data_list,
                "get": actions.data_get,
                "show": actions.data_show,
            }[name]
        )


def _add_models(commands: Any) -> None:
    p = commands.add_parser("models", help="list or show named networks")
    verbs = p.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = verbs.add_parser("list", help="every named network")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=actions.models_list)
    show = verbs.add_parser("show", help="layers, parameters and multiply-adds of one")
    show.add_argument("name", help="a named network or a model file")
    show.add_argument("--json", action="store_true")
    show.set_defaults(run=actions.models_show)


def _add_reproduce(commands: Any) -> None:
    p = commands.add_parser(
        "reproduce", help="measure again what a paper claims, and write a report folder"
    )
    p.add_argument("name", help="a recipe, or 'list'")
    p.add_argument("--data", help="for 'best': mnist, fashion-mnist or optdigits")
    p.add_argument(
        "--protocol",
        default="honest",
        help="honest: a validation part chooses, the test set is touched once; paper: as "
        "the authors did (default: %(default)s)",
    )
    _add_run_options(p, "runs/NAME-MODE-PROTOCOL")
    p.set_defaults(run=actions.reproduce, mode="default")


def _add_study(commands: Any) -> None:
    p = commands.add_parser(
        "study", help="compare on one footing, and write a report folder"
    )
    p.add_argument("name", help="a study, or 'list'")
    _add_run_options(p, "runs/study-NAME-MODE")
    p.set_defaults(run=actions.study, mode="default")


def _add_run_options(p: Any, folder: str) -> None:
    sizes = p.add_mutually_exclusive_group()
    for mode, about in (
        ("smoke", "seconds: only to see that it runs"),
        ("quick", "minutes: parts of the data, one seed"),
        ("full", "longer than the default"),
    ):
        sizes.add_argument(
            f"--{mode}", dest="mode", action="store_const", const=mode, help=about
        )
    p.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="repetitions (default: those of the recipe, or 1)",
    )
    p.add_argument("--out", help=f"folder (default: {folder})")
    p.add_argument(
        "--json", action="store_true", help="print metrics.json and nothing else"
    )
