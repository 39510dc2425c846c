"""Adversarial attacks, and adversarial training: the gradient part of robustness."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import models, plot
from digitnet.attack import attacked
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.experiments.recipe import Claim
from digitnet.models.model import Model

NETWORK = "two-conv-small"
STRENGTH = 0.2  # from which networks learn
STRENGTHS = (0.05, 0.1, 0.2, 0.3)
ATTACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "FGSM": ("fgsm", {}),
    "PGD": ("pgd", {"steps": 20, "restarts": 3}),
}
# What each training learns from: clean images, one large step from a random start (Wong,
# Rice, Kolter, 2020), many small ones (Madry et al., 2018).
LEARNED_FROM: dict[str, Any] = {
    "clean images": None,
    "one step": (
        "pgd",
        {"strength": STRENGTH, "steps": 1, "step": 1.25 * STRENGTH},
    ),
    "seven steps": (
        "pgd",
        {"strength": STRENGTH, "steps": 7, "step": STRENGTH / 4},
    ),
}
Parts = tuple[Dataset, Dataset, Dataset]


def claims() -> tuple[Claim, ...]:
    keys = [
        (f"{name}, {attack} {STRENGTH}", f"learned from {name}: {attack} of {STRENGTH}")
        for name in LEARNED_FROM
        for attack in ATTACKS
    ]
    clean = [(f"{n}, clean", f"learned from {n}: clean images") for n in LEARNED_FROM]
    return tuple(Claim(key, what, None) for key, what in clean + keys)


def learned(context: Context, parts: Parts, name: str, seed: int) -> Model:
    train = parts[0]
    # Seven steps cost eight trainings: fewer images, the same for all.
    train = context.part(
        train, context.size(smoke=100, quick=3_000, default=10_000, full=None)
    )
    model, _ = context.trained(
        f"learned from {name} {seed}",
        lambda: models.make(NETWORK, classes=train.classes, seed=seed),
        train,
        epochs=context.size(smoke=1, quick=8, default=10, full=20),
        batch_size=64,
        learning_rate=0.002,
        adversary=LEARNED_FROM[name],
        seed=seed,
    )
    return model


def test_part(context: Context, parts: Parts) -> Dataset:
    count = context.size(smoke=40, quick=500, default=1_000, full=None)
    return context.part(parts[2], count, seed=1)


def search(context: Context, kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """How hard an attack searches; in smoke mode hardly at all."""
    if context.mode == "smoke" and kind == "pgd":
        return {"steps": 2, "restarts": 2}
    return options


def scores(context: Context, parts: Parts, name: str, seed: int) -> dict[str, float]:
    """Accuracy by attack and strength; "clean" is strength 0."""

    def one() -> dict[str, float]:
        model, test = learned(context, parts, name, seed), test_part(context, parts)
        accuracies = {"clean": model.evaluate(test)["accuracy"]}
        for attack, (kind, options) in ATTACKS.items():
            for strength in STRENGTHS:
                attack_options = search(context, kind, options) | {"strength": strength}
                adversarial = attacked(model, test, kind, seed=seed, **attack_options)
                key = f"{attack} {strength}"
                accuracies[key] = model.evaluate(adversarial)["accuracy"]
        return accuracies

    return dict(context.cached(f"attacks {name} {seed}", one))


def stage(context: Context, parts: Parts) -> None:
    cases = [(name, seed) for seed in context.seeds for name in LEARNED_FROM]
    accuracies = context.parallel_map(lambda case: scores(context, parts, *case), cases)
    rows = []
    for (name, seed), by_attack in zip(cases, accuracies, strict=True):
        for attack in ATTACKS:
            rows.append((name, attack, 0.0, seed, by_attack["clean"]))
            for strength in STRENGTHS:
                accuracy = by_attack[f"{attack} {strength}"]
                rows.append((name, attack, strength, seed, accuracy))
    columns = ["learned from", "attack", "strength", "seed", "accuracy"]
    frame = pd.DataFrame(rows, columns=columns)
    means = frame.groupby(columns[:3], sort=False)["accuracy"].mean().reset_index()
    context.table("attacks", "Accuracy on attacked test images", means)
    means["curve"] = means["learned from"] + ", " + means["attack"]
    context.figure(
        "attacks",
        "Accuracy under attack, by what was learned from",
        partial(plot.sensitivity, means, "curve", "strength", "accuracy"),
    )
    for name in LEARNED_FROM:
        of_training = frame[frame["learned from"] == name]
        clean = of_training[
            (of_training["strength"] == 0) & (of_training["attack"] == "FGSM")
        ]
        context.measure(f"{name}, clean", clean["accuracy"])
        for attack in ATTACKS:
            part = of_training[
                (of_training["attack"] == attack)
                & (of_training["strength"] == STRENGTH)
            ]
            context.measure(f"{name}, {attack} {STRENGTH}", part["accuracy"])
    context.figure("attacked", *_pictures(context, parts))
    pgd = search(context, *ATTACKS["PGD"])
    context.text(
        f"{NETWORK} on {len(test_part(context, parts)):,} test images; strengths are parts of "
        f"full intensity. PGD: {pgd['steps']} steps, "
        f"{pgd['restarts']} random starts, of which the strongest counts."
    )


def _pictures(context: Context, parts: Parts) -> tuple[str, Any]:
    """The same digits as they are, and attacked on each of the networks."""
    subset = test_part(context, parts)[:8]
    shown = subset.with_images(subset.to_nchw().astype(np.float32))
    for name in LEARNED_FROM:
        model = learned(context, parts, name, context.seeds[0])
        attack_options = search(context, *ATTACKS["PGD"]) | {"strength": STRENGTH}
        adversarial = attacked(model, subset, "pgd", **attack_options)
        shown = shown.joined(adversarial)
    title = f"PGD of {STRENGTH} against networks, by what they learned from"
    rows = ["as they are", *LEARNED_FROM]
    return title, partial(
        plot.sample_grid, shown, len(rows), 8, title=None, row_names=rows
    )
