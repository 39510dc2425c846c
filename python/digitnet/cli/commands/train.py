"""`digitnet train`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

from digitnet import distributed
from digitnet._utils.files import check_writable, write_json
from digitnet._utils.folder_kinds import check_kind
from digitnet._utils.folder_lock import LOCK, TRAINING_LOCK, alone_in
from digitnet._utils.folders import check_replaceable, contents, put_back
from digitnet._utils.input_files import read_json
from digitnet.cli.arguments import add_data
from digitnet.cli.output import print_result
from digitnet.data import sources
from digitnet.models import zoo
from digitnet.runs.command import (
    BEGUN,
    KEPT,
    check_command,
    config_of,
    network_and_options,
)
from digitnet.runs.folder import metrics_of, write_run
from digitnet.train.presets import PRESETS
from digitnet.train.resume import STATE
from digitnet.train.state_files import is_there, newest, paths_of

DEFAULTS = {"seed": 0, "device": "auto"}


def add(p: argparse.ArgumentParser) -> None:
    add_data(p, required=False)
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
    p.add_argument(
        "--calibrate",
        type=float,
        metavar="FRACTION",
        help="hold out so much of the training data for the temperature of the "
        "probabilities; 0: none (default: the validation data serve, if there are any)",
    )
    p.add_argument("--early-stopping", type=int, metavar="EPOCHS")
    p.add_argument("--label-smoothing", type=float)
    p.add_argument("--ema-decay", type=float)
    p.add_argument("--precision", help="float32, tf32 or bfloat16")
    p.add_argument(
        "--deterministic",
        action="store_true",
        default=None,
        help="on a GPU: the same weights bit for bit each time",
    )
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
        "--resume",
        metavar="FOLDER",
        help="go on with the training that was interrupted there, by its own options",
    )
    p.add_argument(
        "--json", action="store_true", help="print metrics.json and nothing else"
    )
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    distributed.start()
    first = distributed.rank() == 0
    state = Path(args.resume or args.out) / STATE
    if first:
        check_kind(state.parent, "train.out", "metrics.json")
        check_replaceable(state.parent)
    put_back(state.parent)  # where a killed process moved it aside
    is_new = not state.parent.exists()
    if args.resume:
        _take_options_of(args, state)
    if not first:
        return _train(args, state, first)
    check_writable(state, "train", "give another --out")
    with alone_in(state / LOCK, "train"):  # by which `digitnet runs` knows it, too
        try:
            if not args.resume:
                _begin(args, state)
            code = _train(args, state, first)
        except BaseException:
            if not is_there(state):  # nothing to go on from
                _end(state)
                if is_new:
                    _remove_empty(state.parent)
            raise
        _end(state)
        return code


def _train(args: argparse.Namespace, state: Path, first: bool) -> int:
    command = {name: getattr(args, name) for name in KEPT}
    network, options = network_and_options(command)
    train, test = sources.load(args.data, seed=args.seed)
    model = zoo.make(
        network, input_shape=train.shape, classes=train.classes, seed=args.seed
    )
    if first and not args.json:
        print(
            f"{model!r} on {train.name}: {len(train):,} training and {len(test):,} test images"
        )

    seen = contents(Path(args.out))  # what others write there meanwhile is kept

    def write() -> None:
        history: Any = model.history
        report = model.evaluate(test, device=args.device)
        processes = distributed.world_size()
        config = config_of(command, network, history.options, processes)
        page = write_run(
            args.out, model, history, report, config, training=train, seen=seen
        )
        text = f"\n{report}\n\nreport: {page}"
        print_result(args, metrics_of(history, report), text)

    try:
        history = model.fit(
            train,
            validation=args.validation,
            resume=state,
            progress=not args.json,
            distributed=distributed.world_size() > 1,
            **options,
        )
    except (KeyboardInterrupt, SystemExit):
        if first and newest(state) is not None:
            print(f"digitnet train --resume '{args.out}' goes on", file=sys.stderr)
            if not (Path(args.out) / "metrics.json").is_file():  # of an older run
                write()
        raise
    if first:  # rank 0 evaluates and writes
        write()
    return 0 if history.status != "diverged" else 1


def _end(state: Path) -> None:
    """Remove what a training keeps until its end, the lock last."""
    for path in (*paths_of(state), state / BEGUN, state / TRAINING_LOCK, state / LOCK):
        path.unlink(missing_ok=True)
    _remove_empty(state)


def _remove_empty(folder: Path) -> None:
    """Remove a folder that has nothing of anybody else's."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def _begin(args: argparse.Namespace, state: Path) -> None:
    """Note the options, before anything is read or trained."""
    if newest(state) is not None:
        raise ValueError(
            f"train: expected a folder without an interrupted training, got '{args.out}'; "
            f"digitnet train --resume '{args.out}' goes on; or give another --out, or "
            f"delete '{state}'"
        )
    options = {name: getattr(args, name) for name in KEPT}
    write_json(state / BEGUN, options)


def _take_options_of(args: argparse.Namespace, state: Path) -> None:
    """The options that the interrupted training was begun with, but for --json."""
    given = [name for name in KEPT if getattr(args, name) != DEFAULTS.get(name)]
    if given:
        raise ValueError(
            f"train: expected --resume alone, got --{given[0].replace('_', '-')} too; an "
            "interrupted training goes on by its own options"
        )
    if not (state / BEGUN).is_file():
        raise FileNotFoundError(
            f"train: expected an interrupted training in '{args.resume}', got none"
        )
    command = read_json(state / BEGUN, *KEPT)
    check_command(command, str(state / BEGUN))
    vars(args).update({name: command[name] for name in KEPT}, out=args.resume)
