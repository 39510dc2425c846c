"""Transfer learning: features of a frozen base are computed once, its head is trained."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._core import OutOfMemory
from digitnet._utils.streams import is_terminal
from digitnet.data.dataset import Dataset
from digitnet.data.image_checks import compared_once
from digitnet.data.image_statistics import ImageStatistics
from digitnet.layers import Sequence
from digitnet.models.base import BaseModel
from digitnet.train.fit import fit
from digitnet.train.fit_data import (
    FitData,
    better_names,
    check_data,
    weights_of_classes,
)
from digitnet.train.history import History
from digitnet.train.hooks import listed_callbacks
from digitnet.train.training_guard import training as training_of

M = TypeVar("M", bound=BaseModel)

_CHUNK = 500  # images that the base is given at a time
_NOT_HERE = {
    "augment": "features are made once; give a set made by data.enlarged(...)",
    "copies": "features are made once; give a set made by data.enlarged(...)",
    "checkpoint": "only a head would be saved; save the model afterwards",
}


def split_at(model: M, layer: str | None = None) -> tuple[M, M]:
    """A model as two: up to and with `layer`, ending in flatten, and what follows.

    Both have copies of the weights under their own names; the second takes the map
    (C, H, W) that the first one makes.

    Args:
        model: Its outermost layers are divided.
        layer: Name of one of them that gives a map. Default: the one before the last
            flatten.
    Raises:
        ValueError: no such layer, or one that gives no map.
    """
    children = list(model.core.network.children)
    outputs = dict(model.core.outermost())
    names = list(outputs)
    maps = [name for name in names if len(outputs[name]) == 3]
    if layer is None:
        flats = [i for i, child in enumerate(children) if child.kind == "flatten"]
        if not maps or not flats or flats[-1] == 0:
            raise ValueError(
                "split_at: expected a network with a flatten behind a map, got none"
            )
        layer = names[flats[-1] - 1]
    if layer not in maps:
        raise ValueError(
            f"split_at: expected a layer that gives a map, got '{layer}'; "
            f"known: {', '.join(maps)}"
        )
    place = names.index(layer) + 1
    first = [*children[:place], _core.models.Layer("flatten", name="features")]
    base = type(model)(
        Sequence(first),
        model.input_shape,
        preprocess=model.core.preprocess,
        name=f"{model.name} up to {layer}",
    )
    head = type(model)(
        Sequence(children[place:]),
        outputs[layer],
        model.classes,
        preprocess=(),
        name=f"{model.name} behind {layer}",
    )
    for part in (base, head):
        for name in part.core.parameter_names:
            part.core.set(name, model.core.get(name))
    if model.max_value is not None:
        base.fix_scale(model.max_value)
    base.image_statistics = model.image_statistics
    return base, head


def features(
    model: BaseModel,
    images: Any,
    layer: str | None = None,
    *,
    device: str = "auto",
    progress: bool = True,
) -> npt.NDArray[np.float32]:
    """`Model.features`; see there."""
    with model.checked_images(images, "features") as (array, rows):
        data = Dataset(array, max_value=model.core.max_value)
        data = data if rows is None else data[rows]
        if layer is not None and not _ends_a_base(model, layer):
            return _activations_of(model, data, layer, progress)
        base, _ = split_at(model, layer)
        _check_memory(len(data), base.core.outputs)
        return _features_of(base, data, device, progress)


def _ends_a_base(model: BaseModel, layer: str) -> bool:
    """Whether the network can be divided behind the layer: top-level, and a feature map."""
    is_map = len(dict(model.core.outermost()).get(layer, ())) == 3
    return is_map and not model.outputs_images


def _activations_of(
    model: BaseModel, data: Dataset, layer: str, progress: bool
) -> npt.NDArray[np.float32]:
    """Outputs of a layer within the network, or of one that gives no map: (N, F)."""
    model.require_layers([layer])
    shapes = {row["layer"]: row["output"] for row in model.core.summary()}
    size = math.prod(shapes[layer])
    _check_memory(len(data), size)
    return _by_chunks(
        lambda part: model.activations(part, [layer])[layer],
        data,
        size,
        f"features of {model.name}",
        progress,
    )


def _features_of(
    base: BaseModel, data: Dataset, device: str, progress: bool
) -> npt.NDArray[np.float32]:
    return _by_chunks(
        lambda part: base.predict_logits(part, device=device),
        data,
        base.core.outputs,
        f"features of {base.name}",
        progress,
    )


def _by_chunks(
    compute: Callable[[Dataset], npt.NDArray[Any]],
    data: Dataset,
    size: int,
    title: str,
    progress: bool,
) -> npt.NDArray[np.float32]:
    """What `compute` gives for each sample, flattened to `size` numbers; with a bar."""
    from tqdm import tqdm

    out = np.empty((len(data), size), np.float32)
    starts = tqdm(
        range(0, len(data), _CHUNK),
        title,
        unit=f" x {_CHUNK} images",
        disable=not (progress and is_terminal(sys.stderr)),
        file=sys.stderr,
    )
    for start in starts:
        part = data[start : start + _CHUNK]
        out[start : start + _CHUNK] = compute(part).reshape(len(part), -1)
    return out


def _check_memory(count: int, size: int) -> int:
    """Bytes that so many rows of `size` features take; OutOfMemory if too many."""
    needed, free = count * size * 4, _core.train.free_memory()
    if needed > free / 2:
        raise OutOfMemory(
            f"features: expected at most half of the free {free / 2**20:,.0f} MiB, "
            f"got {needed / 2**20:,.0f} MiB for {count:,} images of {size:,} numbers; "
            "take fewer images or a later layer"
        )
    return needed


class _Stop:
    """Passes `stop_training` on from the whole model to the head that is trained."""

    def __init__(self, model: BaseModel, head: BaseModel) -> None:
        self.model, self.head = model, head

    def __call__(self, epoch: int, logs: dict[str, float]) -> None:
        self.head.stop_training |= self.model.stop_training


def fit_head(
    model: BaseModel,
    data: Any,
    validation: Any = None,
    *,
    base: str | None = None,
    progress: bool = True,
    **options: Any,
) -> History:
    """`Model.fit_head`; see there."""
    for name, reason in _NOT_HERE.items():
        if options.get(name) is not None:
            raise ValueError(f"fit_head.{name}: expected none, got one; {reason}")
    weights = options.pop("sample_weight", None)
    with training_of(model.core, "fit_head"):
        fit_data = FitData.of(
            model, data, validation, weights, options.get("seed", 0), where="fit_head"
        )
        check_data(model, fit_data.training, fit_data.validation)
        bottom, head = split_at(model, base)
        bottom.fix_scale(fit_data.training.max_value)
        bottom.image_statistics = ImageStatistics.of(fit_data.training)
        for given in fit_data.given_validation:
            bottom.warn_if_unlike(given, "fit_head.validation")
        device = str(options.get("device", "auto"))
        with compared_once():
            maps = _maps_for(head, bottom, fit_data, device, progress)
        by_class = options.get("class_weights")
        if by_class is not None and not isinstance(by_class, str):
            by_class = weights_of_classes(by_class, fit_data, len(model.classes))
            options["class_weights"] = by_class
        callbacks = listed_callbacks(options.pop("callbacks", ()))
        model.stop_training = False
        head.history = model.history  # by which `fit(resume=)` knows it again
        head.temperature = model.temperature  # which stays if it learns nothing
        try:
            with compared_once():  # maps are no images
                return fit(
                    head,
                    *maps,
                    progress=progress,
                    sample_weight=fit_data.sample_weights,
                    callbacks=[*callbacks, _Stop(model, head)],
                    **options,
                )
        finally:  # also when it was interrupted: the head is consistent
            if head.history is not model.history:
                _bring_back(model, head, fit_data.training)
                model.image_statistics = bottom.image_statistics


def _maps_for(
    head: BaseModel, base: BaseModel, data: FitData, device: str, progress: bool
) -> list[Dataset]:
    """What the base makes of the training data and of the validation data, if there are
    any, for the head to learn from."""
    sets = [s for s in (data.training, data.validation) if s is not None]
    size = _check_memory(sum(len(s) for s in sets), base.core.outputs)
    if progress:
        print(f"keeping {size / 2**20:,.0f} MiB of features", file=sys.stderr)
    computed = [_features_of(base, s, device, progress) for s in sets]
    largest = max(1e-6, *(float(values.max()) for values in computed))
    return [
        _as_maps(values, s, head, largest)
        for values, s in zip(computed, sets, strict=True)
    ]


def _as_maps(
    values: npt.NDArray[np.float32], data: Dataset, head: BaseModel, largest: float
) -> Dataset:
    if values.min() < 0:
        raise ValueError(
            "fit_head.base: expected a layer without negative values, got "
            f"{values.min():.3g}; take the activation or pool behind it"
        )
    maps = values.reshape(len(values), *head.input_shape)
    return data.with_images(maps, max_value=largest)


def _bring_back(model: BaseModel, head: BaseModel, training: Dataset) -> None:
    model.set_weights(head.state_dict(), "fit_head")
    model.temperature = head.temperature
    model.history = head.history
    if model.max_value is None:
        model.fix_scale(training.max_value)
        model.classes = better_names(model.classes, training.classes)
