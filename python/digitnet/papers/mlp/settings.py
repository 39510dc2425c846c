"""Hyperparameters of the perceptron: what is compared, what the validation part chooses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from digitnet import layers
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.models.model import Model

SPLIT = (0.6, 0.2, 0.2)
SPLIT_SEED = 0
DEPTHS, WIDTHS = (1, 2, 3), (128, 256, 512)
ACTIVATIONS: dict[str, Callable[[], Any]] = {
    "relu": layers.ReLU,
    "tanh": layers.Tanh,
    "sigmoid": layers.Sigmoid,
    "gelu": layers.GELU,
}
OPTIMIZERS = {"adam": 0.002, "adamw": 0.002, "rmsprop": 0.001, "sgd": 0.1}
PENALTIES: dict[str, dict[str, float]] = {
    "none": {},
    "L1 1e-6": {"l1": 1e-6},
    "L1 1e-5": {"l1": 1e-5},
    "L2 1e-6": {"l2": 1e-6},
    "L2 1e-5": {"l2": 1e-5},
    "L2 1e-4": {"l2": 1e-4},
    "dropout 0.1": {"dropout": 0.1},
    "dropout 0.3": {"dropout": 0.3},
    "dropout 0.5": {"dropout": 0.5},
}
# The first comparison of each kind; the winners go into the next.
START = {"depth": 2, "width": 512, "activation": "relu", "optimizer": "adam"}
Settings = dict[str, Any]


def network(depth: int, width: int, activation: str, dropout: float = 0) -> list[Any]:
    parts: list[Any] = [layers.Flatten()]
    for _ in range(depth):
        parts += [layers.Dense(width), ACTIVATIONS[activation]()]
        if dropout:
            parts.append(layers.Dropout(dropout))
    return [*parts, layers.Dense(10)]


def make(settings: Settings, shape: tuple[int, ...], seed: int) -> Model:
    names = ("depth", "width", "activation", "dropout")
    options = {name: settings[name] for name in names if name in settings}
    return Model(network(**options), shape, seed=seed, name="mlp")


def fit_options(settings: Settings, epochs: int, seed: int) -> dict[str, Any]:
    optimizer = settings["optimizer"]
    penalties = ("l1", "l2", "label_smoothing")
    more: Settings = {k: settings[k] for k in penalties if k in settings}
    momentum: dict[str, float] = {"momentum": 0.9} if optimizer == "sgd" else {}
    return {
        "epochs": epochs,
        "batch_size": 128,
        "optimizer": (optimizer, momentum),
        "learning_rate": OPTIMIZERS[optimizer],
        "seed": seed,
        **more,
    }


def parts(context: Context) -> tuple[Dataset, Dataset, Dataset]:
    """(training, validation, test) of all 70,000 images."""
    return context.memoize("parts", lambda: _divided(context))


def _divided(context: Context) -> tuple[Dataset, Dataset, Dataset]:
    train, test = context.data("mnist")
    pooled = train.joined(test)
    first, second, third = pooled.split(SPLIT, seed=SPLIT_SEED)
    count = context.size(smoke=300, quick=12_000, default=None, full=None)
    return context.part(first, count), second, third


def score(context: Context, settings: Settings, epochs: int | None = None) -> float:
    """Validation accuracy, the mean over the seeds that comparisons use."""
    seeds = context.seeds[: context.size(smoke=1, quick=1, default=1, full=3)]
    length = epochs or context.size(smoke=1, quick=4, default=8, full=20)

    def one(seed: int) -> float:
        train, validation, _ = parts(context)
        model = make(settings, train.shape, seed)
        model.fit(train, progress=False, **fit_options(settings, length, seed))
        return model.evaluate(validation)["accuracy"]

    scores = [
        context.cached(f"{settings} {length} {seed}", partial(one, seed))
        for seed in seeds
    ]
    return float(np.mean(scores))


def best(scores: dict[Any, float]) -> Any:
    return max(scores, key=lambda name: scores[name])


def tried(context: Context, options: dict[Any, Settings]) -> dict[Any, Settings]:
    """What is compared: two of them in smoke mode."""
    names = list(options)[: 2 if context.mode == "smoke" else None]
    return {name: options[name] for name in names}


def shapes(context: Context) -> dict[Any, Settings]:
    return tried(
        context,
        {(d, w): START | {"depth": d, "width": w} for d in DEPTHS for w in WIDTHS},
    )


def variants(
    context: Context, name: str, values: Any, base: Settings
) -> dict[Any, Settings]:
    return tried(context, {value: base | {name: value} for value in values})


def penalised(context: Context, base: Settings) -> dict[Any, Settings]:
    return tried(context, {name: base | more for name, more in PENALTIES.items()})


def scores_of(
    context: Context, options: dict[Any, Settings], epochs: int | None = None
) -> dict[Any, float]:
    """Validation accuracies by name; they were measured before, or are now."""
    return {
        name: score(context, settings, epochs) for name, settings in options.items()
    }


def compared(
    context: Context, options: dict[Any, Settings], epochs: int | None = None
) -> dict[Any, float]:
    """The same, as the work of a stage: its bar moves."""
    for name in context.progress(options):
        score(context, options[name], epochs)
    return scores_of(context, options, epochs)


def chosen_so_far(context: Context, *, stages: int) -> Settings:
    """START with the winners of the first comparisons."""
    settings = dict(START)
    if stages >= 1:
        depth, width = best(scores_of(context, shapes(context)))
        settings |= {"depth": depth, "width": width}
    for number, (name, values) in enumerate(
        (("activation", ACTIVATIONS), ("optimizer", OPTIMIZERS)), start=2
    ):
        if stages >= number:
            options = variants(context, name, values, settings)
            settings[name] = best(scores_of(context, options))
    return settings


def candidates(context: Context) -> dict[str, Settings]:
    """For the long training: the winners with more or less regularisation."""
    base = chosen_so_far(context, stages=3)
    scores = scores_of(context, penalised(context, base))
    drop, l2 = (
        best({name: s for name, s in scores.items() if word in name} or {"none": 0.0})
        for word in ("dropout", "L2")
    )
    return {
        "as it is": base,
        drop: base | PENALTIES[drop],
        f"{drop}, {l2}": base | PENALTIES[drop] | PENALTIES[l2],
        f"{drop}, smoothed labels": base | PENALTIES[drop] | {"label_smoothing": 0.05},
        f"{drop}, {l2}, smoothed labels": base
        | PENALTIES[drop]
        | PENALTIES[l2]
        | {"label_smoothing": 0.05},
    }


def long_epochs(context: Context) -> int:
    return context.size(smoke=2, quick=12, default=30, full=60)


def final_settings(context: Context) -> Settings:
    """What the paper describes, or what the validation part chose."""
    if context.protocol == "paper":
        return dict(START)
    options = candidates(context)
    return options[best(scores_of(context, options, long_epochs(context)))]
