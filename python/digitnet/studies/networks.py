"""Networks side by side on MNIST-M, MNIST and Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from digitnet import plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts
from digitnet.papers.mnistm_cnn.comparison import (
    BATCH,
    COLUMNS,
    SIDES,
    TABLE_1,
    score,
    show,
)


@dataclass(frozen=True)
class Comparison:
    """Networks on one data set, and what their papers claim for them there."""

    data: str
    networks: tuple[str, ...]
    claims: dict[str, float]


COMPARISONS = {
    "mnist-m": Comparison(
        "mnist-m",
        ("lenet5", "alexnet", "vgg16", "resnet50", "mobilenetv2", "mnistm-cnn"),
        {name: values[0] for name, values in TABLE_1.items()},
    ),
    "mnist": Comparison("mnist", ("vgg16", "lenet5", "alexnet"), {}),
    "fashion-mnist": Comparison(
        "fashion-mnist", ("kaggle-cnn", "resnet18", "densenet121", "mobilenetv2"), {}
    ),
}
LARGE = ("alexnet", "vgg16", "resnet50", "densenet121")


def parts(context: Context, data: str) -> tuple[Dataset, Dataset]:
    train, test = context.data(data)
    count = context.size(smoke=40, quick=800, default=4_000, full=None)
    test_count = context.size(smoke=40, quick=1_000, default=None, full=None)
    return context.part(train, count), context.part(test, test_count)


def epochs(context: Context) -> int:
    return context.size(smoke=1, quick=4, default=8, full=10)


def scored(context: Context, data: str, name: str, seed: int) -> list[float]:
    """The metrics on the test part, seconds of training, parameters."""
    train, test = parts(context, data)
    work = partial(score, name, train, test, epochs=epochs(context), seed=seed)
    return list(context.cached(f"{data} {name} {seed}", work))


def networks(context: Context, data: str) -> tuple[str, ...]:
    """Two small ones in smoke mode."""
    names = COMPARISONS[data].networks
    small = tuple(name for name in names if name not in LARGE)
    return small[:2] if context.mode == "smoke" else names


def data_stage(context: Context) -> None:
    sets: dict[str, Dataset] = {}
    for data in COMPARISONS:
        train, test = parts(context, data)
        sets |= {f"{data}, training": train, f"{data}, test": test}
        context.figure(
            f"samples_{data}",
            f"Samples, {data}",
            partial(plot.sample_grid, train, 2, 10),
        )
    counts = {key: part for key, part in sets.items() if not key.startswith("fashion")}
    class_counts(context, counts)


def comparison_stage(data: str) -> Callable[[Context], None]:
    def stage(context: Context) -> None:
        comparison = COMPARISONS[data]
        names = networks(context, data)
        cases = [(data, name, seed) for seed in context.seeds for name in names]
        results = context.parallel_map(lambda case: scored(context, *case), cases)
        frame = pd.DataFrame(results, columns=COLUMNS)
        frame.insert(0, "network", [name for _, name, _ in cases])
        means = frame.groupby("network", sort=False).mean()
        show(context, data, f"{data}: test part, means over the seeds", means)
        for name, part in frame.groupby("network", sort=False):
            context.measure(f"{data} {name}", part["accuracy"])
        for name in comparison.networks:
            if name not in names:
                context.not_measured(f"{data} {name}", "not in smoke mode")
        train, test = parts(context, data)
        context.text(
            f"{len(train):,} training and {len(test):,} test images, {epochs(context)} "
            f"epoch(s), batches of {BATCH}, Adam with one cycle, no augmentation; the same "
            "images in the same order for all, which start from random weights."
        )

    return stage


def _side(name: str) -> str:
    return f"{SIDES[name]}x{SIDES[name]}"


def recipe() -> Recipe:
    claims = [
        Claim(
            f"{data} {name}",
            f"{name} on {data}, accuracy",
            comparison.claims.get(name),
            of="mnistm-cnn, Table 1" if name in comparison.claims else "",
        )
        for data, comparison in COMPARISONS.items()
        for name in comparison.networks
    ]
    stages = [
        Stage(data, f"On {data}", comparison_stage(data), 10 * len(comparison.networks))
        for data, comparison in COMPARISONS.items()
    ]
    return Recipe(
        name="networks",
        title="Networks side by side",
        paper="Ravuri (MNIST-M), Reddy et al. (MNIST), Kanaparthi's outlook (Fashion-MNIST)",
        summary="LeNet-5, AlexNet, VGG16, ResNets, MobileNetV2, DenseNet by seven metrics",
        claims=tuple(claims),
        stages=(Stage("data", "Data", data_stage, 1), *stages),
        remarks=(
            "The claims for MNIST-M are of 60,000 images, and their paper does not say how the "
            "rivals were trained; here all start at random, in colour, and outside --full on "
            "small subsets: their order is the thing to look at. `reproduce mnistm-cnn` has "
            "its whole table, on grey images.",
            f"AlexNet sees {_side('alexnet')} pixels, VGG16 {_side('vgg16')} and DenseNet "
            f"{_side('densenet121')}, the others 28x28.",
            "Table 1 of the paper on VGG16 (8 to 11 %) is of guessing; see its recipe.",
        ),
        seeds=1,
        data=tuple(COMPARISONS),
    )
