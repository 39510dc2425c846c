"""Lists of labels beside pictures: tables of a file's name and its label."""

from __future__ import annotations

import csv
import io

from digitnet._core import DataError
from digitnet._utils.text import listed
from digitnet.data.formats.contents import Contents
from digitnet.data.formats.text import utf8_text
from digitnet.data.part_names import LABELS, part_and_role
from digitnet.data.picture_files import SUFFIXES

_MAX_BYTES = 2**28
_MAX_COLUMNS = 64
_DELIMITERS = ",;\t "


def labels_in(
    contents: Contents, pictures: set[str], label: str | int | None
) -> dict[str, str] | None:
    """Labels by picture, if the text is a list of these pictures.

    Args:
        contents: A text: two columns such as ``00000001.png 5``, or a table with a header.
        pictures: The names of pictures, without endings.
        label: A column's name or place, where there are several.
    Returns:
        The first column that names pictures, with the label of each line; None if no
        column does.
    Raises:
        DataError: no column, or several, could be the label.
    """
    rows = _rows(contents)
    if len(rows) < 2:
        return None
    header = rows[0] if not _names(rows[0], pictures) else None
    lines = rows if header is None else rows[1:]
    column = next(
        (i for i in range(len(lines[0])) if _stem(lines[0][i]) in pictures), None
    )
    if column is None:
        return None
    others = [i for i in range(len(lines[0])) if i != column]
    others = [i for i in others if not _counts(lines, i)] or others
    place = _label_place(header, others, label, contents.where)
    return {row[column].strip(): row[place].strip() for row in lines if row[column]}


def _rows(contents: Contents) -> list[list[str]]:
    """The cells of a text's lines, all of one number; nothing of other texts."""
    content = contents.whole
    if len(content) > _MAX_BYTES:
        return []
    text = utf8_text(content, contents.where).decode("utf-8-sig")
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        rows = [r for r in csv.reader(io.StringIO(text), delimiter=delimiter) if r]
    except csv.Error:
        return []
    width = len(rows[0]) if rows else 0
    if not 2 <= width <= _MAX_COLUMNS or any(len(row) != width for row in rows):
        return []
    return rows


def _stem(cell: str) -> str:
    name = cell.strip().replace("\\", "/").rpartition("/")[2]
    head, dot, tail = name.rpartition(".")
    return head if dot and f".{tail.lower()}" in SUFFIXES else name


def _names(row: list[str], pictures: set[str]) -> bool:
    return any(_stem(cell) in pictures for cell in row)


def _counts(rows: list[list[str]], column: int) -> bool:
    """Whether a column numbers the rows."""
    numbers = [row[column].strip() for row in rows]
    return any(
        numbers == [str(i) for i in range(start, start + len(rows))] for start in (0, 1)
    )


def _label_place(
    header: list[str] | None, others: list[int], label: str | int | None, where: str
) -> int:
    titles = {title.strip(): i for i, title in enumerate(header or [])}
    if isinstance(label, str) and label in titles:
        return titles[label]
    if isinstance(label, int):
        width = len(others) + 1
        place = label % width if -width <= label < width else -1
        if place not in others:
            raise DataError(
                f"{where}: expected label among columns {listed(others)}, got {label}"
            )
        return place
    if len(others) == 1:
        return others[0]
    said = [
        i for t, i in titles.items() if i in others and part_and_role(t)[1] == LABELS
    ]
    if len(said) == 1:
        return said[0]
    shown = [t for t, i in titles.items() if i in (said or others)]
    raise DataError(
        f"{where}: expected one column of labels beside the names of pictures, got "
        f"{listed(shown or (f'column {i}' for i in others))}; say which by label=..."
    )
