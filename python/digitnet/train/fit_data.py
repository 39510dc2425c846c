"""What `fit` trains on: parts held out, copies, weights, and their checks."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils.arrays import as_array, as_real
from digitnet.augment import as_text
from digitnet.data.checks import by_class, copies_by_class
from digitnet.data.class_names import matched, numbered, settled
from digitnet.data.dataset import Dataset
from digitnet.data.fingerprint import fingerprint
from digitnet.data.image_checks import require_scale, require_shape
from digitnet.data.interop import as_dataset
from digitnet.train.trainable import Trainable


@dataclass
class FitData:
    """What a training learns from and is validated on, checked against the model.

    Attributes:
        training: What is learned from; with a target, both domains.
        sample_weights: (N,) or None.
        validation: What is held out, or None.
        domains: 0 or 1 for each sample of `training` with a target, else None.
        calibration: What the temperature is fitted on at the end, or None.
        inputs: What was given to `fit`, the training data first, and the fingerprints that
            it had then.
        classes: Names in the order of the given data's labels, which what is given by
            class goes by.
    """

    training: Dataset
    sample_weights: Any
    validation: Dataset | None
    domains: npt.NDArray[np.int64] | None = None
    calibration: Dataset | None = None
    inputs: tuple[tuple[Dataset, tuple[int, int]], ...] = ()
    classes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        model: Trainable,
        data: Any,
        validation: Any,
        weights: Any,
        seed: int,
        calibrate: bool | float = True,
        *,
        where: str = "fit",
    ) -> FitData:
        """What was given to `fit`, with the parts held out whose fractions are given."""
        training = as_dataset(data, f"{where}.data", max_value=model.max_value)
        if model.outputs_images:
            training, validation = unlabelled(training), unlabelled(validation)
        weights = sample_weights(weights, training)
        inputs = [training]
        fixed = settled(model.classes, model.max_value)
        if not model.outputs_images:
            training = matched(training, model.classes, f"{where}.data", fixed=fixed)
        parts = hold_out(training, weights, validation, seed, model.max_value)
        training, weights, held_out = parts
        if held_out is not None and not isinstance(validation, Real):
            inputs.append(held_out)
        if held_out is not None and not model.outputs_images:
            names = training.classes if training.named else model.classes
            fixed = fixed or training.named
            held_out = matched(held_out, names, f"{where}.validation", fixed=fixed)
        calibration = None
        if not isinstance(calibrate, bool):
            _check_calibrates(model, where)
            training, weights, calibration = hold_out_fraction(
                training, weights, calibrate, seed, f"{where}.calibrate"
            )
        elif calibrate and held_out is not None and not model.outputs_images:
            # A copy: the caller's labels may have changed when the training ends.
            labels = np.array(held_out.require_labels(f"{where}.validation"))
            calibration = held_out.with_labels(labels, held_out.classes)
        return cls(
            training,
            weights,
            held_out,
            calibration=calibration,
            inputs=tuple((data, fingerprint(data)) for data in inputs),
            classes=inputs[0].classes if inputs[0].named else model.classes,
        )

    @property
    def given_validation(self) -> list[Dataset]:
        """The validation data if they are a set of their own, no part of the training's."""
        return [data for data, _ in self.inputs[1:]]

    def warn_if_changed(self) -> None:
        """RuntimeWarning if images are others than when the training began; of labels and
        weights it has copies."""
        for name, (data, before) in zip(
            ("data", "validation"), self.inputs, strict=False
        ):
            if fingerprint(data)[0] != before[0]:
                warnings.warn(
                    f"fit.{name}: expected images that stay as they are while a model is "
                    "trained, got others at its end; the weights come of both: give fit a "
                    "copy",
                    RuntimeWarning,
                    stacklevel=5,
                )

    def enlarge(self, augment: Any, copies: Any, seed: int) -> None:
        """Append augmented copies to the training set; their weights are the originals'."""
        if not as_text(augment):
            raise ValueError(
                "fit.copies: expected an augmentation that makes them, got none; give augment"
            )
        if self.training.named and not isinstance(copies, int | np.integer):
            by_number = copies_by_class(copies, self.classes).tolist()
            copies = self.placed(dict(enumerate(by_number)))
        if self.sample_weights is not None:
            counts = self.training.copy_counts(copies)
            repeated = np.repeat(self.sample_weights, counts)
            self.sample_weights = np.concatenate([self.sample_weights, repeated])
        self.training = self.training.enlarged(augment, copies, seed=seed)

    def placed(self, values: Mapping[int, Any]) -> dict[int, Any]:
        """Values by class of the given data, by class of the training data, which go by
        the model's names."""
        if not self.training.named:
            return dict(values)
        places = {name: place for place, name in enumerate(self.training.classes)}
        return {
            places[self.classes[k]]: value
            for k, value in values.items()
            if self.classes[k] in places
        }

    def add_target(self, target: Any, model: Trainable) -> None:
        """Check everything; then append another domain's images, if there are any.

        Nothing of the model is changed.
        """
        other = target_set(target, self.training, model.max_value)
        check_data(model, self.training, self.validation, other)
        if other is None:
            return
        sizes = [len(self.training), len(other)]
        if self.sample_weights is not None:
            ones = np.ones(len(other))
            self.sample_weights = np.concatenate([self.sample_weights, ones])
        self.domains = np.repeat(np.array([0, 1]), sizes)
        self.training = self.training.joined(other)


def unlabelled(data: Any) -> Any:
    """The set with one class for all: what a network that makes images is given."""
    if not isinstance(data, Dataset):
        return data
    return data.with_labels(np.zeros(len(data), np.int64))


def target_set(target: Any, data: Dataset, max_value: float | None) -> Dataset | None:
    """Another domain's images, if there are any, with labels that say nothing."""
    if target is None:
        return None
    if not isinstance(target, Dataset):
        target = Dataset(target, max_value=max_value or data.max_value)
    return target.with_labels(np.zeros(len(target), np.int64), data.classes)


def sample_weights(value: Any, data: Dataset) -> Any:
    if value is None:
        return None
    weights = as_array(value, "fit.sample_weight").astype(np.float64)
    if weights.shape != (len(data),):
        raise ValueError(
            f"fit.sample_weight: expected shape ({len(data)},), got {weights.shape}"
        )
    _check_weights(weights, "fit.sample_weight")
    return weights


def _check_weights(weights: npt.NDArray[np.float64], where: str) -> None:
    """ValueError for weights that are no weights, or nothing where losses are computed."""
    _core.data.check_weights(weights, where)
    with np.errstate(over="ignore"):
        in_32_bits = weights.astype(np.float32)
    if not (in_32_bits.any() and np.isfinite(in_32_bits).all()):
        raise ValueError(
            f"{where}: expected weights that are something in 32 bits, got at most "
            f"{weights.max():g}"
        )


def _check_calibrates(model: Trainable, where: str) -> None:
    if model.outputs_images:
        raise ValueError(
            f"{where}.calibrate: expected True or False for a network that makes images"
        )


def hold_out(
    data: Dataset, weights: Any, validation: Any, seed: int, max_value: float | None
) -> tuple[Dataset, Any, Dataset | None]:
    """(training, its weights, validation)."""
    if validation is None:
        return data, weights, None
    if not isinstance(validation, Real):
        return (
            data,
            weights,
            as_dataset(validation, "fit.validation", max_value=max_value),
        )
    return hold_out_fraction(data, weights, float(validation), seed, "fit.validation")


def hold_out_fraction(
    data: Dataset, weights: Any, fraction: float, seed: int, where: str
) -> tuple[Dataset, Any, Dataset]:
    """(what stays, its weights, what is held out), stratified."""
    if not 0 < as_real(fraction) < 1:
        raise ValueError(f"{where}: expected 0 < fraction < 1, got {fraction!r:.60}")
    fractions = [1 - float(fraction), float(fraction)]
    labels = data.require_labels("fit.data")
    try:
        kept, held_out = _core.data.split(labels, fractions, seed, True)
    except ValueError as error:
        raise ValueError(
            f"{where}: expected a fraction that leaves a sample in both parts, got "
            f"{fraction:g} of {len(labels)} samples"
        ) from error
    return (
        data[kept],
        None if weights is None else weights[kept],
        data[held_out],
    )


def weights_of_classes(
    value: Sequence[float] | Mapping[int | str, float] | str | None,
    data: FitData,
    classes: int,
) -> list[float]:
    """One weight for each of the model's classes, of those for the data's; or none."""
    if value is None:
        return []
    if isinstance(value, str):
        if value != "balanced":
            raise ValueError(
                f"fit.class_weights: expected numbers or 'balanced', got '{value}'"
            )
        labels = data.training.require_labels("fit.data")
        counts = np.bincount(labels, minlength=classes)
        return [len(labels) / (classes * count) if count else 0.0 for count in counts]
    given = by_class(value, data.classes, "fit.class_weights", "weights")
    placed = data.placed(given)
    weights = [float(placed.get(k, 1.0)) for k in range(classes)]
    _check_weights(np.array(weights), "fit.class_weights")
    return weights


def check_data(
    model: Trainable,
    training: Dataset,
    held_out: Dataset | None,
    target: Dataset | None = None,
) -> None:
    """Everything about the data that can be wrong, before anything is changed."""
    for where, data in (
        ("fit.data", training),
        ("fit.validation", held_out),
        ("fit.target", target),
    ):
        if data is None:
            continue
        labels = data.require_labels(where)
        if not len(data):
            raise ValueError(f"{where}: expected at least one sample, got none")
        require_shape(data.storage[0].shape, model.input_shape, where)
        if not model.outputs_images:
            _core.data.check_labels(labels, len(model.classes), f"{where}.labels")
        require_scale(data.max_value, model.max_value or training.max_value, where)


def better_names(current: tuple[str, ...], data: tuple[str, ...]) -> tuple[str, ...]:
    """The data's class names where the model has only numbers."""
    return data if numbered(current) and len(data) == len(current) else current
