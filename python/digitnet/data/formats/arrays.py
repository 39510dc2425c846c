"""Arrays by name, as NumPy's, MATLAB's, HDF5's and torch's files hold them: which ones are
images, which ones labels, and of which part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.text import listed, shortened
from digitnet._utils.warn import warn
from digitnet.data.formats.contents import Contents
from digitnet.data.part_names import IMAGES, LABELS, NAMES, part_and_role, stem_of
from digitnet.data.pieces import Piece, ReadOptions

_MIN_PIXELS = 16
_CHANNELS = (1, 3)
Arrays = Mapping[str, npt.NDArray[Any]]


def pieces_of_arrays(
    arrays: Arrays, contents: Contents, options: ReadOptions
) -> list[Piece]:
    """The pieces of a file of arrays.

    Names decide where they say something (x_train, test_labels, images), the option `label`
    where a person does, shapes elsewhere. Images come as (N, H, W), (N, H, W, C),
    (N, C, H, W), (N, pixels), or with N last as MATLAB's.

    Raises DataError where there are no images, or several arrays that could be.
    """
    where = contents.where
    _check_option(arrays, options, where)
    if len(arrays) == 1:
        return [_alone(next(iter(arrays.values())), contents)]
    found: dict[str, dict[str, list[str]]] = {}
    for name, array in arrays.items():
        part, role = _part_and_role(name, array, options)
        found.setdefault(part, {}).setdefault(role, []).append(name)
    names = _class_names(arrays, [n for p in found.values() for n in p.get(NAMES, [])])
    pieces = []
    for part, roles in found.items():
        if roles.keys() & {IMAGES, LABELS}:
            pieces.append(
                _piece(
                    arrays,
                    roles,
                    part or contents.part,
                    where,
                    names,
                    options.unlabelled,
                )
            )
    if not pieces:
        raise DataError(f"{where}: expected arrays of images, got {_shown(arrays)}")
    return pieces


def _check_option(arrays: Arrays, options: ReadOptions, where: str) -> None:
    label = options.label
    if isinstance(label, str) and label not in ("none", "auto") and label not in arrays:
        raise DataError(
            f"{where}: expected label among the arrays {_shown(arrays)}, got {label!r:.60}"
        )


def _shown(arrays: Arrays) -> str:
    return listed((f"{shortened(n)} {a.shape}" for n, a in arrays.items()), 8)


def _alone(array: npt.NDArray[Any], contents: Contents) -> Piece:
    """The only array of a file: what it is, the file's name says, or its shape."""
    role = contents.role if contents.role in (IMAGES, LABELS) else _role_by_shape(array)
    about = (contents.where, len(array) if array.ndim else 0)
    if role == LABELS:
        return Piece(*about, contents.part, contents.stem, labels=array)
    if role != IMAGES:
        raise DataError(
            f"{contents.where}: expected images or labels, got shape {array.shape} of "
            f"{array.dtype}"
        )
    images = _images_first(array, None, contents.where)
    return Piece(
        contents.where, len(images), contents.part, contents.stem, lambda: images
    )


def _part_and_role(
    name: str, array: npt.NDArray[Any], options: ReadOptions
) -> tuple[str, str]:
    part, role = part_and_role(name)
    if array.ndim == 0:
        return part, ""  # a number about the file
    if name == options.label:
        return part, LABELS
    if isinstance(options.label, str) and options.label in ("none", "auto"):
        pass
    elif options.label is not None and role == LABELS:
        return part, ""  # a person named others
    by_shape = _role_by_shape(array)
    if role == NAMES or (role and by_shape in ("", role)):
        return part, role
    if role == IMAGES and by_shape == LABELS and array.ndim == 1:
        return part, LABELS  # as "data" is called of labels, too
    if role == LABELS and by_shape == IMAGES:
        return part, LABELS if array.ndim == 2 else IMAGES
    return part, role or by_shape


def _role_by_shape(array: npt.NDArray[Any]) -> str:
    """What an array of a name that says nothing is."""
    if array.ndim == 1 or (array.ndim == 2 and 1 in array.shape):
        return LABELS if array.size > 1 else ""
    if array.dtype.kind not in "biuf" or array.ndim > 4 or array.ndim < 2:
        return ""
    if array.ndim == 2:
        ones = array.shape[1] < 2 * _MIN_PIXELS and (array.sum(axis=1) == 1).all()
        return LABELS if ones else IMAGES if array.shape[1] >= _MIN_PIXELS else ""
    return IMAGES


def _class_names(
    arrays: Arrays, names: list[str]
) -> tuple[int, tuple[str, ...]] | None:
    """Class names that a file brings, and the label of the first one: texts; or EMNIST's
    mapping from labels to the codes of letters, large and small."""
    for name in names:
        array = arrays[name]
        if array.ndim == 1 and array.dtype.kind in "US":
            return 0, tuple(
                v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v)
                for v in array.tolist()
            )
        if array.ndim == 2 and array.shape[1] >= 2 and array.dtype.kind in "uif":
            labels = array[:, 0].astype(np.int64)
            codes = array[:, 1].astype(np.int64)
            if (np.diff(labels) == 1).all() and ((codes > 32) & (codes < 127)).all():
                return int(labels[0]), tuple(map(chr, codes.tolist()))
    return None


def _piece(
    arrays: Arrays,
    roles: Mapping[str, list[str]],
    part: str,
    where: str,
    named: tuple[int, tuple[str, ...]] | None,
    unlabelled: bool,
) -> Piece:
    images = roles.get(IMAGES, [])
    labels = [] if unlabelled else roles.get(LABELS, [])
    about = f"{where} ({part})" if part else where
    if len(images) != 1:
        raise DataError(
            f"{about}: expected one array of images, got "
            f"{_shown({n: arrays[n] for n in images}) or 'none'}"
        )
    if len(labels) > 1:
        taken = [n for n in labels if part_and_role(n)[1] == LABELS]
        if len(taken) != 1:
            raise DataError(
                f"{about}: expected one array of labels, got {listed(labels)}; say which by "
                "label='...'"
            )
        labels = taken
    values = _flat(arrays[labels[0]]) if labels else None
    array = _images_first(arrays[images[0]], values, f"{where}.{shortened(images[0])}")
    if values is not None and len(values) != len(array):
        raise DataError(
            f"{where}.{shortened(labels[0])}: expected {len(array):,} labels, one an image, "
            f"got {len(values):,}"
        )
    names = None
    if named is not None and values is not None and values.dtype.kind in "uif":
        first, names = named
        values = values.astype(np.int64) - first
    return Piece(where, len(array), part, stem_of(where), lambda: array, values, names)


def _flat(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Columns and rows of labels as lists."""
    if labels.ndim == 2 and 1 in labels.shape:
        return labels.reshape(-1)
    return labels


def _images_first(
    array: npt.NDArray[Any], labels: npt.NDArray[Any] | None, where: str
) -> npt.NDArray[Any]:
    """Images with N first; MATLAB's files have it last, (H, W, N) or (H, W, C, N)."""
    if array.ndim < 2 or array.ndim > 4 or array.dtype.kind not in "biuf":
        raise DataError(
            f"{where}: expected images, (N, H, W), (N, C, H, W), (N, H, W, C) or (N, pixels), "
            f"got shape {array.shape} of {array.dtype}"
        )
    count = None if labels is None else len(labels)
    first, last = array.shape[0], array.shape[-1]
    if count is not None and first != count and last == count:
        return np.moveaxis(array, -1, 0)
    square = array.ndim in (3, 4) and first == array.shape[1]
    if count is None and square and last > max(first, *_CHANNELS):
        warn(f"{where}: took shape {array.shape} as (height, width, ..., images)")
        return np.moveaxis(array, -1, 0)
    return array
