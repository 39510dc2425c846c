"""Published systems, made again: `reproduce("optdigits-cnn")`.

To add one: write papers/<name>.py with a function that returns a Recipe, and add it to
all() below.
"""

from __future__ import annotations

from typing import Any

from digitnet.papers.recipe import MODES, PROTOCOLS, Claim, Recipe, Stage
from digitnet.papers.reproduce import Reproduction, reproduce

__all__ = [
    "MODES",
    "PROTOCOLS",
    "Claim",
    "Recipe",
    "Reproduction",
    "Stage",
    "all",
    "describe",
    "find",
    "names",
    "reproduce",
]


def all() -> list[Recipe]:
    """Every recipe."""
    from digitnet.papers import mlp, mnistm_cnn, optdigits_cnn  # they need pandas

    return [mlp.recipe(), mnistm_cnn.recipe(), optdigits_cnn.recipe()]


def names() -> list[str]:
    """Names that `reproduce` accepts."""
    return [recipe.name for recipe in all()]


def describe() -> list[dict[str, Any]]:
    """Name, summary and paper of every recipe."""
    return [recipe.describe() for recipe in all()]


def find(name: str) -> Recipe:
    """The recipe called `name`. Raises ValueError listing the known ones."""
    for recipe in all():
        if recipe.name == name:
            return recipe
    raise ValueError(f"unknown recipe '{name}'; known: {', '.join(names())}")
