"""Ways to make networks that differ, and ways to ask several of them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet import models
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.report import Report

NETWORK = "two-conv-small"
OPTIONS: dict[str, Any] = {"batch_size": 128, "learning_rate": 0.004}
Shares = npt.NDArray[np.float64]
Answers = dict[str, Shares]  # "held" and "test": probabilities (N, K)


def parts(context: Context) -> tuple[Dataset, Dataset, Dataset]:
    """(training, validation, test); the validation part is the stack's."""
    train, test = context.data("mnist")
    few = context.size(smoke=200, quick=6_000, default=None, full=None)
    asked = context.size(smoke=200, quick=None, default=None, full=None)
    first, held = context.memoize(
        "parts", lambda: context.part(train, few).split((0.9, 0.1), seed=0)
    )
    return first, held, context.part(test, asked)


def count(context: Context) -> int:
    return context.size(smoke=3, quick=5, default=7, full=10)


def epochs(context: Context) -> int:
    return context.size(smoke=1, quick=5, default=8, full=15)


def judged(context: Context, shares: Shares) -> Report:
    test = parts(context)[2]
    labels = test.require_labels("ensembles")
    return Report(labels, shares, test.classes, data=test)


# -- ways to make members ------------------------------------------------------


def answered(
    context: Context,
    key: str,
    network: str,
    seed: int,
    options: Mapping[str, Any],
    choose: Callable[[Dataset], Dataset] | None = None,
) -> Answers:
    """What a network says that learned the training images, or those chosen of them."""

    def one() -> Answers:
        train, held, test = parts(context)
        model = models.make(network, classes=train.classes, seed=seed)
        train = choose(train) if choose else train
        model.fit(train, seed=seed, progress=False, **options)
        return {"held": model.predict_proba(held), "test": model.predict_proba(test)}

    return context.cached_arrays(key, one)


def member(context: Context, way: str, seed: int, number: int) -> Answers:
    """A network that differs from the others by its first weights ("average") or also by
    its data, drawn with replacement ("bagging")."""
    own = 100 * seed + number

    def drawn(train: Dataset) -> Dataset:
        draws = np.random.default_rng(own)
        return train[draws.integers(0, len(train), len(train))]

    options = {**OPTIONS, "epochs": epochs(context)}
    choose = drawn if way == "bagging" else None
    return answered(context, f"{way} {seed} {number}", NETWORK, own, options, choose)


def boosted(context: Context, seed: int) -> dict[str, npt.NDArray[Any]]:
    """SAMME: each perceptron of five units learns what those before it got wrong.

    Source: Zhu et al., "Multi-class AdaBoost", 2009, algorithm 2.
    """

    def rounds() -> dict[str, npt.NDArray[Any]]:
        train, _, test = parts(context)
        labels, classes = train.require_labels("boosting"), len(train.classes)
        weights = np.full(len(train), 1.0)
        votes, alone, together = np.zeros((len(test), classes)), [], []
        for number in range(context.size(smoke=3, quick=12, default=20, full=40)):
            model = models.make("mlp-tiny", classes=train.classes, seed=number)
            model.fit(
                train,
                epochs=context.size(smoke=2, quick=12, default=6, full=10),
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

    return context.cached_arrays(f"boosting {seed}", rounds)


def snapshots(context: Context, seed: int) -> list[Answers]:
    """One network, its rate raised again and again; kept where it is lowest.

    Source: Huang et al., "Snapshot ensembles", ICLR 2017.
    """

    def cycles() -> dict[str, npt.NDArray[Any]]:
        train, held, test = parts(context)
        model = models.make(NETWORK, classes=train.classes, seed=seed)
        found: dict[str, npt.NDArray[Any]] = {}
        for number in range(count(context)):
            model.fit(
                train,
                epochs=max(1, epochs(context) // 2),
                schedule="cosine",
                seed=100 * seed + number,
                progress=False,
                **OPTIONS,
            )
            for part, data in (("held", held), ("test", test)):
                found[f"{part} {number}"] = model.predict_proba(data)
        return found

    kept = context.cached_arrays(f"snapshots {seed}", cycles)
    return [
        {part: kept[f"{part} {number}"] for part in ("held", "test")}
        for number in range(count(context))
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


def stacked(context: Context, members: Sequence[Answers]) -> Shares:
    """A logistic regression over the members' log-probabilities, learned from the
    validation part."""
    from sklearn.linear_model import LogisticRegression

    _, held, _ = parts(context)
    known, asked = (
        np.concatenate([np.log(m[part] + 1e-7) for m in members], axis=1)
        for part in ("held", "test")
    )
    judge = LogisticRegression(C=0.01, max_iter=1000)
    judge.fit(known, held.labels)
    shares = np.zeros((len(asked), len(held.classes)))
    shares[:, judge.classes_] = judge.predict_proba(asked)
    return shares


def oracle(context: Context, members: Sequence[Answers]) -> float:
    """The part of test images that at least one member has right."""
    labels = parts(context)[2].labels
    return float(np.any([m["test"].argmax(1) == labels for m in members], 0).mean())


def disagreement(members: Sequence[Answers]) -> float:
    """The mean part of images on which two members differ."""
    said = [m["test"].argmax(1) for m in members]
    return float(np.mean([(a != b).mean() for a, b in combinations(said, 2)]))
