"""The data of `kaggle-cnn` looked at, and what is done to images before they are learned."""

from __future__ import annotations

from functools import partial

import numpy as np

from digitnet import models, plot, preprocess
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.experiments.report_sections import class_counts
from digitnet.models.model import Model
from digitnet.papers.kaggle_cnn import data as kaggle_data
from digitnet.papers.kaggle_cnn.data import NAMES
from digitnet.papers.kaggle_cnn.settings import AUGMENT, FILTERS, small_parts

NOISE = "noise 30%"
_NUMBERS = {  # of the frame, the class counts and the images
    "digits": ("Fig. III", "Fig. IV", "Fig. V"),
    "fashion": ("Fig. VI", "Fig. VII", "Fig. VIII"),
}


def data_stage(context: Context) -> None:
    listed: dict[str, Dataset] = {}
    for name in NAMES:
        train, test = kaggle_data.sets(context, name)
        first, second = kaggle_data.files(context, name)
        context.text(
            f"{name}: {len(train):,} labelled rows of {first.name}, {len(test):,} of "
            f"{second.name}."
        )
        context.measure(f"{name} rows", len(train))
        frame, counts, images = _NUMBERS[name]
        context.table(
            f"frame_{name}",
            f"First and last rows of the data frame, {name}",
            kaggle_data.excerpt(train, name),
            of=frame,
        )
        context.figure(
            f"class_counts_{name}",
            f"Samples of each class, {name}",
            partial(plot.class_counts, train),
            of=counts,
        )
        context.figure(
            f"samples_{name}",
            f"Samples, {name}",
            partial(plot.sample_grid, train, 5, 5),
            of=images,
        )
        listed |= {f"{name}, training": train, f"{name}, test": test}
    class_counts(context, listed)
    context.text(
        "Kaggle's train.csv is 42,000 of the 70,000 digits. Where it is not at hand, so "
        "many rows of each class as it has are drawn from MNIST's two files; the rest is "
        "the competition's test file, whose labels MNIST knows."
    )


def preprocessing_stage(context: Context) -> None:
    for name in NAMES:
        part = shown = kaggle_data.sets(context, name)[0][:10]
        for steps in list(FILTERS.values())[1:]:
            shown = shown.joined(preprocess.applied(part, steps))
        context.figure(
            f"filters_{name}",
            f"What the filters make of {name}",
            partial(
                plot.sample_grid,
                *(shown, len(FILTERS), 10),
                title=None,
                row_names=list(FILTERS),
            ),
        )
    for name in NAMES:
        train, _ = kaggle_data.sets(context, name)
        for whose, pipeline in (("paper", AUGMENT["paper"]), ("ours", AUGMENT[name])):
            context.figure(
                f"augmented_{name}_{whose}",
                f"Augmentation of {name}: {whose}",
                partial(plot.augmented, train, pipeline, 3, 8),
                of="Fig. XII" if (name, whose) == ("digits", "paper") else "",
            )
    for name in NAMES:
        _, validation = small_parts(context, name, 0)
        context.figure(
            f"denoised_{name}",
            f"An autoencoder removes noise, {name}",
            partial(plot.restorations, restorer(context, name, 0), validation, NOISE),
        )


def restorer(context: Context, name: str, seed: int) -> Model:
    """An autoencoder that learned from the training part to take noise away."""
    train, _ = small_parts(context, name, seed)
    model, _ = context.trained(
        f"autoencoder {name} {seed}",
        lambda: models.make("autoencoder", seed=seed),
        train,
        epochs=context.size(smoke=1, quick=15, default=15, full=15),
        batch_size=16,
        learning_rate=0.003,
        augment=NOISE,
        seed=seed,
    )
    return model


def restored(model: Model, data: Dataset) -> Dataset:
    """The images as an autoencoder gives them back."""
    images = np.rint(np.clip(model.reconstruct(data), 0, 1) * data.max_value)
    return data.with_images(images.astype(np.uint8))
