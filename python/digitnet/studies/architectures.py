"""Architectures: recurrent, transformer, pooled and unpooled networks on one footing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import models, plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context, mean_and_std
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts, scores_by_seed
from digitnet.studies.architectures_variants import (
    AUGMENTATIONS,
    FALLING,
    NORMS,
    POOLED,
    POOLS,
    Array,
    curve,
    m5_epochs,
    m5_score,
    oscillation,
    paired_seeds,
    parts,
)

SETS = ("mnist", "fashion-mnist")
# Peaks of one cycle with batches of 32; where they were looked for, among training images.
RATES = {
    "mlp": 0.001,
    "lenet5": 0.006,
    "gru": 0.006,
    "vit-tiny": 0.003,
    "c1": 0.002,
    "c2": 0.002,
    "c3": 0.002,
    "m3": 0.002,
    "m5": 0.002,
    "m7": 0.002,
}
OF_THIRTY = ("c1", "c2", "c3", "m5")  # of which the paper trained thirty each
# What the thesis says of An's networks: the first of each pair against the second.
BETTER, NO_BETTER = "said to be better", "said to be no better"
ORDER = {
    ("c3", "c1"): BETTER,
    ("c3", "c2"): BETTER,
    ("m5", "c1"): BETTER,
    ("m5", "c2"): BETTER,
    ("m5", "c3"): BETTER,
    ("c2", "c1"): NO_BETTER,  # its dense layer more
}
Case = tuple[str, int]


def tested(context: Context, data: str) -> tuple[Dataset, Dataset]:
    """(training, test) parts of a set."""
    train, test = context.data(data)
    count = context.size(smoke=20, quick=800, default=3_000, full=None)
    test_count = context.size(smoke=20, quick=1_000, default=None, full=None)
    return context.part(train, count), context.part(test, test_count)


def seeds(context: Context, data: str, name: str) -> list[int]:
    """Those of the run; 30 of An's networks on his data in full mode."""
    if context.mode == "full" and data == "mnist" and name in OF_THIRTY:
        return [*range(max(30, len(context.seeds)))]
    return context.seeds


def epochs(context: Context) -> int:
    return context.size(smoke=1, quick=4, default=6, full=50)


def score(context: Context, data: str, name: str, seed: int) -> list[float]:
    """[test accuracy, seconds of training, parameters]"""

    def one() -> list[float]:
        train, test = tested(context, data)
        model = models.make(name, train.shape, classes=train.classes, seed=seed)
        history = model.fit(
            train,
            epochs=epochs(context),
            batch_size=32,
            learning_rate=RATES[name],
            seed=seed,
            progress=False,
        )
        accuracy = model.evaluate(test)["accuracy"]
        return [accuracy, sum(history["seconds"]), float(model.count_params())]

    return list(context.cached(f"{data} {name} {seed}", one))


# -- stages --------------------------------------------------------------------


def data_stage(context: Context) -> None:
    sets: dict[str, Dataset] = {}
    for data in SETS:
        train, test = tested(context, data)
        sets |= {f"{data}, training": train, f"{data}, test": test}
    class_counts(context, {k: v for k, v in sets.items() if k.startswith("mnist")})
    described = {entry["name"]: entry for entry in models.describe()}
    rows = [
        (name, models.make(name).count_params(), described[name]["summary"])
        for name in RATES
    ]
    frame = pd.DataFrame(rows, columns=["network", "parameters", "what it is"])
    context.table("networks", "The networks", frame)


def comparison_stage(data: str) -> Callable[[Context], None]:
    def stage(context: Context) -> None:
        cases = [(name, s) for name in RATES for s in seeds(context, data, name)]
        # The last are the slowest: begun first, none is left to run alone.
        context.parallel_map(lambda case: score(context, data, *case), cases[::-1])
        results = [score(context, data, *case) for case in cases]
        frame = pd.DataFrame(results, columns=["accuracy", "seconds", "parameters"])
        frame.insert(0, "network", [name for name, _ in cases])
        frame.insert(1, "seed", [seed for _, seed in cases])
        by_network = frame.groupby("network", sort=False)
        summary = by_network[["accuracy", "seconds", "parameters"]].mean()
        summary.insert(1, "sd", by_network["accuracy"].std())
        summary.insert(2, "best", by_network["accuracy"].max())
        slug = data.replace("-", "_")
        context.table(slug, f"{data}: test accuracy, means over the seeds", summary)
        context.figure(
            slug,
            f"Test accuracy, {data}",
            lambda: plot.comparison(summary["accuracy"].rename("test accuracy")),
        )
        if len(context.seeds) > 1:
            points = frame.pivot(index="seed", columns="network", values="accuracy")
            context.figure(
                f"{slug}_distribution",
                f"Test accuracy of every training, {data}",
                lambda: plot.distribution(points[list(RATES)], "test accuracy"),
            )
        for name, part in by_network:
            context.measure(f"{data} {name}", part["accuracy"])
        train, test = tested(context, data)
        context.text(
            f"{len(train):,} training and {len(test):,} test images, {epochs(context)} "
            "epochs, Adam with one cycle, no augmentation; the same images in the same order "
            "for all. Seconds are those of one core where trainings run side by side."
        )

    return stage


def order_stage(context: Context) -> None:
    """What the paper says of C1, C2, C3 and M5, with paired seeds on MNIST."""
    rows = []
    for (first, second), statement in ORDER.items():
        shared = [
            s
            for s in seeds(context, "mnist", first)
            if s in seeds(context, "mnist", second)
        ]
        pairs = np.array(
            [
                [score(context, "mnist", name, seed)[0] for name in (first, second)]
                for seed in shared
            ]
        )
        differences = pairs[:, 0] - pairs[:, 1]
        context.measure(f"{first} - {second}", differences)
        rows.append(
            (first, second, statement, *pairs.mean(0), *mean_and_std(differences))
        )
    columns = ["first", "second", "paper", "accuracy", "of second"]
    columns += ["difference", "sd"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("order", "Pairs that the paper orders, seed by seed", frame)


def oscillation_cases(context: Context) -> list[tuple[str, str]]:
    """(network, pooling); C1 and M5 alone in the small modes."""
    small = context.mode in ("smoke", "quick")
    names = ("C1",) if small else tuple(POOLED)
    return [*((name, pool) for name in names for pool in POOLS), ("M5", "none")]


def oscillation_name(network: str, pool: str) -> str:
    return network if network == "M5" else f"{network}, {pool}"


def oscillation_stage(context: Context) -> None:
    repeated = paired_seeds(context)
    pairs = oscillation_cases(context)
    cases = [(*pair, seed) for pair in pairs for seed in repeated]
    curves = context.parallel_dict(lambda case: curve(context, *case), cases)
    rows = []
    for pair in pairs:
        name = oscillation_name(*pair)
        measured = [oscillation(curves[(*pair, seed)]) for seed in repeated]
        last, fall = (np.array(column) for column in zip(*measured, strict=True))
        context.measure(f"{name} sd", last)
        context.measure(f"{name} fall", fall)
        final = np.mean([curves[(*pair, seed)][-1] for seed in repeated])
        rows.append((name, final, last.mean(), fall.mean()))
    columns = ["network", "last accuracy", "sd in the last third", "largest fall"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("oscillation", "How much validation accuracy oscillates", frame)
    _show_curves(context, pairs, curves)
    train, validation = parts(context)
    fallen = 1 - FALLING["schedule"][1]["factor"]
    context.text(
        f"{len(train):,} training and {len(validation):,} validation images, batches of "
        f"{FALLING['batch_size']}, Adam with a rate of {FALLING['learning_rate']:g} that "
        f"falls by {fallen:.0%} an epoch, {len(repeated)} seeds; the accuracy is that of the weights "
        "as they are, without averages."
    )
    _leave_out(context, pairs)


def _show_curves(
    context: Context, pairs: list[tuple[str, str]], curves: Mapping[Any, Array]
) -> None:
    seed = paired_seeds(context)[0]
    for network in dict.fromkeys(network for network, _ in pairs if network != "M5"):
        shown = [p for p in pairs if p[0] in (network, "M5")]
        lines = pd.DataFrame(
            {oscillation_name(*pair): curves[(*pair, seed)] for pair in shown},
            index=pd.RangeIndex(1, len(curves[(*pairs[0], seed)]) + 1, name="epoch"),
        )
        context.figure(
            f"oscillation_{network.lower()}",
            f"{network} by its pooling, and M5: seed {seed}",
            partial(plot.progress, lines, "validation accuracy", steps=False),
        )


def _leave_out(context: Context, pairs: list[tuple[str, str]]) -> None:
    for network, pool in ((n, p) for n in POOLED for p in POOLS):
        if (network, pool) not in pairs:
            for what in ("sd", "fall"):
                key = f"{oscillation_name(network, pool)} {what}"
                context.not_measured(key, f"not in {context.mode} mode")


def variant_stage(
    kind: str, title: str, names: Sequence[str], base: str
) -> Callable[[Context], None]:
    """M5 with another augmentation or batch norm, every seed a point."""

    def accuracy(context: Context, name: str, seed: int) -> float:
        if kind == "augmentation":
            return m5_score(context, name, "all", seed)
        return m5_score(context, "none", name, seed)

    def stage(context: Context) -> None:
        points = scores_by_seed(context, accuracy, names, paired_seeds(context))
        rows = []
        for name in names:
            differences = (points[name] - points[base]).to_numpy()
            rows.append((name, points[name].mean(), *mean_and_std(differences)))
            if name != base:
                context.measure(f"{kind} {name}", differences)
        columns = [kind, "accuracy", "difference", "sd of difference"]
        frame = pd.DataFrame(rows, columns=columns)
        slug = kind.replace(" ", "_")
        context.table(slug, f"{title}, against '{base}'", frame)
        context.figure(
            slug,
            f"{title}: every network a point",
            lambda: plot.distribution(points, "validation accuracy"),
        )
        train, validation = parts(context)
        context.text(
            f"{len(train):,} training and {len(validation):,} validation images, "
            f"{m5_epochs(context)} epochs, Adam with one cycle, {len(points)} paired seeds."
        )

    return stage


# -- the recipe ----------------------------------------------------------------


def _claims() -> tuple[Claim, ...]:
    outlook, thesis = "mlp, line 90", "kaggle-cnn, line {}"
    of_networks = {
        **dict.fromkeys(RATES, ""),
        **dict.fromkeys(("gru", "vit-tiny"), outlook),
        **dict.fromkeys(("c1", "c2", "c3"), thesis.format(148)),
        "m5": thesis.format(152),
    }
    return (
        *(
            Claim(f"{data} {name}", f"{name} on {data}", None, of=of_networks[name])
            for data in SETS
            for name in RATES
        ),
        *(
            Claim(
                f"{a} - {b}",
                f"{a} against {b}, {statement}",
                None,
                "points",
                of=thesis.format(152),
            )
            for (a, b), statement in ORDER.items()
        ),
        *(
            Claim(f"{name} {key}", f"{name}: {what}", None, of=thesis.format(152))
            for name in (
                *(oscillation_name(n, p) for n in POOLED for p in POOLS),
                "M5",
            )
            for key, what in (
                ("sd", "sd of accuracy over the last third of epochs"),
                ("fall", "largest fall between two epochs"),
            )
        ),
        *(
            Claim(
                f"augmentation {name}",
                f"M5 with {name}, against none",
                None,
                "points",
                of=thesis.format(161),
            )
            for name in AUGMENTATIONS
            if name != "none"
        ),
        *(
            Claim(
                f"batch norm {name}",
                f"M5 with batch norm behind {name}, against all",
                None,
                "points",
                of=thesis.format(163),
            )
            for name in NORMS
            if name != "all"
        ),
    )


def recipe() -> Recipe:
    augmentation = variant_stage(
        "augmentation", "M5 by augmentation", tuple(AUGMENTATIONS), "none"
    )
    norm = variant_stage("batch norm", "M5 by batch norm", NORMS, "all")
    return Recipe(
        name="architectures",
        title="Architectures side by side",
        paper="An et al. 2020, cited by the thesis on Kaggle's digits; Mahender et al.'s "
        "outlook",
        summary="recurrent, transformer, C1 to C3, M3 to M7, MLP, LeNet-5; oscillation by "
        "pooling; M5 by augmentation and batch norm",
        claims=_claims(),
        stages=(
            Stage("data", "Data", data_stage, 1),
            *(
                Stage(data.replace("-", "_"), f"On {data}", comparison_stage(data), 30)
                for data in SETS
            ),
            Stage("order", "C1, C2, C3 and M5", order_stage, 1),
            Stage("oscillation", "Does accuracy oscillate", oscillation_stage, 40),
            Stage("augmentation", "Augmentation of M5", augmentation, 30),
            Stage("batch_norm", "Batch norm in M5", norm, 20),
        ),
        remarks=(
            "The thesis gives no numbers for An's comparisons, only their order; thirty "
            "networks of each kind, as there, are trained in full mode, which is meant for "
            "a GPU.",
            "Oscillation, augmentation and batch norm are measured on validation images; "
            "An and others look at the test images.",
            "An and others test an exponential average of the weights; here it is left "
            "out, because it would hide the oscillation.",
            "Outside full mode trainings are short and see few images: that favours "
            "networks that learn fast, and does not show what augmentation is worth in "
            "long ones.",
            "Sizes of the recurrent network and of the transformer are digitnet's: the "
            "outlook names only their kinds.",
        ),
        seeds=3,
        data=SETS,
    )
