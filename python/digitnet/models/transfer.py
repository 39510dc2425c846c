"""Transfer learning: a frozen base is asked once for each image, its head is trained."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._core import OutOfMemory
from digitnet.data.dataset import Dataset, as_dataset
from digitnet.layers import Sequence
from digitnet.train.fit import fit
from digitnet.train.fit_data import better_names, check_data, hold_out, sample_weights
from digitnet.train.history import History
from digitnet.train.hooks import listed_callbacks

if TYPE_CHECKING:
    from digitnet.models.model import Model

_CHUNK = 500  # images of one question to the base
_NOT_HERE = {
    "augment": "features are made once; give a set made by data.enlarged(...)",
    "copies": "features are made once; give a set made by data.enlarged(...)",
    "checkpoint": "only a head would be saved; save the model afterwards",
}


def split_at(model: Model, layer: str | None = None) -> tuple[Model, Model]:
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
    from digitnet.models.model import Model

    children = list(model._core.network.children)
    outputs = dict(model._core.outermost())
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
    base = Model(
        Sequence(first),
        model.input_shape,
        preprocess=model._core.preprocess,
        name=f"{model.name} up to {layer}",
    )
    head = Model(
        Sequence(children[place:]),
        outputs[layer],
        model.classes,
        preprocess=(),
        name=f"{model.name} behind {layer}",
    )
    for part in (base, head):
        for name in part._core.parameter_names:
            part._core.set(name, model._core.get(name))
    if model.max_value is not None:
        base._fix_scale(model.max_value)
    return base, head


def features(
    model: Model,
    images: Any,
    layer: str | None = None,
    *,
    device: str = "auto",
    progress: bool = True,
) -> npt.NDArray[np.float32]:
    """What a layer answers to every image, for another classifier: float32 (N, C*H*W).

    Args:
        images: A Dataset, or what it takes.
        layer: Name of an outermost layer that gives a map. Default: the last map.
        device: "auto", "cpu" or "cuda".
        progress: Show a bar.
    Raises:
        ValueError: no such layer.
        OutOfMemory: the answers would not fit into half of the free memory.
    Example:
        >>> train, _ = digitnet.data.load("digits")
        >>> model = digitnet.models.make("optdigits-cnn")
        >>> model.features(train[:50], "max_pool2", progress=False).shape
        (50, 128)
    """
    base, _ = split_at(model, layer)
    data = images if isinstance(images, Dataset) else Dataset(images)
    _check_room(len(data), base)
    return _ask(base, data, device, progress)


def _ask(
    base: Model, data: Dataset, device: str, progress: bool
) -> npt.NDArray[np.float32]:
    from tqdm import tqdm

    out = np.empty((len(data), base._core.outputs), np.float32)
    starts = tqdm(
        range(0, len(data), _CHUNK),
        f"features of {base.name}",
        unit=f" x {_CHUNK} images",
        disable=None if progress else True,
        file=sys.stderr,
    )
    for start in starts:
        part = data[start : start + _CHUNK]
        out[start : start + _CHUNK] = base.predict_logits(part, device=device)
    return out


def _check_room(count: int, base: Model) -> int:
    """Bytes that the answers to so many images will take."""
    size = base._core.outputs
    needed, free = count * size * 4, _core.train.free_memory()
    if needed > free / 2:
        raise OutOfMemory(
            f"features: expected at most half of the free {free / 2**20:,.0f} MiB, "
            f"got {needed / 2**20:,.0f} MiB for {count:,} images of {size:,} numbers; "
            "take fewer images or a later layer"
        )
    return needed


class _Stop:
    """Carries a wish to stop from the whole model to the head that is trained."""

    def __init__(self, model: Model, head: Model) -> None:
        self.model, self.head = model, head

    def __call__(self, epoch: int, logs: dict[str, float]) -> None:
        self.head.stop_training |= self.model.stop_training


def fit_head(
    model: Model,
    data: Any,
    validation: Any = None,
    *,
    base: str | None = None,
    progress: bool = True,
    **options: Any,
) -> History:
    """Train what follows a frozen base, whose answers are computed once and kept.

    Equal to `fit` with the base frozen (but for the rounding of sums), and faster by as
    much as the base is dearer than the head. The answers take 4 bytes a number: the
    amount is printed, and refused if it is more than half of the free memory.

    Args:
        model: Trained in place; `model.fit_head(data, ...)` is the usual call.
        data: A Dataset or a pair (images, labels).
        validation: As in `fit`.
        base: The last layer of the base, an outermost layer that gives a map without
            negative values. Default: the one before the last flatten.
        progress: As in `fit`.
        options: As in `fit`, but for augment, copies and checkpoint; callbacks are given
            the head as their model. Names of parameters
            are the model's.
    Returns:
        History, as `fit` does.
    Raises:
        ValueError: options or data that do not fit; nothing was changed.
        OutOfMemory: see above.
    Example:
        >>> train, _ = digitnet.data.load("digits")
        >>> model = digitnet.models.make("optdigits-cnn")
        >>> before = model.state_dict()["conv1.weight"]
        >>> history = model.fit_head(train, epochs=1, progress=False)
        >>> bool((model.state_dict()["conv1.weight"] == before).all())
        True
    """
    for name, reason in _NOT_HERE.items():
        if options.get(name) is not None:
            raise ValueError(f"fit_head.{name}: expected none, got one; {reason}")
    training = as_dataset(data, "fit_head.data", max_value=model.max_value)
    seed = options.get("seed", 0)
    weights = sample_weights(options.pop("sample_weight", None), training)
    training, weights, held_out = hold_out(training, weights, validation, seed, model)
    check_data(model, training, held_out)
    bottom, head = split_at(model, base)
    bottom._fix_scale(training.max_value)
    device = str(options.get("device", "auto"))
    sets = [s for s in (training, held_out) if s is not None]
    size = _check_room(sum(len(s) for s in sets), bottom)
    if progress:
        print(f"keeping {size / 2**20:,.0f} MiB of features", file=sys.stderr)
    answers = [_ask(bottom, s, device, progress) for s in sets]
    largest = max(1e-6, *(float(a.max()) for a in answers))
    kept = [
        _as_maps(answer, s, head, largest)
        for answer, s in zip(answers, sets, strict=True)
    ]
    callbacks = listed_callbacks(options.pop("callbacks", ()))
    model.stop_training = False
    try:
        history = fit(
            head,
            kept[0],
            kept[1] if len(kept) > 1 else None,
            progress=progress,
            sample_weight=weights,
            callbacks=[*callbacks, _Stop(model, head)],
            **options,
        )
    finally:  # also when it was interrupted: the head is consistent
        if head.history is not None:
            _bring_back(model, head, training)
    return history


def _as_maps(
    answer: npt.NDArray[np.float32], data: Dataset, head: Model, largest: float
) -> Dataset:
    if answer.min() < 0:
        raise ValueError(
            "fit_head.base: expected a layer without negative values, got "
            f"{answer.min():.3g}; take the activation or pool behind it"
        )
    maps = answer.reshape(len(answer), *head.input_shape)
    return data._like(_base=maps, _rows=None, max_value=largest)


def _bring_back(model: Model, head: Model, training: Dataset) -> None:
    for name in head._core.parameter_names:
        model._core.set(name, head._core.get(name))
    model.history = head.history
    if model.max_value is None:
        model._fix_scale(training.max_value)
        model.classes = better_names(model.classes, training.classes)
