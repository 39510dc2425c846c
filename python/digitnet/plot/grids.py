"""Image grids: samples, augmentations, predictions, mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._utils.arrays import as_array, as_whole
from digitnet.augment import Pipeline, as_text
from digitnet.data.dataset import Dataset
from digitnet.evaluation.comparison import Comparison
from digitnet.models.base import BaseModel
from digitnet.plot.classes import short
from digitnet.plot.display import GREEN, GREY, ORANGE, RED, Display, axes_for
from digitnet.plot.sheet import Sheet
from digitnet.report import Report

_MAX_CLASSES, _CLASSES_A_ROW = 200, 20  # of which one sample each is shown


def _whole_indices(indices: Any, count: int, where: str) -> npt.NDArray[np.int64]:
    """Indices of samples, (n,), below their count; negative ones from the end."""
    chosen = as_array(indices, where)
    if chosen.ndim != 1 or (chosen.size and chosen.dtype.kind not in "iu"):
        raise ValueError(
            f"{where}: expected a list of whole numbers, got {chosen.dtype} of shape "
            f"{chosen.shape}"
        )
    if chosen.size and not -count <= chosen.min() <= chosen.max() < count:
        raise ValueError(
            f"{where}: expected indices below {count}, got {chosen.min()} to "
            f"{chosen.max()}"
        )
    return chosen.astype(np.int64)


def _label(data: Dataset, index: Any) -> str:
    return "" if data.labels is None else data.classes[data.labels[index]]


def _rows_of_five(count: int) -> tuple[int, int]:
    """Rows and columns for so many images."""
    columns = min(5, max(1, count))
    return max(1, -(-count // columns)), columns


def sample_grid(
    data: Dataset,
    rows: int = 5,
    columns: int = 5,
    ax: Any = None,
    *,
    seed: int | None = None,
    title: str | None = "Samples",
    row_names: Sequence[str] = (),
) -> Display:
    """Images with their classes: the first ones, or random ones by `seed`.

    Args:
        data: Where the images come from.
        rows: Maximum of rows.
        columns: Images a row.
        ax: Axes to draw into.
        seed: Seed of random ones.
        title: Title of the figure; None for none.
        row_names: Names left of the rows.
    Returns:
        A Display whose data are the indices shown.
    """
    if rows < 1 or columns < 1:
        raise ValueError(
            f"sample_grid: expected at least one row and column, got {rows}x{columns}"
        )
    count = min(rows * columns, len(data))
    chosen = np.arange(count)
    if seed is not None:
        chosen = np.random.default_rng(seed).choice(len(data), count, replace=False)
    if len(row_names) > rows:
        raise ValueError(
            f"sample_grid.row_names: expected at most {rows}, got {len(row_names)}"
        )
    ax = axes_for(ax, 0.9 * columns + bool(row_names), 1.05 * rows)
    sheet = Sheet(ax, rows, columns)
    for place, index in enumerate(chosen):
        image, label = data[int(index)][0], _label(data, index)
        sheet.image(divmod(place, columns), image, data.max_value, label)
    for row, name in enumerate(row_names):
        sheet.name_row(row, name)
    if title:
        ax.set_title(title)
    return Display(ax.figure, ax, chosen)


def augmented(
    data: Dataset,
    augment: Any,
    rows: int = 5,
    columns: int = 8,
    ax: Any = None,
    *,
    seed: int = 0,
) -> Display:
    """Each of the first images, on the left, and augmented versions of it.

    Args:
        data: Where the images come from.
        augment: A pipeline or its text.
        rows: How many images.
        columns: How many draws of each: those of epochs 1, 2, ...
        ax: Axes to draw into.
        seed: Seed of the draws.
    Returns:
        A Display whose data are the drawn images, (rows, columns, C, H, W) as floats.
    """
    if rows < 1 or columns < 1:
        raise ValueError(
            f"augmented: expected at least one row and column, got {rows}x{columns}"
        )
    pipeline = Pipeline(as_text(augment))
    part = data[: min(rows, len(data))]
    images = part.images.reshape(len(part), *data.shape)
    drawn = np.stack(
        [
            pipeline(images, seed=seed, epoch=epoch, max_value=data.max_value)
            for epoch in range(1, columns + 1)
        ],
        axis=1,
    )
    ax = axes_for(ax, 0.8 * (columns + 1), 0.8 * len(part) + 0.3)
    sheet = Sheet(ax, len(part), columns + 1, titles=False)
    for i in range(len(part)):
        sheet.name_row(i, _label(data, i))
        for j, image in enumerate([images[i], *drawn[i]]):
            sheet.image((i, j), image, data.max_value)
    ax.set_title(pipeline.text or "no augmentation", fontsize=9)
    return Display(ax.figure, ax, drawn)


def restorations(
    model: BaseModel,
    data: Dataset,
    augment: Any,
    columns: int = 8,
    ax: Any = None,
    *,
    seed: int = 0,
) -> Display:
    """The first images, the same with noise, and what a model reconstructs from those.

    Args:
        model: One that makes images.
        data: Where the images come from.
        augment: A pipeline or its text, of operations on pixels, such as "noise 30%".
        columns: How many images.
        ax: Axes to draw into.
        seed: Seed of the noise.
    Returns:
        A Display whose data are the mean squared errors before and after, on a scale
        of 0 to 1.
    """
    part = data[: min(columns, len(data))]
    clean = part.images.reshape(len(part), *data.shape).astype(np.float32)
    pipeline = Pipeline(as_text(augment))
    noisy = pipeline(clean, seed=seed, max_value=data.max_value)
    corrupted = part.with_images(noisy)
    restored = model.reconstruct(corrupted) * data.max_value
    ax = axes_for(ax, 0.9 * len(part) + 0.8, 3)
    sheet = Sheet(ax, 3, len(part), titles=False)
    rows = (("as it was", clean), ("corrupted", noisy), ("restored", restored))
    for i, (name, images) in enumerate(rows):
        sheet.name_row(i, name)
        for j, image in enumerate(images):
            sheet.image((i, j), image, data.max_value)
    errors = [
        float(np.square((images - clean) / data.max_value).mean())
        for images in (noisy, restored)
    ]
    ax.set_title(
        f"{pipeline.text}: squared error {errors[0]:.4f}, then {errors[1]:.4f}"
    )
    return Display(ax.figure, ax, np.array(errors))


def one_per_class(data: Dataset, ax: Any = None, *, seed: int | None = None) -> Display:
    """One sample of each class: the first, or a random one by `seed`.

    Of more than 200 classes with samples the first 200 are shown.
    """
    labels = data.require_labels("one_per_class")
    rng = np.random.default_rng(seed)
    chosen = []
    for k in np.unique(labels)[:_MAX_CLASSES]:
        members = np.flatnonzero(labels == k)
        chosen.append(int(members[0] if seed is None else rng.choice(members)))
    columns = max(1, min(len(chosen), _CLASSES_A_ROW))
    rows = max(1, -(-len(chosen) // columns))
    ax = axes_for(ax, 0.95 * columns, 1.25 * rows)
    sheet = Sheet(ax, rows, columns)
    for place, index in enumerate(chosen):
        at = divmod(place, columns)
        sheet.image(at, data[index][0], data.max_value, _label(data, index))
    return Display(ax.figure, ax, np.array(chosen))


def predictions(
    report: Report,
    count: int = 25,
    ax: Any = None,
    *,
    indices: Any = None,
    seed: int = 0,
) -> Display:
    """Images with bars of their probabilities: true class orange, predicted green.

    Above each stand the true class, the predicted one and its probability.

    Args:
        report: From `model.evaluate`.
        count: How many random samples.
        ax: Axes to draw into.
        indices: Which samples, instead.
        seed: Seed of the random ones.
    Raises:
        ValueError: no such sample.
    """
    present = len(report.labels)
    count = as_whole(count, "predictions.count")
    if indices is None:
        rng = np.random.default_rng(as_whole(seed, "predictions.seed"))
        indices = rng.choice(present, min(count, present), replace=False)
    chosen = _whole_indices(indices, present, "predictions.indices")
    rows, columns = _rows_of_five(len(chosen))
    ax = axes_for(ax, 2.5 * columns, 1.5 * rows)
    sheet = Sheet(ax, rows, 2 * columns)
    for place, index in enumerate(chosen):
        row, column = divmod(place, columns)
        _prediction(sheet, (row, 2 * column), report, int(index))
    return Display(ax.figure, ax, chosen)


def _prediction(sheet: Sheet, at: tuple[int, int], report: Report, index: int) -> None:
    true, predicted = int(report.labels[index]), int(report.predicted[index])
    probability = report.probabilities[index]
    colours = [GREY] * len(probability)
    colours[true] = ORANGE
    colours[predicted] = GREEN
    sheet.image(at, report.data[index][0], report.data.max_value)
    numbers = [str(k) for k in range(len(probability))]
    sheet.bars((at[0], at[1] + 1), probability, colours, numbers)
    first, second = (short(report.classes[k]) for k in (true, predicted))
    names = f"true {first} / predicted {second}"
    title = f"{names} / {100 * probability[predicted]:.0f} %"
    sheet.title(at, title, "black" if true == predicted else RED, 2)


def disagreements(comparison: Comparison, count: int = 20, ax: Any = None) -> Display:
    """Images that two models classify differently, with the true and both predicted classes.

    Args:
        comparison: From `digitnet.compare`.
        count: Maximum of images; those come first on which one of the two is right.
        ax: Axes to draw into.
    Returns:
        A Display whose data are the indices.
    """
    differing = comparison.differing
    either = np.concatenate([comparison.only(0), comparison.only(1)])
    order = np.argsort(~np.isin(differing, either), kind="stable")
    chosen = differing[order][:count]
    rows, columns = _rows_of_five(len(chosen))
    ax = axes_for(ax, 1.7 * columns, 1.7 * rows + 0.3)
    ax.set_title(" / ".join(comparison.names), fontsize=9)
    if not len(chosen):
        ax.set_axis_off()
        ax.text(0.5, 0.5, "they never differ", ha="center", va="center")
        return Display(ax.figure, ax, chosen)
    first, second = comparison.reports
    sheet = Sheet(ax, rows, columns)
    for place, index in enumerate(chosen):
        predicted = [first.classes[r.predicted[index]] for r in (first, second)]
        title = f"{' / '.join(predicted)} (it is {first.classes[first.labels[index]]})"
        image = first.data[int(index)][0]
        sheet.image(divmod(place, columns), image, first.data.max_value, title)
    return Display(ax.figure, ax, chosen)


def misclassified(
    report: Report, count: int = 25, ax: Any = None, *, indices: Any = None
) -> Display:
    """Misclassified samples, the most confident first, or those of `indices`.

    The Display's data are their indices.
    """
    count = as_whole(count, "misclassified.count")
    chosen = report.mistakes
    if indices is not None:
        present = len(report.labels)
        chosen = _whole_indices(indices, present, "misclassified.indices")
    chosen = chosen[:count]
    rows, columns = _rows_of_five(len(chosen))
    ax = axes_for(ax, 1.5 * columns, 1.6 * rows)
    if not len(chosen):
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no mistakes", ha="center", va="center")
        return Display(ax.figure, ax, chosen)
    sheet = Sheet(ax, rows, columns)
    for place, index in enumerate(chosen):
        true, predicted = report.labels[index], report.predicted[index]
        confidence = report.probabilities[index, predicted]
        title = (
            f"{report.classes[true]} > {report.classes[predicted]} ({confidence:.0%})"
        )
        image = report.data[int(index)][0]
        sheet.image(divmod(place, columns), image, report.data.max_value, title, RED)
    ax.set_title("Mistakes: true > predicted (confidence)", fontsize=10)
    return Display(ax.figure, ax, chosen)
