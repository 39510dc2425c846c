"""Sets from other libraries: torch, pandas, pairs of arrays."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digitnet._utils.arrays import as_array, as_images, as_labels
from digitnet.data.dataset import Dataset
from digitnet.data.image_checks import check_pixels

if TYPE_CHECKING:
    import pandas as pd


def is_torch(value: Any) -> bool:
    """Whether it is a torch Dataset or DataLoader: torch is loaded then."""
    data = sys.modules.get("torch.utils.data")
    return data is not None and isinstance(value, data.Dataset | data.DataLoader)


def from_torch(
    source: Any,
    *,
    classes: int | Sequence[str] | None = None,
    max_value: float | None = None,
    name: str | None = None,
) -> Dataset:
    """A torch Dataset or DataLoader as a Dataset: read once, from beginning to end.

    Everything is copied. What a random transform draws is drawn once: give `fit` an
    augmentation instead.

    Args:
        source: Gives (image, label), or batches of them; images as tensors, arrays or PIL
            pictures, or images alone.
        classes: K or the K names. Default: the source's own `classes`, else 10 or as many
            as the labels need.
        max_value: As for Dataset.
        name: Default: that of its class.
    Raises:
        TypeError: something else, or a set without a length.
        ValueError: images of different sizes; what Dataset refuses.
    Example:
        >>> from torch.utils.data import TensorDataset
        >>> import torch
        >>> pairs = TensorDataset(torch.zeros(5, 1, 8, 8), torch.arange(5))
        >>> digitnet.data.from_torch(pairs)
        Dataset('TensorDataset', 5 images 1x8x8 float32, 10 classes, max_value=1)
    """
    if not is_torch(source):
        raise TypeError(
            "from_torch: expected a torch Dataset or DataLoader, got "
            f"{type(source).__name__}"
        )
    from torch.utils import data

    try:
        count = len(source)
    except TypeError as error:
        raise TypeError(
            "from_torch: expected a set with a length, got an endless or iterable one; "
            "take so many of it into a list and stack them"
        ) from error
    batched = isinstance(source, data.DataLoader) and source.batch_size is not None
    items = iter(source) if isinstance(source, data.DataLoader) else None
    images, labels = [], []
    for index in range(count):
        item = next(items) if items is not None else source[index]
        image, label = item if isinstance(item, tuple | list) else (item, None)
        images.append(as_array(image, f"from_torch: sample {index}"))
        if label is not None:
            labels.append(np.asarray(label))
    if not images:
        raise ValueError("from_torch: expected at least one sample, got none")
    sizes = {image.shape[1:] if batched else image.shape for image in images}
    if len(sizes) > 1:
        raise ValueError(
            f"from_torch: expected images of one size, got {sorted(sizes)[:4]}"
        )
    join = np.concatenate if batched else np.stack
    labels_array = join(labels) if labels else None
    inner = source.dataset if isinstance(source, data.DataLoader) else source
    if classes is None:
        names = getattr(inner, "classes", None)
        classes = [str(c) for c in names] if names else _class_count(labels_array)
    return Dataset(
        join(images),
        labels_array,
        classes=classes,
        max_value=max_value,
        name=name or type(inner).__name__,
    )


def _class_count(labels: npt.NDArray[Any] | None) -> int:
    """10, or as many classes as the labels need."""
    return max(10, int(labels.max()) + 1) if labels is not None and labels.size else 10


def from_frame(
    frame: pd.DataFrame,
    label: str | None = "label",
    *,
    shape: tuple[int, ...] | None = None,
    classes: int | Sequence[str] = 10,
    max_value: float | None = None,
    name: str = "frame",
) -> Dataset:
    """A pandas frame, one row a sample, as a Dataset: what `Dataset.to_frame` makes.

    Args:
        frame: Columns of pixels, row by row, and one of labels.
        label: Its name; None if there is none.
        shape: (height, width) or (channels, height, width). Default: a square.
        classes, max_value, name: As for Dataset.
    Raises:
        ValueError: no such column; columns that are no such shape; what Dataset refuses.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> again = digitnet.data.from_frame(train.to_frame())
        >>> bool((again.images == train.images).all())
        True
    """
    labels = None
    if label is not None:
        if label not in frame:
            raise ValueError(
                f"from_frame.label: expected a column '{label}', got "
                f"{', '.join(map(str, frame.columns[:5]))}, ...; label=None if there is none"
            )
        labels = frame[label].to_numpy()
        frame = frame.drop(columns=label)
    pixels = as_array(frame, "from_frame")
    if shape is not None:
        if int(np.prod(shape)) != pixels.shape[1]:
            raise ValueError(
                f"from_frame.shape: expected {pixels.shape[1]} pixels, one a column, got "
                f"{tuple(shape)}"
            )
        pixels = pixels.reshape(len(pixels), *shape)
    return Dataset(pixels, labels, classes=classes, max_value=max_value, name=name)


def as_dataset(value: Any, where: str, *, max_value: float | None = None) -> Dataset:
    """A Dataset as it is, or made of an (images, labels) pair or a torch set.

    `max_value` is a model's; pixels of what has no scale of its own are checked against it.
    """
    if isinstance(value, Dataset):
        return value
    if is_torch(value):
        data = from_torch(value, max_value=max_value)
        if max_value is not None:
            check_pixels(data.storage[0], max_value, where)
        return data
    if isinstance(value, tuple) and len(value) == 2:
        labels = as_labels(value[1], f"{where}.labels")
        images = as_images(value[0], "Dataset.images")
        if max_value is not None:
            check_pixels(images, max_value, where)
        classes = _class_count(labels)
        return Dataset(images, labels, classes=classes, max_value=max_value)
    raise TypeError(
        f"{where}: expected a Dataset, a torch set or a pair (images, labels), got "
        f"{type(value).__name__}"
    )
