"""The description of a named data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from digitnet.data.dataset import Dataset
from digitnet.data.download import (
    File,
    Files,
    Folder,
    find_file,
    find_files,
    find_folder,
)


@dataclass(frozen=True)
class Source:
    """A named data set."""

    name: str
    summary: str
    origin: str
    licence: str
    files: tuple[File, ...]
    load: Callable[[int], tuple[Dataset, Dataset]]  # from the seed of its split
    folders: tuple[Folder, ...] = ()
    brought: tuple[Files, ...] = ()
    alike: tuple[Files, ...] = ()  # any of which has all that `files` have

    def here(self) -> bool:
        """Whether everything it needs is on this machine."""
        return (
            (
                all(find_file(f) for f in self.files)
                or any(find_files(f) for f in self.alike)
            )
            and all(find_folder(f) for f in self.folders)
            and all(find_files(f) for f in self.brought)
        )
