"""Other data, perturbed images, attacks, and where the network looks."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.attack import attacked
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.experiments.report_sections import perturbations
from digitnet.models.model import Model
from digitnet.papers.mnistm_cnn.settings import domains, for_grey_images
from digitnet.papers.mnistm_cnn.training import trained
from digitnet.papers.mnistm_cnn.tuning import settings_of
from digitnet.preprocess import RGBToGrey, applied  # type: ignore[attr-defined]

FIRST_EPOCH = 0.9858  # validation accuracy in the paper's log
STRENGTHS = (0.02, 0.05, 0.1, 0.2)
STRENGTH = 0.05  # the one that stands among the claims


def domains_stage(context: Context) -> None:
    sets = domains(context)
    seed = context.seeds[0]
    rows = []
    for name in context.progress(sets):
        model, history = trained(context, name, seed)
        across = [model.evaluate(test)["accuracy"] for _, test in sets.values()]
        rows.append((name, *across, history["val_accuracy"][0]))
    columns = ["trained on", *(f"on {n}" for n in sets), "validation after epoch 1"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("domains", "Accuracy by training and test set", frame)
    grid = frame.set_index("trained on").iloc[:, :3]
    context.figure(
        "domains",
        "Trained on one, tested on another",
        lambda: plot.heat_map(grid, "accuracy"),
    )
    first = dict(zip(sets, frame["validation after epoch 1"], strict=True))
    nearest = min(first, key=lambda name: abs(first[name] - FIRST_EPOCH))
    context.text(
        f"The paper's log has {100 * FIRST_EPOCH:.2f} % after the first epoch. Nearest to it "
        f"comes training on {nearest}: {100 * first[nearest]:.2f} %."
    )
    for name, value in first.items():
        context.measure(f"first epoch {name}", float(value))


def robustness_stage(context: Context) -> None:
    model, _ = trained(context, "MNIST-M", context.seeds[0])
    perturbations(context, model, domains(context)["MNIST-M"][1])


# -- attacks ---------------------------------------------------------------------


def searches(context: Context) -> dict[str, tuple[str, dict[str, Any]]]:
    """How hard each attack searches; in smoke mode hardly at all."""
    steps = context.size(smoke=2, quick=10, default=20, full=20)
    restarts = context.size(smoke=1, quick=1, default=2, full=3)
    pgd = {"steps": steps, "restarts": restarts}
    return {"FGSM": ("fgsm", {}), "PGD": ("pgd", pgd)}


def targets(context: Context) -> dict[str, tuple[Model, Dataset]]:
    """The networks for grey and for colour images, and what each is given.

    The grey one is attacked on grey images: a change of a grey pixel has one meaning.
    """
    seed = context.seeds[0]
    count = context.size(smoke=20, quick=200, default=1_000, full=None)
    test = context.part(domains(context)["MNIST-M"][1], count, seed=1)
    grey, _ = trained(context, "MNIST-M", seed)
    colour, _ = trained(context, "MNIST-M", seed, grey=False)
    alone = for_grey_images(grey, settings_of(context))
    return {"grey": (alone, applied(test, [RGBToGrey()])), "colour": (colour, test)}


def under_attack(
    context: Context, model: Model, test: Dataset, kind: str, strength: float
) -> float:
    attack, options = searches(context)[kind]
    adversarial = attacked(model, test, attack, strength=strength, **options)
    return model.evaluate(adversarial)["accuracy"]


def attacks_stage(context: Context) -> None:
    rows = []
    networks = targets(context)
    for name, (model, test) in networks.items():
        clean = model.evaluate(test)["accuracy"]
        for kind in context.progress(searches(context)):
            rows.append((name, kind, 0.0, clean))
            for strength in STRENGTHS:
                work = partial(under_attack, context, model, test, kind, strength)
                accuracy = float(context.cached(f"{name} {kind} {strength}", work))
                rows.append((name, kind, strength, accuracy))
                if strength == STRENGTH:
                    context.measure(f"{name}, {kind}", accuracy)
    frame = pd.DataFrame(rows, columns=["network", "attack", "strength", "accuracy"])
    context.table("attacks", "Accuracy on attacked test images", frame)
    curves = frame.assign(curve=frame["network"] + ", " + frame["attack"])
    context.figure(
        "attacks",
        "Accuracy under attack, at rising strength",
        lambda: plot.sensitivity(curves, "curve", "strength", "accuracy"),
    )
    _pictures(context, *networks["colour"])
    pgd = searches(context)["PGD"][1]
    context.text(
        f"{len(networks['colour'][1]):,} test images. Strengths are parts of full intensity, "
        f"by which no pixel changes more. PGD: {pgd['steps']} steps, {pgd['restarts']} random "
        "start(s), of which the strongest counts."
    )


def _pictures(context: Context, model: Model, test: Dataset) -> None:
    """The same digits, attacked by rising strength."""
    subset = test[:8]
    shown = subset.with_images(subset.to_nchw().astype(np.float32))
    kind, options = searches(context)["PGD"]
    for strength in STRENGTHS:
        shown = shown.joined(
            attacked(model, subset, kind, strength=strength, **options)
        )
    names = ["as they are", *(f"PGD {strength}" for strength in STRENGTHS)]
    context.figure(
        "attacked",
        "Colour images, attacked",
        lambda: plot.sample_grid(shown, len(names), 8, title=None, row_names=names),
    )


# -- inside ------------------------------------------------------------------------


def inside_stage(context: Context) -> None:
    model, _ = trained(context, "MNIST-M", context.seeds[0])
    _, test = domains(context)["MNIST-M"]
    report = model.evaluate(test)
    right = np.flatnonzero(report.labels == report.predicted)[:4]
    kinds = {row["layer"]: row["kind"] for row in model.summary().rows}
    layers = [name for name, kind in kinds.items() if kind in ("relu", "max_pool")]
    image = test.images[int(right[0]) if len(right) else 0]
    context.figure(
        "feature_maps",
        "Feature maps of one test image",
        lambda: plot.feature_maps(model, image, layers),
    )
    chosen = np.concatenate([right, report.mistakes[:2]])
    context.figure(
        "grad_cam",
        "Grad-CAM and other explanations: four correct predictions, two wrong ones",
        lambda: plot.explanations(model, test[chosen]),
    )
