"""Nearest neighbours that tolerate deformation: the image distortion model (IDM).

Every pixel of an image may look for its counterpart a little beside its own place, so that
a thicker, slanted or moved stroke is as near as an equal one. What is compared are
gradients around the pixel, not its grey level.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils.arrays import as_array, as_whole
from digitnet.data.dataset import Dataset
from digitnet.data.interop import as_dataset

__all__ = ["DeformableNeighbors", "idm_distances"]

Whole = npt.NDArray[np.int64]

_LEVELS = 255  # of grey, that all pixels are counted in
_MAX_CHANNELS = 4  # whose sums of squares fit into the kernel's 32 bits


def idm_distances(
    images: Any, references: Any, *, warp: int = 2, context: int = 1
) -> Whole:
    """Distances by the image distortion model, of every image from every reference.

    For each pixel of the image, the least squared difference between the Sobel gradients
    around it and those around a reference's pixel at most `warp` rows and columns off;
    summed over the pixels. Not symmetric.

    Args:
        images, references: Datasets, or images of one shape.
        warp: Pixels that a counterpart may lie off, 0 to 8.
        context: Pixels compared on each side of a pixel, 0 to 3; 1 is 3 x 3.
    Returns:
        (N, M), whole numbers, in squares of a 255th of full intensity.
    Raises:
        ValueError: shapes differ; a number out of range.
    Source:
        Keysers, Deselaers, Gollan, Ney, Deformation models for image recognition, IEEE
        TPAMI 29, 2007.
    Example:
        >>> digit = np.zeros((1, 12, 12), np.uint8)
        >>> digit[:, 3:8, 4] = 255
        >>> moved = np.roll(digit, 1, axis=2)
        >>> digitnet.neighbors.idm_distances(digit, moved).tolist()
        [[0]]
    """
    ours = _as_levels(images, "idm_distances.images")
    others = _as_levels(references, "idm_distances.references")
    rows = np.tile(np.arange(len(others)), (len(ours), 1))
    return _distances(ours, others, rows, warp, context, "idm_distances")


class DeformableNeighbors:
    """k nearest neighbours by the image distortion model, among the nearest by Euclid.

    Args:
        neighbors: k, how many vote; of classes with as many votes the nearest one wins.
        candidates: Training images, the nearest by Euclidean distance, whose distance is
            computed. More is slower and finds more.
        warp, context: As in `idm_distances`.
    Source:
        Keysers, Deselaers, Gollan, Ney, IEEE TPAMI 29, 2007, who choose candidates so.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> classifier = digitnet.neighbors.DeformableNeighbors(1, candidates=20, warp=1)
        >>> predicted = classifier.fit(train).predict(test)
        >>> float((predicted == test.labels).mean()) > 0.9
        True
    """

    def __init__(
        self,
        neighbors: int = 3,
        *,
        candidates: int = 200,
        warp: int = 2,
        context: int = 1,
    ) -> None:
        where = "DeformableNeighbors"
        self.neighbors = as_whole(neighbors, f"{where}.neighbors", 1, 2**31)
        self.candidates = as_whole(
            candidates, f"{where}.candidates", self.neighbors, 2**31
        )
        self.warp = as_whole(warp, f"{where}.warp", 0, 8)
        self.context = as_whole(context, f"{where}.context", 0, 3)
        self._train: npt.NDArray[np.uint8] | None = None
        self._labels: Whole = np.zeros(0, np.int64)

    def fit(self, data: Any) -> DeformableNeighbors:
        """Keep the training images.

        Args:
            data: A Dataset or a pair (images, labels).
        Returns:
            This object.
        Raises:
            ValueError: fewer images than neighbours; no labels; more than 4 channels.
        """
        data = as_dataset(data, "DeformableNeighbors.data")
        if len(data) < self.neighbors:
            raise ValueError(
                f"DeformableNeighbors.data: expected at least {self.neighbors} images, as "
                f"many as neighbors, got {len(data)}"
            )
        labels = data.require_labels("DeformableNeighbors.data")
        self._train = _as_levels(data, "DeformableNeighbors.data")
        self._labels = labels
        return self

    def kneighbors(self, images: Any) -> tuple[Whole, Whole]:
        """The nearest training images.

        Args:
            images: A Dataset, or images of the shape of those in training.
        Returns:
            (distances, indices), each (N, neighbors), the nearest first.
        Raises:
            ValueError: another shape; `fit` was not called.
        """
        where = "DeformableNeighbors.images"
        train = self._require_fit()
        ours = _as_levels(images, where)
        count = min(self.candidates, len(train))
        _require_equal_shapes(ours, train, where)
        rows = _core.features.euclidean_neighbors(ours, train, count)
        distances = _distances(
            ours, train, rows, self.warp, self.context, "DeformableNeighbors"
        )
        # Of equal distances the nearer by Euclid first.
        order = np.argsort(distances, axis=1, kind="stable")[:, : self.neighbors]
        return (
            np.take_along_axis(distances, order, 1),
            np.take_along_axis(rows, order, 1),
        )

    def predict(self, images: Any) -> Whole:
        """The class of each image, (N,).

        Args:
            images: A Dataset, or images of the shape of those in training.
        Raises:
            ValueError: another shape; `fit` was not called.
        """
        return self.vote(self.kneighbors(images)[1])

    def vote(self, indices: Whole) -> Whole:
        """The class that most of an image's neighbours have, (N,).

        Args:
            indices: What `kneighbors` gives, (N, neighbors).
        Raises:
            ValueError: other shapes; no such training image; `fit` was not called.
        """
        where, count = "DeformableNeighbors.indices", len(self._labels)
        self._require_fit()
        indices = as_array(indices, where)
        if indices.ndim != 2 or indices.dtype.kind not in "iu" or not indices.shape[1]:
            raise ValueError(
                f"{where}: expected whole numbers (N, neighbors), got {indices.dtype} "
                f"{indices.shape}"
            )
        if indices.size and not 0 <= indices.min() <= indices.max() < count:
            raise ValueError(
                f"{where}: expected 0 to {count - 1}, got {indices.min()} to "
                f"{indices.max()}"
            )
        labels = self._labels[indices]  # (N, k)
        votes = (labels[:, :, None] == labels[:, None, :]).sum(2)
        return labels[np.arange(len(labels)), votes.argmax(1)]

    def _require_fit(self) -> npt.NDArray[np.uint8]:
        """The training images."""
        if self._train is None:
            raise ValueError("DeformableNeighbors: expected training images; call fit")
        return self._train


def _as_levels(images: Any, where: str) -> npt.NDArray[np.uint8]:
    """Images (N, C, H, W) whose full intensity is 255."""
    data = images if isinstance(images, Dataset) else Dataset(images)
    if data.shape[0] > _MAX_CHANNELS:
        raise ValueError(
            f"{where}: expected at most {_MAX_CHANNELS} channels, got {data.shape[0]}"
        )
    pixels = np.ascontiguousarray(data.to_nchw())
    if pixels.dtype == np.uint8 and data.max_value == _LEVELS:
        return pixels
    if not len(pixels) or (pixels.min() >= 0 and pixels.max() <= data.max_value):
        return np.round(pixels * (_LEVELS / data.max_value)).astype(np.uint8)
    raise ValueError(
        f"{where}: expected pixels from 0 to {data.max_value:g}, got "
        f"{pixels.min():g} to {pixels.max():g}"
    )


def _require_equal_shapes(
    images: npt.NDArray[np.uint8], references: npt.NDArray[np.uint8], where: str
) -> None:
    if images.shape[1:] != references.shape[1:]:
        raise ValueError(
            f"{where}: expected images of shape {references.shape[1:]}, got "
            f"{images.shape[1:]}"
        )


def _distances(
    images: npt.NDArray[np.uint8],
    references: npt.NDArray[np.uint8],
    rows: Whole,
    warp: int,
    context: int,
    where: str,
) -> Whole:
    _require_equal_shapes(images, references, f"{where}.images")
    warp = as_whole(warp, f"{where}.warp", 0, 8)
    context = as_whole(context, f"{where}.context", 0, 3)
    return _core.features.distortion_distances(images, references, rows, warp, context)
