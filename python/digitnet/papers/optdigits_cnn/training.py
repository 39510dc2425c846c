"""The training of the recipe optdigits-cnn: its log, test scores, errors and folds."""

from __future__ import annotations

from functools import partial
from typing import Any

from digitnet import plot
from digitnet.experiments.context import Context
from digitnet.experiments.report_sections import (
    confusion,
    cross_validation,
    score_table,
)
from digitnet.papers.optdigits_cnn.data import pooled, split
from digitnet.papers.optdigits_cnn.network import feature_maps
from digitnet.papers.optdigits_cnn.settings import make, options, settings_of
from digitnet.report import Report

FOLDS = 5
KEYS = ("accuracy", "log_loss", "precision_macro", "recall_macro", "f1_macro")


def trained(context: Context, seed: int) -> Any:
    train, _ = split(context)
    name = settings_of(context)
    return context.trained(
        f"{name} {seed}",
        lambda: make(name, seed),
        train,
        **options(context, name, seed),
    )


def training_stage(context: Context) -> None:
    runs = context.parallel_map(partial(trained, context), context.seeds)
    histories = [history for _, history in runs]
    seed = context.seeds[0]
    log = histories[0].to_frame().drop(columns="learning_rate")
    context.table("log", f"Training log, seed {seed}", log, of="In [44]")
    context.figure(
        "curves",
        f"Training loss and accuracy, seed {seed}",
        lambda: plot.training_curves(histories[0]),
        of="In [45]",
    )
    _, test = split(context)
    rows = []
    for model, history in runs:
        report = model.evaluate(test)
        last = [history["accuracy"][-1], history["loss"][-1]]
        rows.append([*last, *(report[key] for key in KEYS)])
    columns = ["training accuracy", "training loss", *KEYS]
    title = "Last training epoch and test scores"
    score_table(context, title, rows, columns, histories, of="In [46]")


def inside_stage(context: Context) -> None:
    model, _ = trained(context, context.seeds[0])
    feature_maps(context, model, "after", "after training")


def report_stage(context: Context) -> None:
    _, test = split(context)
    model, _ = trained(context, context.seeds[0])
    report = model.evaluate(test)
    confusion(context, report, of="In [48]")
    context.figure("roc", "ROC curves and areas", lambda: plot.roc(report))
    context.figure(
        "misclassified",
        "Mistakes, the most confident first",
        lambda: plot.misclassified(report),
    )
    context.table("per_class", "Each class", report.per_class)
    context.measure("auc", report["auc_macro"])


def fold_score(context: Context, seed: int, fold: int) -> list[float]:
    """[loss, accuracy] on a fold of all rows, trained on the others."""
    data = pooled(context)
    train, test = data.k_fold(FOLDS, seed=seed, stratify=False)[fold]
    name = settings_of(context)
    model = make(name, seed * FOLDS + fold)
    model.fit(data[train], progress=False, **options(context, name, seed))
    report: Report = model.evaluate(data[test])
    return [report["log_loss"], report["accuracy"]]


def folds_stage(context: Context) -> None:
    cross_validation(
        context,
        FOLDS,
        partial(fold_score, context),
        table="In [61]",
        figure="In [62]",
    )
