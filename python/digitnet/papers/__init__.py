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
    # They need pandas.
    from digitnet.papers import (
        best,
        kaggle_cnn,
        mlp,
        mnistm_cnn,
        optdigits_cnn,
        vgg16_transfer,
    )

    papers = (vgg16_transfer, kaggle_cnn, mnistm_cnn, mlp, optdigits_cnn)
    return [
        *(module.recipe() for module in papers),
        *(best.recipe(data) for data in best.ALL),
    ]


def names() -> list[str]:
    """Names that `reproduce` accepts."""
    return [recipe.name for recipe in all()]


def describe() -> list[dict[str, Any]]:
    """Name, summary and paper of every recipe."""
    return [recipe.describe() for recipe in all()]


def find(name: str, data: str | None = None) -> Recipe:
    """The recipe called `name`; for "best" that of a data set.

    Raises:
        ValueError: no such recipe, or none for these data; lists the known ones.
    """
    from digitnet.papers import best

    if name == "best":
        if data not in tuple(best.ALL):
            raise ValueError(
                f"reproduce.data: expected {', '.join(best.ALL)} for 'best', got {data}"
            )
        return best.recipe(str(data))
    for recipe in all():
        if recipe.name == name:
            if data is not None:
                raise ValueError(
                    f"reproduce.data: expected none for '{name}', got '{data}'"
                )
            return recipe
    raise ValueError(f"unknown recipe '{name}'; known: {', '.join(names())}")
