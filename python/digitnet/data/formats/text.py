"""Text: tables of pixels (CSV and its relatives, LIBSVM's form), and columns of labels."""

from __future__ import annotations

import re

import numpy as np

import digitnet._core as _core
from digitnet._core import DataError
from digitnet._utils.warn import warn
from digitnet.data.formats.contents import Contents
from digitnet.data.pieces import Piece, ReadOptions

_BYTE_ORDERS = (b"\xff\xfe", b"\xfe\xff")  # of UTF-16
_LOOKED_AT = 2**16
_MIN_PIXELS = 16
_SEPARATORS = re.compile(r"[,;\t ]+")
_NUMBER = re.compile(r"\"?[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\"?")
_PAIR = re.compile(r"\d+:[-+.\deE]+")
# Control characters that text does not have.
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def is_kind(content: bytes) -> bool:
    return content.startswith(_BYTE_ORDERS) or not _NO_TEXT.search(
        content, 0, _LOOKED_AT
    )


def utf8_text(content: bytes, where: str) -> bytes:
    """A text in UTF-8 or UTF-16, else taken for Latin-1, in UTF-8."""
    if content.startswith(_BYTE_ORDERS):
        try:
            return content.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{where}: expected text in UTF-16, as its first bytes say; {error.reason} at "
                f"byte {error.start}"
            ) from error
    if not content.isascii():
        try:
            content.decode()
        except UnicodeDecodeError:
            return content.decode("latin-1").encode()
    return content


def is_table(content: bytes) -> bool:
    """Whether text beside other files is a table of pixels: most of its second line, or
    of its only one, are numbers, and enough of them."""
    lines = utf8_text(content[:_LOOKED_AT], "text").decode("utf-8", "replace")
    rows = [line for line in lines.splitlines() if line.strip()][:2]
    if not rows:
        return False
    cells = _SEPARATORS.split(rows[-1].strip())
    if sum(bool(_PAIR.fullmatch(cell)) for cell in cells) > len(cells) / 2:
        return True
    numbers = sum(bool(_NUMBER.fullmatch(cell)) for cell in cells)
    return numbers >= _MIN_PIXELS and numbers > 0.8 * len(cells)


def _shape(content: bytes, options: ReadOptions) -> list[int] | None:
    """The size that was asked for, where rows have just so many pixels; else they are
    squares, which are brought to it."""
    if options.size is None:
        return None
    height, width = options.size
    line = content[:_LOOKED_AT].decode("utf-8", "replace").split("\n", 1)[0]
    cells = len(_SEPARATORS.split(line.strip()))
    for shape in ([height, width], [3, height, width]):
        if (
            0 <= cells - np.prod(shape) <= 2
        ):  # a label and numbers of the rows beside them
            return shape
    return None


def pieces(contents: Contents, options: ReadOptions) -> list[Piece]:
    where = contents.where
    content = utf8_text(contents.whole, where)
    _core.engine.require_memory(3 * len(content), where)
    numbers = options.classes if isinstance(options.classes, int) else 0
    read = _core.data.read_text(
        content,
        "auto" if options.label is None else options.label,
        "auto",
        _shape(content, options),
        numbers,
        not numbers,
        options.max_value or 0,
        where,
    )
    for note in read["notes"]:
        warn(f"{where}: {note}")
    labels = read["labels"]
    if read["names"]:
        labels = np.array(read["names"])[labels]
    pixels = read["pixels"]
    return [
        Piece(
            where,
            len(pixels),
            contents.part,
            contents.stem,
            lambda: pixels,
            labels,
            was_signed=read["was_signed"],
        )
    ]
