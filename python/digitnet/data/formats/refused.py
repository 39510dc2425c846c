"""Files that hold no data set that can be read: each is told what to do instead."""

from __future__ import annotations

from digitnet._core import DataError
from digitnet._utils.signatures import is_pickle
from digitnet.data.formats.contents import Contents
from digitnet.data.pieces import Piece, ReadOptions

_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
# By the first bytes: what it is, and what to do.
_KINDS = {
    b"%PDF": ("a PDF document", "save its pages as pictures"),
    b"Rar!": ("a RAR archive", "unpack it first"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "unpack it first"),
    b"\xd0\xcf\x11\xe0": ("a spreadsheet", "save it as CSV"),
    b"ARROW1": ("an Arrow file", "save it as Parquet: Dataset.to_parquet"),
    b"\xff\xff\xff\xff": (
        "an Arrow stream of Hugging Face's data sets",
        "save it as Parquet: Dataset.to_parquet",
    ),
}


def is_kind(content: bytes) -> bool:
    return _what(content) is not None


def pieces(contents: Contents, options: ReadOptions) -> list[Piece]:
    what, remedy = _what(contents.whole) or ("", "")
    raise DataError(f"{contents.where}: expected a data set, got {what}; {remedy}")


def _what(content: bytes) -> tuple[str, str] | None:
    if not content:
        return "an empty file", "is it the right one?"
    bitmap = content.startswith(b"BM") and content[6:10] == bytes(4)
    if bitmap or content.startswith(_PICTURES):
        return "one picture", "give the folder of all, or predict it by a model"
    if is_pickle(content):
        return (
            "a pickle, which only running its code would read",
            "save the arrays by numpy.savez",
        )
    if content.startswith(b"PK") and b"[Content_Types].xml" in content[:4096]:
        return "a spreadsheet", "save it as CSV"
    if content.startswith(b"PK"):
        return "a zip archive of nothing", "is it the right one?"
    return next((v for k, v in _KINDS.items() if content.startswith(k)), None)
