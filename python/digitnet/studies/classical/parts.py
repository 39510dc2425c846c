"""What the stages share: data, scikit-learn's classifiers, networks, scores."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from digitnet import models, plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.layers import Conv, Dense, Flatten, ReLU
from digitnet.models.model import Model
from digitnet.train.history import History

Features = npt.NDArray[np.float32]
COLUMNS = ["classifier", "training", "test", "fit seconds", "predict seconds"]


def classifiers(seed: int) -> dict[str, Callable[[], Any]]:
    """Makers of scikit-learn's, with usual settings; XGBoost's if it is installed."""
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        RandomForestClassifier,
    )
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    makers: dict[str, Callable[[], Any]] = {
        "kNN (3)": lambda: KNeighborsClassifier(3, algorithm="brute"),
        "SVM (RBF)": lambda: SVC(C=10, gamma="scale"),
        "random forest": lambda: RandomForestClassifier(200, random_state=seed),
        "naive Bayes": lambda: GaussianNB(var_smoothing=1e-2),
        "decision tree": lambda: DecisionTreeClassifier(random_state=seed),
        "logistic regression": lambda: make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=300, random_state=seed)
        ),
        "gradient boosting": lambda: HistGradientBoostingClassifier(
            max_iter=100, random_state=seed
        ),
    }
    if importlib.util.find_spec("xgboost") is not None:
        from xgboost import XGBClassifier

        makers["XGBoost"] = lambda: XGBClassifier(n_estimators=200, random_state=seed)
    return makers


# Classifiers that are fitted on a network's features, too.
ON_FEATURES = ("SVM (RBF)", "logistic regression", "decision tree", "XGBoost")


def parts(context: Context) -> tuple[Dataset, Dataset]:
    train, test = context.data("mnist")
    count = context.size(smoke=150, quick=3_000, default=10_000, full=None)
    test_count = context.size(smoke=100, quick=2_000, default=None, full=None)
    return context.part(train, count), context.part(test, test_count)


def pixels(data: Dataset) -> Features:
    images = data.images.reshape(len(data), -1)
    return (images / np.float32(data.max_value)).astype(np.float32)


def scored(
    make: Callable[[], Any],
    x_train: Features,
    train: Dataset,
    x_test: Features,
    test: Dataset,
) -> list[float]:
    """[accuracy in training, in test, seconds of fitting, of predicting the test part]."""
    classifier = make()
    start = time.perf_counter()
    classifier.fit(x_train, train.labels)
    fitted = time.perf_counter()
    test_accuracy = np.mean(classifier.predict(x_test) == test.labels)
    predicted = time.perf_counter()
    # The same rows for all: predicting is what is slow for neighbours and kernels.
    subset = slice(0, len(x_test))
    labels = train.require_labels()[subset]
    train_accuracy = np.mean(classifier.predict(x_train[subset]) == labels)
    seconds = [fitted - start, predicted - fitted]
    return [float(train_accuracy), float(test_accuracy), *seconds]


def _hybrid(classes: Any, seed: int) -> Model:
    """Two convolutions of 5x5 and stride 2, of N1 = 25 and N2 = 50 maps."""
    layers = [Conv(25, 5, stride=2), ReLU(), Conv(50, 5, stride=2), ReLU()]
    return Model([*layers, Flatten(), Dense(10)], (28, 28), classes=classes, seed=seed)


# The networks beside the classifiers, by their name in the tables.
NETWORKS: dict[str, Callable[[Any, int], Model]] = {
    "MLP": lambda classes, seed: models.make("mlp", classes=classes, seed=seed),
    "CNN": lambda classes, seed: models.make(
        "two-conv-small", classes=classes, seed=seed
    ),
    "hybrid": _hybrid,
}


def network(context: Context, name: str, seed: int) -> tuple[Model, History]:
    """One of NETWORKS, trained on the study's images."""
    train, _ = parts(context)
    return context.trained(
        f"{name} {seed}",
        lambda: NETWORKS[name](train.classes, seed),
        train,
        epochs=context.size(smoke=1, quick=8, default=10, full=15),
        batch_size=128,
        seed=seed,
    )


def network_scores(context: Context, name: str, seed: int) -> list[float]:
    """What `scored` gives, of a network."""
    train, test = parts(context)
    model, history = network(context, name, seed)

    def evaluate() -> list[float]:
        start = time.perf_counter()
        test_accuracy = model.evaluate(test)["accuracy"]
        seconds = time.perf_counter() - start
        return [model.evaluate(train[: len(test)])["accuracy"], test_accuracy, seconds]

    train_accuracy, test_accuracy, seconds = context.cached(
        f"scores {name} {seed}", evaluate
    )
    return [train_accuracy, test_accuracy, sum(history["seconds"]), seconds]


def note_xgboost(context: Context, key: str) -> None:
    if importlib.util.find_spec("xgboost") is None:
        context.not_measured(key, "xgboost is not installed")


def score_table(
    context: Context, name: str, title: str, rows: list[Any]
) -> pd.DataFrame:
    """Rows (name, *scores) as a table, and their test accuracies as a figure."""
    frame = pd.DataFrame(rows, columns=COLUMNS)
    context.table(name, title, frame)
    test = frame.set_index("classifier")["test"].rename("test accuracy")
    context.figure(name, title, lambda: plot.comparison(test))
    return frame
