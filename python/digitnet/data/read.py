"""One door for the data that people have: `read` gives one Dataset of a file, a folder or an
archive, whatever its kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from digitnet._core import DataError
from digitnet._utils.arrays import as_whole
from digitnet._utils.input_files import expanded, shown_name
from digitnet._utils.registry import check_name
from digitnet._utils.text import listed
from digitnet._utils.warn import warn
from digitnet.data.checks import ordered_names
from digitnet.data.dataset import Dataset
from digitnet.data.file_tree import Entry, files_at, names_of
from digitnet.data.formats import pieces_in, text as text_format
from digitnet.data.formats.contents import Contents
from digitnet.data.formats.label_lists import labels_in
from digitnet.data.formats.pictures import is_picture, pieces_of_pictures
from digitnet.data.part_names import TEST, TRAIN, VALID
from digitnet.data.pieces import Piece, ReadOptions, datasets_of, parts_of
from digitnet.data.resizing import FITS

_MAX_SIDE = 1024
_MAX_CLASSES = 10_000
_HELD_OUT = 0.2


def read(
    path: str | PathLike[str],
    *,
    label: str | int | None = None,
    size: tuple[int, int] | None = None,
    classes: int | Sequence[str] | None = None,
    max_value: float | None = None,
    part: str | None = None,
    fit: str = "stretch",
    colour: bool | None = None,
) -> Dataset:
    """Read a data set: a file, a folder or an archive, known by its content.

    It may be IDX, a table of text (CSV and its relatives, LIBSVM's form), NPZ, NPY,
    MATLAB, HDF5, Parquet, a torch file of tensors, CIFAR's binary batches; a folder of
    such files; or of pictures, with a folder a class, a list of labels, or labels in the
    files' names; plain, packed by gzip, bzip2 or xz, or in a zip or tar archive. Nothing
    that runs code is read.

    Args:
        path: Where it is.
        label: Where labels stand, if that is not found: a column's name or its place
            (0 the first, -1 the last), an array's name, a pattern with a group for the
            names of pictures (``r"_(\\d)\\."``), "folder" for the folders that they lie in,
            or "none".
        size: (height, width) of the images: of rows that are no squares, or to which they
            are brought.
        classes: K, or the K class names. Default: those that the labels need, texts in
            natural order.
        max_value: As for Dataset.
        part: "train", "valid" or "test", where there are several. Default: "train".
        fit: Where the proportions of pictures and of `size` differ: "stretch", "pad" or
            "crop".
        colour: True for 3 channels, False for grey, of pictures. Default: colour if any
            has colours.
    Warns:
        UserWarning: it could be read in another way; says how.
    Raises:
        FileNotFoundError: nothing is there.
        DataError: no data set, or a damaged one; names the file and what was seen.
        ValueError: options that mean nothing.
    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "pets.npz"
        >>> np.savez(file, x_train=np.zeros((3, 8, 8, 3), np.uint8), y_train=["ox", "ant", "ox"])
        >>> pets = digitnet.data.read(file)
        >>> pets.shape, pets.classes, pets.labels.tolist()
        ((3, 8, 8), ('ant', 'ox'), [1, 0, 1])
    """
    options = _options(label, size, classes, max_value, fit, colour)
    parts, name = _parts_at(path, options)
    chosen = _chosen(parts, part, name)
    return datasets_of(parts, options, name, [chosen])[chosen]


def load_path(path: str | PathLike[str], *, seed: int = 0) -> tuple[Dataset, Dataset]:
    """(train, test) of a file, a folder or an archive: the parts that it has, else a seeded
    stratified fifth held out.

    Raises as `read`.
    """
    options = ReadOptions()
    parts, name = _parts_at(path, options)
    return _halves(parts, options, name, seed)


def read_to_predict(path: str | PathLike[str]) -> Dataset:
    """The images at a path whose labels are not asked for: of several parts the test part.

    Raises as `read`.
    """
    options = ReadOptions()
    parts, name = _parts_at(path, options)
    part = TEST if TEST in parts else next(iter(parts))
    return datasets_of(parts, options, name, [part])[part]


def read_files(
    paths: Sequence[Path], name: str, pattern: str, classes: tuple[str, ...]
) -> tuple[Dataset, Dataset]:
    """(train, test) of the files that a named set is made of, or of archives with them."""
    options = ReadOptions(classes=classes)
    entries = [
        entry
        for path in paths
        for entry in files_at(path)
        if re.fullmatch(pattern, entry.name, re.IGNORECASE)
    ]
    parts = _parts(entries, options, name)
    parts.pop(VALID, None)
    return _halves(parts, options, name, seed=0)


def _halves(
    parts: dict[str, list[Piece]], options: ReadOptions, name: str, seed: int
) -> tuple[Dataset, Dataset]:
    first = TRAIN if TRAIN in parts else ("" if "" in parts else next(iter(parts)))
    labelled = {p for p, mine in parts.items() if mine[0].labels is not None}
    second = next(
        (p for p in (TEST, VALID) if p in parts and p != first and p in labelled), None
    )
    for part in parts:
        if part not in (first, second):
            why = "" if part in labelled else " has no labels and"
            warn(
                f"{name}: its part {part!r}{why} is left aside; read(path, part={part!r}) "
                "reads it"
            )
    if second is not None:
        read_parts = datasets_of(parts, options, name, [first, second])
        return read_parts[first], read_parts[second]
    whole = datasets_of(parts, options, name, [first])[first]
    whole.require_labels(f"load: {name}")
    train, test = whole.split(
        (1 - _HELD_OUT, _HELD_OUT), seed=as_whole(seed, "load.seed")
    )
    warn(
        f"{name}: it has no part for tests; a stratified fifth ({len(test):,} of "
        f"{len(whole):,}, seed {seed}) is held out"
    )
    return train.renamed(f"{name} train"), test.renamed(f"{name} test")


def _options(
    label: str | int | None,
    size: tuple[int, int] | None,
    classes: int | Sequence[str] | None,
    max_value: float | None,
    fit: str,
    colour: bool | None,
) -> ReadOptions:
    if size is not None:
        if len(size) != 2:
            raise ValueError(f"read.size: expected (height, width), got {size!r:.60}")
        size = (
            as_whole(size[0], "read.size", 1, _MAX_SIDE),
            as_whole(size[1], "read.size", 1, _MAX_SIDE),
        )
    check_name("fit", fit, FITS)
    given: int | tuple[str, ...] | None = None
    if isinstance(classes, int | np.integer):
        given = as_whole(classes, "read.classes", 2, _MAX_CLASSES)
    elif classes is not None:
        given = ordered_names(classes, "read.classes")
    return ReadOptions(
        label=label,
        size=size,
        fit=fit,
        colour=colour,
        classes=given,
        max_value=max_value,
    )


def _parts_at(
    path: str | PathLike[str], options: ReadOptions
) -> tuple[dict[str, list[Piece]], str]:
    """What is at a path, by part, and what it is called."""
    name = shown_name(expanded(path).resolve())
    return _parts(files_at(path), options, name), name


def _parts(
    entries: Sequence[Entry], options: ReadOptions, name: str
) -> dict[str, list[Piece]]:
    """What these files are, by part."""
    pictures = [entry for entry in entries if is_picture(entry)]
    alone = len(entries) == 1 and not entries[0].folders
    if alone or (len(entries) == 1 and not pictures):
        pieces = pieces_in(Contents(entries[0]), options)
    else:
        pieces = _of_files(entries, pictures, options, name)
    if not pieces:
        raise DataError(
            f"{name}: expected a data set, got "
            f"{f'{len(entries)} files: {names_of(entries)}' if entries else 'no files'}"
        )
    return parts_of(pieces, name)


def _of_files(
    entries: Sequence[Entry],
    pictures: Sequence[Entry],
    options: ReadOptions,
    name: str,
) -> list[Piece]:
    """Pictures with their lists; or files of data, if there are no pictures."""
    others = [entry for entry in entries if not is_picture(entry)]
    if pictures:
        stems = {entry.path.stem for entry in pictures}
        lists = {}
        for entry in others:
            contents = Contents(entry)
            if text_format.is_kind(entry.start()):
                found = labels_in(contents, stems, options.label)
                if found is not None:
                    lists[entry.path] = found
        return pieces_of_pictures(pictures, lists, options, name)
    return [piece for entry in others for piece in _of_file(entry, options)]


def _of_file(entry: Entry, options: ReadOptions) -> list[Piece]:
    """The pieces of a file beside others, of which some may be no data: notes, licences."""
    contents = Contents(entry)
    text = text_format.is_kind(contents.whole)
    if text and not text_format.is_table(contents.whole):
        return []
    return pieces_in(contents, options)


def _chosen(parts: dict[str, list[Piece]], part: str | None, name: str) -> str:
    """The part to be read."""
    if part is not None:
        check_name("part", part, (TRAIN, VALID, TEST))
        if part not in parts:
            shown = listed(p or "one without a name" for p in parts)
            raise DataError(f"{name}: expected a part {part!r}, got {shown}")
        return part
    if len(parts) == 1:
        return next(iter(parts))
    chosen = TRAIN if TRAIN in parts else next(iter(parts))
    others = [p for p in parts if p != chosen]
    warn(
        f"{name}: took the part {chosen!r}; part={others[0]!r} reads the other"
        + (f" ({listed(others)})" if len(others) > 1 else "")
    )
    return chosen
