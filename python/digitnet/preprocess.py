"""Preprocessing: deterministic steps before a network, `Scale()`, `Resize(48, 48)`, `Standardise()`.

They belong to the model, run in C++ and are saved with it.

Example:
    >>> from digitnet.preprocess import Resize, Scale
    >>> model = digitnet.models.make("lenet5", input_shape=(8, 8),
    ...                              preprocess=[Scale(), Resize(28, 28)])
    >>> model.preprocessed(np.zeros((1, 8, 8), np.uint8)).shape
    (1, 1, 28, 28)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import digitnet._core as _core
from digitnet._utils.registry import documented, find_named, options_of, signature_of
from digitnet.data.dataset import Dataset

Step = tuple[str, dict[str, Any]]


def describe() -> list[dict[str, Any]]:
    """Every step with its class name, summary and options."""
    return _core.models.describe_steps()


def _step(entry: dict[str, Any]) -> Callable[..., Step]:
    def make(*args: Any, **kwargs: Any) -> Step:
        return entry["name"], options_of(entry["class_name"], entry, args, kwargs)

    return make


def applied(data: Dataset, steps: Sequence[Any]) -> Dataset:
    """A set of its images as these steps leave them, without a model.

    Args:
        data: Images; labels stay.
        steps: Names, or values of this module. They are given pixels from 0 to 1, and what
            leaves that range is clipped.
    Returns:
        A Dataset of bytes with max_value 255 if the images are bytes, else of float32 with
        max_value 1.
    Raises:
        ValueError: unknown step, or one that cannot take the images.
    Example:
        >>> from digitnet.preprocess import GreyToRGB, Resize, applied
        >>> train, _ = digitnet.data.load("digits")
        >>> larger = applied(train, [Resize(28, 28), GreyToRGB()])
        >>> larger.shape, larger.max_value
        ((3, 28, 28), 255.0)
    """
    named = [(step, {}) if isinstance(step, str) else step for step in steps]
    images = _core.models.apply_steps(named, *data.storage, data.max_value)
    return data.with_images(images, max_value=255 if images.dtype.kind == "u" else 1)


# How the makers of published weights prepared their images, on pixels from 0 to 1:
# mean and standard deviation of red, green, blue.
_IMAGENET: dict[str, tuple[list[float], list[float]]] = {
    "torchvision": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "keras": ([123.68 / 255, 116.779 / 255, 103.939 / 255], [1 / 255] * 3),
}


def imagenet(
    naming: str, size: int, *, grey: bool = True, method: str = "nearest"
) -> list[Step]:
    """Steps that published weights of VGG16 expect.

    Args:
        naming: "torchvision" or "keras": whose training the weights are from.
        size: Pixels a side that images are resized to.
        grey: Images have one channel, which becomes three.
        method: "nearest" or "bilinear".
    Raises:
        ValueError: unknown naming.
    Example:
        >>> steps = digitnet.preprocess.imagenet("torchvision", 48)
        >>> [name for name, options in steps]
        ['grey_to_rgb', 'resize', 'scale', 'standardise']
    """
    mean, std = find_named("naming", naming, _IMAGENET)
    steps: list[Step] = [("grey_to_rgb", {})] if grey else []
    return [
        *steps,
        ("resize", {"height": size, "width": size, "method": method}),
        ("scale", {}),
        ("standardise", {"mean": mean, "std": std}),
    ]


__all__ = ["Step", "applied", "describe", "imagenet"]
for _entry in describe():
    _name = _entry["class_name"]
    _function = documented(_step(_entry), _name, _entry, __name__)
    _function.__signature__ = signature_of(_entry)  # type: ignore[attr-defined]
    globals()[_name] = _function
    __all__.append(_name)
