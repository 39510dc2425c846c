"""Members of ensembles that differ, and how their predictions are combined."""

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
Array = npt.NDArray[np.float64]
Probabilities = dict[str, Array]  # of the validation part ("held") and "test", (N, K)


def parts(context: Context) -> tuple[Dataset, Dataset, Dataset]:
    """(training, validation, test); the validation part is the stack's."""
    train, test = context.data("mnist")
    limit = context.size(smoke=200, quick=6_000, default=None, full=None)
    test_count = context.size(smoke=200, quick=None, default=None, full=None)
    first, validation = context.memoize(
        "parts", lambda: context.part(train, limit).split((0.9, 0.1), seed=0)
    )
    return first, validation, context.part(test, test_count)


def count(context: Context) -> int:
    return context.size(smoke=3, quick=5, default=7, full=10)


def epochs(context: Context) -> int:
    return context.size(smoke=1, quick=5, default=8, full=15)


def report_of(context: Context, shares: Array) -> Report:
    test = parts(context)[2]
    labels = test.require_labels("ensembles")
    return Report(labels, shares, test.classes, data=test)


# -- members -------------------------------------------------------------------


def member_probabilities(
    context: Context,
    key: str,
    network: str,
    seed: int,
    options: Mapping[str, Any],
    choose: Callable[[Dataset], Dataset] | None = None,
) -> Probabilities:
    """Predictions of a network that learned the training images, or those chosen of them."""

    def one() -> Probabilities:
        train, validation, test = parts(context)
        model = models.make(network, classes=train.classes, seed=seed)
        train = choose(train) if choose else train
        model.fit(train, seed=seed, progress=False, **options)
        return {
            "held": model.predict_proba(validation),
            "test": model.predict_proba(test),
        }

    return context.cached_arrays(key, one)


def member(context: Context, method: str, seed: int, number: int) -> Probabilities:
    """A network that differs from the others by its first weights ("average") or also by
    its data, drawn with replacement ("bagging")."""
    model_seed = 100 * seed + number

    def drawn(train: Dataset) -> Dataset:
        draws = np.random.default_rng(model_seed)
        return train[draws.integers(0, len(train), len(train))]

    options = {**OPTIONS, "epochs": epochs(context)}
    choose = drawn if method == "bagging" else None
    return member_probabilities(
        context, f"{method} {seed} {number}", NETWORK, model_seed, options, choose
    )


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
            vote_weight = np.log((1 - error) / error) + np.log(classes - 1)
            weights = weights * np.exp(vote_weight * wrong)
            weights = np.clip(weights / weights.mean(), 1e-3, 1e3)
            predicted = model.predict(test)
            votes[np.arange(len(test)), predicted] += vote_weight
            alone.append(float((predicted == test.labels).mean()))
            together.append(float((votes.argmax(1) == test.labels).mean()))
        shares = votes / np.maximum(votes.sum(1, keepdims=True), 1e-12)
        curves = {"alone": np.array(alone), "together": np.array(together)}
        return {"test": shares, **curves}

    return context.cached_arrays(f"boosting {seed}", rounds)


def snapshots(context: Context, seed: int) -> list[Probabilities]:
    """One network, its rate raised again and again; saved where it is lowest.

    Source: Huang et al., "Snapshot ensembles", ICLR 2017.
    """

    def cycles() -> dict[str, npt.NDArray[Any]]:
        train, validation, test = parts(context)
        model = models.make(NETWORK, classes=train.classes, seed=seed)
        arrays: dict[str, npt.NDArray[Any]] = {}
        for number in range(count(context)):
            model.fit(
                train,
                epochs=max(1, epochs(context) // 2),
                schedule="cosine",
                seed=100 * seed + number,
                progress=False,
                **OPTIONS,
            )
            for part, data in (("held", validation), ("test", test)):
                arrays[f"{part} {number}"] = model.predict_proba(data)
        return arrays

    arrays = context.cached_arrays(f"snapshots {seed}", cycles)
    return [
        {part: arrays[f"{part} {number}"] for part in ("held", "test")}
        for number in range(count(context))
    ]


# -- combinations --------------------------------------------------------------


def averaged(members: Sequence[Probabilities]) -> Array:
    return np.mean([m["test"] for m in members], axis=0)


def majority(members: Sequence[Probabilities]) -> Array:
    """Fractions of the votes; of equal votes the mean probability decides."""
    mean = averaged(members)
    votes = np.zeros_like(mean)
    for one in members:
        votes[np.arange(len(mean)), one["test"].argmax(1)] += 1
    shares = votes + mean  # the means add up to one: less than a vote
    return np.asarray(shares / shares.sum(1, keepdims=True))


def stacked(context: Context, members: Sequence[Probabilities]) -> Array:
    """A logistic regression over the members' log-probabilities, learned from the
    validation part."""
    from sklearn.linear_model import LogisticRegression

    _, validation, _ = parts(context)
    x_validation, x_test = (
        np.concatenate([np.log(m[part] + 1e-7) for m in members], axis=1)
        for part in ("held", "test")
    )
    classifier = LogisticRegression(C=0.01, max_iter=1000)
    classifier.fit(x_validation, validation.labels)
    shares = np.zeros((len(x_test), len(validation.classes)))
    shares[:, classifier.classes_] = classifier.predict_proba(x_test)
    return shares


def oracle(context: Context, members: Sequence[Probabilities]) -> float:
    """The fraction of test images that at least one member predicts correctly."""
    labels = parts(context)[2].labels
    return float(np.any([m["test"].argmax(1) == labels for m in members], 0).mean())


def disagreement(members: Sequence[Probabilities]) -> float:
    """The mean fraction of images on which two members differ."""
    predictions = [m["test"].argmax(1) for m in members]
    return float(np.mean([(a != b).mean() for a, b in combinations(predictions, 2)]))
