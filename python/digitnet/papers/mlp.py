"""A multi-layer perceptron on the pooled MNIST, 60/20/20, explored on validation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digitnet import layers, plot
from digitnet.data.dataset import Dataset
from digitnet.model import Model
from digitnet.papers.drawing import draw_three
from digitnet.papers.recipe import Claim, Recipe, Stage
from digitnet.papers.workshop import Workshop

SPLIT = (0.6, 0.2, 0.2)
SPLIT_SEED = 0
DEPTHS, WIDTHS = (1, 2, 3), (128, 256, 512)
ACTIVATIONS: dict[str, Callable[[], Any]] = {
    "relu": layers.ReLU,
    "tanh": layers.Tanh,
    "sigmoid": layers.Sigmoid,
    "gelu": layers.GELU,
}
OPTIMIZERS = {"adam": 0.002, "adamw": 0.002, "rmsprop": 0.001, "sgd": 0.1}
PENALTIES: dict[str, dict[str, float]] = {
    "none": {},
    "L1 1e-6": {"l1": 1e-6},
    "L1 1e-5": {"l1": 1e-5},
    "L2 1e-6": {"l2": 1e-6},
    "L2 1e-5": {"l2": 1e-5},
    "L2 1e-4": {"l2": 1e-4},
    "dropout 0.1": {"dropout": 0.1},
    "dropout 0.3": {"dropout": 0.3},
    "dropout 0.5": {"dropout": 0.5},
}
# The first comparison of each kind; the winners go into the next.
START = {"depth": 2, "width": 512, "activation": "relu", "optimizer": "adam"}
Settings = dict[str, Any]


def network(depth: int, width: int, activation: str, dropout: float = 0) -> list[Any]:
    parts: list[Any] = [layers.Flatten()]
    for _ in range(depth):
        parts += [layers.Dense(width), ACTIVATIONS[activation]()]
        if dropout:
            parts.append(layers.Dropout(dropout))
    return [*parts, layers.Dense(10)]


def make(settings: Settings, shape: tuple[int, ...], seed: int) -> Model:
    names = ("depth", "width", "activation", "dropout")
    own = {name: settings[name] for name in names if name in settings}
    return Model(network(**own), shape, seed=seed, name="mlp")


def fit_options(settings: Settings, epochs: int, seed: int) -> dict[str, Any]:
    optimizer = settings["optimizer"]
    penalties = ("l1", "l2", "label_smoothing")
    more: Settings = {k: settings[k] for k in penalties if k in settings}
    momentum: dict[str, float] = {"momentum": 0.9} if optimizer == "sgd" else {}
    return {
        "epochs": epochs,
        "batch_size": 128,
        "optimizer": (optimizer, momentum),
        "learning_rate": OPTIMIZERS[optimizer],
        "seed": seed,
        **more,
    }


def parts(workshop: Workshop) -> tuple[Dataset, Dataset, Dataset]:
    """(training, validation, test) of all 70,000 images."""
    return workshop.remember("parts", lambda: _divided(workshop))


def _divided(workshop: Workshop) -> tuple[Dataset, Dataset, Dataset]:
    train, test = workshop.data("mnist")
    assert train.labels is not None and test.labels is not None
    pooled = Dataset(
        np.concatenate([train.images, test.images]),
        np.concatenate([train.labels, test.labels]),
        max_value=255,
        name=f"{train.name} and test" if workshop.mode != "smoke" else train.name,
    )
    first, second, third = pooled.split(SPLIT, seed=SPLIT_SEED)
    few = workshop.size(smoke=300, quick=12_000, default=None, full=None)
    return workshop.part(first, few), second, third


def score(workshop: Workshop, settings: Settings, epochs: int | None = None) -> float:
    """Validation accuracy, the mean over the seeds that comparisons use."""
    some = workshop.seeds[: workshop.size(smoke=1, quick=1, default=1, full=3)]
    length = epochs or workshop.size(smoke=1, quick=4, default=8, full=20)

    def one(seed: int) -> float:
        train, validation, _ = parts(workshop)
        model = make(settings, train.shape, seed)
        model.fit(train, progress=False, **fit_options(settings, length, seed))
        return model.evaluate(validation)["accuracy"]

    scores = [
        workshop.once(f"{settings} {length} {seed}", partial(one, seed))
        for seed in some
    ]
    return float(np.mean(scores))


def best(scores: dict[Any, float]) -> Any:
    return max(scores, key=lambda name: scores[name])


def tried(workshop: Workshop, options: dict[Any, Settings]) -> dict[Any, Settings]:
    """What is compared: two of them in smoke mode."""
    names = list(options)[: 2 if workshop.mode == "smoke" else None]
    return {name: options[name] for name in names}


def shapes(workshop: Workshop) -> dict[Any, Settings]:
    return tried(
        workshop,
        {(d, w): START | {"depth": d, "width": w} for d in DEPTHS for w in WIDTHS},
    )


def variants(
    workshop: Workshop, name: str, values: Any, base: Settings
) -> dict[Any, Settings]:
    return tried(workshop, {value: base | {name: value} for value in values})


def penalised(workshop: Workshop, base: Settings) -> dict[Any, Settings]:
    return tried(workshop, {name: base | more for name, more in PENALTIES.items()})


def scores_of(
    workshop: Workshop, options: dict[Any, Settings], epochs: int | None = None
) -> dict[Any, float]:
    """Validation accuracies by name; they were measured before, or are now."""
    return {name: score(workshop, own, epochs) for name, own in options.items()}


def compared(
    workshop: Workshop, options: dict[Any, Settings], epochs: int | None = None
) -> dict[Any, float]:
    """The same, as the work of a stage: its bar moves."""
    for name in workshop.each(options):
        score(workshop, options[name], epochs)
    return scores_of(workshop, options, epochs)


def chosen_so_far(workshop: Workshop, *, stages: int) -> Settings:
    """START with the winners of the first comparisons."""
    settings = dict(START)
    if stages >= 1:
        depth, width = best(scores_of(workshop, shapes(workshop)))
        settings |= {"depth": depth, "width": width}
    for number, (name, values) in enumerate(
        (("activation", ACTIVATIONS), ("optimizer", OPTIMIZERS)), start=2
    ):
        if stages >= number:
            options = variants(workshop, name, values, settings)
            settings[name] = best(scores_of(workshop, options))
    return settings


def candidates(workshop: Workshop) -> dict[str, Settings]:
    """For the long training: the winners, more or less held back."""
    base = chosen_so_far(workshop, stages=3)
    scores = scores_of(workshop, penalised(workshop, base))
    drop, l2 = (
        best({name: s for name, s in scores.items() if word in name} or {"none": 0.0})
        for word in ("dropout", "L2")
    )
    return {
        "as it is": base,
        drop: base | PENALTIES[drop],
        f"{drop}, {l2}": base | PENALTIES[drop] | PENALTIES[l2],
        f"{drop}, smoothed labels": base | PENALTIES[drop] | {"label_smoothing": 0.05},
        f"{drop}, {l2}, smoothed labels": base
        | PENALTIES[drop]
        | PENALTIES[l2]
        | {"label_smoothing": 0.05},
    }


def long_epochs(workshop: Workshop) -> int:
    return workshop.size(smoke=2, quick=12, default=30, full=60)


def final_settings(workshop: Workshop) -> Settings:
    """What the paper describes, or what the validation part chose."""
    if workshop.protocol == "paper":
        return dict(START)
    options = candidates(workshop)
    return options[best(scores_of(workshop, options, long_epochs(workshop)))]


# -- stages --------------------------------------------------------------------


def data_stage(workshop: Workshop) -> None:
    train, validation, test = parts(workshop)
    workshop.text(
        f"All images, divided class by class with seed {SPLIT_SEED}: {len(train):,} to "
        f"train, {len(validation):,} to validate, {len(test):,} to test."
    )
    workshop.figure(
        "samples", "Samples", lambda: plot.sample_grid(train, 4, 10, seed=0)
    )
    counts = pd.DataFrame(
        {
            "training": train.class_counts(),
            "validation": validation.class_counts(),
            "test": test.class_counts(),
        },
        index=pd.Index(train.classes, name="class"),
    )
    workshop.table("class_counts", "Samples of each class", counts)


def shape_stage(workshop: Workshop) -> None:
    scores = compared(workshop, shapes(workshop))
    rows = [(depth, width, value) for (depth, width), value in scores.items()]
    frame = pd.DataFrame(rows, columns=["hidden layers", "width", "accuracy"])
    workshop.table("shapes", "Validation accuracy by depth and width", frame)
    grid = frame.pivot(index="hidden layers", columns="width", values="accuracy")
    workshop.figure(
        "shapes",
        "Validation accuracy by depth and width",
        lambda: plot.heat_map(grid, "validation accuracy"),
    )


def _show(workshop: Workshop, name: str, title: str, scores: dict[str, float]) -> None:
    frame = pd.DataFrame(
        {name: list(scores), "validation accuracy": list(scores.values())}
    )
    workshop.table(name, title, frame)
    series = pd.Series(scores, name="validation accuracy")
    workshop.figure(name, title, lambda: plot.comparison(series))


def activation_stage(workshop: Workshop) -> None:
    base = chosen_so_far(workshop, stages=1)
    scores = compared(workshop, variants(workshop, "activation", ACTIVATIONS, base))
    _show(workshop, "activation", "Activations", scores)


def optimizer_stage(workshop: Workshop) -> None:
    base = chosen_so_far(workshop, stages=2)
    scores = compared(workshop, variants(workshop, "optimizer", OPTIMIZERS, base))
    rates = ", ".join(f"{name} {rate:g}" for name, rate in OPTIMIZERS.items())
    workshop.text(f"Peak learning rates of the one-cycle schedule: {rates}.")
    _show(workshop, "optimizer", "Optimizers", scores)


def penalty_stage(workshop: Workshop) -> None:
    base = chosen_so_far(workshop, stages=3)
    scores = compared(workshop, penalised(workshop, base))
    _show(workshop, "penalty", "L1, L2 and dropout", scores)


def choice_stage(workshop: Workshop) -> None:
    epochs = long_epochs(workshop)
    scores = compared(workshop, candidates(workshop), epochs)
    _show(workshop, "choice", f"Candidates, trained for {epochs} epochs", scores)
    settings = ", ".join(f"{k} {v}" for k, v in final_settings(workshop).items())
    workshop.text(f"Chosen on the validation part: {settings}.")


def _trained(workshop: Workshop, seed: int) -> Any:
    train, validation, _ = parts(workshop)
    settings = final_settings(workshop)
    return workshop.trained(
        f"final {workshop.protocol} {seed}",
        lambda: make(settings, train.shape, seed),
        train,
        validation,
        **fit_options(settings, long_epochs(workshop), seed),
    )


def training_stage(workshop: Workshop) -> None:
    train, _, test = parts(workshop)
    keys = ["accuracy", "precision_macro", "recall_macro", "f1_macro"]
    rows, seconds = [], []
    for seed in workshop.each(workshop.seeds):
        model, history = _trained(workshop, seed)
        report = model.evaluate(test)
        rows.append(
            [seed, model.evaluate(train)["accuracy"]] + [report[key] for key in keys]
        )
        seconds.append(float(np.mean(history["seconds"])))
    frame = pd.DataFrame(rows, columns=["seed", "training accuracy", *keys])
    workshop.table("scores", "Scores of the trained networks", frame)
    for key in frame.columns[1:]:
        workshop.measure(key, frame[key])
    workshop.measure("seconds", seconds)
    _, history = _trained(workshop, workshop.seeds[0])
    workshop.figure("curves", "Training curves", lambda: plot.training_curves(history))


def epochs_stage(workshop: Workshop) -> None:
    """More epochs without other change are useless: where validation turns."""
    train, validation, _ = parts(workshop)
    epochs = workshop.size(smoke=3, quick=30, default=60, full=120)
    options = fit_options(dict(START), epochs, 0) | {"schedule": "constant"}
    options["learning_rate"] = 0.001
    _, history = workshop.trained(
        "many epochs",
        lambda: make(dict(START), train.shape, 0),
        train,
        validation,
        **options,
    )
    turn = int(np.argmin(history["val_loss"])) + 1
    spent = float(np.sum(history["seconds"][:turn]))
    workshop.text(
        f"With a constant rate and nothing else changed, the validation loss is least "
        f"after epoch {turn} ({spent:.0f} s); at epoch {epochs} "
        f"({np.sum(history['seconds']):.0f} s) it is "
        f"{history['val_loss'][-1] / min(history['val_loss']):.1f} times that, and the "
        f"accuracy {100 * history['val_accuracy'][-1]:.2f} % after "
        f"{100 * history['val_accuracy'][turn - 1]:.2f} %."
    )
    workshop.figure("epochs", "Ever more epochs", lambda: plot.training_curves(history))
    workshop.figure(
        "time",
        "Validation accuracy against seconds of training",
        lambda: plot.against_time(history),
    )
    workshop.measure("turning epoch", turn)


def report_stage(workshop: Workshop) -> None:
    _, _, test = parts(workshop)
    model, _ = _trained(workshop, workshop.seeds[0])
    report = model.evaluate(test)
    workshop.figure(
        "confusion_matrix",
        "Confusion matrix",
        lambda: plot.confusion_matrix(report.confusion),
    )
    workshop.figure("predictions", "Predictions", lambda: plot.predictions(report))
    workshop.table("per_class", "Each class", report.per_class)


def drawing_stage(workshop: Workshop) -> None:
    """A drawing from an image file, recognised as `digitnet predict --as scan` does."""
    from digitnet.pictures import prepare

    model, _ = _trained(workshop, workshop.seeds[0])
    path = workshop.out / "drawing.png"
    draw_three(path)
    image = prepare(model, path, "scan")
    probabilities = model.predict_proba(image)[0]
    answer = model.classes[int(probabilities.argmax())]
    workshop.text(
        f"A 3 drawn with a pen of one width into drawing.png, 200x240 pixels: found, "
        f"centred as MNIST's digits are, and recognised as {answer} "
        f"({probabilities.max():.1%})."
    )
    workshop.figure("drawing", "The drawing", lambda: plot.drawing(path, image, model))


def recipe() -> Recipe:
    return Recipe(
        name="mlp",
        title="A multi-layer perceptron for MNIST",
        paper="Mahender and others, IJRASET 12 (V), 2024",
        summary="depth, width, activation, optimizer and penalties compared on validation",
        claims=(
            Claim("training accuracy", "training accuracy", 0.989),
            Claim("accuracy", "test accuracy", 0.971),
            Claim("precision_macro", "test precision, macro", None),
            Claim("recall_macro", "test recall, macro", None),
            Claim("f1_macro", "test F1, macro", None),
            Claim("turning epoch", "epoch at which validation loss turns", None, ""),
            Claim("seconds", "seconds an epoch", None, "s"),
        ),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("shape", "Depth and width", shape_stage, 12, ("honest",)),
            Stage("activation", "Activations", activation_stage, 5, ("honest",)),
            Stage("optimizer", "Optimizers", optimizer_stage, 4, ("honest",)),
            Stage("penalty", "Penalties", penalty_stage, 9, ("honest",)),
            Stage("choice", "Choice", choice_stage, 15, ("honest",)),
            Stage("training", "Training and test", training_stage, 15),
            Stage("epochs", "Number of epochs", epochs_stage, 8),
            Stage("report", "Errors", report_stage, 1),
            Stage("drawing", "A drawing", drawing_stage, 1),
        ),
        remarks=(
            "Layers, widths, optimizer and number of epochs are not told; the paper "
            "protocol takes 784-512-512-10 with ReLU and Adam.",
            "The paper speaks of an SVM, a CNN and run times without giving their numbers: "
            "they are compared in the studies.",
            "The split of the pooled 70,000 by 60/20/20 is the paper's; its seed is not.",
        ),
    )
