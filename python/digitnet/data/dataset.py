"""Dataset: images with labels, in memory."""

from __future__ import annotations

import hashlib
import html
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils import html as page
from digitnet._utils.arrays import Images, Labels, as_images, as_whole, hash_into
from digitnet._utils.extras import extra_packages
from digitnet._utils.figures import draw
from digitnet.augment import Pipeline, as_text
from digitnet.data.checks import (
    checked_copies,
    checked_fractions,
    checked_labels,
    checked_scale,
    class_names,
    copies_by_class,
)

if TYPE_CHECKING:
    import pandas as pd
    import torch


class Dataset:
    """Images with labels, in memory, checked once.

    Parts of a set (slices, splits, folds) share its images: only indices are new.

    Args:
        images: (N, H, W), (N, C, H, W) or (N, H*W) numbers: NumPy, torch, frames, lists
            of PIL pictures, anything with ``__array__`` or ``__dlpack__``. uint8, and
            float32 that are fractions, are not copied if they are contiguous: changes of
            the array are changes of the set. Whole numbers up to 255 become uint8, other
            floats float32.
        labels: Whole numbers in [0, K), shape (N,), or None for an unlabelled set.
        classes: K, or the K class names.
        max_value: The pixel value of full intensity. Default: the smallest of 1, 16
            and 255 that no pixel exceeds.
        name: Where the data came from, for reports.
    Attributes:
        named: Whether the class names were given; then they meet a model's by name.
    Raises:
        ValueError: shapes, types, labels or pixels out of range.
    Example:
        >>> data = digitnet.Dataset(np.zeros((4, 8, 8)), [0, 1, 1, 2], classes=3)
        >>> len(data), data.shape, data.class_counts().tolist()
        (4, (1, 8, 8), [1, 2, 1])
        >>> first, rest = data.split(0.5, stratify=False)
        >>> len(first), len(rest)
        (2, 2)
    """

    def __init__(
        self,
        images: Any,
        labels: Any = None,
        *,
        classes: int | Sequence[str] = 10,
        max_value: float | None = None,
        name: str = "arrays",
    ) -> None:
        self._base: Images = as_images(images, "Dataset.images")
        self._rows: Labels | None = None
        self.name = name
        self.classes, self.named = class_names(classes)
        self.max_value = checked_scale(self._base, max_value)
        self.labels: Labels | None = None
        if labels is not None:
            self.labels = checked_labels(labels, len(self._base), len(self.classes))

    @property
    def images(self) -> Images:
        """The images, (N, H, W) or (N, C, H, W) with C above 1; a copy for parts."""
        images = self.to_nchw()
        return images[:, 0] if images.shape[1] == 1 else images

    def to_nchw(self) -> Images:
        """The images of this set alone, always (N, C, H, W); a copy for parts."""
        return self._base if self._rows is None else self._base[self._rows]

    @property
    def storage(self) -> tuple[Images, Labels | None]:
        """The stored images, (M, C, H, W), and which rows of them this set is (None: all).

        Sets that share images have the same first array: nothing is copied.
        """
        return self._base, self._rows

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one image."""
        return self._base.shape[1:]  # type: ignore[return-value]

    def __len__(self) -> int:
        return len(self._base) if self._rows is None else len(self._rows)

    def __getitem__(self, key: Any) -> Any:
        """`data[3]` is (image, label); slices, index lists and masks are sets."""
        count = len(self)
        if isinstance(key, int | np.integer):
            if not -count <= key < count:
                raise IndexError(f"Dataset: expected an index below {count}, got {key}")
            row = int(key) if self._rows is None else int(self._rows[key])
            image = self._base[row]
            image = image[0] if image.shape[0] == 1 else image
            return image, None if self.labels is None else int(self.labels[key])
        indices = np.arange(count)[key]
        if indices.ndim != 1:
            raise IndexError(
                f"Dataset: expected a slice, a list of indices or a mask, got {key!r:.60}"
            )
        return self._part(indices)

    def __iter__(self) -> Iterator[tuple[npt.NDArray[Any], int | None]]:
        return (self[i] for i in range(len(self)))

    def _part(self, indices: npt.NDArray[np.int64]) -> Dataset:
        rows = indices if self._rows is None else self._rows[indices]
        return self._like(
            _rows=np.ascontiguousarray(rows, dtype=np.int64),
            labels=None if self.labels is None else self.labels[indices],
        )

    def _like(self, **changes: Any) -> Dataset:
        """This set but for some attributes, unchecked."""
        other = object.__new__(Dataset)
        other.__dict__.update(self.__dict__, **changes)
        return other

    def with_images(
        self, images: Any, *, max_value: float | None = None, name: str | None = None
    ) -> Dataset:
        """This set with another image for each sample; labels and classes stay.

        Args:
            images: uint8 or float32, (N, H, W) or (N, C, H, W), any H and W; pixels from 0
                to `max_value`, which is not checked.
            max_value, name: Default: as they are.
        Raises:
            ValueError: not one image a sample, or of another type.
        Example:
            >>> train, _ = digitnet.data.load("digits")
            >>> mirrored = train.with_images(train.images[..., ::-1], name="mirrored")
            >>> mirrored.name, mirrored.labels is train.labels
            ('mirrored', True)
        """
        images = np.ascontiguousarray(images)
        images = images[:, None] if images.ndim == 3 else images
        if images.ndim != 4 or len(images) != len(self):
            raise ValueError(
                f"with_images: expected {len(self)} images, (N, H, W) or (N, C, H, W), "
                f"got shape {images.shape}"
            )
        if max_value is not None and not 0 < max_value < math.inf:
            raise ValueError(
                f"with_images.max_value: expected a positive number, got {max_value!r}"
            )
        if images.dtype not in (np.uint8, np.float32):
            raise ValueError(
                f"with_images: expected uint8 or float32, got {images.dtype}"
            )
        return self._like(
            _base=images,
            _rows=None,
            max_value=self.max_value if max_value is None else float(max_value),
            name=self.name if name is None else name,
        )

    def with_labels(
        self, labels: Any, classes: int | Sequence[str] | None = None
    ) -> Dataset:
        """This set with other labels; the images are shared.

        Labels and classes are as for Dataset; classes stay as they are by default.
        """
        names, named = self.classes, self.named
        if classes is not None:
            names, named = class_names(classes)
        if labels is not None:
            labels = checked_labels(labels, len(self), len(names))
        return self._like(labels=labels, classes=names, named=named)

    def renamed(self, name: str) -> Dataset:
        """This set by another name."""
        return self._like(name=name)

    def require_labels(self, where: str = "Dataset") -> Labels:
        """The labels; ValueError, which begins with `where`, if the set has none."""
        if self.labels is None:
            raise ValueError(f"{where}: expected labels, got an unlabelled set")
        return self.labels

    def sha256(self) -> str:
        """A hash of images, labels, classes and scale: equal sets have equal ones.

        Example:
            >>> train, test = digitnet.data.load("digits")
            >>> train.sha256() == train[:].sha256() != test.sha256()
            True
        """
        images = self.to_nchw()
        about = (images.shape, str(images.dtype), self.classes, self.max_value)
        digest = hashlib.sha256(repr(about).encode())
        hash_into(digest, images)
        if self.labels is not None:
            hash_into(digest, self.labels)
        return digest.hexdigest()

    def class_counts(self) -> npt.NDArray[np.int64]:
        """How many samples each class has, shape (K,)."""
        return np.bincount(
            self.require_labels("class_counts"), minlength=len(self.classes)
        )

    def split(
        self, fraction: float | Sequence[float], *, seed: int = 0, stratify: bool = True
    ) -> tuple[Dataset, ...]:
        """Split at random, stratified by class.

        Args:
            fraction: Size of the first part, the second gets the rest; or the sizes of
                all parts, such as ``(0.6, 0.2, 0.2)``.
            seed: The same seed gives the same parts.
            stratify: Divide every class alike, to within one sample.
        Returns:
            The parts, in order. Images are shared with this set.
        Raises:
            ValueError: fractions out of range, or a part without a sample.
        """
        fractions = checked_fractions(fraction)
        parts = _core.data.split(
            self._strata(stratify), fractions, as_whole(seed, "split.seed"), stratify
        )
        return tuple(self._part(indices) for indices in parts)

    def fraction(self, part: float, *, seed: int = 0, stratify: bool = True) -> Dataset:
        """A random part of this size, 0 < part <= 1; 1 is the whole set."""
        seed = as_whole(seed, "split.seed")
        strata = self._strata(stratify)
        parts = _core.data.split(strata, [float(part)], seed, stratify)
        return self._part(parts[0])

    def k_fold(
        self, k: int = 5, *, seed: int = 0, stratify: bool = True
    ) -> list[tuple[Labels, Labels]]:
        """k pairs of (training, test) indices; every sample is in one test part."""
        folds = _core.data.k_fold(
            self._strata(stratify),
            as_whole(k, "k_fold.k", 2, len(self)),
            as_whole(seed, "k_fold.seed"),
            stratify,
        )
        everyone = np.arange(len(self))
        return [(np.setdiff1d(everyone, fold), fold) for fold in folds]

    def joined(self, other: Dataset, *, name: str | None = None) -> Dataset:
        """This set followed by another of the same shape, scale and classes.

        Args:
            other: The other one; both labelled, or neither.
            name: Default: both names.
        Raises:
            ValueError: sets that differ in shape, scale, classes or being labelled.
        Example:
            >>> train, test = digitnet.data.load("digits")
            >>> len(train.joined(test))
            1797
        """
        for what in ("shape", "max_value", "classes"):
            ours, theirs = getattr(self, what), getattr(other, what)
            if ours != theirs:
                raise ValueError(f"joined.{what}: expected {ours}, got {theirs}")
        labels = None
        if self.labels is not None or other.labels is not None:
            labels = np.concatenate(
                [self.require_labels("joined"), other.require_labels("joined")]
            )
        return self._like(
            _base=np.concatenate([self.to_nchw(), other.to_nchw()]),
            _rows=None,
            labels=labels,
            name=name or f"{self.name} and {other.name}",
        )

    def enlarged(
        self,
        augment: Any,
        copies: int | Mapping[int | str, int] | Sequence[int] = 1,
        *,
        seed: int = 0,
    ) -> Dataset:
        """This set followed by augmented copies of its images: a fixed larger set.

        Args:
            augment: A pipeline or its text, such as ``"shift 2px | rotate 8deg"``.
            copies: How many of each image; or by class, K numbers or a dict by name or
                number (classes that it leaves out get none).
            seed: Of the draws. Copy k of an image is what `fit` would draw in epoch k.
        Raises:
            ValueError: a pipeline or numbers that are not right.
        Example:
            >>> data = digitnet.Dataset(np.zeros((3, 8, 8)), [0, 1, 1], classes=2)
            >>> data.enlarged("shift 1px", {1: 2}).class_counts().tolist()
            [1, 6]
        """
        counts = self.copy_counts(copies)
        pipeline = Pipeline(as_text(augment))
        drawn = pipeline.enlarge(
            self._base,
            self._rows,
            counts,
            seed=as_whole(seed, "enlarged.seed"),
            max_value=self.max_value,
        )
        labels = self.labels
        if labels is not None:
            labels = np.concatenate([labels, np.repeat(labels, counts)])
        return self._like(
            _base=np.concatenate([self.to_nchw(), drawn]),
            _rows=None,
            labels=labels,
            name=f"{self.name}, enlarged",
        )

    def copy_counts(
        self, copies: int | Mapping[int | str, int] | Sequence[int]
    ) -> npt.NDArray[np.int64]:
        """How many copies `enlarged` makes of each sample, shape (N,)."""
        if isinstance(copies, Mapping | Sequence | np.ndarray):
            by_class = copies_by_class(copies, self.classes)
            return by_class[self.require_labels("enlarged.copies")]
        return np.full(len(self), checked_copies(copies), np.int64)

    def _strata(self, stratify: bool) -> Labels:
        return (
            self.require_labels("split") if stratify else np.zeros(len(self), np.int64)
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a sample: label (if there is one), pixel0, pixel1, ..."""
        import pandas as pd

        pixels = self.images.reshape(len(self), -1)
        frame = pd.DataFrame(
            pixels, columns=[f"pixel{i}" for i in range(pixels.shape[1])]
        )
        if self.labels is not None:
            frame.insert(0, "label", self.labels)
        return frame

    def torch(self) -> torch.utils.data.TensorDataset:
        """The set for torch: (image, label) as tensors, raw pixels (C, H, W) as they are.

        Of a whole set the images are not copied: changes there are changes here. Of a part
        they are.

        Example:
            >>> train, test = digitnet.data.load("digits")
            >>> image, label = train.torch()[0]
            >>> image.shape, label.dtype
            (torch.Size([1, 8, 8]), torch.int64)
        """
        with extra_packages("Dataset.torch"):
            import torch

        images = self.to_nchw()
        if not images.flags.writeable:  # a tensor could be written to
            images = images.copy()
        labels = [] if self.labels is None else [torch.from_numpy(self.labels.copy())]
        return torch.utils.data.TensorDataset(torch.from_numpy(images), *labels)

    def __repr__(self) -> str:
        return (
            f"Dataset('{self.name}', {len(self)} images {'x'.join(map(str, self.shape))} "
            f"{self._base.dtype}, {len(self.classes)} classes, max_value={self.max_value:g})"
        )

    def _repr_html_(self) -> str:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(9, 2.1)).subplots()  # not pyplot's, which would show it
        shown = draw(self, ax=ax, rows=2, columns=10, title=None)
        picture = page.image("first images", shown.png(dpi=60))
        return f"<p>{html.escape(repr(self))}</p>{picture}"
