"""Transfer learning: VGG16's convolutions as a frozen base for digits."""

from __future__ import annotations

from digitnet.experiments.recipe import Recipe, Stage
from digitnet.papers.vgg16_transfer.base import HEAD_UNITS, PRETRAINING
from digitnet.papers.vgg16_transfer.beyond import features_stage, inside_stage
from digitnet.papers.vgg16_transfer.claims import EXHIBITS, claims
from digitnet.papers.vgg16_transfer.data import EVALUATED, STD
from digitnet.papers.vgg16_transfer.networks import HEADS
from digitnet.papers.vgg16_transfer.stages import (
    base_stage,
    choice_stage,
    curves_stage,
    data_stage,
    network_stage,
    predictions_stage,
    training_stage,
)

REMARKS = (
    "99.2 % is in the text; the curves end at 93.2 % in training and 92.0 % in validation "
    "while the losses fall to .01 and .02, a pair that hardly fits.",
    "Table 1 gives 10 and 11 % for the three networks, the accuracy of guessing; table 2 "
    "calls 2 and 3 % the loss, read as .02 and .03 here, and gives other precisions and "
    "recalls of the same networks. Both are of training values.",
    "The four layers of the head are listed in another order in the text; only flatten, "
    f"dense {HEAD_UNITS}, dropout, dense 10 has shapes that fit.",
    "The paper validates on the test set; the paper protocol does so too.",
    f"The learning rate of SGD is not given: {HEADS['paper']['learning_rate']} here.",
    "The study that is cited for two blocks lowers the rate on a plateau and stops early; "
    "here one cycle does the first, and the number of epochs is fixed.",
    "AlexNet here is the small one for 32x32 grey images; the paper gives no sizes.",
    "Behind the mean, which is subtracted as in the paper, pixels are divided by the "
    f"constants that torchvision's weights expect (255 times {', '.join(map(str, STD))}), "
    "under both protocols; the paper's weights, Keras', take them undivided.",
    "The base that stands in for ImageNet's weights learned other images, Fashion-MNIST's "
    f"and their outlines, in {PRETRAINING['default'].turns} quarter turns each and varied "
    f"({PRETRAINING['default'].augment}), from a start at the identity: ours, not the paper's.",
    f"Training values in the tables are of {EVALUATED:,} of the training images, but in full "
    "mode; only that mode trains on all of MNIST.",
)


def recipe() -> Recipe:
    return Recipe(
        name="vgg16-transfer",
        title="VGG16 as a frozen base for digits",
        paper="Reddy, Prasad, Pavan, Chintala, Sai: VGG16 on MNIST",
        summary="transfer from ImageNet or Fashion-MNIST, two blocks tuned, from scratch, "
        "LeNet-5, AlexNet",
        claims=claims(),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("network", "Network", network_stage, 1),
            Stage("base", "The frozen base", base_stage, 60),
            Stage("choice", "Choice of head and rate", choice_stage, 2, ("honest",)),
            Stage("training", "Training and test", training_stage, 60),
            Stage("predictions", "Predictions", predictions_stage, 1),
            Stage("curves", "Curves, tables and heat maps", curves_stage, 1),
            Stage("inside", "Inside the network", inside_stage, 3),
            Stage("features", "Features for other classifiers", features_stage, 3),
        ),
        remarks=REMARKS,
        seeds=1,
        packages=("sklearn",),
        exhibits=EXHIBITS,
        data=("mnist", "fashion-mnist"),
    )
