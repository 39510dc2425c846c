"""Ensembles: how their members are made to differ, and what they are worth together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts
from digitnet.studies.ensembles_members import (
    Array,
    Probabilities,
    averaged,
    boosted,
    count,
    disagreement,
    majority,
    member,
    member_probabilities,
    oracle,
    parts,
    report_of,
    snapshots,
    stacked,
)
from digitnet.train.presets import preset

SINGLES = ("m3", "m5", "m7")
SINGLES_OPTIONS: dict[str, Any] = {
    "batch_size": 120,
    "learning_rate": 0.003,
    "ema_decay": 0.999,
    "augment": "rotate 20deg | shift 20%",
}
STRONG = preset("accurate")


def data_stage(context: Context) -> None:
    first, validation, test = parts(context)
    class_counts(context, {"training": first, "validation": validation, "test": test})


def members_stage(context: Context) -> None:
    methods = ("average", "bagging")
    cases = [
        (method, seed, number)
        for method in methods
        for seed in context.seeds
        for number in range(count(context))
    ]
    context.parallel_map(lambda case: member(context, *case), cases)
    context.parallel_map(partial(snapshots, context), context.seeds)
    context.parallel_map(partial(boosted, context), context.seeds)
    rows: list[tuple[Any, ...]] = []
    for seed in context.seeds:
        members_by = {
            method: [member(context, method, seed, n) for n in range(count(context))]
            for method in methods
        }
        members_by["snapshot"] = snapshots(context, seed)
        combinations: dict[str, Callable[[Sequence[Probabilities]], Array]] = {
            "average": averaged,
            "majority": majority,
            "stacking": partial(stacked, context),
        }
        for method, members in members_by.items():
            alone = [report_of(context, m["test"])["accuracy"] for m in members]
            for combination, combine in combinations.items():
                report = report_of(context, combine(members))
                rows.append(
                    (
                        *(
                            seed,
                            method,
                            combination,
                            len(members),
                            np.mean(alone),
                            max(alone),
                        ),
                        *(report["accuracy"], report["log_loss"]),
                        *(oracle(context, members), disagreement(members)),
                    )
                )
    columns = ["seed", "members", "asked", "n", "mean alone", "best alone"]
    columns += ["together", "log loss", "oracle", "disagreement"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("ensembles", "Ensembles of one small network, test images", frame)
    for pair, part in frame.groupby(["members", "asked"], sort=False):
        context.measure(", ".join(map(str, pair)), part["together"])
    context.measure(
        "alone", frame[frame["members"] == "average"]["mean alone"].unique()
    )
    means = frame.groupby(["members", "asked"], sort=False)["together"].mean()
    means.index = [", ".join(map(str, pair)) for pair in means.index]
    context.figure(
        "ensembles",
        "How members are made, how they are combined",
        lambda: plot.comparison(means.rename("test accuracy")),
    )


def growth_stage(context: Context) -> None:
    """How many are enough, and boosting's rounds."""
    seed = context.seeds[0]
    rows = []
    for method in ("average", "bagging"):
        members = [member(context, method, seed, n) for n in range(count(context))]
        for n in range(1, len(members) + 1):
            accuracy = report_of(context, averaged(members[:n]))["accuracy"]
            rows.append((method, n, accuracy))
    boosting = boosted(context, seed)
    rows += [("boosting", n, a) for n, a in enumerate(boosting["together"], 1)]
    frame = pd.DataFrame(rows, columns=["method", "members", "accuracy"])
    context.table("growth", "Accuracy of the first members together", frame)
    context.figure(
        "growth",
        "How many are enough",
        lambda: plot.sensitivity(frame, "method", "members", "accuracy"),
    )
    boosts = [boosted(context, s) for s in context.seeds]
    context.measure("boosting", [float(b["together"][-1]) for b in boosts])
    context.measure("boosting alone", [float(b["alone"][0]) for b in boosts])


def single(context: Context, name: str, seed: int) -> Probabilities:
    passes = context.size(smoke=1, quick=6, default=10, full=150)
    limit = context.size(smoke=60, quick=2_000, default=6_000, full=None)
    return member_probabilities(
        context,
        f"{name} {seed}",
        name,
        seed,
        {**SINGLES_OPTIONS, "epochs": passes},
        lambda train: context.part(train, limit),
    )


def committee_stage(context: Context) -> None:
    """Three kernel sizes, one vote each."""
    cases = [(name, seed) for seed in context.seeds for name in SINGLES]
    context.parallel_map(lambda case: single(context, *case), cases)
    rows = []
    for seed in context.seeds:
        members = [single(context, name, seed) for name in SINGLES]
        alone = [report_of(context, m["test"])["accuracy"] for m in members]
        votes = report_of(context, majority(members))["accuracy"]
        mean = report_of(context, averaged(members))["accuracy"]
        rows.append(
            (
                seed,
                *alone,
                votes,
                mean,
                oracle(context, members),
                disagreement(members),
            )
        )
    columns = ["seed", *SINGLES, "vote", "average", "oracle", "disagreement"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("committee", "M3, M5 and M7, test images", frame)
    for name in columns[1:]:
        context.measure(f"committee {name}", frame[name])


def strong(context: Context, seed: int, number: int) -> Probabilities:
    """A network of the preset "accurate", for fewer epochs."""
    epochs = context.size(smoke=1, quick=4, default=10, full=10)
    return member_probabilities(
        context,
        f"strong {seed} {number}",
        STRONG.network,
        100 * seed + number,
        {**STRONG.options, "epochs": epochs, "calibrate": False},
    )


def strong_stage(context: Context) -> None:
    """Accuracy of several good networks together."""
    numbers = range(context.size(smoke=2, quick=3, default=3, full=5))
    cases = [(seed, number) for seed in context.seeds for number in numbers]
    context.parallel_map(lambda case: strong(context, *case), cases)
    rows = []
    for seed in context.seeds:
        members = [strong(context, seed, number) for number in numbers]
        alone = [report_of(context, m["test"])["accuracy"] for m in members]
        report = report_of(context, averaged(members))
        rows.append(
            (
                *(seed, len(members), np.mean(alone), report["accuracy"]),
                *(report["log_loss"], oracle(context, members)),
            )
        )
    columns = ["seed", "n", "mean alone", "together", "log loss", "oracle"]
    frame = pd.DataFrame(rows, columns=columns)
    title = f'Networks of the preset "{STRONG.name}" by mean probability, test images'
    context.table("strong", title, frame)
    context.measure("strong alone", frame["mean alone"])
    context.measure("strong", frame["together"])


def recipe() -> Recipe:
    methods = [
        (f"{method}, {combination}", f"{method}: combined by {combination}")
        for method in ("average", "bagging", "snapshot")
        for combination in ("average", "majority", "stacking")
    ]
    return Recipe(
        name="ensembles",
        title="Ensembles and committees",
        paper="An et al. 2020 and the theses that cite committees",
        summary="average, bagging, boosting, stacking, snapshots; M3 + M5 + M7; oracle, "
        "diversity; several good networks",
        claims=(
            Claim("alone", "one network", None),
            *(Claim(key, what, None) for key, what in methods),
            Claim("boosting alone", "the first of the boosted perceptrons", None),
            Claim("boosting", "boosted perceptrons together", None),
            *(Claim(f"committee {name}", f"{name} alone", None) for name in SINGLES),
            Claim(
                "committee vote",
                "M3 + M5 + M7 by vote",
                0.9991,
                of="kaggle-cnn, line 167",
            ),
            Claim("committee average", "M3 + M5 + M7 by mean probability", None),
            Claim("committee oracle", "right by at least one of the three", None),
            Claim("committee disagreement", "images on which two of them differ", None),
            Claim("strong alone", f'one network of "{STRONG.name}"', None),
            Claim("strong", "several of them by mean probability", None),
        ),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("members", "Members, and how they are combined", members_stage, 30),
            Stage("growth", "How many are enough", growth_stage, 1),
            Stage("committee", "M3, M5 and M7", committee_stage, 40),
            Stage("strong", "Several good networks", strong_stage, 40),
        ),
        remarks=(
            "99.91 % is a vote of nine networks that were picked on the test images out of "
            "thousands of combinations, after 150 epochs each; here three fixed networks "
            "after the epochs shown, the test images touched once.",
            "Members of one network differ by their seeds; nothing was picked.",
        ),
        seeds=3,
        data=("mnist",),
        packages=("sklearn",),
    )
