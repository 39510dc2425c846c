"""A CNN for Kaggle's digits and Fashion-MNIST, from CSV files to a submission."""

from __future__ import annotations

from digitnet.experiments.recipe import Recipe, Stage
from digitnet.papers.kaggle_cnn.ablations import ablation_stage
from digitnet.papers.kaggle_cnn.claims import CLAIMS, EXHIBITS, REMARKS
from digitnet.papers.kaggle_cnn.exploration import data_stage, preprocessing_stage
from digitnet.papers.kaggle_cnn.filters import filters_stage
from digitnet.papers.kaggle_cnn.lengths import lengths_stage
from digitnet.papers.kaggle_cnn.mistakes import mistakes_stage
from digitnet.papers.kaggle_cnn.networks import (
    loss_stage,
    network_stage,
    operations_stage,
    structures_stage,
)
from digitnet.papers.kaggle_cnn.training import (
    choice_stage,
    digits_stage,
    fashion_stage,
    small_stage,
    training_stage,
)
from digitnet.papers.kaggle_cnn.weak_classes import weak_classes_stage
from digitnet.papers.kaggle_cnn.weights import weights_stage


def recipe() -> Recipe:
    return Recipe(
        name="kaggle-cnn",
        title="One network on digits and on fashion",
        paper="Kanaparthi, thesis on MNIST and Fashion-MNIST",
        summary="CSV files, two networks, plateau schedule, ablations, a submission",
        claims=CLAIMS,
        exhibits=EXHIBITS,
        data=("mnist", "fashion-mnist"),
        stages=(
            Stage("structures", "Structures of the survey", structures_stage, 0.2),
            Stage("data", "Data", data_stage, 2),
            Stage("operations", "How layers work", operations_stage, 0.5),
            Stage("preprocessing", "Preprocessing", preprocessing_stage, 1),
            Stage("loss", "Loss and optimizer", loss_stage, 0.2),
            Stage("network", "Networks", network_stage, 0.2),
            Stage("choice", "Choice of settings", choice_stage, 8, ("honest",)),
            Stage("training", "Training", training_stage, 85),
            Stage("digits", "Digits: training and test", digits_stage, 1),
            Stage("small", "The small network", small_stage, 0.5),
            Stage("fashion", "Fashion: training and test", fashion_stage, 1),
            Stage("mistakes", "Reasons for mistakes", mistakes_stage, 1),
            Stage("filters", "Filters in front of the network", filters_stage, 14),
            Stage("ablation", "With and without", ablation_stage, 12),
            Stage("lengths", "How many epochs", lengths_stage, 8),
            Stage("weak", "Copies for the weakest classes", weak_classes_stage, 5),
            Stage("weights", "Weights of digits and of fashion", weights_stage, 1),
        ),
        remarks=REMARKS,
        seeds=3,
    )
