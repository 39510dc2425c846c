"""The command line: the same API from a shell."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any


def _parser() -> argparse.ArgumentParser:
    from digitnet._startup import VERSION

    parser = argparse.ArgumentParser(
        prog="digitnet", description="Classifiers of small images."
    )
    parser.add_argument("--version", action="version", version=f"digitnet {VERSION}")
    words = parser.add_subparsers(dest="word", required=True, metavar="WORD")
    _add_train(words)
    _add_evaluate(words)
    _add_predict(words)
    _add_data(words)
    _add_models(words)
    doctor = words.add_parser("doctor", help="what is installed and whether it works")
    doctor.add_argument("--json", action="store_true", help="for machines")
    doctor.set_defaults(run=_doctor)
    return parser


def _add_train(words: Any) -> None:
    from digitnet.presets import PRESETS

    p = words.add_parser("train", help="train a network and write a report folder")
    p.add_argument(
        "--data", required=True, help="a named data set, see 'digitnet data list'"
    )
    p.add_argument("--model", help="a named network, see 'digitnet models list'")
    p.add_argument(
        "--preset",
        help="a recipe: its network and settings, but for those given beside it: "
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
    p.add_argument(
        "--seed",
        type=int,
        default=0,
        help="of weights, order, augmentation, dropout and split",
    )
    p.add_argument("--device", default="auto")
    p.add_argument(
        "--out", default="runs/last", help="folder of the report (default: %(default)s)"
    )
    p.add_argument(
        "--json", action="store_true", help="print metrics.json and nothing else"
    )
    p.set_defaults(run=_train)


def _add_evaluate(words: Any) -> None:
    p = words.add_parser(
        "evaluate", help="all metrics of a saved model on a data set's test part"
    )
    p.add_argument("file", help="a model saved by digitnet")
    p.add_argument("--data", required=True)
    p.add_argument("--seed", type=int, default=0, help="of the split, as in training")
    p.add_argument("--device", default="auto")
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=_evaluate)


def _add_predict(words: Any) -> None:
    p = words.add_parser("predict", help="classify picture files")
    p.add_argument("model", help="a model saved by digitnet")
    p.add_argument("files", nargs="+", help="pictures of any size")
    p.add_argument(
        "--as",
        dest="way",
        choices=("scan", "exact"),
        help="scan: find, crop and centre the digit; exact: take the picture as it is "
        "(default: exact if the size fits, else scan)",
    )
    p.add_argument("--json", action="store_true")
    p.set_defaults(run=_predict)


def _add_data(words: Any) -> None:
    p = words.add_parser("data", help="list, get or show named data sets")
    actions = p.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, about in (
        ("list", "every named data set"),
        ("get", "find or download one"),
        ("show", "describe one"),
    ):
        a = actions.add_parser(name, help=about)
        if name != "list":
            a.add_argument("name")
        a.add_argument("--json", action="store_true")
        a.set_defaults(
            run={"list": _data_list, "get": _data_get, "show": _data_show}[name]
        )


def _add_models(words: Any) -> None:
    p = words.add_parser("models", help="list or show named networks")
    actions = p.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every named network")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_models_list)
    show = actions.add_parser(
        "show", help="layers, parameters and multiply-adds of one"
    )
    show.add_argument("name", help="a named network or a model file")
    show.add_argument("--json", action="store_true")
    show.set_defaults(run=_models_show)


def _print(args: argparse.Namespace, value: Any, text: str) -> None:
    print(json.dumps(value, default=str) if args.json else text)


FIT_OPTIONS = (
    "epochs",
    "batch_size",
    "optimizer",
    "learning_rate",
    "schedule",
    "augment",
    "copies",
    "early_stopping",
    "label_smoothing",
    "ema_decay",
)


def _recipe(args: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Network and options: the preset's, but for those given beside it."""
    from digitnet.presets import preset

    recipe = preset(args.preset) if args.preset else None
    network = args.model or (recipe and recipe.network)
    if not network:
        raise ValueError("train: expected --model or --preset, got neither")
    options = dict(recipe.options) if recipe else {}
    for name in FIT_OPTIONS:
        if getattr(args, name) is not None:
            options[name] = getattr(args, name)
    return network, {**options, "seed": args.seed, "device": args.device}


def _train(args: argparse.Namespace) -> int:
    import digitnet
    from digitnet.run_folder import metrics_of, write_run

    network, options = _recipe(args)
    train, test = digitnet.data.load(args.data, seed=args.seed)
    model = digitnet.models.make(
        network, input_shape=train.shape, classes=train.classes, seed=args.seed
    )
    if not args.json:
        print(
            f"{model!r} on {train.name}: {len(train):,} training and {len(test):,} test images"
        )
    history = model.fit(
        train, validation=args.validation, progress=not args.json, **options
    )
    report = model.evaluate(test, device=args.device)
    config = {
        "data": args.data,
        "model": network,
        "preset": args.preset,
        "validation": args.validation,
        **history.options,
    }
    page = write_run(args.out, model, history, report, config)
    _print(args, metrics_of(history, report), f"\n{report}\n\nreport: {page}")
    return 0 if history.status != "diverged" else 1


def _evaluate(args: argparse.Namespace) -> int:
    import digitnet

    model = digitnet.models.load(args.file)
    _, test = digitnet.data.load(args.data, seed=args.seed)
    report = model.evaluate(test, device=args.device)
    _print(args, {"test": dict(report), "test_data": test.name}, str(report))
    return 0


def _predict(args: argparse.Namespace) -> int:
    import digitnet
    from digitnet.pictures import prepare

    model = digitnet.models.load(args.model)
    results: list[dict[str, Any]] = []
    for file in args.files:
        try:
            image = prepare(model, file, args.way)
        except (OSError, ValueError) as error:
            results.append({"file": file, "error": str(error)})
            continue
        probabilities = model.predict_proba(image)[0]
        best = int(probabilities.argmax())
        results.append(
            {
                "file": file,
                "label": model.classes[best],
                "confidence": float(probabilities[best]),
                "probabilities": dict(
                    zip(model.classes, map(float, probabilities), strict=True)
                ),
            }
        )
    failed = [r for r in results if "error" in r]
    if args.json:
        print(json.dumps(results))
    else:
        for result in results:
            if "error" in result:
                print(f"digitnet: {result['error']}", file=sys.stderr)
            else:
                print(_prediction_text(result))
    return 1 if failed else 0


def _prediction_text(result: dict[str, Any]) -> str:
    ranked = sorted(result["probabilities"].items(), key=lambda item: -item[1])[:3]
    others = ", ".join(f"{name} {value:.1%}" for name, value in ranked)
    return (
        f"{result['file']}: {result['label']} ({result['confidence']:.1%})  [{others}]"
    )


def _data_list(args: argparse.Namespace) -> int:
    import digitnet

    entries = digitnet.data.describe()
    _print(args, entries, "\n".join(f"{e['name']:<18} {e['summary']}" for e in entries))
    return 0


def _data_get(args: argparse.Namespace) -> int:
    from digitnet import sources
    from digitnet.sources.fetch import fetch, need_folder

    found = sources.find(args.name)
    paths = [str(fetch(file)) for file in found.files]
    paths += [str(need_folder(folder)) for folder in found.folders]
    _print(
        args,
        {"name": args.name, "files": paths},
        "\n".join(paths) or f"{args.name} needs no files",
    )
    return 0


def _data_show(args: argparse.Namespace) -> int:
    import digitnet

    about = next(
        e
        for e in digitnet.data.describe()
        if e["name"] == digitnet.sources.find(args.name).name
    )
    train, test = digitnet.data.load(args.name)
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
        f"source: {about['source']} ({about['licence']})",
        repr(train),
        repr(test),
        f"{'class':<12} {'train':>7} {'test':>7}",
    ]
    lines += [
        f"{n:<12} {a:>7} {b:>7}"
        for n, a, b in zip(train.classes, value["train"], value["test"], strict=True)
    ]
    _print(args, value, "\n".join(lines))
    return 0


def _models_list(args: argparse.Namespace) -> int:
    import digitnet

    entries = digitnet.models.describe()
    for entry in entries:
        entry["parameters"] = digitnet.models.make(entry["name"]).count_params()
    lines = [f"{e['name']:<18} {e['parameters']:>10,}  {e['summary']}" for e in entries]
    _print(args, entries, "\n".join(lines))
    return 0


def _models_show(args: argparse.Namespace) -> int:
    import digitnet

    is_file = args.name.endswith(".safetensors")
    summary = (digitnet.models.load if is_file else digitnet.models.make)(
        args.name
    ).summary()
    _print(args, summary.rows, str(summary))
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from digitnet import doctor

    if not args.json:
        return doctor.main()
    results = doctor.checks()
    print(json.dumps({"versions": doctor.versions(), "checks": results}))
    return 0 if all(result["ok"] for result in results) else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. 0: done, 1: it failed, 2: it was asked wrongly, 130: Ctrl-C."""
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        print("digitnet: interrupted", file=sys.stderr)
        return 130
    except (ImportError, MemoryError, OSError, RuntimeError, ValueError) as error:
        print(f"digitnet: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
