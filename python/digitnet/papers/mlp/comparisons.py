"""What the validation part decides, one question after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from digitnet.experiments.context import Context
from digitnet.papers.mlp.searches import finalists
from digitnet.papers.mlp.settings import (
    ACTIVATIONS,
    START,
    Settings,
    fit_options,
    long_epochs,
    make,
    parts,
    short_epochs,
)

# Usual peaks of one cycle; each is tried at a third, once and three times that.
RATES = {"adam": 0.002, "adamw": 0.002, "rmsprop": 0.001, "sgd": 0.1}
FACTORS = (1 / 3, 1, 3)
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
AUGMENTATIONS = {
    "rotation": "rotate 10deg",
    "translation": "shift 1px",
    "scaling": "zoom 10%",
    "noise": "noise 10%",
    "all four": "shift 1px | rotate 10deg | zoom 10% | noise 10%",
}
Options = Mapping[Any, Settings]


class Score(NamedTuple):
    """Means over the seeds that comparisons use."""

    accuracy: float  # on the validation part
    seconds: float  # of training


def comparison_seeds(context: Context) -> list[int]:
    return context.seeds[: context.size(smoke=1, quick=1, default=1, full=3)]


def _measured(
    context: Context, settings: Settings, epochs: int, seed: int
) -> list[float]:
    """[validation accuracy, seconds], measured before or now."""

    def one() -> list[float]:
        train, validation, _ = parts(context)
        model = make(settings, train.shape, seed)
        options = fit_options(settings, epochs, seed)
        history = model.fit(train, progress=False, **options)
        accuracy = model.evaluate(validation)["accuracy"]
        return [accuracy, float(np.sum(history["seconds"]))]

    return context.cached(f"{settings} {epochs} {seed}", one)


def scores_of(
    context: Context, options: Options, epochs: int | None = None
) -> dict[Any, Score]:
    """Scores by name; they were measured before, or are now."""
    length = epochs or short_epochs(context)
    return {
        name: Score(
            *np.mean(
                [
                    _measured(context, settings, length, seed)
                    for seed in comparison_seeds(context)
                ],
                axis=0,
            ).tolist()
        )
        for name, settings in options.items()
    }


def compared(
    context: Context, options: Options, epochs: int | None = None
) -> dict[Any, Score]:
    """The same, as the work of a stage: side by side, and its bar moves."""
    length = epochs or short_epochs(context)
    cases = [(name, s) for name in options for s in comparison_seeds(context)]
    context.parallel_map(
        lambda case: _measured(context, options[case[0]], length, case[1]), cases
    )
    return scores_of(context, options, epochs)


def best(scores: Mapping[Any, Score]) -> Any:
    return max(scores, key=lambda name: scores[name].accuracy)


def tried(context: Context, options: dict[Any, Settings]) -> dict[Any, Settings]:
    """What is compared: two of them in smoke mode."""
    names = list(options)[: 2 if context.mode == "smoke" else None]
    return {name: options[name] for name in names}


# -- the questions, in turn ----------------------------------------------------


def activations(context: Context, base: Settings) -> dict[Any, Settings]:
    return tried(context, {name: base | {"activation": name} for name in ACTIVATIONS})


def optimizers(context: Context, base: Settings) -> dict[Any, Settings]:
    """Each at three rates, which follow the rate that the searches found for Adam."""
    ratio = base["learning_rate"] / START["learning_rate"]
    options = {}
    for name, usual in RATES.items():
        for factor in FACTORS:
            rate = float(f"{usual * ratio * factor:.3g}")
            options[name, rate] = base | {"optimizer": name, "learning_rate": rate}
    return tried(context, options)


def penalised(context: Context, base: Settings) -> dict[Any, Settings]:
    return tried(context, {name: base | more for name, more in PENALTIES.items()})


# The winner of each goes into the next.
QUESTIONS = (finalists, activations, optimizers)


def chosen_so_far(context: Context, *, questions: int = len(QUESTIONS)) -> Settings:
    """START with what won the first so many questions."""
    settings = dict(START)
    for question in QUESTIONS[:questions]:
        options = question(context, settings)
        settings = options[best(scores_of(context, options))]
    return settings


def candidates(context: Context) -> dict[Any, Settings]:
    """For the long training: the winners with more or less regularisation."""
    base = chosen_so_far(context)
    scores = scores_of(context, penalised(context, base))
    drop, l2 = (
        best(
            {name: s for name, s in scores.items() if word in name}
            or {"none": Score(0, 0)}
        )
        for word in ("dropout", "L2")
    )
    smoothed = {"label_smoothing": 0.05}
    return {
        "as it is": base,
        drop: base | PENALTIES[drop],
        f"{drop}, {l2}": base | PENALTIES[drop] | PENALTIES[l2],
        f"{drop}, smoothed labels": base | PENALTIES[drop] | smoothed,
        f"{drop}, {l2}, smoothed labels": base
        | PENALTIES[drop]
        | PENALTIES[l2]
        | smoothed,
    }


def final_settings(context: Context) -> Settings:
    """What the paper describes, or what the validation part chose."""
    if context.protocol == "paper":
        return dict(START)
    options = candidates(context)
    return options[best(scores_of(context, options, long_epochs(context)))]


def augmented(context: Context) -> dict[Any, Settings]:
    """The final settings with each augmentation, and without one."""
    base = final_settings(context)
    options = {name: base | {"augment": text} for name, text in AUGMENTATIONS.items()}
    return tried(context, {"none": base, **options})


def augmentation(context: Context) -> str:
    """The name of the one that is tested: all that the paper names, or the best one."""
    if context.protocol == "paper":
        return "all four"
    scores = scores_of(context, augmented(context), long_epochs(context))
    return str(best({name: s for name, s in scores.items() if name != "none"}))
