"""A multi-layer perceptron for the pooled MNIST, 60/20/20, tuned on validation.

`settings` has the data and the network, `searches` and `comparisons` what the validation
part is asked, `stages` and `results` what the report shows of it.
"""

from __future__ import annotations

from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.papers.mlp.results import (
    augmented_stage,
    drawing_stage,
    epochs_stage,
    inside_stage,
    report_stage,
    training_stage,
)
from digitnet.papers.mlp.searches import search_stage
from digitnet.papers.mlp.settings import START
from digitnet.papers.mlp.stages import (
    activation_stage,
    augmentation_stage,
    choice_stage,
    data_stage,
    finalists_stage,
    network_stage,
    optimizer_stage,
    penalty_stage,
)
from digitnet.search import METHODS

HONEST = ("honest",)


def _shape() -> str:
    """Units of the network of the paper protocol, layer by layer."""
    hidden = [START["width"]] * START["depth"]
    return "-".join(map(str, [784, *hidden, 10]))


STUDY = "the study `classical` measures SVM, MLP and CNN side by side"
CLAIMS = (
    Claim("training accuracy", "training accuracy", 0.989, of="line 72"),
    Claim("accuracy", "test accuracy", 0.971, of="line 74"),
    *(
        Claim(f"{key}_macro", f"test {what}, macro", None, of="line 62")
        for key, what in (
            ("precision", "precision"),
            ("recall", "recall"),
            ("f1", "F1"),
        )
    ),
    Claim("digit", "a drawn 3 is recognised as", 3, "", of="line 80"),
    Claim("parameters", f"parameters of {_shape()}", None, ""),
    *(
        Claim(
            f"{method} best",
            f"{method} search: best on validation",
            None,
            of="line 98" if method == "evolutionary" else "line 63",
        )
        for method in METHODS
    ),
    Claim(
        "turning epoch",
        "epoch after which validation loss rises",
        None,
        "",
        of="line 84",
    ),
    Claim("seconds", "seconds an epoch", None, "s", of="line 84"),
    Claim(
        "order",
        "accuracy: CNN before MLP before SVM; the SVM is fast",
        None,
        of="line 84",
        absent=STUDY,
    ),
    Claim("augmented accuracy", "test accuracy with augmentation", None, of="line 92"),
    Claim(
        "augmentation gain", "augmentation, against none", None, "points", of="line 92"
    ),
)


def recipe() -> Recipe:
    return Recipe(
        name="mlp",
        title="A multi-layer perceptron for MNIST",
        paper="Mahender and others, IJRASET 12 (V), 2024",
        summary="learning rate, batch size, depth and width searched by four methods; "
        "activation, optimizer, penalties, augmentation",
        claims=CLAIMS,
        data=("mnist",),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("network", "Network", network_stage, 1),
            Stage("search", "Four searches", search_stage, 50, HONEST, ("optuna",)),
            Stage("finalists", "What the searches found", finalists_stage, 3, HONEST),
            Stage("activation", "Activations", activation_stage, 3, HONEST),
            Stage("optimizer", "Optimizers", optimizer_stage, 7, HONEST),
            Stage("penalty", "Penalties", penalty_stage, 6, HONEST),
            Stage("choice", "Choice", choice_stage, 10, HONEST),
            Stage("training", "Training and test", training_stage, 10),
            Stage("epochs", "Number of epochs", epochs_stage, 4),
            Stage("report", "Errors", report_stage, 1),
            Stage("inside", "First layer", inside_stage, 1),
            Stage("drawing", "A drawing", drawing_stage, 1),
            Stage("augmentation", "Augmentations", augmentation_stage, 18, HONEST),
            Stage("augmented", "With augmentation", augmented_stage, 15),
        ),
        remarks=(
            "Layers, widths, optimizer, learning rate, batch size and number of epochs are "
            f"not reported; the paper protocol takes {_shape()} with ReLU, Adam by one cycle "
            f"with a peak of {START['learning_rate']} and batches of {START['batch_size']}.",
            "The paper names grid, random, Bayesian and evolutionary search, but reports "
            "none; ranges and budgets are ours.",
            "The paper speaks of an SVM, a CNN and run times without giving their numbers: "
            "the study `classical` has an SVM, an MLP and a CNN with their seconds.",
            "Recurrent networks and transformers, of the paper's outlook, are measured in "
            "the study `architectures`.",
            "The split of the pooled 70,000 by 60/20/20 is the paper's; its seed is not.",
            "Trainings run side by side where there are several, one core each: their "
            "seconds are longer than those of one that has all cores.",
        ),
    )
