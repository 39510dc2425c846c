"""What the paper prints, and what it shows: the numbers of `vgg16-transfer`."""

from __future__ import annotations

from collections.abc import Mapping

from digitnet.experiments.exhibits import Exhibit
from digitnet.experiments.recipe import Claim
from digitnet.papers.vgg16_transfer.networks import CONTROLS

COLUMNS = ("accuracy", "precision", "recall", "F1")
TABLE_1 = {
    "VGG16": (0.11, 0.10, 0.09, 0.10),
    "LeNet-5": (0.10, 0.08, 0.08, 0.09),
    "AlexNet": (0.10, 0.09, 0.08, 0.09),
}
TABLE_2 = {
    "VGG16": (0.02, 0.03, 0.02, 0.03),
    "LeNet-5": (0.03, 0.04, 0.04, 0.03),
    "AlexNet": (0.03, 0.03, 0.04, 0.03),
}
# Of the paper's curves: figure, column of a history, value in epoch 0 and at the end.
CURVES = (
    ("Fig. 5", "accuracy", "training accuracy", 0.9300, 0.9324),
    ("Fig. 5", "val_accuracy", "validation accuracy", 0.9175, 0.9200),
    ("Fig. 6", "loss", "training loss", 0.4, 0.01),
    ("Fig. 6", "val_loss", "validation loss", 0.1, 0.02),
)

EXHIBITS = (
    Exhibit("Fig. 1", "MNIST's images"),
    Exhibit("Fig. 2", "VGG16's architecture"),
    Exhibit("Fig. 3", "the layers that are frozen"),
    Exhibit("Fig. 4", "25 predictions with their labels and probabilities"),
    Exhibit("Fig. 5", "training and validation accuracy"),
    Exhibit("Fig. 6", "training and validation loss"),
    Exhibit("Table 1", "three networks by training accuracy"),
    Exhibit("Fig. 7", "heat map of training accuracy"),
    Exhibit("Fig. 8", "heat map of validation accuracy"),
    Exhibit("Table 2", "three networks by training loss"),
    Exhibit("Fig. 9", "heat map of training loss"),
    Exhibit("Fig. 10", "heat map of validation loss"),
)


def curve_key(what: str, end: bool) -> str:
    return f"{what}, {'last' if end else 'first'} epoch"


def table_claims(number: str, values: Mapping[str, tuple[float, ...]]) -> list[Claim]:
    """One for each number of Table 1 or 2; both are of training values."""
    columns = COLUMNS if number == "Table 1" else ("loss", *COLUMNS[1:])
    return [
        Claim(
            f"{number} {name} {column}",
            f"{number}, {name}: training {column}",
            value,
            "" if column == "loss" else "%",
            of=number,
        )
        for name, row in values.items()
        for column, value in zip(columns, row, strict=True)
    ]


def curve_claims() -> list[Claim]:
    return [
        Claim(
            curve_key(what, bool(end)),
            f"frozen base in use, {curve_key(what, bool(end))}",
            value,
            "" if what.endswith("loss") else "%",
            of=figure,
        )
        for figure, _, what, *values in CURVES
        for end, value in enumerate(values)
    ]


def claims() -> tuple[Claim, ...]:
    return (
        Claim(
            "frozen, ImageNet test",
            "frozen ImageNet base, test accuracy",
            0.992,
            of="line 17",
        ),
        *curve_claims(),
        *table_claims("Table 1", TABLE_1),
        *table_claims("Table 2", TABLE_2),
        Claim(
            "VGG16 parameters",
            "VGG16 for 1,000 classes, parameters (cited)",
            138e6,
            "",
            of="line 45",
        ),
        Claim(
            "VGG16 top 5",
            "VGG16, top-5 accuracy on ImageNet (cited)",
            0.927,
            of="line 45",
            absent="ImageNet's images are not here",
        ),
        Claim(
            "xgboost",
            "VGG16's first dense layer into XGBoost (cited: Kothari)",
            0.995,
            of="line 47",
            absent="needs the 4,096 units of ImageNet's full VGG16 at 224x224; study "
            "`classical` measures the 256 units of our own head",
        ),
        Claim(
            "two blocks, ImageNet test",
            "ImageNet base, two blocks tuned, test accuracy (cited: Anand)",
            0.938,
            of="line 47",
        ),
        *(Claim(f"{name} test", f"{name}, test accuracy", None) for name in OURS),
        Claim(
            "source test", "the base that learned Fashion-MNIST, accuracy there", None
        ),
        *(
            Claim(
                f"gain over {control}",
                f"Fashion-MNIST's base against the {control} one",
                None,
                "points",
            )
            for control in CONTROLS
        ),
        Claim("parameters", "parameters of the network in use", None, ""),
        Claim("head parameters", "of which trained behind the frozen base", None, ""),
    )


# What has no number in the paper.
OURS = (
    "frozen, Fashion-MNIST",
    "two blocks, Fashion-MNIST",
    "frozen, random",
    "frozen, untrained",
    "from scratch",
    "LeNet-5",
    "AlexNet, small",
)
