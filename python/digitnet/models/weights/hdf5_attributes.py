"""Texts in attributes of HDF5 files, taken from the file's bytes without the library.

Reading a damaged one, the library makes room for a string of the length that is claimed, up
to 4 GiB, runs for ever or crashes. Layouts are those of the format's specification, version
3, sections III.E (global heap), IV.A.2.b (dataspace), d (datatype) and m (attribute).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import Any

from digitnet._core import DataError

_FIXED, _VARIABLE = 3, 9  # classes of datatypes: strings, and references to a heap
_REFERENCE = struct.Struct("<IQI")  # length, heap, number in the heap
_MAX_ENTRIES = 100_000  # of an attribute
_MAX_STEPS = 500_000  # texts, objects of heaps and names that are looked at in a file


class _Budget:
    """What is still looked at: a file can have each of its bytes meant many times."""

    def __init__(self, content: Any, label: str) -> None:
        self.steps, self.bytes = _MAX_STEPS, 4 * len(content) + 2**20
        self.label = label

    def spend(self, steps: int, size: int = 0) -> None:
        """Raises DataError once there is nothing left."""
        self.steps -= steps
        self.bytes -= size
        if self.steps < 0 or self.bytes < 0:
            raise DataError(
                f"{self.label}: expected at most {_MAX_STEPS:,} texts in attributes, each "
                "stored once, got more"
            )


def text_attributes(
    content: Any, words: Iterable[str], label: str
) -> dict[str, list[bytes]]:
    """Texts of all attributes that are called so, perhaps with a number behind, by name.

    Args:
        content: The file's bytes, or a memory map of them.
        words: What they are called.
        label: The file's name, for errors.
    Raises:
        DataError: texts that are not in the file, too many, or two values of one name.
    """
    found: dict[str, list[bytes]] = {}
    budget = _Budget(content, label)
    for word in words:
        place = content.find(word.encode())
        while place >= 0:
            budget.spend(1)
            number, end, _ = bytes(
                content[place + len(word) : place + len(word) + 6]
            ).partition(b"\0")
            name = word + number.decode("ascii", "replace")
            parts = None
            if end and (not number or number.isdigit()):
                parts = _parts(content, place, len(name) + 1)
            if parts is not None:
                texts = _texts(content, *parts, budget)
                if texts is None or found.setdefault(name, texts) != texts:
                    raise DataError(
                        f"{label}: {name}: expected one whole attribute of texts"
                    )
            place = content.find(word.encode(), place + 1)
    return found


def _parts(content: Any, place: int, size: int) -> tuple[bytes, bytes, int] | None:
    """Datatype, dataspace and place of the values, if the name at `place` is an attribute's."""
    for start, version in ((place - 8, 1), (place - 8, 2), (place - 9, 3)):
        head = bytes(content[max(start, 0) : start + 8])
        if len(head) < 8 or head[0] != version:
            continue
        _, _, *sizes = struct.unpack("<BBHHH", head)
        if sizes[0] != size:
            continue
        step = 8 if version == 1 else 1
        kind, space, data = place, place, place
        kind += -(-sizes[0] // step) * step
        space = kind + -(-sizes[1] // step) * step
        data = space + -(-sizes[2] // step) * step
        return bytes(content[kind:space]), bytes(content[space:data]), data
    return None


def _texts(
    content: Any, kind: bytes, space: bytes, data: int, budget: _Budget
) -> list[bytes] | None:
    """The values; None for what is no text, or is not in the file."""
    count = _count(space)
    if len(kind) < 8 or count > _MAX_ENTRIES:
        return None
    form, each = kind[0] & 15, int.from_bytes(kind[4:8], "little")
    if data + count * each > len(content):
        return None
    budget.spend(count, count * each)
    values = bytes(content[data : data + count * each])
    if form == _FIXED and each > 0:
        return [values[i * each : (i + 1) * each].rstrip(b"\0 ") for i in range(count)]
    if form != _VARIABLE or each != _REFERENCE.size:
        return None
    heaps: dict[int, dict[int, bytes] | None] = {}
    texts: list[bytes] = []
    for length, place, number in _REFERENCE.iter_unpack(values):
        if place not in heaps:
            heaps[place] = _heap(content, place, budget) if length else {}
        heap = heaps[place]
        text = b"" if length == 0 else (heap or {}).get(number)
        if text is None or len(text) < length:
            return None
        budget.spend(0, length)
        texts.append(text[:length].rstrip(b"\0"))
    return texts


def _count(space: bytes) -> int:
    """How many values a dataspace message says there are."""
    first = {1: 8, 2: 4}.get(space[0] if space else 0, 0)
    if len(space) < max(first, 4) or first == 0:
        return _MAX_ENTRIES + 1
    rank = space[1]
    if len(space) < first + 8 * rank:
        return _MAX_ENTRIES + 1
    return math.prod(struct.unpack(f"<{rank}Q", space[first : first + 8 * rank]))


def _heap(content: Any, start: int, budget: _Budget) -> dict[int, bytes] | None:
    """The objects of a heap at this address by their numbers; None if it is not whole."""
    head = bytes(content[start : start + 16])
    if len(head) < 16 or head[:5] != b"GCOL\1":
        return None
    place, end = start + 16, start + int.from_bytes(head[8:], "little")
    objects: dict[int, bytes] = {}
    while place + 16 <= end:
        entry = bytes(content[place : place + 16])
        if len(entry) < 16:
            return None
        number, _, _, size = struct.unpack("<HHIQ", entry)
        if number == 0:  # what is left is free
            break
        budget.spend(1, min(size, len(content)))
        objects[number] = bytes(content[place + 16 : place + 16 + size])
        place += 16 + -(-size // 8) * 8
    return objects
