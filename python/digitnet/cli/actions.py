"""What each command does: arguments in, exit code out."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import digitnet
from digitnet._utils.versions import versions
from digitnet.cli import doctor as health
from digitnet.data import sources
from digitnet.data.download import fetch, need_folder
from digitnet.models.pictures import predict_one, prepare
from digitnet.models.zoo import count_params
from digitnet.runs.folder import metrics_of, write_run


def print_result(args: argparse.Namespace, value: Any, text: str) -> None:
    """The value as JSON if that was requested, else the text."""
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
    "precision",
    "adversary",
)


def _recipe(args: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Network and options: the preset's, overridden by the other arguments."""
    recipe = digitnet.train.preset(args.preset) if args.preset else None
    network = args.model or (recipe and recipe.network)
    if not network:
        raise ValueError("train: expected --model or --preset, got neither")
    options = dict(recipe.options) if recipe else {}
    for name in FIT_OPTIONS:
        if getattr(args, name) is not None:
            options[name] = getattr(args, name)
    return network, {**options, "seed": args.seed, "device": args.device}


def train(args: argparse.Namespace) -> int:
    digitnet.distributed.start()
    first = digitnet.distributed.rank() == 0
    network, options = _recipe(args)
    train, test = digitnet.data.load(args.data, seed=args.seed)
    model = digitnet.models.make(
        network, input_shape=train.shape, classes=train.classes, seed=args.seed
    )
    if first and not args.json:
        print(
            f"{model!r} on {train.name}: {len(train):,} training and {len(test):,} test images"
        )
    history = model.fit(
        train,
        validation=args.validation,
        progress=not args.json,
        distributed=digitnet.distributed.world_size() > 1,
        **options,
    )
    if not first:  # rank 0 evaluates and writes
        return 0 if history.status != "diverged" else 1
    report = model.evaluate(test, device=args.device)
    config = {
        "data": args.data,
        "model": network,
        "preset": args.preset,
        "validation": args.validation,
        **history.options,
    }
    page = write_run(args.out, model, history, report, config, training=train)
    print_result(args, metrics_of(history, report), f"\n{report}\n\nreport: {page}")
    return 0 if history.status != "diverged" else 1


def evaluate(args: argparse.Namespace) -> int:
    model = digitnet.models.load(args.file)
    _, test = digitnet.data.load(args.data, seed=args.seed)
    report = model.evaluate(test, device=args.device)
    print_result(args, {"test": dict(report), "test_data": test.name}, str(report))
    return 0


def predict(args: argparse.Namespace) -> int:
    model = digitnet.models.load(args.model)
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


def export(args: argparse.Namespace) -> int:
    path = digitnet.export.export(
        digitnet.models.load(args.model), args.out, args.format
    )
    size = path.stat().st_size
    value = {"file": str(path), "bytes": size}
    print_result(args, value, f"wrote {path} ({size / 2**20:.1f} MiB)")
    return 0


def serve(args: argparse.Namespace) -> int:
    options = {
        "max_bytes": args.max_bytes,
        "max_pixels": args.max_pixels,
        "batch": args.batch,
        "rate": args.rate,
    }
    limits = digitnet.serve.Limits(
        **{name: value for name, value in options.items() if value is not None}
    )
    digitnet.serve.serve(
        digitnet.models.load(args.model), host=args.host, port=args.port, limits=limits
    )
    return 0


def reproduce(args: argparse.Namespace) -> int:
    if args.name == "list":
        return _list_recipes(args, digitnet.papers.describe())
    findings = digitnet.papers.reproduce(
        args.name,
        args.mode,
        data=args.data,
        protocol=args.protocol,
        seeds=args.seeds,
        out=args.out,
        progress=not args.json,
    )
    print_result(args, findings.metrics, f"\n{findings}")
    return 0


def study(args: argparse.Namespace) -> int:
    if args.name == "list":
        return _list_recipes(args, digitnet.studies.describe())
    findings = digitnet.studies.study(
        args.name,
        args.mode,
        seeds=args.seeds,
        out=args.out,
        progress=not args.json,
    )
    print_result(args, findings.metrics, f"\n{findings}")
    return 0


def compare(args: argparse.Namespace) -> int:
    _, test = digitnet.data.load(args.data, seed=args.seed)
    comparison = digitnet.compare(args.first, args.second, test)
    text = str(comparison)
    if args.out:
        text += f"\n\nreport: {comparison.save(args.out)}"
    print_result(args, comparison.to_json(), text)
    return 0


def _list_recipes(args: argparse.Namespace, entries: list[dict[str, Any]]) -> int:
    lines = [f"{e['name']:<18} {e['summary']} ({e['paper']})" for e in entries]
    print_result(args, entries, "\n".join(lines))
    return 0


def data_list(args: argparse.Namespace) -> int:
    entries = digitnet.data.describe()
    print_result(
        args, entries, "\n".join(f"{e['name']:<18} {e['summary']}" for e in entries)
    )
    return 0


def data_get(args: argparse.Namespace) -> int:
    source = sources.find(args.name)
    paths = [str(fetch(file)) for file in source.files]
    paths += [str(need_folder(folder)) for folder in source.folders]
    print_result(
        args,
        {"name": args.name, "files": paths},
        "\n".join(paths) or f"{args.name} needs no files",
    )
    return 0


def data_show(args: argparse.Namespace) -> int:
    about = next(
        e
        for e in digitnet.data.describe()
        if e["name"] == digitnet.data.sources.find(args.name).name
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
    print_result(args, value, "\n".join(lines))
    return 0


def models_list(args: argparse.Namespace) -> int:
    entries = digitnet.models.describe()
    for entry in entries:
        entry["parameters"] = count_params(entry["name"])
    lines = [f"{e['name']:<18} {e['parameters']:>10,}  {e['summary']}" for e in entries]
    print_result(args, entries, "\n".join(lines))
    return 0


def models_show(args: argparse.Namespace) -> int:
    is_file = args.name.endswith(".safetensors")
    summary = (digitnet.models.load if is_file else digitnet.models.make)(
        args.name
    ).summary()
    print_result(args, summary.rows, str(summary))
    return 0


def doctor(args: argparse.Namespace) -> int:
    if not args.json:
        return health.main()
    results = health.checks()
    print(json.dumps({"versions": versions(), "checks": results}))
    return 0 if all(result["ok"] for result in results) else 1
