"""Random operations on images, drawn as functions of seed, epoch, sample and operation."""

from typing import Any

from digitnet._core.augment import Pipeline, describe

__all__ = ["Pipeline", "describe", "names"]


def names() -> list[str]:
    """Operations that a pipeline may hold."""
    return [entry["name"] for entry in describe()]


def as_text(value: Any) -> str:
    """A pipeline, its text or None, as text."""
    if value is None:
        return ""
    return str(value.text) if isinstance(value, Pipeline) else str(value)
