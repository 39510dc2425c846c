"""Networks side by side on the same images: Table 1, and the study `networks`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from digitnet import models, plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.experiments.report_sections import PERTURBATIONS, perturbed
from digitnet.papers.mnistm_cnn.settings import domains
from digitnet.report import Report

# The columns of Table 1, and the loss.
METRICS = {
    "accuracy": "accuracy",
    "F1": "f1_macro",
    "AUC": "auc_macro",
    "precision": "precision_macro",
    "recall": "recall_macro",
    "specificity": "specificity_macro",
    "G-measure": "g_measure_macro",
    "loss": "log_loss",
}
COLUMNS = [*METRICS, "seconds", "parameters"]
# Table 1 as printed: accuracy, F1, AUC, precision, recall, specificity, G-measure.
TABLE_1 = {
    "mnistm-cnn": (0.9925, 0.9925, 0.9998, 0.9925, 0.9925, 0.9990, 0.9925),
    "lenet5": (0.9850, 0.9845, 0.9970, 0.9860, 0.9840, 0.9900, 0.9850),
    "resnet50": (0.9875, 0.9870, 0.9980, 0.9880, 0.9860, 0.9920, 0.9875),
    "vgg16": (0.9890, 0.9880, 0.9985, 0.9885, 0.9875, 0.9930, 0.9890),
    "mobilenetv2": (0.9900, 0.9890, 0.9990, 0.9900, 0.9880, 0.9940, 0.9900),
}
TITLES = {
    "mnistm-cnn": "proposed model",
    "lenet5": "LeNet-5",
    "resnet50": "ResNet-50",
    "vgg16": "VGG-16",
    "mobilenetv2": "MobileNetV2",
}
# Those that do not take 28x28 pixels see them resized.
SIDES = {"alexnet": 63, "vgg16": 32, "densenet121": 32}
RATES = {"alexnet": 0.0003, "vgg16": 0.0003, "lenet5": 0.004}
BATCH = 32
# Lighting, orientation, occlusion (line 19), and noise; how strong.
CONDITIONS = {"noise": 20, "brightness": 40, "rotation": 40, "occlusion": 20}


def score(
    name: str,
    train: Dataset,
    test: Dataset,
    *,
    epochs: int,
    seed: int,
    steps: Sequence[str] = (),
    conditions: Dataset | None = None,
) -> list[float]:
    """COLUMNS of a network trained here from random weights, the images preprocessed by
    `steps`; then its accuracy on images under each of the CONDITIONS, if there are such."""
    side = SIDES.get(name)
    resize: list[Any] = [("resize", {"height": side, "width": side})] if side else []
    model = models.make(
        name,
        train.shape,
        classes=train.classes,
        seed=seed,
        preprocess=[*steps, *resize, "scale"],
    )
    history = model.fit(
        train,
        epochs=epochs,
        batch_size=BATCH,
        learning_rate=RATES.get(name, 0.002),
        seed=seed,
        progress=False,
    )
    report: Report = model.evaluate(test)
    scores = [report[key] for key in METRICS.values()]
    scores += [sum(history["seconds"]), float(model.count_params())]
    if conditions is not None:
        for kind, strength in CONDITIONS.items():
            changed = perturbed(conditions, PERTURBATIONS[kind][0].format(strength))
            scores.append(model.evaluate(changed)["accuracy"])
    return scores


def show(
    context: Context, name: str, title: str, frame: pd.DataFrame, *, of: str = ""
) -> None:
    """A table of networks by COLUMNS, their accuracies as bars, the seven metrics as a map."""
    context.table(name, title, frame[COLUMNS], of=of)
    what = name.replace("_", " ")
    context.figure(
        name,
        f"Test accuracy, {what}",
        lambda: plot.comparison(frame["accuracy"].rename("test accuracy")),
    )
    context.figure(
        f"{name}_scores",
        f"Scores, {what}",
        lambda: plot.heat_map(frame[[*METRICS][:7]], "score"),
    )


def parts(context: Context) -> tuple[Dataset, Dataset, Dataset]:
    """(training, test, test under conditions) of Table 1."""
    train, test = domains(context)["MNIST-M"]
    count = context.size(smoke=10, quick=500, default=6_000, full=None)
    test_count = context.size(smoke=10, quick=1_000, default=None, full=None)
    subset_count = context.size(smoke=10, quick=200, default=2_000, full=None)
    return (
        context.part(train, count),
        context.part(test, test_count),
        context.part(test, subset_count),
    )


def epochs(context: Context) -> int:
    return context.size(smoke=1, quick=4, default=6, full=10)


def stage(context: Context) -> None:
    train, test, subset = parts(context)
    seed, rows = context.seeds[0], []
    for name in context.progress(TABLE_1):
        rows.append(
            context.cached(
                f"Table 1 {name} {seed}",
                lambda name=name: score(  # type: ignore[misc]
                    name,
                    train,
                    test,
                    epochs=epochs(context),
                    seed=seed,
                    steps=["rgb_to_grey"],
                    conditions=subset,
                ),
            )
        )
    index = pd.Index(TABLE_1, name="network")
    frame = pd.DataFrame(rows, index, [*COLUMNS, *CONDITIONS])
    show(context, "five_networks", "Five networks on MNIST-M", frame, of="Table 1")
    for network, row in frame.iterrows():
        for metric in [*METRICS][:7]:
            context.measure(f"Table 1 {network} {metric}", float(row[metric]))
    context.text(
        f"{len(train):,} images to train, {epochs(context)} epochs, batches of {BATCH}, one "
        f"cycle of Adam, no augmentation, seed {seed}; {len(test):,} test images. The same "
        "grey images in the same order for all five, which start from random weights."
    )
    _conditions(context, frame, subset)


def _conditions(context: Context, frame: pd.DataFrame, subset: Dataset) -> None:
    named = {kind: f"{kind} {strength}" for kind, strength in CONDITIONS.items()}
    accuracies = frame[["accuracy", *CONDITIONS]].rename(columns=named)
    title = f"Accuracy of the five under conditions, {len(subset):,} test images"
    context.table("five_networks_conditions", title, accuracies)
    context.figure(
        "five_networks_conditions",
        title,
        lambda: plot.heat_map(accuracies, "accuracy"),
    )
