"""Pruning: the smallest weights, or the weakest filters, are taken away."""

from __future__ import annotations

import gzip
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from digitnet import plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context, paired
from digitnet.models.model import Model
from digitnet.studies.lightweight.networks import HALF, REFERENCE, make
from digitnet.studies.lightweight.size import file_bytes
from digitnet.studies.lightweight.training import (
    SETS,
    data_of,
    seeds,
    trained,
    verdict,
)

FRACTIONS = (0.0, 0.5, 0.8, 0.9, 0.95)  # of the weights that are taken away


def magnitude_masks(
    state: dict[str, npt.NDArray[Any]], fraction: float
) -> dict[str, npt.NDArray[np.bool_]]:
    """Which weights stay once so large a fraction, the smallest of all layers, is gone.

    Biases and the parameters of batch norm stay.
    """
    weights = {
        name: np.abs(value)
        for name, value in state.items()
        if name.endswith(".weight") and value.ndim > 1
    }
    if fraction == 0:
        return {name: np.ones(value.shape, bool) for name, value in weights.items()}
    every = np.sort(np.concatenate([value.ravel() for value in weights.values()]))
    limit = every[max(int(fraction * len(every)) - 1, 0)]
    return {name: value > limit for name, value in weights.items()}


def apply_masks(model: Model, masks: dict[str, npt.NDArray[np.bool_]]) -> None:
    """Zero what is not to stay."""
    state = model.state_dict()
    model.load_state_dict(
        state | {name: state[name] * mask for name, mask in masks.items()}
    )


def fine_tune_pruned(
    model: Model,
    data: Dataset,
    fraction: float,
    *,
    rounds: int = 10,
    part: float = 0.2,
    seed: int = 0,
) -> None:
    """Prune step by step and train in between, in place.

    Each round takes away the smallest weights up to its fraction (the full one from the
    middle on), then trains on a random part of the data. What a step of training grows
    where a weight was taken away is taken away again. Source: Han et al., NeurIPS 2015;
    the cubic ramp is Zhu and Gupta's, 2017.
    """
    for i in range(rounds):
        ramp = min(1.0, 2 * (i + 1) / rounds)
        reached = fraction * (1 - (1 - ramp) ** 3)
        masks = magnitude_masks(model.state_dict(), reached)
        apply_masks(model, masks)
        model.fit(
            data.fraction(part, seed=seed * rounds + i),
            epochs=1,
            batch_size=64,
            learning_rate=0.001 * (1 - i / rounds),
            schedule="constant",
            seed=seed * rounds + i,
            progress=False,
        )
        apply_masks(model, masks)


def narrowed_lenet5(model: Model, name: str) -> Model:
    """LeNet-5 with its strongest filters and units alone, as many as `make(name)` has.

    Strength is the sum of a filter's absolute weights. Source: Li et al., ICLR 2017.
    """
    state = model.state_dict()
    small = make(name, 0)
    sizes = {key: value.shape for key, value in small.state_dict().items()}
    inputs: npt.NDArray[np.int64] = np.arange(1)  # inputs that stay
    taken: dict[str, Any] = {}
    for layer in ("conv1", "conv2", "dense1", "dense2", "dense3"):
        weight = state[f"{layer}.weight"]
        if layer == "dense1":  # each map that stays is a block of inputs
            area = weight.shape[1] // len(state["conv2.bias"])
            inputs = (inputs[:, None] * area + np.arange(area)).ravel()
        weight = weight[:, inputs]
        strength = np.abs(weight).reshape(len(weight), -1).sum(axis=1)
        count = sizes[f"{layer}.weight"][0]
        strongest = np.sort(np.argsort(-strength, kind="stable")[:count])
        taken[f"{layer}.weight"] = weight[strongest]
        taken[f"{layer}.bias"] = state[f"{layer}.bias"][strongest]
        inputs = strongest
    small.load_state_dict(taken)
    return small


def rounds(context: Context) -> int:
    return context.size(smoke=2, quick=10, default=10, full=10)


def pruned(context: Context, name: str, fraction: float, seed: int) -> list[float]:
    """[accuracy, weights left, bytes of the compressed file] of LeNet-5."""

    def one() -> list[float]:
        train, _, test = data_of(context, name)
        model = trained(context, name, REFERENCE, 0.0, seed)
        fine_tune_pruned(model, train, fraction, rounds=rounds(context), seed=seed)
        left = sum(int(np.count_nonzero(v)) for v in model.state_dict().values())
        size = len(gzip.compress(file_bytes(model)))
        return [model.evaluate(test)["accuracy"], left, size]

    return list(context.cached(f"pruned {name} {fraction:g} {seed}", one))


def pruning_stage(context: Context, name: str) -> None:
    cases = [(f, s) for f in FRACTIONS for s in seeds(context)]
    results = context.parallel_map(lambda case: pruned(context, name, *case), cases)
    by_fraction = np.reshape(results, (len(FRACTIONS), -1, 3))
    rows, gains = [], {}
    for fraction, part in zip(FRACTIONS, by_fraction, strict=True):
        gain = part[:, 0] - by_fraction[0][:, 0]
        score, left, size = part.mean(axis=0)
        rows.append((fraction, left, size, score, *paired(gain)))
        if fraction:
            gains[f"{100 * fraction:.0f} % taken away"] = gain
            if name == SETS[0]:
                context.measure(f"pruned {fraction:g}", gain)
    columns = ["taken away", "weights left", "bytes, compressed", "accuracy"]
    columns += ["gain", "sd of gain", "better"]
    table = pd.DataFrame(rows, columns=columns)
    context.table(f"pruning_{name}", f"LeNet-5 pruned by magnitude, {name}", table)
    context.figure(
        f"pruning_{name}",
        f"LeNet-5 pruned, against as much training without, {name}",
        lambda: plot.distribution(pd.DataFrame(gains), "gain"),
    )
    context.text(
        "Each is compared with the same network, trained as long without pruning: "
        f"{verdict(gains)}. A file with zeros is smaller only when it is compressed, and "
        "the network takes as long to run."
    )


def filters_stage(context: Context, name: str) -> None:
    """Half of LeNet-5 kept, against half of LeNet-5 trained from the start."""

    def one(seed: int) -> list[float]:
        work = partial(_halves, context, name, seed)
        return list(context.cached(f"filters {name} {seed}", work))

    columns = ["cut", "cut and fine-tuned", "from scratch, as long"]
    frame = pd.DataFrame(context.parallel_map(one, seeds(context)), columns=columns)
    gain = (frame[columns[1]] - frame[columns[2]]).to_numpy()
    frame.insert(0, "seed", seeds(context))
    context.table(f"filters_{name}", f"Where the filters of '{HALF}' come from", frame)
    if name == SETS[0]:
        context.measure("filters pruned", gain)
    context.text(
        f"The strongest filters of {REFERENCE} gain {100 * gain.mean():+.2f} points over a "
        f"network of that size that is trained as long: {verdict({HALF: gain})}."
    )


def _halves(context: Context, name: str, seed: int) -> list[float]:
    train, _, test = data_of(context, name)
    cut = narrowed_lenet5(trained(context, name, REFERENCE, 0.0, seed), HALF)
    scores = [cut.evaluate(test)["accuracy"]]
    for model in (cut, trained(context, name, HALF, 0.0, seed)):
        fine_tune_pruned(model, train, 0.0, rounds=rounds(context), seed=seed)
        scores.append(model.evaluate(test)["accuracy"])
    return scores
