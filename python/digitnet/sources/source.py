"""What a named data set says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from digitnet.data.dataset import Dataset
from digitnet.sources.fetch import File


@dataclass(frozen=True)
class Source:
    """A named data set."""

    name: str
    summary: str
    origin: str
    licence: str
    files: tuple[File, ...]
    load: Callable[[int], tuple[Dataset, Dataset]]  # from the seed of its split
