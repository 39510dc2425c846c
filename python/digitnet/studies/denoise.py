"""Denoising: digits made clean by an autoencoder, and by fixed filters."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import corrupt, metrics, models, plot, preprocess
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts, perturbed
from digitnet.models.model import Model
from digitnet.papers.kaggle_cnn.exploration import restored

# What is done to the test images: a pipeline's text, or a corruption's name.
CORRUPTIONS = {
    "noise 20 %": "noise 20%",
    "noise 40 %": "noise 40%",
    "impulses": "impulse_noise",
    "erased 10 %": "erase 10%",
}
FILTERS: dict[str, list[Any]] = {
    "blur": ["blur"],
    "sharpen": ["sharpen"],
    "median": ["median"],
    "median, then blur": ["median", "blur"],
}
NOTHING, LEARNED = "nothing", "autoencoder"
METHODS = (NOTHING, *FILTERS, LEARNED)
LEARNED_FROM = "noise 40%"
COLUMNS = ["psnr", "ssim", "accuracy"]


def parts(context: Context) -> tuple[Dataset, Dataset]:
    train, test = context.data("mnist")
    count = context.size(smoke=150, quick=6_000, default=None, full=None)
    test_count = context.size(smoke=60, quick=2_000, default=None, full=None)
    return context.part(train, count), context.part(test, test_count)


def classifier(context: Context, seed: int) -> Model:
    """A classifier that saw clean digits only."""
    train, _ = parts(context)
    model, _ = context.trained(
        f"classifier {seed}",
        lambda: models.make("two-conv-small", classes=train.classes, seed=seed),
        train,
        epochs=context.size(smoke=1, quick=5, default=6, full=10),
        batch_size=128,
        learning_rate=0.004,
        seed=seed,
    )
    return model


def autoencoder(context: Context, seed: int) -> Model:
    train, _ = parts(context)
    model, _ = context.trained(
        f"autoencoder {seed}",
        lambda: models.make("autoencoder", seed=seed),
        train,
        epochs=context.size(smoke=1, quick=8, default=4, full=15),
        batch_size=64,
        learning_rate=0.003,
        augment=LEARNED_FROM,
        seed=seed,
    )
    return model


def corrupted(data: Dataset, corruption: str) -> Dataset:
    pipeline = CORRUPTIONS[corruption]
    if pipeline in corrupt.names():
        return corrupt.corrupted(data, pipeline)
    return perturbed(data, pipeline)


def denoised(context: Context, method: str, data: Dataset, seed: int) -> Dataset:
    if method == NOTHING:
        return data
    if method in FILTERS:
        return preprocess.applied(data, FILTERS[method])
    return restored(autoencoder(context, seed), data)


def score(context: Context, corruption: str, method: str, seed: int) -> list[float]:
    """[PSNR, SSIM, the classifier's accuracy], means over the test images."""

    def one() -> list[float]:
        _, test = parts(context)
        images = denoised(context, method, corrupted(test, corruption), seed)
        pair = images.to_nchw(), test.to_nchw(), test.max_value
        accuracy = classifier(context, seed).evaluate(images)["accuracy"]
        # A mean of decibels; an image that is restored exactly counts as one level off.
        max_decibels = 20 * np.log10(test.max_value) + 10 * np.log10(
            math.prod(test.shape)
        )
        decibels = float(np.minimum(metrics.psnr(*pair), max_decibels).mean())
        return [decibels, float(metrics.ssim(*pair).mean()), accuracy]

    return list(context.cached(f"{corruption} {method} {seed}", one))


# -- stages --------------------------------------------------------------------


def data_stage(context: Context) -> None:
    train, test = parts(context)
    class_counts(context, {"training": train, "test": test})
    subset, rows = test[:10], [test[:10]]
    rows += [corrupted(subset, corruption) for corruption in CORRUPTIONS]
    shown = rows[0]
    for row in rows[1:]:
        shown = shown.joined(row)
    context.figure(
        "damages",
        "As they are, and corrupted",
        lambda: plot.sample_grid(
            shown, len(rows), 10, title=None, row_names=["as they are", *CORRUPTIONS]
        ),
    )


def training_stage(context: Context) -> None:
    makers = (classifier, autoencoder)
    cases = [(make, seed) for seed in context.seeds for make in makers]
    context.parallel_map(lambda case: case[0](context, case[1]), cases)
    test = parts(context)[1]
    clean = [classifier(context, s).evaluate(test)["accuracy"] for s in context.seeds]
    context.measure("clean", clean)
    context.text(
        f"The classifier saw clean digits; the autoencoder learned from {LEARNED_FROM} "
        "and met the other corruptions only here."
    )


def scores_stage(context: Context) -> None:
    cases = [(c, m, s) for c in CORRUPTIONS for m in METHODS for s in context.seeds]
    results = context.parallel_map(lambda case: score(context, *case), cases)
    rows = [(*case, *scores) for case, scores in zip(cases, results, strict=True)]
    frame = pd.DataFrame(rows, columns=["corruption", "method", "seed", *COLUMNS])
    context.table("scores", "Each corruption, each method", frame)
    grouped = frame.groupby(["corruption", "method"], sort=False)
    titles = {
        "psnr": "Peak signal-to-noise ratio, dB",
        "ssim": "Structural similarity",
        "accuracy": "The classifier's accuracy",
    }
    for column, title in titles.items():
        grid = grouped[column].mean().unstack()[list(METHODS)].loc[list(CORRUPTIONS)]
        context.figure(column, title, partial(plot.heat_map, grid, column))
    for (corruption, method), part in grouped:
        for column in COLUMNS:
            context.measure(f"{corruption}, {method}, {column}", part[column])


def pictures_stage(context: Context) -> None:
    """The same digits through every method."""
    subset = parts(context)[1][:8]
    for corruption in CORRUPTIONS:
        noisy = corrupted(subset, corruption)
        shown = subset
        for method in METHODS:
            shown = shown.joined(denoised(context, method, noisy, context.seeds[0]))
        context.figure(
            f"restored_{corruption.removesuffix(' %').replace(' ', '_')}",
            f"{corruption}: as they were; " + "; ".join(METHODS),
            partial(plot.sample_grid, shown, len(METHODS) + 1, 8, title=None),
        )


def recipe() -> Recipe:
    return Recipe(
        name="denoise",
        title="Denoising, and what a classifier makes of the result",
        paper="Proposed by the thesis on Kaggle's digits (denoising autoencoder, blur, sharpen)",
        summary="autoencoder, blur, sharpen, median on noisy digits: PSNR, SSIM, accuracy",
        claims=(
            Claim("clean", "accuracy on the clean test images", None),
            *(
                Claim(
                    f"{corruption}, {method}, {column}",
                    f"{corruption}: {method}, {column}",
                    None,
                    unit,
                )
                for corruption in CORRUPTIONS
                for method in METHODS
                for column, unit in zip(COLUMNS, ("dB", "", "%"), strict=True)
            ),
        ),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("training", "Training", training_stage, 30),
            Stage("scores", "Scores", scores_stage, 10),
            Stage("pictures", "Denoised images", pictures_stage, 1),
        ),
        remarks=(
            "The thesis shows the autoencoder's images without a number; none stands as "
            "claimed.",
            "PSNR and SSIM (Wang et al., 2004) are means over the test images; what a "
            "person or a classifier needs is not what they measure.",
        ),
        seeds=3,
        data=("mnist",),
    )
