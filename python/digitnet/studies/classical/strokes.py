"""Strokes described by hand, and neighbours that tolerate their deformation."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import features, plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.neighbors import DeformableNeighbors
from digitnet.studies.classical.parts import Features, parts, score_table, scored

COLUMNS = 8  # images shown that deformation makes right


def _chain_codes(data: Dataset) -> Features:
    return features.chain_code_histogram(data, zones=4)


def _transitions(data: Dataset) -> Features:
    return features.transition_counts(data, bands=8)


def _both(data: Dataset) -> Features:
    return np.hstack([_chain_codes(data), _transitions(data)])


DESCRIPTORS = {
    "chain codes": _chain_codes,
    "transitions": _transitions,
    "chain codes and transitions": _both,
}


def _svm() -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return make_pipeline(StandardScaler(), SVC(C=10, gamma="scale"))


def _described(context: Context, name: str) -> list[float]:
    """Scores of an SVM on a descriptor; seconds are those of describing, too."""
    train, test = parts(context)
    start = time.perf_counter()
    x_train = DESCRIPTORS[name](train)
    middle = time.perf_counter()
    x_test = DESCRIPTORS[name](test)
    seconds = middle - start, time.perf_counter() - middle
    *accuracies, fit, predict = scored(_svm, x_train, train, x_test, test)
    return [*accuracies, fit + seconds[0], predict + seconds[1]]


def descriptors_stage(context: Context) -> None:
    """Freeman's chain codes and transitions, as Boukharouba and Bennia, into an SVM."""
    rows = [
        (name, *context.cached(f"SVM {name}", partial(_described, context, name)))
        for name in context.progress(DESCRIPTORS)
    ]
    title = "An SVM on features made by hand"
    frame = score_table(context, "descriptors", title, rows)
    for name, score in zip(frame["classifier"], frame["test"], strict=True):
        context.measure(f"SVM {name}", score)
    train, _ = parts(context)
    sizes = ", ".join(
        f"{n}: {make(train[:1]).shape[1]}" for n, make in DESCRIPTORS.items()
    )
    context.text(
        f"Numbers an image: {sizes}; an image has {np.prod(train.shape)} pixels. Each "
        "number is standardised. Seconds are those of describing and of the SVM."
    )


def _neighbors(context: Context) -> dict[str, DeformableNeighbors]:
    candidates = context.size(smoke=10, quick=50, default=200, full=500)
    return {
        "by Euclid": DeformableNeighbors(3, candidates=3),
        "IDM, 1 pixel": DeformableNeighbors(3, candidates=candidates, warp=1),
        "IDM, 2 pixels": DeformableNeighbors(3, candidates=candidates, warp=2),
    }


def _predicted(
    context: Context, classifier: DeformableNeighbors
) -> dict[str, np.ndarray]:
    train, test = parts(context)
    start = time.perf_counter()
    _, indices = classifier.fit(train).kneighbors(test)
    seconds = time.perf_counter() - start
    return {"indices": indices, "seconds": np.array([seconds])}


def deformation_stage(context: Context) -> None:
    """Three nearest neighbours by Euclid, and by the image distortion model."""
    train, test = parts(context)
    rows, predictions, nearest = [], {}, {}
    for name, classifier in context.progress(_neighbors(context).items()):
        result = context.cached_arrays(
            f"neighbours {name}", partial(_predicted, context, classifier)
        )
        predictions[name] = classifier.fit(train).vote(result["indices"])
        nearest[name] = result["indices"][:, 0]
        accuracy = float(np.mean(predictions[name] == test.labels))
        rows.append(
            (name, classifier.candidates, accuracy, float(result["seconds"][0]))
        )
        context.measure(f"3-NN {name}", accuracy)
    columns = ["distance", "candidates", "test", "seconds"]
    frame = pd.DataFrame(rows, columns=columns)
    title = "Three nearest neighbours, by how much deformation is forgiven"
    context.table("deformation", title, frame)
    scores = frame.set_index("distance")["test"].rename("test accuracy")
    context.figure("deformation", title, lambda: plot.comparison(scores))
    _show_forgiven(context, predictions, nearest)


def _show_forgiven(
    context: Context, predictions: dict[str, Any], nearest: dict[str, Any]
) -> None:
    """Images that deformation makes right, above their two nearest neighbours."""
    train, test = parts(context)
    plain, tolerant = "by Euclid", "IDM, 2 pixels"
    labels = test.require_labels()
    wrong, right = predictions[plain] != labels, predictions[tolerant] == labels
    other = train.require_labels()[nearest[plain]] != labels
    shown = np.flatnonzero(wrong & right & other)[:COLUMNS]
    context.text(
        f"Of {len(test):,} test images {int((wrong & right).sum())} are right by the image "
        f"distortion model only, {int((~wrong & ~right).sum())} by Euclid only."
    )
    if not len(shown):
        return
    rows = [test[shown], *(train[nearest[name][shown]] for name in (plain, tolerant))]
    grid = Dataset(
        np.concatenate([row.images for row in rows]),
        np.concatenate([row.require_labels() for row in rows]),
        classes=test.classes,
        max_value=test.max_value,
    )
    draw = partial(
        plot.sample_grid,
        grid,
        3,
        len(shown),
        title=None,
        row_names=("test image", f"nearest {plain}", f"nearest, {tolerant}"),
    )
    title = "Right by the image distortion model only"
    context.figure("forgiven", title, draw)
