"""The stages of `vgg16-transfer`: its figures, tables and measurements."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import models, plot
from digitnet.experiments.context import Context
from digitnet.experiments.report_sections import class_counts, confusion, layer_table
from digitnet.papers.vgg16_transfer.base import garment_accuracy, pretraining_of
from digitnet.papers.vgg16_transfer.claims import COLUMNS, CURVES, curve_key
from digitnet.papers.vgg16_transfer.data import (
    EVALUATED,
    METHOD,
    garments,
    mean_of,
    parts,
    side,
)
from digitnet.papers.vgg16_transfer.networks import (
    CONTROLS,
    HEADS,
    TUNING_RATES,
    best_base,
    chosen,
    chosen_rate,
    features,
    fresh,
    frozen,
    head_score,
    here,
    networks,
    rate_score,
    source,
    width,
)
from digitnet.train.history import History

METRICS = ("accuracy", "precision_macro", "recall_macro", "f1_macro", "log_loss")
NO_WEIGHTS = "ImageNet weights not here"
ROW = 5  # epochs in a row of a heat map


def data_stage(context: Context) -> None:
    train, validation, test = parts(context)
    held_out = (
        "the test images validate"
        if validation is test
        else (f"{len(validation):,} to validate")
    )
    context.text(
        f"{len(train):,} images to train, {held_out}, {len(test):,} to test. Grey becomes "
        f"three equal channels of {side(context)}x{side(context)} pixels (resized by "
        f"{METHOD}); the training images' mean, {mean_of(train):.2f} of "
        f"{train.max_value:g} in each channel, is subtracted."
    )
    context.figure(
        "samples", "MNIST", lambda: plot.sample_grid(train, 5, 10), of="Fig. 1"
    )
    sets = {"training": train, "validation": validation, "test": test}
    class_counts(context, sets)


def network_stage(context: Context) -> None:
    whole = models.make("vgg16", (3, 224, 224), classes=1000)
    context.measure("VGG16 parameters", whole.count_params())
    context.figure(
        "vgg16",
        "VGG16 with its three dense layers, for 224x224 pixels and 1,000 classes",
        partial(plot.architecture, whole),
        of="Fig. 2",
    )
    del whole  # half a gigabyte
    model = fresh(context, 0, best_base(context))
    head = sum(
        value.size
        for name, value in model.state_dict().items()
        if name.startswith("dense")
    )
    context.measure("parameters", model.count_params())
    context.measure("head parameters", head)
    context.figure(
        "frozen",
        "The network in use; what is frozen is hatched",
        lambda: plot.architecture(model, frozen="block*"),
        of="Fig. 3",
    )
    layer_table(context, model)


def base_stage(context: Context) -> None:
    model, history = source(context)
    train, test = garments(context)
    settings = pretraining_of(context)
    score = context.cached(
        "source", partial(garment_accuracy, model, test, settings.turns)
    )
    context.measure("source test", score)
    if not here(context, "ImageNet"):
        context.note(
            "ImageNet's weights are not on this machine (digitnet.models."
            "fetch_weights('vgg16') gets them): a base that learned Fashion-MNIST stands in "
            "for them wherever the paper has a frozen VGG16, Tables 1 and 2 included. What "
            "is said of ImageNet's weights alone is not measured."
        )
    if width(context) < 1:
        context.note(
            f"{context.mode} mode: VGG16 with {width(context):g} of its channels, but where "
            "ImageNet's weights fill all of them."
        )
    turned = settings.turns * len(train)
    phases = ", then ".join(
        f"{phase.epochs} of {phase.part * turned:,.0f} at {phase.pixels}x{phase.pixels} pixels"
        for phase in settings.phases
    )
    context.text(
        f"The base learned Fashion-MNIST's garments, every other one as its outline, in "
        f"{settings.turns} quarter turns each: {len(model.classes)} classes. Epochs: {phases}, "
        f"varied anew in each epoch ({settings.augment}). "
        "Convolutions of as many maps in as out began by handing on what they are given; "
        f"{', '.join(name.rstrip('*') for name in settings.frozen)} stayed so. On upright test "
        f"images it is right about {100 * score:.2f} % of the garments. It took "
        f"{sum(history['seconds']):,.0f} s, once: it is kept in the user's cache folder."
    )
    if history.epochs > 1:
        context.figure(
            "source_curves",
            "The base learns Fashion-MNIST",
            lambda: plot.training_curves(history),
        )
    used, _ = frozen(context, best_base(context), context.seeds[0])
    context.figure(
        "first_filters",
        f"Its original weights: the first filters ({best_base(context)})",
        lambda: plot.filters(used, "block1_conv1"),
    )


def choice_stage(context: Context) -> None:
    rows = [(head, head_score(context, head)) for head in context.progress(HEADS)]
    frame = pd.DataFrame(rows, columns=["head trained by", "validation accuracy"])
    context.table("choice", "Ways to train the head", frame)
    rates = [
        (rate, rate_score(context, rate)) for rate in context.progress(TUNING_RATES)
    ]
    frame = pd.DataFrame(rates, columns=["peak of the rate", "validation accuracy"])
    context.table("rates", "One epoch of the last two blocks", frame)
    context.text(
        f"Chosen on the validation part: {chosen(context)}; {chosen_rate(context):g} for "
        "the last two blocks."
    )


# -- scores ----------------------------------------------------------------------


def all_scores(context: Context) -> pd.DataFrame:
    """One row for each network, part of the images and seed."""
    return context.memoize("scores", lambda: _all_scores(context))


def _all_scores(context: Context) -> pd.DataFrame:
    train, _, test = parts(context)
    count = None if context.mode == "full" else EVALUATED
    sets = {"training": train[:count], "test": test}
    compared = networks(context)
    rows = []
    cases = [(name, seed) for name in compared for seed in context.seeds]
    for name, seed in context.progress(cases):
        model, _ = compared[name](seed)
        for part, data in sets.items():

            def score() -> list[float]:
                report = model.evaluate(data)  # noqa: B023
                return [report[key] for key in METRICS]

            rows.append(
                (name, part, *context.cached(f"score {name} {part} {seed}", score))
            )
    return pd.DataFrame(rows, columns=["network", "images", *COLUMNS, "loss"])


def training_stage(context: Context) -> None:
    """Every network, what it took to train, and how it does on the test images."""
    scores = all_scores(context)
    by_network = scores[scores["images"] == "test"].drop(columns="images")
    groups = by_network.groupby("network", sort=False)
    means = groups.mean()
    repeated = len(context.seeds) > 1
    shown = means.assign(sd=groups["accuracy"].std()) if repeated else means
    context.table("test", "On test images, macro averages", shown)
    for name, values in groups["accuracy"]:
        context.measure(f"{name} test", values)
    accuracy = means["accuracy"].rename("test accuracy")
    context.figure("comparison", "Test accuracy", lambda: plot.comparison(accuracy))
    _gains(context, groups)
    _seconds(context)
    if not here(context, "ImageNet"):
        context.not_measured("frozen, ImageNet test", NO_WEIGHTS)
        context.not_measured("two blocks, ImageNet test", NO_WEIGHTS)


def _gains(context: Context, groups: Any) -> None:
    """What learning Fashion-MNIST was worth, against each base that learned nothing."""
    learned = groups.get_group("frozen, Fashion-MNIST")["accuracy"].to_numpy()
    gains = {}
    for control in CONTROLS:
        untaught = groups.get_group(f"frozen, {control}")["accuracy"].to_numpy()
        gains[control] = 100 * (learned - untaught).mean()
        context.measure(f"gain over {control}", learned - untaught)
    context.text(
        "A frozen base that learned Fashion-MNIST is worth "
        f"{gains['random']:+.1f} points against one of He's random weights, of which its "
        "start, convolutions that hand on what they are given where they can, explains a "
        f"part: against that untrained start learning is worth {gains['untrained']:+.1f}. "
        "Heads were trained alike."
    )


def _seconds(context: Context) -> None:
    """What the training of every network took, with the first seed."""
    seed = context.seeds[0]
    rows = []
    for name, train in networks(context).items():
        _, history = train(seed)
        seconds = history["seconds"]
        rows.append(
            (
                name,
                len(seconds),
                np.mean(seconds),
                _feature_seconds(context, name),
                sum(seconds),
            )
        )
    columns = [
        "network",
        "epochs",
        "seconds an epoch",
        "seconds for features",
        "seconds of training",
    ]
    context.table(
        "seconds", "How long the trainings took", pd.DataFrame(rows, columns=columns)
    )
    context.text(
        "A frozen base's features are computed once; the processor and its memory are under "
        "Versions."
    )


def _feature_seconds(context: Context, name: str) -> float:
    kind, _, base = name.partition(", ")
    if kind != "frozen":
        return 0.0
    seed, base = context.seeds[0], base.removesuffix(", augmented")
    names = [
        "training",
        "validation",
        *(["augmented"] if name.endswith("augmented") else []),
    ]
    return float(sum(features(context, base, seed, part)["seconds"] for part in names))


# -- the paper's figures -----------------------------------------------------------


def predictions_stage(context: Context) -> None:
    model, _ = frozen(context, best_base(context), context.seeds[0])
    report = model.evaluate(parts(context)[2])
    context.figure(
        "predictions",
        f"{min(25, len(report.labels))} random test images: true class orange, predicted green",
        lambda: plot.predictions(report, 25),
        of="Fig. 4",
    )
    confusion(context, report)


def curves_stage(context: Context) -> None:
    """Curves, tables and heat maps, in the paper's order."""
    histories = [frozen(context, best_base(context), s)[1] for s in context.seeds]
    for _, column, what, *_ in CURVES:
        for end in (False, True):
            ends = [history[column][-1 if end else 0] for history in histories]
            context.measure(curve_key(what, end), ends)
    for number, metric in (("Fig. 5", "accuracy"), ("Fig. 6", "loss")):
        context.figure(
            f"curves_{metric}",
            f"Training and validation {metric} ({best_base(context)})",
            partial(plot.training_curves, histories[0], (metric,)),
            of=number,
        )
    _paper_table(context, "Table 1", "accuracy")
    _heat_maps(context, histories[0], "accuracy", ("Fig. 7", "Fig. 8"))
    _paper_table(context, "Table 2", "loss")
    _heat_maps(context, histories[0], "loss", ("Fig. 9", "Fig. 10"))


def _paper_table(context: Context, number: str, first: str) -> None:
    """VGG16 behind the base in use, LeNet-5 and AlexNet, on training images."""
    rows = {
        f"frozen, {best_base(context)}": "VGG16",
        "LeNet-5": "LeNet-5",
        "AlexNet, small": "AlexNet",
    }
    scores = all_scores(context)
    scores = scores[(scores["images"] == "training") & scores["network"].isin([*rows])]
    columns = [first, *COLUMNS[1:]]
    for name, values in scores.groupby("network", sort=False):
        for column in columns:
            context.measure(f"{number} {rows[str(name)]} {column}", values[column])
    means = scores.groupby("network", sort=False)[columns].mean().rename(index=rows)
    title = f"VGG16 ({best_base(context)}) and others by training {first}"
    context.table(f"training_{first}", title, means, of=number)


def _heat_maps(
    context: Context, history: History, metric: str, numbers: tuple[str, str]
) -> None:
    columns = (metric, f"val_{metric}")
    for number, column, part in zip(
        numbers, columns, ("Training", "Validation"), strict=True
    ):
        grid = by_fives(history[column])
        context.figure(
            f"heat_map_{column}",
            f"{part} {metric} of each epoch ({best_base(context)})",
            partial(plot.heat_map, grid, metric),
            of=number,
        )


def by_fives(values: list[float]) -> pd.DataFrame:
    """Epochs in rows of five."""
    rows = -(-len(values) // ROW)
    cells = np.full(rows * ROW, np.nan)
    cells[: len(values)] = values
    index = pd.Index([ROW * i + 1 for i in range(rows)], name="first epoch of the row")
    columns = pd.Index([f"+{i}" for i in range(ROW)], name="epochs after it")
    return pd.DataFrame(cells.reshape(rows, ROW), index, columns)
