"""A network's features into other classifiers: of a small CNN, of VGG16, Ahlawat's hybrid."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context, points_text
from digitnet.models.model import Model
from digitnet.papers.vgg16_transfer import (
    data as vgg16_data,
    networks as vgg16_networks,
)
from digitnet.studies.classical.parts import (
    COLUMNS,
    ON_FEATURES,
    Features,
    classifiers,
    network,
    network_scores,
    note_xgboost,
    parts,
    score_table,
    scored,
)

ROWS = 500  # images whose activations are in memory at a time


def layer_outputs(model: Model, data: Dataset, layer: str) -> Features:
    """Outputs of a flat layer for every image, in batches."""
    parts = [
        model.activations(data[first : first + ROWS], [layer])[layer]
        for first in range(0, len(data), ROWS)
    ]
    return np.concatenate(parts)


def features_stage(context: Context) -> None:
    """What is behind the last flatten of a trained network, into other classifiers."""
    train, test = parts(context)
    rows: list[Any] = []
    for seed in context.progress(context.seeds):
        model, _ = network(context, "CNN", seed)
        makers = classifiers(seed)
        x_train, x_test = (model.features(d, progress=False) for d in (train, test))
        for name in ON_FEATURES:
            if name in makers:
                work = partial(scored, makers[name], x_train, train, x_test, test)
                rows.append((name, *context.cached(f"features {name} {seed}", work)))
        rows.append(("the network's own layer", *network_scores(context, "CNN", seed)))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    mean = frame.groupby("classifier", sort=False).mean().reset_index()
    title = "On the features of a small CNN, means over the seeds"
    score_table(context, "features", title, mean.to_numpy().tolist())
    for which, part in frame.groupby("classifier", sort=False):
        context.measure(f"features {which}", part["test"])
    note_xgboost(context, "features XGBoost")
    svm, own = (
        frame[frame["classifier"] == name]["test"].to_numpy()
        for name in ("SVM (RBF)", "the network's own layer")
    )
    context.text(
        "An SVM on the features against the network's own last layer: "
        f"{points_text(svm - own)}."
    )


def hybrid_stage(context: Context) -> None:
    """Ahlawat's: two convolutions, then an SVM in the place of the softmax layer."""
    train, test = parts(context)
    rows: list[Any] = []
    for seed in context.progress(context.seeds):
        model, history = network(context, "hybrid", seed)
        x_train, x_test = (model.features(d, progress=False) for d in (train, test))
        work = partial(
            scored, classifiers(seed)["SVM (RBF)"], x_train, train, x_test, test
        )
        scores = context.cached(f"hybrid SVM {seed}", work)
        scores = [*scores[:2], scores[2] + sum(history["seconds"]), scores[3]]
        rows.append(("CNN-SVM", *scores))
        rows.append(("its softmax layer", *network_scores(context, "hybrid", seed)))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    mean = frame.groupby("classifier", sort=False).mean().reset_index()
    title = "A CNN with an SVM as its last layer, means over the seeds"
    score_table(context, "hybrid", title, mean.to_numpy().tolist())
    for which, part in frame.groupby("classifier", sort=False):
        context.measure(f"hybrid {which}", part["test"])
    context.text("Seconds of fitting the CNN-SVM are those of the CNN and of the SVM.")


def vgg16_stage(context: Context) -> None:
    """VGG16's last convolution, and the dense layer of our head behind it, in the sizes of
    the mode below: an hour of two cores would go into a base of 48x48 pixels."""
    with context.in_mode(
        {"default": "quick", "full": "default"}.get(context.mode, context.mode)
    ):
        _vgg16(context)


def _vgg16(context: Context) -> None:
    train, _, test = vgg16_data.parts(context)
    base = vgg16_networks.best_base(context)
    model, _ = vgg16_networks.frozen(context, base, 0)
    makers = classifiers(0)
    rows: list[Any] = []
    for where, layer in (
        ("last convolution", "flatten1"),
        ("dense layer of our head", "relu14"),
    ):
        x_train, x_test = (layer_outputs(model, data, layer) for data in (train, test))
        for name in (n for n in ON_FEATURES if n in makers):
            work = partial(scored, makers[name], x_train, train, x_test, test)
            rows.append(
                (f"{name}, {where}", *context.cached(f"VGG16 {name} {where}", work))
            )
    score_table(
        context, "vgg16", f"On the features of VGG16 ({base} base, frozen)", rows
    )
