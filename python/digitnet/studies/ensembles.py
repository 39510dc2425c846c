"""Several networks asked together: how they are made different, and what that is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Workshop
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts
from digitnet.studies.ensembles_members import (
    Answers,
    Shares,
    answered,
    averaged,
    boosted,
    count,
    disagreement,
    judged,
    majority,
    member,
    oracle,
    parts,
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


def data_stage(workshop: Workshop) -> None:
    first, held, test = parts(workshop)
    class_counts(workshop, {"training": first, "validation": held, "test": test})


def members_stage(workshop: Workshop) -> None:
    ways = ("average", "bagging")
    cases = [
        (way, seed, number)
        for way in ways
        for seed in workshop.seeds
        for number in range(count(workshop))
    ]
    workshop.at_once(lambda case: member(workshop, *case), cases)
    workshop.at_once(partial(snapshots, workshop), workshop.seeds)
    workshop.at_once(partial(boosted, workshop), workshop.seeds)
    rows: list[tuple[Any, ...]] = []
    for seed in workshop.seeds:
        made = {
            way: [member(workshop, way, seed, n) for n in range(count(workshop))]
            for way in ways
        }
        made["snapshot"] = snapshots(workshop, seed)
        asks: dict[str, Callable[[Sequence[Answers]], Shares]] = {
            "average": averaged,
            "majority": majority,
            "stacking": partial(stacked, workshop),
        }
        for made_by, members in made.items():
            alone = [judged(workshop, m["test"])["accuracy"] for m in members]
            for ask, join in asks.items():
                report = judged(workshop, join(members))
                rows.append(
                    (
                        *(seed, made_by, ask, len(members), np.mean(alone), max(alone)),
                        *(report["accuracy"], report["log_loss"]),
                        *(oracle(workshop, members), disagreement(members)),
                    )
                )
    columns = ["seed", "members", "asked", "n", "mean alone", "best alone"]
    columns += ["together", "log loss", "oracle", "disagreement"]
    frame = pd.DataFrame(rows, columns=columns)
    workshop.table("ensembles", "Ensembles of one small network, test images", frame)
    for pair, part in frame.groupby(["members", "asked"], sort=False):
        workshop.measure(", ".join(map(str, pair)), part["together"])
    workshop.measure(
        "alone", frame[frame["members"] == "average"]["mean alone"].unique()
    )
    means = frame.groupby(["members", "asked"], sort=False)["together"].mean()
    means.index = [", ".join(map(str, pair)) for pair in means.index]
    workshop.figure(
        "ensembles",
        "Ways to make members, ways to ask them",
        lambda: plot.comparison(means.rename("test accuracy")),
    )


def growth_stage(workshop: Workshop) -> None:
    """How many are enough, and boosting's rounds."""
    seed = workshop.seeds[0]
    rows = []
    for way in ("average", "bagging"):
        members = [member(workshop, way, seed, n) for n in range(count(workshop))]
        for n in range(1, len(members) + 1):
            accuracy = judged(workshop, averaged(members[:n]))["accuracy"]
            rows.append((way, n, accuracy))
    kept = boosted(workshop, seed)
    rows += [("boosting", n, a) for n, a in enumerate(kept["together"], 1)]
    frame = pd.DataFrame(rows, columns=["way", "members", "accuracy"])
    workshop.table("growth", "Accuracy of the first members together", frame)
    workshop.figure(
        "growth",
        "How many are enough",
        lambda: plot.sensitivity(frame, "way", "members", "accuracy"),
    )
    boosts = [boosted(workshop, s) for s in workshop.seeds]
    workshop.measure("boosting", [float(b["together"][-1]) for b in boosts])
    workshop.measure("boosting alone", [float(b["alone"][0]) for b in boosts])


def single(workshop: Workshop, name: str, seed: int) -> Answers:
    passes = workshop.size(smoke=1, quick=6, default=10, full=150)
    few = workshop.size(smoke=60, quick=2_000, default=6_000, full=None)
    return answered(
        workshop,
        f"{name} {seed}",
        name,
        seed,
        {**SINGLES_OPTIONS, "epochs": passes},
        lambda train: workshop.part(train, few),
    )


def committee_stage(workshop: Workshop) -> None:
    """Three kernel sizes, one vote each."""
    cases = [(name, seed) for seed in workshop.seeds for name in SINGLES]
    workshop.at_once(lambda case: single(workshop, *case), cases)
    rows = []
    for seed in workshop.seeds:
        members = [single(workshop, name, seed) for name in SINGLES]
        alone = [judged(workshop, m["test"])["accuracy"] for m in members]
        votes = judged(workshop, majority(members))["accuracy"]
        mean = judged(workshop, averaged(members))["accuracy"]
        rows.append(
            (
                seed,
                *alone,
                votes,
                mean,
                oracle(workshop, members),
                disagreement(members),
            )
        )
    columns = ["seed", *SINGLES, "vote", "average", "oracle", "disagreement"]
    frame = pd.DataFrame(rows, columns=columns)
    workshop.table("committee", "M3, M5 and M7, test images", frame)
    for name in columns[1:]:
        workshop.measure(f"committee {name}", frame[name])


def strong(workshop: Workshop, seed: int, number: int) -> Answers:
    """A network of the preset "accurate", for fewer epochs."""
    epochs = workshop.size(smoke=1, quick=4, default=10, full=10)
    return answered(
        workshop,
        f"strong {seed} {number}",
        STRONG.network,
        100 * seed + number,
        {**STRONG.options, "epochs": epochs},
    )


def strong_stage(workshop: Workshop) -> None:
    """As many digits right as a few good networks get."""
    numbers = range(workshop.size(smoke=2, quick=3, default=3, full=5))
    cases = [(seed, number) for seed in workshop.seeds for number in numbers]
    workshop.at_once(lambda case: strong(workshop, *case), cases)
    rows = []
    for seed in workshop.seeds:
        members = [strong(workshop, seed, number) for number in numbers]
        alone = [judged(workshop, m["test"])["accuracy"] for m in members]
        report = judged(workshop, averaged(members))
        rows.append(
            (
                *(seed, len(members), np.mean(alone), report["accuracy"]),
                *(report["log_loss"], oracle(workshop, members)),
            )
        )
    columns = ["seed", "n", "mean alone", "together", "log loss", "oracle"]
    frame = pd.DataFrame(rows, columns=columns)
    title = f'Networks of the preset "{STRONG.name}" by mean probability, test images'
    workshop.table("strong", title, frame)
    workshop.measure("strong alone", frame["mean alone"])
    workshop.measure("strong", frame["together"])


def recipe() -> Recipe:
    ways = [
        (f"{way}, {ask}", f"{way}: asked by {ask}")
        for way in ("average", "bagging", "snapshot")
        for ask in ("average", "majority", "stacking")
    ]
    return Recipe(
        name="ensembles",
        title="Ensembles and committees",
        paper="An et al. 2020 and the theses that cite committees",
        summary="average, bagging, boosting, stacking, snapshots; M3 + M5 + M7; oracle, "
        "diversity; a few good networks",
        claims=(
            Claim("alone", "one network", None),
            *(Claim(key, what, None) for key, what in ways),
            Claim("boosting alone", "the first of the boosted perceptrons", None),
            Claim("boosting", "boosted perceptrons together", None),
            *(Claim(f"committee {name}", f"{name} alone", None) for name in SINGLES),
            Claim("committee vote", "M3 + M5 + M7 by vote", 0.9991),
            Claim("committee average", "M3 + M5 + M7 by mean probability", None),
            Claim("committee oracle", "right by at least one of the three", None),
            Claim("committee disagreement", "images on which two of them differ", None),
            Claim("strong alone", f'one network of "{STRONG.name}"', None),
            Claim("strong", "several of them by mean probability", None),
        ),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("members", "Members, and ways to ask them", members_stage, 30),
            Stage("growth", "How many are enough", growth_stage, 1),
            Stage("committee", "M3, M5 and M7", committee_stage, 40),
            Stage("strong", "A few good networks", strong_stage, 40),
        ),
        remarks=(
            "99.91 % is a vote of nine networks that were picked on the test images out of "
            "thousands of combinations, after 150 epochs each; here three fixed networks "
            "after the epochs shown, the test images touched once.",
            "Members of one network differ by their seeds; nothing was picked.",
        ),
        seeds=3,
    )
