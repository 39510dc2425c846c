"""Knowledge distillation: students of a good teacher against students of the labels.

Source: Hinton, Vinyals, Dean, 2015.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context, paired
from digitnet.studies.lightweight.networks import HALF, REFERENCE
from digitnet.studies.lightweight.training import (
    SETS,
    TEACHER,
    accuracy,
    data_of,
    seeds,
    teacher,
    trained,
    verdict,
)

DISTILLED = ("separable", "mlp-tiny", "lenet5, quarter", "linear", HALF, REFERENCE)
TEMPERATURES = (1.0, 2.0, 4.0)
CHOOSER = "lenet5, quarter"  # on which the temperature is chosen


def temperature_of(context: Context, name: str) -> float:
    """The one that gives the most on validation images."""
    _, validation, _ = data_of(context, name)

    def score(case: tuple[float, int]) -> float:
        model = trained(context, name, CHOOSER, *case)
        return model.evaluate(validation)["accuracy"]

    def chosen() -> float:
        cases = [(t, seed) for t in TEMPERATURES for seed in seeds(context)]
        scores = context.parallel_map(score, cases)
        means = np.reshape(scores, (len(TEMPERATURES), -1)).mean(axis=1)
        return TEMPERATURES[int(means.argmax())]

    return float(context.cached(f"temperature {name}", chosen))


def distillation_stage(context: Context, name: str) -> None:
    _, _, test = data_of(context, name)
    score = teacher(context, name).evaluate(test)["accuracy"]
    best = temperature_of(context, name)
    cases = [(n, t, s) for n in DISTILLED for t in (0.0, best) for s in seeds(context)]
    accuracies = context.parallel_map(
        lambda case: accuracy(context, name, *case), cases
    )
    shape = (len(DISTILLED), 2, -1)
    rows, gains = [], {}
    for network, (labels, soft) in zip(
        DISTILLED, np.reshape(accuracies, shape), strict=True
    ):
        gains[network] = soft - labels
        rows.append((network, labels.mean(), soft.mean(), *paired(gains[network])))
        if name == SETS[0]:
            context.measure(f"{network} distilled", gains[network])
    columns = ["network", "labels", "teacher", "gain", "sd of gain", "better"]
    table = pd.DataFrame(rows, columns=columns)
    context.table(f"distillation_{name}", f"Labels against teacher, {name}", table)
    context.figure(
        f"distillation_{name}",
        f"Gain by the teacher, {name}: every seed a point",
        lambda: plot.distribution(pd.DataFrame(gains), "gain"),
    )
    context.text(
        f"Teacher: {TEACHER}, {100 * score:.2f} % of the test images. Temperature "
        f"{best:g}, chosen on validation with '{CHOOSER}'. {verdict(gains)}."
    )
