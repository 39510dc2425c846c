"""Data augmentation: random operations, functions of seed, epoch, sample and operation."""

from typing import Any

from digitnet._core.augment import Pipeline, describe
from digitnet._utils.registry import names_of

__all__ = ["Pipeline", "describe", "names"]


def names() -> list[str]:
    """Names of the operations of a pipeline."""
    return names_of(describe())


def as_text(value: Any) -> str:
    """A pipeline, its text or None, as text."""
    if value is None:
        return ""
    return str(value.text) if isinstance(value, Pipeline) else str(value)
