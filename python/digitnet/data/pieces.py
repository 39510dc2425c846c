"""Pieces of data sets as files hold them, and how they become Datasets: images meet their
labels, files of one part follow each other, parts share their classes and their scale."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.arrays import Labels, channels_first, guess_max_value
from digitnet._utils.text import listed
from digitnet.data.dataset import Dataset
from digitnet.data.labels import natural_key, settled_labels
from digitnet.data.part_names import TEST, TRAIN, VALID
from digitnet.data.pixels import settled_pixels
from digitnet.data.resizing import images_of_rows, resized


@dataclass(frozen=True)
class ReadOptions:
    """What a person says of data that do not say it themselves; as for `digitnet.data.read`."""

    label: str | int | None = None
    size: tuple[int, int] | None = None
    fit: str = "stretch"
    colour: bool | None = None
    classes: int | tuple[str, ...] | None = None
    max_value: float | None = None

    @property
    def unlabelled(self) -> bool:
        return self.label == "none"


@dataclass(frozen=True)
class Piece:
    """Images, labels, or both, of one part of a data set.

    Attributes:
        where: The file, for messages.
        part: "train", "valid", "test", or "" where nothing says which.
        stem: The file's name without what it says of part and role: files that belong
            together have the same.
        count: N.
        images: Gives (N, H, W), (N, C, H, W) or (N, pixels) of any numbers. None: labels
            alone.
        labels: As `settled_labels` takes them, one an image. None: images alone.
        names: The names of the classes whose numbers the labels are, if the file has some.
        max_value: The pixel value of full intensity, if the format says it.
        was_signed: Whether pixels went from -1 to 1 and are 0 to 1 here.
    """

    where: str
    count: int
    part: str = ""
    stem: str = ""
    images: Callable[[], npt.NDArray[Any]] | None = None
    labels: npt.NDArray[Any] | None = None
    names: tuple[str, ...] | None = None
    max_value: float | None = None
    was_signed: bool = False


def parts_of(pieces: Sequence[Piece], name: str) -> dict[str, list[Piece]]:
    """The whole pieces of each part, in order.

    Raises DataError where images have not the labels that lie beside them, or where the
    pieces are of several data sets.
    """
    paired = _paired(pieces, name)
    parts: dict[str, list[Piece]] = {}
    for piece in paired:
        parts.setdefault(piece.part, []).append(piece)
    for mine in parts.values():
        stems = {re.sub(r"\d+", "", piece.stem) for piece in mine}
        if len(stems) > 1:
            raise DataError(
                f"{name}: expected one data set, got files of several: "
                f"{listed((piece.where for piece in mine), 8)}; give the path of one"
            )
        mine.sort(key=lambda piece: natural_key(piece.stem))
    order = ("", TRAIN, VALID, TEST)
    return dict(sorted(parts.items(), key=lambda item: order.index(item[0])))


def _paired(pieces: Sequence[Piece], name: str) -> list[Piece]:
    """Images with the labels of the same part and stem; or the only ones of a part."""

    def key(piece: Piece) -> tuple[str, str]:
        return piece.part, piece.stem

    whole = [p for p in pieces if p.images is not None and p.labels is not None]
    halves = [p for p in pieces if p.images is None or p.labels is None]
    found: list[Piece] = []
    left: list[Piece] = []
    for _, group in groupby(sorted(halves, key=key), key):
        mine = list(group)
        pair = _pair(mine)
        if pair:
            found.append(pair)
        else:
            left += mine
    for _, group in groupby(sorted(left, key=lambda p: p.part), lambda p: p.part):
        mine = list(group)
        labels = [p for p in mine if p.images is None]
        images = [p for p in mine if p.images is not None]
        pair = _pair(mine)
        if pair:
            found.append(pair)
        elif labels and images:
            raise DataError(
                f"{name}: expected labels and images that belong together by name, got "
                f"{listed((p.where for p in mine), 8)}; name them alike, such as "
                "x-images, x-labels"
            )
        elif images:
            found += images
    if not whole and not found:
        raise DataError(
            f"{name}: expected images, got labels alone ({listed((p.where for p in left), 4)})"
        )
    return whole + found


def _pair(pieces: Sequence[Piece]) -> Piece | None:
    if len(pieces) != 2:
        return None
    labels, images = sorted(pieces, key=lambda piece: piece.images is not None)
    if labels.images is not None or images.images is None:
        return None
    if labels.count != images.count:
        raise DataError(
            f"{labels.where}: expected {images.count:,} labels, one for each image of "
            f"{images.where}, got {labels.count:,}; do they belong together?"
        )
    return replace(images, labels=labels.labels, names=labels.names or images.names)


def datasets_of(
    parts: dict[str, list[Piece]],
    options: ReadOptions,
    name: str,
    wanted: Iterable[str] | None = None,
) -> dict[str, Dataset]:
    """The parts as Datasets of the same classes and scale.

    Args:
        parts: As `parts_of` gives them.
        options: What the person said.
        name: Of the sets, and for messages.
        wanted: The parts to be read. Default: all; the others' labels count for the
            classes in any case.
    """
    labels, classes = _settled(parts, options, name)
    read = {part: parts[part] for part in parts if wanted is None or part in wanted}
    try:
        pixels = _joint_pixels(read, options, name)
        scale = options.max_value or _joint_scale(read, pixels, name)
        return {
            part: Dataset(
                pixels[part],
                labels[part],
                classes=classes,
                max_value=scale,
                name=f"{name} {part}".rstrip(),
            )
            for part in read
        }
    except ValueError as error:  # a Dataset's own, of what a file holds
        if isinstance(error, DataError):
            raise
        raise DataError(f"{name}: {error}") from error


def _joint_scale(
    parts: dict[str, list[Piece]], pixels: dict[str, npt.NDArray[Any]], name: str
) -> float:
    """The pixel value of full intensity: what the format says of bytes, else the smallest
    usual one that no part exceeds."""
    said = [p.max_value for pieces in parts.values() for p in pieces if p.max_value]
    if said and all(array.dtype == np.uint8 for array in pixels.values()):
        return max(said)
    largest = max(float(array.max(initial=0)) for array in pixels.values())
    return guess_max_value(largest, name)


def _settled(
    parts: dict[str, list[Piece]], options: ReadOptions, name: str
) -> tuple[dict[str, Labels | None], int | Sequence[str]]:
    """Labels of every part among the classes of all of them."""
    raw = {part: _joined_labels(pieces) for part, pieces in parts.items()}
    given = {part: values for part, values in raw.items() if values is not None}
    classes: int | Sequence[str] | None = options.classes
    if options.unlabelled or not given:
        return dict.fromkeys(parts), 10 if classes is None else classes
    if classes is None:
        names = [p.names for pieces in parts.values() for p in pieces if p.names]
        classes = names[0] if names else None
    counts = [len(values) for values in given.values()]
    together = _concatenated([*given.values()])
    settled, classes = settled_labels(together, sum(counts), classes, name)
    divided = np.split(settled, np.cumsum(counts)[:-1])
    labels: dict[str, Labels | None] = dict.fromkeys(parts)
    labels.update(zip(given, divided, strict=True))
    return labels, classes


def _joined_labels(pieces: Sequence[Piece]) -> npt.NDArray[Any] | None:
    labels = [piece.labels for piece in pieces]
    found = [values for values in labels if values is not None]
    if not found:
        return None
    if len(found) < len(labels):
        without = next(piece.where for piece in pieces if piece.labels is None)
        raise DataError(f"{without}: expected labels as the files beside it have")
    return _concatenated(found)


def _concatenated(labels: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Labels of several files, some of which may have one-hot rows."""
    if len(labels) == 1:
        return labels[0]
    if len({values.shape[1:] for values in labels}) > 1:
        labels = [settled_labels(v, len(v), None, "labels")[0] for v in labels]
    return np.concatenate(labels)


def _planes(piece: Piece, options: ReadOptions) -> npt.NDArray[Any]:
    """A piece's images, (N, H, W) or (N, C, H, W)."""
    assert piece.images is not None
    images = piece.images()
    if images.ndim == 2:
        return images_of_rows(images, options.size, piece.where)
    return channels_first(images) if images.ndim == 4 else images


def _joint_pixels(
    parts: dict[str, list[Piece]], options: ReadOptions, name: str
) -> dict[str, npt.NDArray[Any]]:
    """Pixels of every part, of one type and by one rule."""
    raw = {
        part: [_planes(piece, options) for piece in pieces]
        for part, pieces in parts.items()
    }
    every = [piece for pieces in parts.values() for piece in pieces]
    signed = any(piece.was_signed for piece in every) or any(
        array.dtype.kind in "if" and array.size and array.min() < 0
        for arrays in raw.values()
        for array in arrays
    )
    pixels: dict[str, npt.NDArray[Any]] = {}
    for part, pieces in parts.items():
        settled = [
            array
            if piece.was_signed
            else settled_pixels(array, options.max_value, piece.where, signed=signed)
            for piece, array in zip(pieces, raw.pop(part), strict=True)
        ]
        sizes = {array.shape[1:] for array in settled}
        if len(sizes) > 1 and options.size is None:
            raise DataError(
                f"{name}: expected images of one size, got {listed(sorted(sizes))}; give "
                "size=(height, width)"
            )
        if options.size is not None:
            settled = [resized(a, options.size, options.fit) for a in settled]
        pixels[part] = settled[0] if len(settled) == 1 else np.concatenate(settled)
    if len({array.dtype for array in pixels.values()}) > 1:
        pixels = {part: array.astype(np.float32) for part, array in pixels.items()}
    return pixels
