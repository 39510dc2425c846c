"""Why images are taken for another class: where, how surely, and what the network looked at."""

from __future__ import annotations

from functools import partial

import numpy as np

from digitnet import plot
from digitnet.experiments.context import Context
from digitnet.experiments.report_sections import confusion
from digitnet.papers.kaggle_cnn.data import NAMES
from digitnet.papers.kaggle_cnn.settings import parts, trained
from digitnet.papers.kaggle_cnn.training import test_report
from digitnet.report import Report

_PAIRS, _EXPLAINED, _SHOWN = 5, 4, 20
_METHODS = ("saliency", "occlusion")


def mistakes_stage(context: Context) -> None:
    seed = context.seeds[0]
    for name in NAMES:
        model, _ = trained(context, name, seed)
        train, _ = parts(context, name, seed)
        learned = model.evaluate(train)
        title = f"Confusion matrix of the training part, {name}"
        confusion(context, learned, f"training_{name}", title)
        report = test_report(context, name)
        context.table(f"per_class_{name}", f"Each class, {name}", report.per_class)
        pairs = report.confusion.most_confused(_PAIRS)
        context.table(f"confused_{name}", f"The most confused pairs, {name}", pairs)
        context.text(reasons(name, learned, report))
        context.figure(
            f"misclassified_{name}",
            f"The most confident mistakes, {name}",
            partial(plot.misclassified, report, _SHOWN),
        )
        worst = report.mistakes[:_EXPLAINED]
        if not len(worst):
            continue
        # Bound now: the loop goes on before the figure is drawn.
        for whose, target in (("predicted", report.predicted), ("true", report.labels)):
            context.figure(
                f"explained_{name}_{whose}",
                f"What speaks for the {whose} class of the most confident mistakes, {name}",
                partial(
                    plot.explanations,
                    *(model, report.data[worst], _METHODS),
                    target=target[worst],
                ),
            )


def reasons(name: str, learned: Report, report: Report) -> str:
    """What the numbers say about the mistakes of a test part."""
    wrong = report.mistakes
    if not len(wrong):
        return f"{name}: no mistakes on the {len(report.labels):,} test images."
    chances = report.probabilities[wrong]
    second = np.argsort(-chances, axis=1, kind="stable")[:, 1]
    near = float(np.mean(second == report.labels[wrong]))
    sure = float(np.mean(chances.max(1) > 0.9))
    pairs = report.confusion.most_confused(_PAIRS)
    among = pairs["count"].sum() / len(wrong)
    return (
        f"{name}: {len(wrong):,} mistakes on {len(report.labels):,} test images. The "
        f"{len(pairs)} most confused pairs make {among:.0%} of them; in {near:.0%} the "
        f"second guess is the true class, and {sure:.0%} were answered with more than 90 % "
        f"confidence. On the training part {learned['accuracy']:.2%} are right, on the "
        f"test part {report['accuracy']:.2%}."
    )
