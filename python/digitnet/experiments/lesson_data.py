"""The data of a lesson: a named set, or what stands in for it in smoke mode."""

from __future__ import annotations

from digitnet.data import sources
from digitnet.data.dataset import Dataset
from digitnet.experiments.placeholder_data import needs_placeholder, placeholder
from digitnet.experiments.recipe import MODES


def load_data(name: str, mode: str) -> tuple[Dataset, Dataset]:
    """A named set, (train, test); in smoke mode a placeholder if its files are not here.

    A printed line says that a placeholder is one.

    Args:
        name: One of `digitnet.data.names()`.
        mode: "smoke", "quick", "default" or "full", as recipes have them.
    Raises:
        ValueError: unknown name or mode.
        FileNotFoundError: no files, and no download or placeholder.
    Example:
        >>> from digitnet.experiments import load_data
        >>> train, test = load_data("digits", "smoke")
        >>> len(train), len(test)
        (1438, 359)
    """
    if mode not in MODES:
        raise ValueError(f"load_data.mode: expected {', '.join(MODES)}, got '{mode}'")
    if not needs_placeholder(name, mode):
        return sources.find(name).load(0)
    print(f"{name} is not on this machine; the embedded digits, enlarged, stand in.")
    return placeholder(name)
