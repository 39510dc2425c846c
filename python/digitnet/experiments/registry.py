"""A registry: the recipes of a package, by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from digitnet._utils.registry import find_named, names_of
from digitnet.experiments.recipe import Recipe


class Registry:
    """The recipes of one package.

    Args:
        kind: Name of such a recipe in errors, such as "study".
        recipes: In the order in which they are listed.
    """

    def __init__(self, kind: str, recipes: Iterable[Recipe]) -> None:
        self.kind, self._recipes = kind, tuple(recipes)

    def all(self) -> list[Recipe]:
        return list(self._recipes)

    def names(self) -> list[str]:
        return names_of(self._recipes)

    def describe(self) -> list[dict[str, Any]]:
        return [recipe.describe() for recipe in self._recipes]

    def find(self, name: str) -> Recipe:
        """The recipe called `name`; ValueError lists the names."""
        return find_named(
            self.kind, name, dict(zip(self.names(), self.all(), strict=True))
        )
