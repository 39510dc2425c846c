"""Transfer learning: VGG16's convolutions as a frozen base for digits."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts, confusion, layer_table
from digitnet.papers.vgg16_transfer.networks import (
    HEADS,
    best_base,
    chosen,
    fresh,
    frozen,
    head_score,
    here,
    networks,
    parts,
    side,
    source,
    steps,
)

METRICS = ("accuracy", "precision_macro", "recall_macro", "f1_macro", "log_loss")
MAPS = ["block1_conv1", *(f"block{b}_pool" for b in range(1, 6))]
NO_WEIGHTS = "ImageNet weights not here"

IMAGENET_CLAIMS = (
    "frozen, ImageNet test",
    "frozen, ImageNet validation",
    "frozen, ImageNet training",
    "two blocks, ImageNet test",
    "table 1",
)


def data_stage(context: Context) -> None:
    train, validation, test = parts(context)
    mean = 255 * steps(context)[-1][1]["mean"][0]
    context.text(
        f"{len(train):,} images to train, {len(validation):,} to validate, {len(test):,} to "
        f"test. Grey becomes three equal channels of {side(context)}x{side(context)} "
        f"pixels (nearest); the training set's mean, {mean:.2f} of 255 in each channel, "
        "is subtracted."
    )
    context.figure("samples", "Samples", lambda: plot.sample_grid(train, 5, 10))
    class_counts(context, {"training": train, "validation": validation, "test": test})


def network_stage(context: Context) -> None:
    model = fresh(context, 0)
    head = sum(
        value.size
        for name, value in model.state_dict().items()
        if name.startswith("dense")
    )
    context.measure("parameters", model.count_params())
    context.measure("head parameters", head)
    context.figure(
        "architecture",
        "The network; what is frozen is hatched",
        lambda: plot.architecture(model, frozen="block*"),
    )
    layer_table(context, model)


def base_stage(context: Context) -> None:
    if not here(context, "ImageNet"):
        context.note(
            "ImageNet's weights are not on this machine: what rests on them is not "
            "measured (digitnet.models.fetch_weights('vgg16') gets them). The experiment "
            "is made with a base that learned Fashion-MNIST."
        )
    model, history = source(context)
    context.figure(
        "source_curves",
        "The same network learns Fashion-MNIST first",
        lambda: plot.training_curves(history),
    )
    context.figure(
        "first_filters",
        "Its first filters",
        lambda: plot.filters(model, "block1_conv1"),
    )


def choice_stage(context: Context) -> None:
    rows = [(head, head_score(context, head)) for head in context.progress(HEADS)]
    frame = pd.DataFrame(rows, columns=["head trained by", "validation accuracy"])
    context.table("choice", "Ways to train the head", frame)
    context.text(f"Chosen on the validation part: {chosen(context)}.")


def all_scores(context: Context) -> pd.DataFrame:
    """One row for each network, part of the images and seed."""
    train, _, test = parts(context)
    compared = networks(context)
    rows = []
    cases = [(name, seed) for name in compared for seed in context.seeds]
    for name, seed in context.progress(cases):
        model, _ = compared[name](seed)
        for part, data in (("training", train), ("test", test)):
            report = model.evaluate(data)
            rows.append((name, part, *(report[key] for key in METRICS)))
    names = ["accuracy", "precision", "recall", "F1", "loss"]
    return pd.DataFrame(rows, columns=["network", "images", *names])


def training_stage(context: Context) -> None:
    """Every network on training and test images; the paper's two tables."""
    scores = all_scores(context)
    for part, of_part in scores.groupby("images", sort=False):
        by_network = of_part.drop(columns="images").groupby("network", sort=False)
        means = by_network.mean()
        shown = means.assign(sd=by_network["accuracy"].std(ddof=1).fillna(0.0))
        context.table(str(part), f"On {part} images, macro averages", shown)
        for name, values in by_network["accuracy"]:
            context.measure(f"{name} {part}", values)
    accuracy = means["accuracy"].rename("test accuracy")  # the last part's
    context.figure("comparison", "Test accuracy", lambda: plot.comparison(accuracy))
    gain = 100 * (accuracy["frozen, Fashion-MNIST"] - accuracy["frozen, random"])
    context.text(
        f"A frozen base that learned Fashion-MNIST is worth {gain:+.1f} points against one "
        "of random weights."
    )
    _imagenet_claims(context)


def _imagenet_claims(context: Context) -> None:
    """What the paper claims of ImageNet's weights: measured, or why not."""
    if here(context, "ImageNet"):
        histories = [frozen(context, "ImageNet", s)[1] for s in context.seeds]
        last = [history["val_accuracy"][-1] for history in histories]
        context.measure("frozen, ImageNet validation", last)
        training = context.record.measured["frozen, ImageNet training"]
        context.measure("table 1", training)
    else:
        for key in IMAGENET_CLAIMS:
            context.not_measured(key, NO_WEIGHTS)
    context.not_measured("xgboost", "boosted trees on features are in the studies")


def curves_stage(context: Context) -> None:
    _, history = frozen(context, best_base(context), context.seeds[0])
    context.figure(
        "curves",
        f"The head behind the frozen base ({best_base(context)})",
        lambda: plot.training_curves(history),
    )
    for metric in ("accuracy", "loss"):
        grid = history.to_frame()[[metric, f"val_{metric}"]]
        grid = grid[:: -(-len(grid) // 20)]  # twenty rows are enough to see
        grid.columns = pd.Index(["training", "validation"])
        context.figure(
            f"heat_map_{metric}",
            f"Training and validation {metric}",
            partial(plot.heat_map, grid, metric),
        )


def predictions_stage(context: Context) -> None:
    model, _ = frozen(context, best_base(context), context.seeds[0])
    report = model.evaluate(parts(context)[2])
    context.figure(
        "predictions",
        "25 random test images: true class orange, predicted green",
        lambda: plot.predictions(report, 25),
    )
    confusion(context, report)


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
    """The base's 512 numbers into other classifiers."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    train, _, test = parts(context)
    model, _ = frozen(context, best_base(context), context.seeds[0])
    x_train, x_test = (model.features(data, progress=False) for data in (train, test))
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
        f"Accuracy on the frozen base's features ({best_base(context)})",
        frame,
    )


def recipe() -> Recipe:
    return Recipe(
        name="vgg16-transfer",
        title="VGG16 as a frozen base for digits",
        paper="Reddy, Prasad, Pavan, Chintala, Sai: VGG16 on MNIST",
        summary="transfer from ImageNet or Fashion-MNIST, two blocks tuned, from scratch, "
        "LeNet-5, AlexNet",
        claims=(
            Claim(
                "frozen, ImageNet test", "frozen ImageNet base, accuracy (text)", 0.992
            ),
            Claim(
                "frozen, ImageNet validation",
                "validation after 20 epochs (curve)",
                0.92,
            ),
            Claim("frozen, ImageNet training", "training accuracy (curve)", 0.9324),
            Claim("two blocks, ImageNet test", "two blocks tuned (cited)", 0.938),
            Claim("xgboost", "first dense layer into XGBoost (cited)", 0.995),
            Claim(
                "frozen, Fashion-MNIST test",
                "frozen Fashion-MNIST base, test accuracy",
                None,
            ),
            Claim("two blocks, Fashion-MNIST test", "the same, two blocks tuned", None),
            Claim("frozen, random test", "frozen random base, test accuracy", None),
            Claim("table 1", "VGG16, training accuracy (table 1)", 0.11),
            Claim("from scratch test", "VGG16 from scratch, test accuracy", None),
            Claim("LeNet-5 training", "LeNet-5, training accuracy (table 1)", 0.10),
            Claim("LeNet-5 test", "LeNet-5, test accuracy", None),
            Claim(
                "AlexNet, small training", "AlexNet, training accuracy (table 1)", 0.10
            ),
            Claim("AlexNet, small test", "AlexNet, test accuracy", None),
            Claim("parameters", "parameters", 14_848_586, ""),
            Claim("head parameters", "parameters of the head", 133_898, ""),
        ),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("network", "Network", network_stage, 1),
            Stage("base", "A base that learned clothes", base_stage, 30),
            Stage(
                "choice", "Choice of the head's training", choice_stage, 5, ("honest",)
            ),
            Stage("training", "Training and test", training_stage, 60),
            Stage("curves", "Curves and heat maps", curves_stage, 1),
            Stage("predictions", "Predictions", predictions_stage, 1),
            Stage("inside", "Inside the network", inside_stage, 3),
            Stage("features", "Features for other classifiers", features_stage, 3),
        ),
        remarks=(
            "99.2 % is in the text; the curves end at 93.2 % in training and 92.0 % in "
            "validation while the losses fall to .01 and .02, a pair that hardly fits.",
            "Table 1 gives 10 and 11 % for the three networks, the accuracy of guessing; "
            "table 2 calls 2 and 3 % the loss. Both are of training values; here training "
            "and test stand side by side.",
            "The four layers of the head are listed in another order in the text; only "
            "flatten, dense 256, dropout, dense 10 has shapes that fit.",
            "The paper validates on the test set; the paper protocol does so too.",
            "The learning rate of SGD is not given: .01 here.",
            "AlexNet here is the small one for 32x32 grey images; the paper gives no sizes.",
            "ImageNet's scale is torchvision's; what is subtracted is the training set's "
            "mean, as in the paper. Only a part of MNIST outside --full: VGG16 costs .7 "
            "GMAC an image.",
        ),
        seeds=1,
        packages=("sklearn",),
    )
