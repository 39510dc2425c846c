"""The stages that train for good and look at the test part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digitnet import plot
from digitnet.experiments.context import Context, points_text
from digitnet.experiments.report_sections import confusion, scores
from digitnet.models.pictures import prepare
from digitnet.papers.mlp.comparisons import (
    AUGMENTATIONS,
    augmentation,
    final_settings,
)
from digitnet.papers.mlp.settings import (
    START,
    fit_options,
    long_epochs,
    make,
    parts,
)

# Where the pen goes that draws a 3, in pixels of a sheet of 200 x 240.
_PEN = [
    *((62, 58), (78, 40), (104, 33), (130, 42), (140, 64), (132, 88), (112, 104)),
    *((94, 110), (116, 114), (138, 128), (147, 152), (140, 180), (118, 198)),
    *((90, 202), (66, 192), (52, 174)),
]
_FILTERS = 32  # of the first layer that are drawn


def trained(context: Context, seed: int, *, augment: str = "") -> Any:
    """(model, history) of the final settings, with an augmentation of this text or none."""
    train, validation, _ = parts(context)
    settings = final_settings(context)
    if augment:
        settings |= {"augment": augment}
    return context.trained(
        f"final {context.protocol} {seed} {augment}".strip(),
        lambda: make(settings, train.shape, seed),
        train,
        validation,
        **fit_options(settings, long_epochs(context), seed),
    )


def training_stage(context: Context) -> None:
    train, _, test = parts(context)
    keys = ["accuracy", "precision_macro", "recall_macro", "f1_macro"]
    runs = context.parallel_map(lambda seed: trained(context, seed), context.seeds)
    rows = []
    for model, _ in runs:
        report = model.evaluate(test)
        rows.append([model.evaluate(train)["accuracy"], *(report[key] for key in keys)])
    columns = ["training accuracy", *keys]
    histories = [history for _, history in runs]
    scores(context, "Scores of the trained networks", rows, columns, histories)


def augmented_stage(context: Context) -> None:
    """The same seeds with and without the augmentation, on the test part."""
    train, _, test = parts(context)
    name = augmentation(context)
    text = AUGMENTATIONS[name]
    context.figure(
        "augmented",
        f"What the network sees: {name}",
        lambda: plot.augmented(train, text, 3, 8),
    )
    cases = [(seed, augment) for seed in context.seeds for augment in ("", text)]
    runs = context.parallel_map(
        lambda case: trained(context, case[0], augment=case[1]), cases
    )
    rows = [
        (seed, augment or "none", model.evaluate(test)["accuracy"], sum(h["seconds"]))
        for (seed, augment), (model, h) in zip(cases, runs, strict=True)
    ]
    columns = ["seed", "augmentation", "test accuracy", "seconds"]
    frame = pd.DataFrame(rows, columns=columns)
    context.table("augmented", "With and without augmentation, paired seeds", frame)
    pairs = frame.pivot(index="seed", columns="augmentation", values="test accuracy")
    pairs = pairs[["none", text]]
    context.figure(
        "augmented_scores",
        "Test accuracy with and without augmentation, every seed a point",
        lambda: plot.distribution(pairs, "test accuracy"),
    )
    gain = (pairs[text] - pairs["none"]).to_numpy()
    context.measure("augmented accuracy", pairs[text])
    context.measure("augmentation gain", gain)
    context.text(f"{text}: {points_text(gain)}.")


def epochs_stage(context: Context) -> None:
    """More epochs without other change are useless: where validation turns."""
    train, validation, _ = parts(context)
    epochs = context.size(smoke=3, quick=30, default=60, full=120)
    options = fit_options(START | {"learning_rate": 0.001}, epochs, context.seeds[0])
    _, history = context.trained(
        "many epochs",
        lambda: make(START, train.shape, context.seeds[0]),
        train,
        validation,
        schedule="constant",
        **options,
    )
    turn = int(np.argmin(history["val_loss"])) + 1
    spent = float(np.sum(history["seconds"][:turn]))
    context.text(
        f"With a constant rate and nothing else changed, the validation loss is least "
        f"after epoch {turn} ({spent:.0f} s); at epoch {epochs} "
        f"({np.sum(history['seconds']):.0f} s) it is "
        f"{history['val_loss'][-1] / min(history['val_loss']):.1f} times that, and the "
        f"accuracy {100 * history['val_accuracy'][-1]:.2f} % after "
        f"{100 * history['val_accuracy'][turn - 1]:.2f} %."
    )
    context.figure("epochs", "Ever more epochs", lambda: plot.training_curves(history))
    context.figure(
        "time",
        "Validation accuracy against seconds of training",
        lambda: plot.against_time(history),
    )
    context.measure("turning epoch", turn)


def inside_stage(context: Context) -> None:
    """The weights of the first layer, as pictures of the image's size."""
    train, _, _ = parts(context)
    seed = context.seeds[0]
    after, _ = trained(context, seed)
    before = make(final_settings(context), train.shape, seed)
    context.figure(
        "weights",
        f"The weights of the first {_FILTERS} units of the first layer",
        lambda: plot.filters(
            {"before training": before, "after": after}, "dense1", max_filters=_FILTERS
        ),
    )


def report_stage(context: Context) -> None:
    _, _, test = parts(context)
    model, _ = trained(context, context.seeds[0])
    report = model.evaluate(test)
    confusion(context, report)
    context.figure("predictions", "Predictions", lambda: plot.predictions(report))
    context.table("per_class", "Each class", report.per_class)


def draw_three(path: Path) -> None:
    """Write a picture of a 3 in blue ink on slightly grey paper."""
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", (200, 240), (244, 242, 236))
    pen = ImageDraw.Draw(sheet)
    pen.line(_PEN, fill=(28, 40, 120), width=13, joint="curve")
    for x, y in (_PEN[0], _PEN[-1]):
        pen.ellipse((x - 6, y - 6, x + 6, y + 6), fill=(28, 40, 120))
    sheet.save(path)


def drawing_stage(context: Context) -> None:
    """A drawing from an image file, recognised as `digitnet predict --as scan` does."""
    model, _ = trained(context, context.seeds[0])
    path = context.out / "drawing.png"
    draw_three(path)
    image = prepare(model, path, "scan")
    probabilities = model.predict_proba(image)[0]
    predicted = model.classes[int(probabilities.argmax())]
    context.measure("digit", float(predicted))
    context.text(
        f"A 3 drawn with a pen of one width into drawing.png, 200x240 pixels: located, "
        f"centred as MNIST's digits are, and recognised as {predicted} "
        f"({probabilities.max():.1%})."
    )
    context.figure("drawing", "The drawing", lambda: plot.drawing(path, image, model))
