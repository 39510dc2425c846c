"""Stages of `vgg16-transfer` that the paper does not have: what the base sees, and its
features in other classifiers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context
from digitnet.papers.vgg16_transfer.data import parts
from digitnet.papers.vgg16_transfer.networks import best_base, features, frozen

MAPS = ["block1_conv1", *(f"block{b}_pool" for b in range(1, 6))]


def inside_stage(context: Context) -> None:
    model, _ = frozen(context, best_base(context), context.seeds[0])
    image, _ = parts(context)[2][0]
    context.figure(
        "feature_maps",
        "Feature maps of a test image",
        lambda: plot.feature_maps(model, image, MAPS),
    )
    ascent: dict[str, Any] = {
        "steps": context.size(smoke=2, quick=60, default=200, full=400)
    }
    context.figure(
        "maximised_classes",
        "Images that excite each class most",
        lambda: plot.maximised(model, **ascent),
    )
    context.figure(
        "maximised_channels",
        "Images that excite channels of block 3 most",
        lambda: plot.maximised(model, "block3_conv3", range(8), **ascent),
    )


def features_stage(context: Context) -> None:
    """The base's features into other classifiers."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    train, _, test = parts(context)
    seed, base = context.seeds[0], best_base(context)
    model, _ = frozen(context, base, seed)
    x_train = features(context, base, seed, "training")["features"]
    x_test = model.features(test, progress=False)
    classifiers = {
        "logistic regression": make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=2000)
        ),
        "SVM (RBF)": make_pipeline(StandardScaler(), SVC(C=10)),
        "decision tree": DecisionTreeClassifier(random_state=0),
    }
    rows = []
    for name, classifier in context.progress(classifiers.items()):
        classifier.fit(x_train, train.labels)
        scores = [classifier.score(x_train, train.labels)]
        rows.append((name, *scores, classifier.score(x_test, test.labels)))
    frame = pd.DataFrame(rows, columns=["classifier", "training", "test"])
    context.table(
        "classifiers",
        f"Accuracy on the frozen base's {x_train.shape[1]} features ({base})",
        frame,
    )
