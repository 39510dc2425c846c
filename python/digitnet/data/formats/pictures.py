"""Pictures as data sets: a file a picture, its label said by its folder, by its own name, or
by a list."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.text import listed, shortened
from digitnet._utils.warn import warn
from digitnet.data.file_tree import Entry
from digitnet.data.part_names import part_and_role, part_of
from digitnet.data.picture_files import SUFFIXES
from digitnet.data.picture_stack import Source, stacked_pictures
from digitnet.data.pieces import Piece, ReadOptions

_BYTE = 255
# A label before the first of these, as in 7_img01.png and cat.12.jpg, or behind the last.
_PATTERNS = (r"(?P<label>[^_.\- ]+)[_.\- ].*", r".*[_.\- ](?P<label>[^_.\- ]+)")


def is_picture(entry: Entry) -> bool:
    return entry.path.suffix.lower() in SUFFIXES


def pieces_of_pictures(
    entries: Sequence[Entry],
    lists: Mapping[PurePosixPath, Mapping[str, str]],
    options: ReadOptions,
    name: str,
) -> list[Piece]:
    """A piece for each part that the folders of pictures say.

    Args:
        entries: The pictures.
        lists: Labels by picture, by the list's path: as `label_lists` reads them.
        options: `label` may be a pattern for the names of files with a group, a list's
            column, "folder", or "none".
        name: For messages.
    """
    labels = _labels(entries, lists, options, name)
    groups: dict[str, list[int]] = {}
    for i, entry in enumerate(entries):
        groups.setdefault(_part(entry), []).append(i)
    pieces = []
    for part, mine in groups.items():
        files = [entries[i] for i in mine]
        pieces.append(
            Piece(
                name,
                len(files),
                part,
                "",
                partial(stacked, [(f.read, f.where) for f in files], options, name),
                None if labels is None else np.array([labels[i] for i in mine]),
                max_value=_BYTE,
            )
        )
    return pieces


def stacked(
    sources: Sequence[tuple[Source, str]], options: ReadOptions, name: str
) -> npt.NDArray[np.uint8]:
    """The pictures as one array, as the options say."""
    return stacked_pictures(
        sources,
        colour=options.colour,
        size=options.size,
        fit=options.fit,
        name=name,
    )


def _part(entry: Entry) -> str:
    """What its folders say, but for the one that is its class."""
    folders = entry.folders
    if folders and part_and_role(folders[-1])[0]:
        return part_of(folders)
    return part_of(folders[:-1])


def _labels(
    entries: Sequence[Entry],
    lists: Mapping[PurePosixPath, Mapping[str, str]],
    options: ReadOptions,
    name: str,
) -> list[str] | None:
    if options.unlabelled:
        return None
    if isinstance(options.label, str) and "(" in options.label:
        return _by_pattern(entries, options.label, name)
    if lists and options.label != "folder":
        return _by_lists(entries, lists, name)
    folders = [_class_folder(entry) for entry in entries]
    if all(folders) and len(set(folders)) > 1:
        return [str(folder) for folder in folders]
    return _by_name(entries, name)


def _by_lists(
    entries: Sequence[Entry],
    lists: Mapping[PurePosixPath, Mapping[str, str]],
    name: str,
) -> list[str]:
    """What the lists say, that of the nearest folder first."""
    labels: list[str] = []
    missing = []
    for entry in entries:
        near = sorted(lists, key=lambda file: -_shared(file, entry.path))
        found = [label for file in near if (label := _in_list(entry, lists[file]))]
        labels += found[:1]
        missing += [] if found else [str(entry.path)]
    if missing:
        raise DataError(
            f"{name}: expected a label for each of {len(entries)} pictures in "
            f"{listed(map(str, lists), 4)}, got none for {listed(missing, 4)}; label='folder' "
            "goes by their folders"
        )
    return labels


def _shared(first: PurePosixPath, second: PurePosixPath) -> int:
    """How many folders from the root on two files share."""
    pairs = zip(first.parent.parts, second.parent.parts, strict=False)
    return len([*itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)])


def _in_list(entry: Entry, labels: Mapping[str, str]) -> str | None:
    """By its path's end, its name, or its name without ending."""
    parts = entry.path.parts
    for start in range(len(parts)):
        path = PurePosixPath(*parts[start:])
        for key in (str(path), str(path.with_suffix(""))):
            if key in labels:
                return labels[key]
    return None


def _class_folder(entry: Entry) -> str | None:
    """The folder that it lies in, if that is no part's."""
    folders = entry.folders
    if not folders or part_and_role(folders[-1])[0]:
        return None
    return folders[-1]


def _by_pattern(entries: Sequence[Entry], pattern: str, name: str) -> list[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise DataError(
            f"{name}: expected label to be a pattern with a group, got {pattern!r:.60}; "
            f"{error}"
        ) from error
    if not compiled.groups:
        raise DataError(f"{name}: expected a pattern with a group, got {pattern!r:.60}")
    labels = []
    for entry in entries:
        match = compiled.search(entry.name)
        if match is None or not match[1]:
            raise DataError(
                f"{entry.where}: expected a name that the pattern {pattern!r:.60} finds a "
                "label in"
            )
        labels.append(match[1])
    return labels


def _by_name(entries: Sequence[Entry], name: str) -> list[str] | None:
    """What stands before the first separator of every name, or behind the last, if it is
    the same for many files; None if neither is."""
    for pattern in _PATTERNS:
        matches = [re.fullmatch(pattern, entry.path.stem) for entry in entries]
        labels = [match["label"] for match in matches if match]
        kinds = set(labels)
        if len(labels) == len(entries) and 2 <= len(kinds) <= len(entries) / 2:
            warn(
                f"{name}: took the labels from the names of the files: "
                f"{shortened(entries[0].name)} is {labels[0]!r:.40}; say otherwise by "
                "label='none' or a pattern such as label=r'_(\\d)\\.png'"
            )
            return labels
    warn(
        f"{name}: no labels were found for {len(entries)} pictures; they are said by one folder "
        "a class, by a list (file, label) in CSV, or by label=r'(\\d)_' for the files' names"
    )
    return None
