"""Data, teacher and students of the study lightweight: labels or soft targets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context, mean_and_std
from digitnet.models import make as make_zoo
from digitnet.models.model import Model
from digitnet.studies.lightweight.networks import make
from digitnet.train.presets import preset

SETS = ("mnist", "fashion-mnist")
TEACHER = "norm-cnn"
SOFT_WEIGHT = 0.7  # of the teacher in the target; the labels have the rest
OPTIONS: dict[str, Any] = {"epochs": 1, "batch_size": 64, "learning_rate": 0.003}


def softened(logits: npt.NDArray[Any], temperature: float) -> npt.NDArray[np.float64]:
    """Softmax of logits divided by a temperature, (N, K)."""
    scaled = logits.astype(float) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return scaled / scaled.sum(axis=1, keepdims=True)


def mixed(
    labels: npt.NDArray[Any], soft: npt.NDArray[Any], weight: float
) -> npt.NDArray[np.float64]:
    """Targets that are so much the teacher's, and for the rest the labels'."""
    return (1 - weight) * np.eye(soft.shape[1])[labels] + weight * soft


def passes_of(
    data: Dataset, targets: npt.NDArray[Any], passes: int, seed: int
) -> Dataset:
    """`data` so many times, each image with label k as often as its target says.

    A loss that is linear in the target, as cross-entropy is, has the same mean over the
    copies as with the soft target, to within 1/passes of each class; which copy has which
    label is a systematic draw by `seed`. The images are shared, not copied.
    """
    start = np.random.default_rng(seed).random(len(data)) / passes
    points = start + np.arange(passes)[:, None] / passes  # [passes, N]
    edges = targets.cumsum(axis=1)  # [N, K]
    labels = (points[:, :, None] >= edges).sum(axis=2)
    labels = np.minimum(labels, targets.shape[1] - 1)
    rows = np.tile(np.arange(len(data)), passes)
    return data[rows].with_labels(labels.ravel())


def data_of(context: Context, name: str) -> tuple[Dataset, Dataset, Dataset]:
    """(training, validation, test)."""

    def divided() -> tuple[Dataset, Dataset, Dataset]:
        train, test = context.data(name)
        first, validation = train.split((5 / 6, 1 / 6), seed=0)
        count = context.size(smoke=200, quick=10_000, default=None, full=None)
        tested = context.size(smoke=200, quick=None, default=None, full=None)
        return (
            context.part(first, count),
            context.part(validation, count),
            context.part(test, tested),
        )

    return context.memoize(f"parts {name}", divided)


def sets(context: Context) -> tuple[str, ...]:
    return context.size(smoke=SETS[:1], quick=SETS[:1], default=SETS[:1], full=SETS)


def passes(context: Context) -> int:
    return context.size(smoke=1, quick=8, default=8, full=20)


def seeds(context: Context) -> list[int]:
    """At least two: a difference needs a standard deviation."""
    minimum = context.size(smoke=2, quick=3, default=5, full=5)
    return [*range(max(minimum, len(context.seeds)))]


def teacher(context: Context, name: str) -> Model:
    """Trained without label smoothing, which takes from a teacher what a student could
    learn of the likeness of classes (Müller, Kornblith, Hinton, NeurIPS 2019)."""
    train, _, _ = data_of(context, name)
    options = {**preset("accurate").options, "label_smoothing": 0.0, "calibrate": False}
    options["epochs"] = context.size(smoke=1, quick=6, default=10, full=10)
    model, _ = context.trained(
        f"teacher {name}", lambda: make_zoo(TEACHER, seed=0), train, seed=0, **options
    )
    return model


def teacher_logits(context: Context, name: str) -> npt.NDArray[Any]:
    train, _, _ = data_of(context, name)
    arrays = context.cached_arrays(
        f"teacher's logits {name}",
        lambda: {"logits": teacher(context, name).predict_logits(train)},
    )
    return arrays["logits"]


def trained(
    context: Context, name: str, network: str, temperature: float, seed: int
) -> Model:
    """A student of the labels (temperature 0), or of the teacher and the labels.

    Both see the same images in the same order; only the targets differ.
    """
    train, _, _ = data_of(context, name)
    labels = train.require_labels("lightweight")
    targets = np.eye(len(train.classes))[labels]
    if temperature:
        soft = softened(teacher_logits(context, name), temperature)
        targets = mixed(labels, soft, SOFT_WEIGHT)
    model, _ = context.trained(
        f"{name} {network} {temperature:g} {seed}",
        partial(make, network, seed),
        passes_of(train, targets, passes(context), seed),
        seed=seed,
        **OPTIONS,
    )
    return model


def accuracy(
    context: Context, name: str, network: str, temperature: float, seed: int
) -> float:
    """On the test images."""
    _, _, test = data_of(context, name)
    return float(
        context.cached(
            f"test {name} {network} {temperature:g} {seed}",
            lambda: trained(context, name, network, temperature, seed).evaluate(test)[
                "accuracy"
            ],
        )
    )


def for_each_set(stage: Callable[[Context, str], None]) -> Callable[[Context], None]:
    """A stage that does the same for each data set of the mode."""

    def every(context: Context) -> None:
        for name in sets(context):
            stage(context, name)

    return every


def verdict(gains: dict[str, npt.NDArray[Any]]) -> str:
    """Which differences are more than two of their standard errors."""
    clear: dict[str, list[str]] = {"gained": [], "lost": []}
    for name, values in gains.items():
        mean, std = mean_and_std(values)
        if abs(mean) > 2 * std / np.sqrt(len(values)):
            clear["gained" if mean > 0 else "lost"].append(name)
    return ", ".join(
        f"{len(names)} of {len(gains)} {what} more than two standard errors"
        + (f" ({'; '.join(names)})" if names else "")
        for what, names in clear.items()
    )
