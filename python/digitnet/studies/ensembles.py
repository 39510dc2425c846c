"""Several networks asked together: how they are made different, and what that is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from digitnet import models, plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.sections import class_counts
from digitnet.experiments.workshop import Workshop
from digitnet.report import Report

NETWORK = "two-conv-small"
OPTIONS: dict[str, Any] = {"batch_size": 128, "learning_rate": 0.004}
SINGLES = ("m3", "m5", "m7")
SINGLES_OPTIONS: dict[str, Any] = {
    "batch_size": 120,
    "learning_rate": 0.003,
    "ema_decay": 0.999,
    "augment": "rotate 20deg | shift 20%",
}
Shares = npt.NDArray[np.float64]
Answers = dict[str, Shares]  # "held" and "test": probabilities (N, K)


def parts(workshop: Workshop) -> tuple[Dataset, Dataset, Dataset]:
    """(training, validation, test); the validation part is the stack's."""
    train, test = workshop.data("mnist")
    few = workshop.size(smoke=200, quick=6_000, default=None, full=None)
    asked = workshop.size(smoke=200, quick=None, default=None, full=None)
    first, held = workshop.remember(
        "parts", lambda: workshop.part(train, few).split((0.9, 0.1), seed=0)
    )
    return first, held, workshop.part(test, asked)


def count(workshop: Workshop) -> int:
    return workshop.size(smoke=3, quick=5, default=7, full=10)


def epochs(workshop: Workshop) -> int:
    return workshop.size(smoke=1, quick=5, default=8, full=15)


def _asked(workshop: Workshop, model: Any) -> Answers:
    _, held, test = parts(workshop)
    return {"held": model.predict_proba(held), "test": model.predict_proba(test)}


def judged(workshop: Workshop, shares: Shares, name: str = "") -> Report:
    test = parts(workshop)[2]
    labels = test._need_labels("ensembles")
    return Report(labels, shares, test.classes, data=test, model=name)


# -- ways to make members ------------------------------------------------------


def member(workshop: Workshop, way: str, seed: int, number: int) -> Answers:
    """A network that differs from the others by its first weights ("average") or also by
    its data, drawn with replacement ("bagging")."""

    def one() -> Answers:
        train, _, _ = parts(workshop)
        own = 100 * seed + number
        if way == "bagging":
            draws = np.random.default_rng(own)
            train = train[draws.integers(0, len(train), len(train))]
        model = models.make(NETWORK, classes=train.classes, seed=own)
        model.fit(train, epochs=epochs(workshop), seed=own, progress=False, **OPTIONS)
        return _asked(workshop, model)

    return workshop.kept(f"{way} {seed} {number}", one)


def boosted(workshop: Workshop, seed: int) -> dict[str, npt.NDArray[Any]]:
    """SAMME: each perceptron of five units learns what those before it got wrong.

    Source: Zhu et al., "Multi-class AdaBoost", 2009, algorithm 2.
    """

    def rounds() -> dict[str, npt.NDArray[Any]]:
        train, _, test = parts(workshop)
        labels, classes = train._need_labels("boosting"), len(train.classes)
        weights = np.full(len(train), 1.0)
        votes, alone, together = np.zeros((len(test), classes)), [], []
        for number in range(workshop.size(smoke=3, quick=12, default=20, full=40)):
            model = models.make("mlp-tiny", classes=train.classes, seed=number)
            model.fit(
                train,
                epochs=workshop.size(smoke=2, quick=12, default=6, full=10),
                batch_size=64,
                learning_rate=0.01,
                sample_weight=weights,
                seed=100 * seed + number,
                progress=False,
            )
            wrong = model.predict(train) != labels
            error = float(np.average(wrong, weights=weights))
            if not 0 < error < 1 - 1 / classes:
                break
            say = np.log((1 - error) / error) + np.log(classes - 1)
            weights = weights * np.exp(say * wrong)
            weights = np.clip(weights / weights.mean(), 1e-3, 1e3)
            predicted = model.predict(test)
            votes[np.arange(len(test)), predicted] += say
            alone.append(float((predicted == test.labels).mean()))
            together.append(float((votes.argmax(1) == test.labels).mean()))
        shares = votes / np.maximum(votes.sum(1, keepdims=True), 1e-12)
        curves = {"alone": np.array(alone), "together": np.array(together)}
        return {"test": shares, **curves}

    return workshop.kept(f"boosting {seed}", rounds)


def snapshots(workshop: Workshop, seed: int) -> list[Answers]:
    """One network, its rate raised again and again; kept where it is lowest.

    Source: Huang et al., "Snapshot ensembles", ICLR 2017.
    """

    def cycles() -> dict[str, npt.NDArray[Any]]:
        train, _, _ = parts(workshop)
        model = models.make(NETWORK, classes=train.classes, seed=seed)
        found: dict[str, npt.NDArray[Any]] = {}
        for number in range(count(workshop)):
            model.fit(
                train,
                epochs=max(1, epochs(workshop) // 2),
                schedule="cosine",
                seed=100 * seed + number,
                progress=False,
                **OPTIONS,
            )
            answers = _asked(workshop, model)
            found |= {f"{part} {number}": answers[part] for part in answers}
        return found

    kept = workshop.kept(f"snapshots {seed}", cycles)
    return [
        {part: kept[f"{part} {number}"] for part in ("held", "test")}
        for number in range(count(workshop))
    ]


# -- ways to ask them together -------------------------------------------------


def averaged(members: Sequence[Answers]) -> Shares:
    return np.mean([m["test"] for m in members], axis=0)


def majority(members: Sequence[Answers]) -> Shares:
    """Votes as shares; of equal votes the mean probability decides."""
    mean = averaged(members)
    votes = np.zeros_like(mean)
    for one in members:
        votes[np.arange(len(mean)), one["test"].argmax(1)] += 1
    shares = votes + mean  # the means add up to one: less than a vote
    return np.asarray(shares / shares.sum(1, keepdims=True))


def stacked(workshop: Workshop, members: Sequence[Answers]) -> Shares:
    """A logistic regression over the members' log-probabilities, learned from the
    validation part."""
    from sklearn.linear_model import LogisticRegression

    _, held, _ = parts(workshop)
    known, asked = (
        np.concatenate([np.log(m[part] + 1e-7) for m in members], axis=1)
        for part in ("held", "test")
    )
    judge = LogisticRegression(C=0.01, max_iter=1000)
    judge.fit(known, held.labels)
    shares = np.zeros((len(asked), len(held.classes)))
    shares[:, judge.classes_] = judge.predict_proba(asked)
    return shares


def oracle(workshop: Workshop, members: Sequence[Answers]) -> float:
    """The part of test images that at least one member has right."""
    labels = parts(workshop)[2].labels
    return float(np.any([m["test"].argmax(1) == labels for m in members], 0).mean())


def disagreement(members: Sequence[Answers]) -> float:
    """The mean part of images on which two members differ."""
    said = [m["test"].argmax(1) for m in members]
    return float(np.mean([(a != b).mean() for a, b in combinations(said, 2)]))


# -- stages --------------------------------------------------------------------


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
    def one() -> Answers:
        train, _, _ = parts(workshop)
        train = workshop.part(
            train, workshop.size(smoke=60, quick=2_000, default=20_000, full=None)
        )
        model = models.make(name, classes=train.classes, seed=seed)
        passes = workshop.size(smoke=1, quick=6, default=10, full=150)
        model.fit(train, epochs=passes, seed=seed, progress=False, **SINGLES_OPTIONS)
        return _asked(workshop, model)

    return workshop.kept(f"{name} {seed}", one)


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
        "diversity",
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
        ),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("members", "Members, and ways to ask them", members_stage, 30),
            Stage("growth", "How many are enough", growth_stage, 1),
            Stage("committee", "M3, M5 and M7", committee_stage, 60),
        ),
        remarks=(
            "99.91 % is a vote of nine networks that were picked on the test images out of "
            "thousands of combinations, after 150 epochs each; here three fixed networks "
            "after the epochs shown, the test images touched once.",
            "Members of one network differ by their seeds; nothing was picked.",
        ),
        seeds=3,
    )
