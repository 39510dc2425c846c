"""Learning-rate range test and learning curves: choices before a long training."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digitnet._utils.arrays import as_whole
from digitnet._utils.deprecation import renamed_arguments
from digitnet._utils.figures import Display, draw
from digitnet._utils.parallel import parallel_map
from digitnet.data.dataset import Dataset
from digitnet.data.interop import as_dataset
from digitnet.models.model import Model
from digitnet.models.zoo import maker_for
from digitnet.train.fit_data import sample_weights

if TYPE_CHECKING:
    import pandas as pd

_SMOOTHING = 0.9
_LARGEST_GROWTH = 1e12  # of the schedule "exponential"
_TOO_HIGH = 4.0  # times the lowest loss: beyond it nothing is learned


class LearningRates:
    """Losses of a training whose learning rate rises from step to step.

    Attributes:
        rates, losses: Learning rate and loss of each step, float64 (steps,), until the loss
            was four times its minimum or not finite.
        smoothed: The losses' moving average.
        steepest: The rate at which the smoothed loss fell fastest: a good peak for a
            constant or one-cycle schedule.
        lowest: The rate at which it was lowest: too high by a factor of a few.
    """

    def __init__(
        self, rates: npt.NDArray[np.float64], losses: npt.NDArray[np.float64]
    ) -> None:
        smoothed = _smoothed(losses)
        with np.errstate(invalid="ignore"):
            beyond = ~(smoothed <= _TOO_HIGH * np.fmin.accumulate(smoothed))
        end = int(beyond.argmax()) if beyond.any() else len(losses)
        if end < 3:
            raise ValueError(
                f"find_learning_rate.min_lr: expected a rate that learns, got {rates[0]:.3g} "
                "where the loss already grows; start lower"
            )
        self.rates, self.losses = rates[:end], losses[:end]
        self.smoothed = smoothed[:end]
        gradients = np.gradient(self.smoothed, np.log(self.rates))
        lowest = int(self.smoothed.argmin())
        steepest = int(gradients[: lowest + 1].argmin())
        self.lowest = float(self.rates[lowest])
        self.steepest = float(self.rates[steepest])

    def plot(self, ax: Any = None) -> Display:
        """See `digitnet.plot.learning_rates`."""
        return draw(self, ax=ax)

    def __repr__(self) -> str:
        return (
            f"LearningRates(steepest {self.steepest:.2g}, lowest loss at "
            f"{self.lowest:.2g}, {len(self.rates)} steps)"
        )


def _smoothed(losses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A moving average, corrected for its start at zero."""
    mean, means = 0.0, []
    for step, loss in enumerate(losses, 1):
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
        means.append(mean / (1 - _SMOOTHING**step))
    return np.array(means)


@renamed_arguments(least="min_lr", most="max_lr")
def find_learning_rate(
    model: Model,
    data: Any,
    *,
    min_lr: float = 1e-6,
    max_lr: float = 1.0,
    steps: int = 150,
    **options: Any,
) -> LearningRates:
    """Train a copy of a model while the rate rises, and see where the loss falls.

    The model itself stays as it is.

    Args:
        model: The model that is to be trained.
        data: A Dataset or a pair (images, labels). Of more samples than the steps take,
            so many are drawn by the seed.
        min_lr, max_lr: First and last rate, 0 < min_lr < max_lr.
        steps: Steps from one to the other, at least 20.
        **options: Options of `Model.fit`, such as batch_size, optimizer, augment.
    Returns:
        A LearningRates.
    Raises:
        ValueError: rates that are no range, or options that `fit` refuses.
    Source:
        Smith, "Cyclical learning rates", WACV 2017, section 3.3.
    Example:
        >>> train, _ = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", (8, 8))
        >>> result = digitnet.find_learning_rate(model, train, steps=40)
        >>> 1e-6 <= result.steepest <= result.lowest <= 1
        True
    """
    if not (0 < min_lr < max_lr < math.inf):
        raise ValueError(
            f"find_learning_rate: expected 0 < min_lr < max_lr, got {min_lr} and {max_lr}"
        )
    for name in ("epochs", "learning_rate", "schedule", "validation", "record_steps"):
        if name in options:
            raise ValueError(
                f"find_learning_rate.{name}: expected none, got {options[name]!r}; give "
                "min_lr, max_lr and steps"
            )
    steps = as_whole(steps, "find_learning_rate.steps", 20, 100_000)
    samples = as_dataset(data, "find_learning_rate.data", max_value=model.max_value)
    size = as_whole(options.get("batch_size", 64), "fit.batch_size", 1)
    epochs = math.ceil(steps / max(1, math.ceil(len(samples) / size)))
    batches = math.ceil(steps / epochs)
    samples, options = _at_random(samples, batches * size, options)
    # The schedule ends with the last epoch; the requested steps are its beginning.
    growth = (max_lr / min_lr) ** ((epochs * batches - 1) / (steps - 1))
    if growth > _LARGEST_GROWTH:
        raise ValueError(
            f"find_learning_rate: expected max_lr below about {_LARGEST_GROWTH:g} times "
            f"min_lr, got {min_lr:g} and {max_lr:g}"
        )
    copy = copied(model)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "training diverged", RuntimeWarning)
        history = copy.fit(
            samples,
            epochs=epochs,
            learning_rate=min_lr,
            schedule=("exponential", {"end": growth}),
            record_steps=True,
            **{"progress": False} | options,
        )
    rates, losses = (
        np.array(history.steps[name][:steps]) for name in ("learning_rate", "loss")
    )
    return LearningRates(rates, losses)


def _at_random(
    data: Dataset, count: int, options: dict[str, Any]
) -> tuple[Dataset, dict[str, Any]]:
    """At most so many samples, by the options' seed, and the options with their weights."""
    if count >= len(data):
        return data, options
    seed = as_whole(options.get("seed", 0), "fit.seed")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(data))[:count])
    if options.get("sample_weight") is not None:
        weights = sample_weights(options["sample_weight"], data)[chosen]
        options = options | {"sample_weight": weights}
    return data[chosen], options


def copied(model: Model) -> Model:
    """An independent model with the same network, preprocessing and weights."""
    copy = Model(
        model.core.network,
        model.input_shape,
        None if model.outputs_images else model.classes,
        preprocess=model.core.preprocess,
        name=model.name,
    )
    copy.load_state_dict(model.state_dict())
    if model.max_value is not None:
        copy.fix_scale(model.max_value)
    copy.image_statistics = model.image_statistics
    return copy


def learning_curve(
    make: Callable[[int], Model] | str,
    train: Dataset,
    validation: Dataset,
    *,
    fractions: Sequence[float] = (0.1, 0.25, 0.5, 1.0),
    seeds: Sequence[int] = (0,),
    jobs: int | None = None,
    **options: Any,
) -> pd.DataFrame:
    """How accuracy grows with the data.

    Args:
        make: Called with a seed, returns a fresh Model; or the name of a network.
        train: What parts are taken of, every class alike.
        validation: Data on which each model is evaluated.
        fractions: Sizes of the parts, each 0 < fraction <= 1.
        seeds: Seeds of the parts and the models; each gives a row for every fraction.
        jobs: Trainings at a time. Default: get_num_threads(), 1 on a GPU.
        **options: Options of `Model.fit`.
    Returns:
        One row a training: fraction, seed, samples, training (accuracy on the part) and
        validation accuracy. `digitnet.plot.learning_curve` draws it.
    Raises:
        ValueError: no fractions or seeds, or a fraction that leaves no sample.
    Example:
        >>> train, validation = digitnet.data.load("digits")[0].split(0.8)
        >>> result = digitnet.learning_curve(
        ...     "linear", train, validation, fractions=(0.2, 1), epochs=2)
        >>> result["samples"].tolist()
        [230, 1150]
    """
    import pandas as pd

    make = maker_for(make, train)
    cases = [(float(part), int(seed)) for part in fractions for seed in seeds]
    if not cases:
        raise ValueError(
            "learning_curve: expected at least one fraction and one seed, got none"
        )

    def one(case: tuple[float, int]) -> tuple[float, int, int, float, float]:
        fraction, seed = case
        part = train.fraction(fraction, seed=seed)
        model = make(seed)
        model.fit(part, **{"progress": False, "seed": seed} | options)
        on_part, on_validation = (
            model.evaluate(data)["accuracy"] for data in (part, validation)
        )
        return fraction, seed, len(part), on_part, on_validation

    columns = ["fraction", "seed", "samples", "training", "validation"]
    return pd.DataFrame(parallel_map(one, cases, jobs=jobs), columns=columns)
