"""The part of robustness that follows gradients: attacks, and learning from them."""

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


def asked(context: Context, parts: Parts) -> Dataset:
    few = context.size(smoke=40, quick=500, default=1_000, full=None)
    return context.part(parts[2], few, seed=1)


def search(context: Context, kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """How hard an attack searches; in smoke mode hardly at all."""
    if context.mode == "smoke" and kind == "pgd":
        return {"steps": 2, "restarts": 2}
    return options


def scores(context: Context, parts: Parts, name: str, seed: int) -> dict[str, float]:
    """Accuracy by attack and strength; "clean" is strength 0."""

    def one() -> dict[str, float]:
        model, test = learned(context, parts, name, seed), asked(context, parts)
        found = {"clean": model.evaluate(test)["accuracy"]}
        for attack, (kind, options) in ATTACKS.items():
            for strength in STRENGTHS:
                own = search(context, kind, options) | {"strength": strength}
                spoiled = attacked(model, test, kind, seed=seed, **own)
                key = f"{attack} {strength}"
                found[key] = model.evaluate(spoiled)["accuracy"]
        return found

    return dict(context.cached(f"attacks {name} {seed}", one))


def stage(context: Context, parts: Parts) -> None:
    cases = [(name, seed) for seed in context.seeds for name in LEARNED_FROM]
    found = context.parallel_map(lambda case: scores(context, parts, *case), cases)
    rows = []
    for (name, seed), by_attack in zip(cases, found, strict=True):
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
        own = frame[frame["learned from"] == name]
        clean = own[(own["strength"] == 0) & (own["attack"] == "FGSM")]
        context.measure(f"{name}, clean", clean["accuracy"])
        for attack in ATTACKS:
            part = own[(own["attack"] == attack) & (own["strength"] == STRENGTH)]
            context.measure(f"{name}, {attack} {STRENGTH}", part["accuracy"])
    context.figure("attacked", *_pictures(context, parts))
    pgd = search(context, *ATTACKS["PGD"])
    context.text(
        f"{NETWORK} on {len(asked(context, parts)):,} test images; strengths are parts of "
        f"full intensity. PGD: {pgd['steps']} steps, "
        f"{pgd['restarts']} random starts, of which the strongest counts."
    )


def _pictures(context: Context, parts: Parts) -> tuple[str, Any]:
    """The same digits as they are, and attacked on each of the networks."""
    few = asked(context, parts)[:8]
    shown = few.with_images(few.to_nchw().astype(np.float32))
    for name in LEARNED_FROM:
        model = learned(context, parts, name, context.seeds[0])
        own = search(context, *ATTACKS["PGD"]) | {"strength": STRENGTH}
        spoiled = attacked(model, few, "pgd", **own)
        shown = shown.joined(spoiled)
    title = f"PGD of {STRENGTH} against networks, by what they learned from"
    rows = ["as they are", *LEARNED_FROM]
    return title, partial(
        plot.sample_grid, shown, len(rows), 8, title=None, row_names=rows
    )
