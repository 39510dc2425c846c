"""Domain adaptation: trained on one kind of digits, tested on another, without its labels."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.experiments.recipe import Claim, Recipe, Stage, conv_norm_relu
from digitnet.experiments.report_sections import class_counts
from digitnet.layers import Dense, DomainHead, Flatten, MaxPool, ReLU
from digitnet.models.model import Model
from digitnet.preprocess import applied

SETS = ("mnist", "mnist-m", "optdigits", "svhn")
# From, to; those of the papers first.
ADAPTED = (
    ("mnist", "mnist-m"),
    ("optdigits", "mnist"),
    ("mnist", "optdigits"),
    ("svhn", "mnist"),
)
METHODS = ("source only", "batch norm", "DANN")
# Chosen for MNIST to MNIST-M on 2,000 of the target's training images.
AUGMENT = "shift 2px | rotate 10deg | contrast 50% | brightness 30%"
OPTIONS: dict[str, Any] = {
    "batch_size": 64,
    "learning_rate": 0.003,
    "augment": AUGMENT,
}
BOX = 20  # pixels a side of a digit's box in MNIST's 28


def network(seed: int, *, adversarial: bool = False) -> Model:
    """Ganin and Lempitsky's for MNIST-M, with batch norms; (3, 28, 28)."""
    head = [DomainHead([Dense(100), ReLU(), Dense(2)])] if adversarial else []
    layers = [
        *conv_norm_relu(32, size=5),
        MaxPool(2),
        *conv_norm_relu(48, size=5),
        MaxPool(2),
        Flatten(),
        *head,
        *(Dense(100), ReLU(), Dense(100), ReLU(), Dense(10)),
    ]
    return Model(layers, (3, 28, 28), seed=seed, name="domains")


def here(context: Context) -> list[str]:
    return [name for name in SETS if context.here(name)]


def common(data: Dataset) -> Dataset:
    """The images in colour, 28x28, 255 levels; optdigits' 8x8 in MNIST's box."""
    channels, height, _ = data.shape
    side = BOX if height == 8 else 28
    steps: list[Any] = ["grey_to_rgb"] if channels == 1 else []
    if height != 28:
        steps.append(("resize", {"height": side, "width": side}))
    framed = applied(data, steps)
    if height != 8:
        return framed
    border = (28 - BOX) // 2
    padding = ((0, 0), (0, 0), (border, border), (border, border))
    return framed.with_images(np.pad(framed.to_nchw(), padding))


def parts(context: Context, name: str) -> tuple[Dataset, Dataset]:
    """(training, test) of a set in the common form."""

    def make() -> tuple[Dataset, Dataset]:
        train, test = context.data(name)
        count = context.size(smoke=80, quick=3_000, default=10_000, full=None)
        test_count = context.size(smoke=60, quick=2_000, default=None, full=None)
        return (
            common(context.part(train, count)),
            common(context.part(test, test_count)),
        )

    return context.memoize(f"common {name}", make)


def epochs(context: Context) -> int:
    return context.size(smoke=1, quick=6, default=12, full=30)


def alone(context: Context, source: str, seed: int) -> Model:
    """Trained on one set's training images."""
    train, _ = parts(context, source)
    model, _ = context.trained(
        f"{source} {seed}",
        lambda: network(seed),
        train,
        epochs=epochs(context),
        seed=seed,
        **OPTIONS,
    )
    return model


def score(context: Context, source: str, target: str, seed: int) -> float:
    """Accuracy on another set's test images, nothing adapted."""
    return context.cached(
        f"{source} on {target} {seed}",
        lambda: alone(context, source, seed).evaluate(parts(context, target)[1])[
            "accuracy"
        ],
    )


def adapted(context: Context, method: str, pair: tuple[str, str], seed: int) -> float:
    """Accuracy on the target's test images; its training images were seen, unlabelled."""
    source, target = pair
    if method == "source only":
        return score(context, source, target, seed)
    return context.cached(
        f"{method} {source} {target} {seed}",
        lambda: _adapt(context, method, pair, seed).evaluate(parts(context, target)[1])[
            "accuracy"
        ],
    )


def _adapt(context: Context, method: str, pair: tuple[str, str], seed: int) -> Model:
    train, target = (parts(context, name)[0] for name in pair)
    if method == "batch norm":
        model = alone(context, pair[0], seed)  # from its file: nobody else's
        model.adapt(target)
        return model
    model, _ = context.trained(
        f"{method} {' '.join(pair)} {seed}",
        lambda: network(seed, adversarial=True),
        train,
        target=target,
        epochs=epochs(context),
        seed=seed,
        **OPTIONS,
    )
    return model


# -- stages --------------------------------------------------------------------


def one_a_class(data: Dataset) -> Dataset:
    """The first sample of each class, in the order of the classes."""
    _, first = np.unique(data.require_labels("domains"), return_index=True)
    return data[first]  # type: ignore[no-any-return]


def data_stage(context: Context) -> None:
    names = here(context)
    class_counts(context, {name: parts(context, name)[0] for name in names})
    first, *rest = [one_a_class(parts(context, name)[0]) for name in names]
    for data in rest:
        first = first.joined(data.with_labels(data.labels, first.classes))
    context.figure(
        "samples",
        "The sets in one form",
        lambda: plot.sample_grid(first, len(names), 10, title=None, row_names=names),
    )


def pairs_stage(context: Context) -> None:
    """Every set's network on every set."""
    names = here(context)
    cases = [(name, seed) for seed in context.seeds for name in names]
    context.parallel_map(lambda case: alone(context, *case), cases)
    pairs = list(product(names, names))
    rows = [
        (source, target, seed, score(context, source, target, seed))
        for seed in context.seeds
        for source, target in pairs
    ]
    frame = pd.DataFrame(rows, columns=["trained on", "tested on", "seed", "accuracy"])
    context.table("pairs", "Each training", frame)
    means = frame.groupby(["trained on", "tested on"], sort=False)["accuracy"].mean()
    context.figure(
        "pairs",
        "Trained on one, tested on the other",
        partial(plot.heat_map, means.unstack()[names].loc[names], "accuracy"),
    )
    for (source, target), part in frame.groupby(["trained on", "tested on"]):
        context.measure(f"{source} on {target}", part["accuracy"])
    for source, target in product(SETS, SETS):
        if source not in names or target not in names:
            context.not_measured(f"{source} on {target}", "data not here")


def adaptation_stage(context: Context) -> None:
    names = here(context)
    pairs = [pair for pair in ADAPTED if set(pair) <= set(names)]
    cases = [(m, p, s) for s in context.seeds for p in pairs for m in METHODS]
    accuracies = context.parallel_map(lambda case: adapted(context, *case), cases)
    rows = [
        (f"{pair[0]} to {pair[1]}", method, seed, accuracy)
        for (method, pair, seed), accuracy in zip(cases, accuracies, strict=True)
    ]
    for pair, seed in product(pairs, context.seeds):
        target = score(context, pair[1], pair[1], seed)
        rows.append((f"{pair[0]} to {pair[1]}", "target's labels", seed, target))
    frame = pd.DataFrame(rows, columns=["domains", "method", "seed", "accuracy"])
    context.table("adaptation", "Accuracy on the target's test images", frame)
    means = frame.groupby(["domains", "method"], sort=False)["accuracy"].mean()
    grid = means.unstack()[[*METHODS, "target's labels"]]
    context.figure(
        "adaptation",
        "Without the target's labels, and with them",
        partial(plot.heat_map, grid, "accuracy"),
    )
    for (domains, method), part in frame.groupby(["domains", "method"]):
        if method in METHODS[1:]:
            context.measure(f"{domains}, {method}", part["accuracy"])
    for pair in ADAPTED:
        for method in METHODS[1:] if pair not in pairs else ():
            context.not_measured(f"{' to '.join(pair)}, {method}", "data not here")


def recipe() -> Recipe:
    table, thesis = "Ganin et al., Table 2", "kaggle-cnn, line 171"
    claimed = {
        "mnist on mnist-m": (0.5225, table),
        "mnist to mnist-m, DANN": (0.7666, table),
        "svhn on svhn": (0.98, thesis),
        "svhn on mnist": (0.671, thesis),
    }
    keys = [f"{a} on {b}" for a, b in product(SETS, SETS)]
    keys += [f"{a} to {b}, {method}" for a, b in ADAPTED for method in METHODS[1:]]
    return Recipe(
        name="domains",
        title="From one kind of digits to another",
        paper="Ganin et al., Domain-adversarial training of neural networks, JMLR 2016; Li "
        "et al., 2017; proposed by the thesis on MNIST-M",
        summary="MNIST, MNIST-M, optdigits, SVHN: every pair, batch-norm adaptation, DANN",
        claims=tuple(
            Claim(key, key, value, of=of)
            for key in keys
            for value, of in [claimed.get(key, (None, ""))]
        ),
        stages=(
            Stage("data", "Data", data_stage, 2),
            Stage("pairs", "Every pair", pairs_stage, 10),
            Stage("adaptation", "Adaptation without labels", adaptation_stage, 60),
        ),
        remarks=(
            "All images are made 28x28 in colour; optdigits' 8x8 are enlarged to the box of "
            "20x20 pixels in which MNIST's digits stand.",
            "MNIST-M is generated here, not the authors' archive.",
            "Epochs, rate and augmentation are the same for all. The augmentation (also of "
            "contrast and brightness) was chosen on 2,000 labelled training images of "
            "MNIST-M; the paper chooses without.",
            "With a domain head each domain is normalised by its own statistics (Chang et al., "
            "2019).",
            "The paper's network has no batch norm; here it has, and with it more accuracy "
            "before anything is adapted.",
        ),
        seeds=3,
        data=("mnist",),
    )
