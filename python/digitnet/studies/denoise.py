"""Noisy digits made clean: by a network that learned it, and by fixed filters."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import corrupt, metrics, models, plot, preprocess
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Workshop
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


def parts(workshop: Workshop) -> tuple[Dataset, Dataset]:
    train, test = workshop.data("mnist")
    few = workshop.size(smoke=150, quick=6_000, default=None, full=None)
    asked = workshop.size(smoke=60, quick=2_000, default=None, full=None)
    return workshop.part(train, few), workshop.part(test, asked)


def judge(workshop: Workshop, seed: int) -> Model:
    """A classifier that saw clean digits only."""
    train, _ = parts(workshop)
    model, _ = workshop.trained(
        f"classifier {seed}",
        lambda: models.make("two-conv-small", classes=train.classes, seed=seed),
        train,
        epochs=workshop.size(smoke=1, quick=5, default=6, full=10),
        batch_size=128,
        learning_rate=0.004,
        seed=seed,
    )
    return model


def restorer(workshop: Workshop, seed: int) -> Model:
    train, _ = parts(workshop)
    model, _ = workshop.trained(
        f"autoencoder {seed}",
        lambda: models.make("autoencoder", seed=seed),
        train,
        epochs=workshop.size(smoke=1, quick=8, default=4, full=15),
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


def restored(workshop: Workshop, way: str, data: Dataset, seed: int) -> Dataset:
    if way == NOTHING:
        return data
    if way in FILTERS:
        return preprocess.applied(data, FILTERS[way])
    made = restorer(workshop, seed).restore(data)
    made = np.rint(np.clip(made, 0, 1) * data.max_value).astype(np.uint8)
    return data._like(_base=made, _rows=None)


def score(workshop: Workshop, damage: str, way: str, seed: int) -> list[float]:
    """[PSNR, SSIM, the classifier's accuracy], means over the test images."""

    def one() -> list[float]:
        _, test = parts(workshop)
        made = restored(workshop, way, damaged(test, damage), seed)
        pair = made._whole(), test._whole(), test.max_value
        accuracy = judge(workshop, seed).evaluate(made)["accuracy"]
        # A mean of decibels; an image that is restored exactly counts as one level off.
        most = 20 * np.log10(test.max_value) + 10 * np.log10(test._base[0].size)
        decibels = float(np.minimum(metrics.psnr(*pair), most).mean())
        return [decibels, float(metrics.ssim(*pair).mean()), accuracy]

    return list(workshop.once(f"{damage} {way} {seed}", one))


# -- stages --------------------------------------------------------------------


def data_stage(workshop: Workshop) -> None:
    train, test = parts(workshop)
    class_counts(workshop, {"training": train, "test": test})
    few, rows = test[:10], [test[:10]]
    rows += [damaged(few, damage) for damage in DAMAGES]
    shown = rows[0]
    for row in rows[1:]:
        shown = shown.joined(row)
    workshop.figure(
        "damages",
        "As they are, and damaged",
        lambda: plot.sample_grid(
            shown, len(rows), 10, title=None, row_names=["as they are", *DAMAGES]
        ),
    )


def training_stage(workshop: Workshop) -> None:
    makers = (judge, restorer)
    cases = [(make, seed) for seed in workshop.seeds for make in makers]
    workshop.at_once(lambda case: case[0](workshop, case[1]), cases)
    test = parts(workshop)[1]
    clean = [judge(workshop, s).evaluate(test)["accuracy"] for s in workshop.seeds]
    workshop.measure("clean", clean)
    workshop.text(
        f"The classifier saw clean digits; the autoencoder learned from {LEARNED_FROM} "
        "and met the other damages only here."
    )


def scores_stage(workshop: Workshop) -> None:
    cases = [(d, w, s) for d in DAMAGES for w in WAYS for s in workshop.seeds]
    found = workshop.at_once(lambda case: score(workshop, *case), cases)
    rows = [(*case, *scores) for case, scores in zip(cases, found, strict=True)]
    frame = pd.DataFrame(rows, columns=["damage", "way", "seed", *COLUMNS])
    workshop.table("scores", "Each damage, each way", frame)
    grouped = frame.groupby(["damage", "way"], sort=False)
    titles = {
        "psnr": "Peak signal-to-noise ratio, dB",
        "ssim": "Structural similarity",
        "accuracy": "The classifier's accuracy",
    }
    for column, title in titles.items():
        grid = grouped[column].mean().unstack()[list(WAYS)].loc[list(DAMAGES)]
        workshop.figure(column, title, partial(plot.heat_map, grid, column))
    for (damage, way), part in grouped:
        for column in COLUMNS:
            workshop.measure(f"{damage}, {way}, {column}", part[column])


def pictures_stage(workshop: Workshop) -> None:
    """The same digits through every way."""
    few = parts(workshop)[1][:8]
    for damage in DAMAGES:
        spoiled = damaged(few, damage)
        shown = few
        for way in WAYS:
            shown = shown.joined(restored(workshop, way, spoiled, workshop.seeds[0]))
        workshop.figure(
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
