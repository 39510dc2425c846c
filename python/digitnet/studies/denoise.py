"""Noisy digits made clean: by a network that learned it, and by fixed filters."""

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

# What is done to the test images: a pipeline's text, or a corruption's name.
DAMAGES = {
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
WAYS = (NOTHING, *FILTERS, LEARNED)
LEARNED_FROM = "noise 40%"
COLUMNS = ["psnr", "ssim", "accuracy"]


def parts(context: Context) -> tuple[Dataset, Dataset]:
    train, test = context.data("mnist")
    few = context.size(smoke=150, quick=6_000, default=None, full=None)
    asked = context.size(smoke=60, quick=2_000, default=None, full=None)
    return context.part(train, few), context.part(test, asked)


def judge(context: Context, seed: int) -> Model:
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


def restorer(context: Context, seed: int) -> Model:
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


def damaged(data: Dataset, damage: str) -> Dataset:
    how = DAMAGES[damage]
    if how in corrupt.names():
        return corrupt.corrupted(data, how)
    return perturbed(data, how)


def restored(context: Context, way: str, data: Dataset, seed: int) -> Dataset:
    if way == NOTHING:
        return data
    if way in FILTERS:
        return preprocess.applied(data, FILTERS[way])
    made = restorer(context, seed).reconstruct(data)
    made = np.rint(np.clip(made, 0, 1) * data.max_value).astype(np.uint8)
    return data.with_images(made)


def score(context: Context, damage: str, way: str, seed: int) -> list[float]:
    """[PSNR, SSIM, the classifier's accuracy], means over the test images."""

    def one() -> list[float]:
        _, test = parts(context)
        made = restored(context, way, damaged(test, damage), seed)
        pair = made.to_nchw(), test.to_nchw(), test.max_value
        accuracy = judge(context, seed).evaluate(made)["accuracy"]
        # A mean of decibels; an image that is restored exactly counts as one level off.
        most = 20 * np.log10(test.max_value) + 10 * np.log10(math.prod(test.shape))
        decibels = float(np.minimum(metrics.psnr(*pair), most).mean())
        return [decibels, float(metrics.ssim(*pair).mean()), accuracy]

    return list(context.cached(f"{damage} {way} {seed}", one))


# -- stages --------------------------------------------------------------------


def data_stage(context: Context) -> None:
    train, test = parts(context)
    class_counts(context, {"training": train, "test": test})
    few, rows = test[:10], [test[:10]]
    rows += [damaged(few, damage) for damage in DAMAGES]
    shown = rows[0]
    for row in rows[1:]:
        shown = shown.joined(row)
    context.figure(
        "damages",
        "As they are, and damaged",
        lambda: plot.sample_grid(
            shown, len(rows), 10, title=None, row_names=["as they are", *DAMAGES]
        ),
    )


def training_stage(context: Context) -> None:
    makers = (judge, restorer)
    cases = [(make, seed) for seed in context.seeds for make in makers]
    context.parallel_map(lambda case: case[0](context, case[1]), cases)
    test = parts(context)[1]
    clean = [judge(context, s).evaluate(test)["accuracy"] for s in context.seeds]
    context.measure("clean", clean)
    context.text(
        f"The classifier saw clean digits; the autoencoder learned from {LEARNED_FROM} "
        "and met the other damages only here."
    )


def scores_stage(context: Context) -> None:
    cases = [(d, w, s) for d in DAMAGES for w in WAYS for s in context.seeds]
    found = context.parallel_map(lambda case: score(context, *case), cases)
    rows = [(*case, *scores) for case, scores in zip(cases, found, strict=True)]
    frame = pd.DataFrame(rows, columns=["damage", "way", "seed", *COLUMNS])
    context.table("scores", "Each damage, each way", frame)
    grouped = frame.groupby(["damage", "way"], sort=False)
    titles = {
        "psnr": "Peak signal-to-noise ratio, dB",
        "ssim": "Structural similarity",
        "accuracy": "The classifier's accuracy",
    }
    for column, title in titles.items():
        grid = grouped[column].mean().unstack()[list(WAYS)].loc[list(DAMAGES)]
        context.figure(column, title, partial(plot.heat_map, grid, column))
    for (damage, way), part in grouped:
        for column in COLUMNS:
            context.measure(f"{damage}, {way}, {column}", part[column])


def pictures_stage(context: Context) -> None:
    """The same digits through every way."""
    few = parts(context)[1][:8]
    for damage in DAMAGES:
        spoiled = damaged(few, damage)
        shown = few
        for way in WAYS:
            shown = shown.joined(restored(context, way, spoiled, context.seeds[0]))
        context.figure(
            f"restored_{damage.removesuffix(' %').replace(' ', '_')}",
            f"{damage}: as they were; " + "; ".join(WAYS),
            partial(plot.sample_grid, shown, len(WAYS) + 1, 8, title=None),
        )


def recipe() -> Recipe:
    return Recipe(
        name="denoise",
        title="Noise taken away, and what a classifier makes of the rest",
        paper="Asked by the thesis on Kaggle's digits (denoising autoencoder, blur, sharpen)",
        summary="autoencoder, blur, sharpen, median on noisy digits: PSNR, SSIM, accuracy",
        claims=(
            Claim("clean", "accuracy on the clean test images", None),
            *(
                Claim(
                    f"{damage}, {way}, {column}",
                    f"{damage}: {way}, {column}",
                    None,
                    unit,
                )
                for damage in DAMAGES
                for way in WAYS
                for column, unit in zip(COLUMNS, ("dB", "", "%"), strict=True)
            ),
        ),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("training", "Training", training_stage, 30),
            Stage("scores", "Scores", scores_stage, 10),
            Stage("pictures", "To look at", pictures_stage, 1),
        ),
        remarks=(
            "The thesis shows the autoencoder's images without a number; none stands as "
            "claimed.",
            "PSNR and SSIM (Wang et al., 2004) are means over the test images; what a "
            "person or a classifier needs is not what they measure.",
        ),
        seeds=3,
    )
