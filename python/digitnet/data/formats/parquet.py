"""Parquet files: tables of pixels, and Hugging Face's of pictures with their labels."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.extras import extra_packages
from digitnet._utils.input_files import json_in
from digitnet._utils.text import listed, shortened
from digitnet.data.containers import most_unpacked
from digitnet.data.formats.contents import Contents
from digitnet.data.formats.pictures import stacked
from digitnet.data.part_names import IMAGES, LABELS, part_and_role
from digitnet.data.pieces import Piece, ReadOptions

_MAGIC = b"PAR1"
_MAX_COLUMNS = 4096 * 4


def is_kind(content: bytes) -> bool:
    return content.startswith(_MAGIC)


def pieces(contents: Contents, options: ReadOptions) -> list[Piece]:
    where = contents.where
    with extra_packages(f"read '{shortened(where)}'"):
        import pyarrow as pa
        import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(contents.whole))
        _check_size(file.metadata, len(contents.whole), where)
        table = file.read()
        columns = {name: table.column(name) for name in table.column_names}
        label = _label_column(columns, options, where)
        labels = None if label is None else np.asarray(columns[label].to_pylist())
        images: Callable[[], npt.NDArray[Any]]
        pictures = [n for n, c in columns.items() if _holds_pictures(c.type, pa)]
        if pictures:
            sources = [
                (_bytes_of(value, where), f"{where}: picture {i}")
                for i, value in enumerate(columns[pictures[0]].to_pylist())
            ]
            images = partial(stacked, sources, options, where)
        else:
            images = partial(np.asarray, _pixels(columns, label, where))
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{where}: expected a whole Parquet file; {shortened(str(error), 160)}"
        ) from error
    return [
        Piece(
            where,
            table.num_rows,
            contents.part,
            contents.stem,
            images,
            labels,
            _class_names(table.schema.metadata or {}, label, where),
            max_value=255 if pictures else None,
        )
    ]


def _check_size(metadata: Any, file_bytes: int, where: str) -> None:
    total = sum(
        metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)
    )
    total = max(total, metadata.num_rows * metadata.num_columns)
    if total > most_unpacked(file_bytes):
        raise DataError(
            f"{where}: expected at most {most_unpacked(file_bytes):,} bytes in a file of "
            f"{file_bytes:,}, got {total:,}"
        )
    if metadata.num_columns > _MAX_COLUMNS:
        raise DataError(
            f"{where}: expected at most {_MAX_COLUMNS} columns, got {metadata.num_columns}"
        )


def _label_column(
    columns: dict[str, Any], options: ReadOptions, where: str
) -> str | None:
    """The column that the option names or numbers, else the one whose name says it."""
    names = list(columns)
    label = options.label
    if label == "none":
        return None
    if isinstance(label, int):
        if not -len(names) <= label < len(names):
            raise DataError(
                f"{where}: expected label among {len(names)} columns, got {label}"
            )
        return names[label]
    if isinstance(label, str) and label != "auto":
        if label not in columns:
            raise DataError(
                f"{where}: expected label among the columns {listed(names, 8)}, got "
                f"{label!r:.60}"
            )
        return label
    said = [name for name in names if part_and_role(name)[1] == LABELS]
    if len(said) > 1:
        raise DataError(
            f"{where}: expected one column of labels, got {listed(said, 8)}; say which by "
            "label='...'"
        )
    return said[0] if said else None


def _holds_pictures(kind: Any, pa: Any) -> bool:
    """Whether a column's values are files of pictures: bytes, or structs with them."""
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _bytes_of(value: Any, where: str) -> bytes:
    content = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(content, bytes):
        raise DataError(
            f"{where}: expected the bytes of pictures, got paths of files elsewhere"
        )
    return content


def _pixels(columns: dict[str, Any], label: str | None, where: str) -> npt.NDArray[Any]:
    """Rows of pixels: of a column of lists, or of a column a pixel."""
    others = {name: c for name, c in columns.items() if name != label}
    lists = [n for n in others if part_and_role(n)[1] == IMAGES] or list(others)
    if len(lists) == 1 or (lists and len(others) == 1):
        return np.asarray(others[lists[0]].to_pylist())
    arrays = [c.to_numpy() for c in others.values()]
    if not arrays or any(array.dtype.kind not in "biuf" for array in arrays):
        raise DataError(
            f"{where}: expected columns of pixels, or one of pictures, got "
            f"{listed((f'{n} ({c.type})' for n, c in others.items()), 6)}"
        )
    return np.stack(arrays, axis=1)


def _class_names(
    metadata: dict[bytes, bytes], label: str | None, where: str
) -> tuple[str, ...] | None:
    """Those that Hugging Face's programs keep beside a column of numbers."""
    about = metadata.get(b"huggingface")
    if about is None or label is None:
        return None
    found = json_in(about, f"{where}: expected JSON about its columns")
    for key in ("info", "features", label, "names"):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list) or not all(isinstance(n, str) for n in found):
        return None
    return tuple(found)
