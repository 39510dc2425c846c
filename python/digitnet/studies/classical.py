"""Classical classifiers on pixels, and on the features that a network makes of them."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from digitnet import models, plot
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context, mean_and_std
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts
from digitnet.models.model import Model
from digitnet.papers.vgg16_transfer import (
    data as vgg16_data,
    networks as vgg16_networks,
)
from digitnet.train.history import History

# Correct predictions of the one nearest neighbour among all training images (Euclidean,
# raw pixels), and of how many: what any correct implementation gives.
NEIGHBOURS = {
    "optdigits": (1_761, 1_797),
    "mnist": (9_691, 10_000),
    "fashion-mnist": (8_497, 10_000),
}
ROWS = 500  # of test images whose distances are in memory at a time
Features = npt.NDArray[np.float32]


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


def nearest(train: Dataset, test: Dataset) -> int:
    """How many test images have the label of their nearest training image."""
    # Sums of squares of whole numbers: exact in float64, so that ties are ties.
    x_train = train.images.reshape(len(train), -1).astype(np.float64)
    x_test = test.images.reshape(len(test), -1).astype(np.float64)
    lengths = (x_train**2).sum(1)
    correct = 0
    for first in range(0, len(x_test), ROWS):
        part = slice(first, first + ROWS)
        distances = lengths - 2 * x_test[part] @ x_train.T
        labels = train.require_labels("nearest")[distances.argmin(1)]
        correct += int((labels == test.require_labels("nearest")[part]).sum())
    return correct


def layer_outputs(model: Model, data: Dataset, layer: str) -> Features:
    """Outputs of a flat layer for every image, in batches."""
    parts = [
        model.activations(data[first : first + ROWS], [layer])[layer]
        for first in range(0, len(data), ROWS)
    ]
    return np.concatenate(parts)


def network(context: Context, seed: int) -> tuple[Model, History]:
    train, _ = parts(context)
    return context.trained(
        f"two-conv-small {seed}",
        lambda: models.make("two-conv-small", classes=train.classes, seed=seed),
        train,
        epochs=context.size(smoke=1, quick=8, default=10, full=15),
        batch_size=128,
        seed=seed,
    )


# -- stages --------------------------------------------------------------------


def data_stage(context: Context) -> None:
    train, test = parts(context)
    class_counts(context, {"training": train, "test": test})
    context.figure("samples", "Samples", partial(plot.sample_grid, train, 3, 10))


def neighbours_stage(context: Context) -> None:
    """Brute force over all training images, where the data are here."""
    names = context.size(
        smoke=["optdigits"],
        quick=["optdigits"],
        default=[*NEIGHBOURS],
        full=[*NEIGHBOURS],
    )
    rows = []
    for name in context.progress(names):
        train, test = context.data(name)
        count = context.size(smoke=200, quick=None, default=None, full=None)
        train, test = context.part(train, count), context.part(test, count)
        correct = context.cached(f"nearest {name}", partial(nearest, train, test))
        context.measure(f"1-NN {name}", correct / len(test))
        rows.append((name, len(train), len(test), correct, correct / len(test)))
    for name in NEIGHBOURS:
        if name not in names:
            context.not_measured(f"1-NN {name}", f"not in {context.mode} mode")
    columns = ["data", "training images", "test images", "right", "accuracy"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("neighbours", "The one nearest neighbour, by brute force", frame)


COLUMNS = ["classifier", "training", "test", "fit seconds", "predict seconds"]


def _table(context: Context, name: str, title: str, rows: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    context.table(name, title, frame)
    test = frame.set_index("classifier")["test"].rename("test accuracy")
    context.figure(name, title, lambda: plot.comparison(test))
    return frame


def pixels_stage(context: Context) -> None:
    train, test = parts(context)
    x_train, x_test = pixels(train), pixels(test)
    seed = context.seeds[0]
    rows: list[Any] = []
    for name, make in context.progress(classifiers(seed).items()):
        work = partial(scored, make, x_train, train, x_test, test)
        rows.append((name, *context.cached(f"pixels {name}", work)))
    rows.append(("CNN", *_cnn_scores(context, seed)))
    frame = _table(context, "pixels", "Classifiers on pixels, and a small CNN", rows)
    for name, score in zip(frame["classifier"], frame["test"], strict=True):
        context.measure(f"pixels {name}", score)
    _note_xgboost(context, "pixels XGBoost")
    context.text(
        f"{len(train):,} training and {len(test):,} test images. Training accuracy is of as "
        "many training images as are tested. Seconds are of one run, on this machine."
    )


def _cnn_scores(context: Context, seed: int) -> list[float]:
    train, test = parts(context)
    model, history = network(context, seed)

    def evaluate() -> list[float]:
        start = time.perf_counter()
        test_accuracy = model.evaluate(test)["accuracy"]
        seconds = time.perf_counter() - start
        return [model.evaluate(train[: len(test)])["accuracy"], test_accuracy, seconds]

    train_accuracy, test_accuracy, seconds = context.cached(f"CNN {seed}", evaluate)
    return [train_accuracy, test_accuracy, sum(history["seconds"]), seconds]


def _note_xgboost(context: Context, key: str) -> None:
    if importlib.util.find_spec("xgboost") is None:
        context.not_measured(key, "xgboost is not installed")


def features_stage(context: Context) -> None:
    """What is behind the last flatten of a trained network, into other classifiers."""
    train, test = parts(context)
    rows: list[Any] = []
    for seed in context.progress(context.seeds):
        model, _ = network(context, seed)
        makers = classifiers(seed)
        x_train, x_test = (model.features(d, progress=False) for d in (train, test))
        for name in ON_FEATURES:
            if name in makers:
                work = partial(scored, makers[name], x_train, train, x_test, test)
                rows.append((name, *context.cached(f"features {name} {seed}", work)))
        rows.append(("the network's own layer", *_cnn_scores(context, seed)))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    mean = frame.groupby("classifier", sort=False).mean().reset_index()
    title = "On the features of a small CNN, means over the seeds"
    _table(context, "features", title, mean.to_numpy().tolist())
    for which, part in frame.groupby("classifier", sort=False):
        context.measure(f"features {which}", part["test"])
    _note_xgboost(context, "features XGBoost")
    gain, std = mean_and_std(
        frame[frame["classifier"] == "SVM (RBF)"]["test"].to_numpy()
        - frame[frame["classifier"] == "the network's own layer"]["test"].to_numpy()
    )
    context.text(
        f"An SVM on the features against the network's own last layer: {100 * gain:+.2f} "
        f"points (sd over seeds {100 * std:.2f})."
    )


def vgg16_stage(context: Context) -> None:
    """VGG16's last convolution and first dense layer, in the sizes of the mode below: an
    hour of two cores would go into a base of 48x48 pixels."""
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
    for where, layer in (("last convolution", "flatten1"), ("first dense", "relu14")):
        x_train, x_test = (layer_outputs(model, data, layer) for data in (train, test))
        for name in (n for n in ON_FEATURES if n in makers):
            work = partial(scored, makers[name], x_train, train, x_test, test)
            rows.append(
                (f"{name}, {where}", *context.cached(f"VGG16 {name} {where}", work))
            )
    _table(context, "vgg16", f"On the features of VGG16 ({base} base, frozen)", rows)
    if base != "ImageNet":
        context.not_measured("VGG16 XGBoost", "ImageNet weights not here")
    else:
        _note_xgboost(context, "VGG16 XGBoost")
        for name, *scores in rows:
            if name == "XGBoost, first dense":
                context.measure("VGG16 XGBoost", scores[1])


def recipe() -> Recipe:
    exact = tuple(
        Claim(f"1-NN {name}", f"1 nearest neighbour, {name}", correct / of)
        for name, (correct, of) in NEIGHBOURS.items()
    )
    on_pixels = tuple(
        Claim(f"pixels {name}", f"{name} on pixels", None)
        for name in (
            *("kNN (3)", "SVM (RBF)", "random forest", "naive Bayes", "decision tree"),
            *("logistic regression", "gradient boosting", "XGBoost", "CNN"),
        )
    )
    return Recipe(
        name="classical",
        title="Classical methods, on pixels and on a network's features",
        paper="Cited by the theses on Kaggle's digits and on VGG16",
        summary="kNN, SVM, forest, Bayes, tree, regression, boosting beside a CNN",
        claims=(
            *exact,
            *on_pixels,
            *(
                Claim(f"features {name}", f"{name} on a CNN's features", None)
                for name in (*ON_FEATURES, "the network's own layer")
            ),
            Claim("VGG16 XGBoost", "XGBoost on VGG16's first dense layer", 0.995),
        ),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("neighbours", "The nearest neighbour, exactly", neighbours_stage, 5),
            Stage("pixels", "On pixels", pixels_stage, 20),
            Stage("features", "On a network's features", features_stage, 20),
            Stage("vgg16", "On VGG16's features", vgg16_stage, 20),
        ),
        remarks=(
            "The nearest neighbour is exact arithmetic: any correct program gives these "
            "counts, which stand as claimed.",
            "Settings are usual ones, the same for all data; none was tuned on the test "
            "part.",
            "99.5 % is cited for ImageNet's full VGG16 at 224x224 with augmentation.",
        ),
        seeds=3,
        data=("mnist", "fashion-mnist", "optdigits"),
        packages=("sklearn",),
    )
