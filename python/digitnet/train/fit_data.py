"""What `fit` trains on: parts held out, copies, weights, and their checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet.augment import as_text
from digitnet.data.dataset import Dataset, as_dataset

if TYPE_CHECKING:
    from digitnet.models.model import Model


def unlabelled(data: Any) -> Any:
    """The set with one class for all: what a network that makes images is told."""
    if not isinstance(data, Dataset):
        return data
    return data._like(labels=np.zeros(len(data), np.int64))


def enlarge(
    data: Dataset, weights: Any, augment: Any, copies: Any, seed: int
) -> tuple[Dataset, Any]:
    """The enlarged set and its samples' weights."""
    if not as_text(augment):
        raise ValueError(
            "fit.copies: expected an augmentation that makes them, got none; give augment"
        )
    if weights is not None:
        counts = data._copies(copies)
        weights = np.concatenate([weights, np.repeat(weights, counts)])
    return data.enlarged(augment, copies, seed=seed), weights


def target_set(target: Any, data: Dataset, model: Model) -> Dataset | None:
    """Another domain's images, if there are any, with labels that say nothing."""
    if target is None:
        return None
    if not isinstance(target, Dataset):
        target = Dataset(target, max_value=model.max_value or data.max_value)
    return unlabelled(target)._like(classes=data.classes)  # type: ignore[no-any-return]


def with_target(
    data: Dataset, weights: Any, other: Dataset | None
) -> tuple[Dataset, Any, npt.NDArray[np.int64] | None]:
    """Both domains as one set, its samples' weights, and 0 or 1 for each sample."""
    if other is None:
        return data, weights, None
    if weights is not None:
        weights = np.concatenate([weights, np.ones(len(other))])
    domains = np.repeat(np.array([0, 1]), [len(data), len(other)])
    return data.joined(other), weights, domains


def sample_weights(value: Any, data: Dataset) -> Any:
    if value is None:
        return None
    weights = np.ascontiguousarray(value, dtype=np.float64)
    if weights.shape != (len(data),):
        raise ValueError(
            f"fit.sample_weight: expected shape ({len(data)},), got {weights.shape}"
        )
    _core.data.check_weights(weights, "fit.sample_weight")
    return weights


def hold_out(
    data: Dataset, weights: Any, validation: Any, seed: int, model: Model
) -> tuple[Dataset, Any, Dataset | None]:
    """(training, its weights, validation)."""
    if validation is None:
        return data, weights, None
    if not isinstance(validation, int | float):
        return (
            data,
            weights,
            as_dataset(validation, "fit.validation", max_value=model.max_value),
        )
    if not 0 < validation < 1:
        raise ValueError(f"fit.validation: expected 0 < fraction < 1, got {validation}")
    fractions = [1 - float(validation), float(validation)]
    kept, held = _core.data.split(data._need_labels("fit.data"), fractions, seed, True)
    return (
        data._part(kept),
        None if weights is None else weights[kept],
        data._part(held),
    )


def weights_of_classes(
    value: Sequence[float] | Mapping[int, float] | str | None,
    data: Dataset,
    classes: int,
) -> list[float]:
    if value is None:
        return []
    if isinstance(value, str):
        if value != "balanced":
            raise ValueError(
                f"fit.class_weights: expected numbers or 'balanced', got '{value}'"
            )
        counts = np.bincount(data._need_labels("fit.data"), minlength=classes)
        return [len(data) / (classes * count) if count else 0.0 for count in counts]
    if isinstance(value, Mapping):
        unknown = [k for k in value if k not in range(classes)]
        if unknown:
            raise ValueError(
                f"fit.class_weights: expected classes 0 to {classes - 1}, got {unknown}"
            )
        return [float(value.get(k, 1.0)) for k in range(classes)]
    return [float(weight) for weight in value]


def check_data(
    model: Model,
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
        labels = data._need_labels(where)
        if not len(data):
            raise ValueError(f"{where}: expected at least one sample, got none")
        if data.shape != model.input_shape:
            raise ValueError(
                f"{where}: expected images of shape {model.input_shape}, got {data.shape}"
            )
        if not model.outputs_images:
            _core.data.check_labels(labels, len(model.classes), f"{where}.labels")
        scale = model.max_value or training.max_value
        if data.max_value != scale:
            raise ValueError(
                f"{where}.max_value: expected {scale:g}, got {data.max_value:g}"
            )


def better_names(own: tuple[str, ...], data: tuple[str, ...]) -> tuple[str, ...]:
    """The data's class names where the model has only numbers."""
    numbered = own == tuple(str(k) for k in range(len(own)))
    return data if numbered and len(data) == len(own) else own
