"""Reproductions of published systems: `reproduce("optdigits-cnn")`.

To add one: write papers/<name>.py with a function that returns a Recipe, and add it to
the registry below.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

from digitnet.experiments import (
    MODES,
    PROTOCOLS,
    Claim,
    Exhibit,
    Findings,
    Recipe,
    Registry,
    Stage,
    run,
)
from digitnet.papers import (
    best,
    kaggle_cnn,
    mlp,
    mnistm_cnn,
    optdigits_cnn,
    vgg16_transfer,
)

__all__ = [
    "MODES",
    "PROTOCOLS",
    "Claim",
    "Exhibit",
    "Findings",
    "Recipe",
    "Stage",
    "all",
    "describe",
    "find",
    "names",
    "reproduce",
]


_PAPERS = Registry(
    "recipe",
    (
        *(
            module.recipe()
            for module in (vgg16_transfer, kaggle_cnn, mnistm_cnn, mlp, optdigits_cnn)
        ),
        *(best.recipe(data) for data in best.ALL),
    ),
)


def all() -> list[Recipe]:
    """Every recipe."""
    return _PAPERS.all()


def names() -> list[str]:
    """Names that `reproduce` accepts."""
    return _PAPERS.names()


def describe() -> list[dict[str, Any]]:
    """Name, summary and paper of every recipe."""
    return _PAPERS.describe()


def find(name: str, data: str | None = None) -> Recipe:
    """The recipe called `name`; for "best" that of a data set.

    Raises:
        ValueError: no such recipe, or none for these data; lists the known ones.
    """
    if name == "best":
        if data not in tuple(best.ALL):
            raise ValueError(
                f"reproduce.data: expected {', '.join(best.ALL)} for 'best', got {data}"
            )
        return _PAPERS.find(f"best-{data}")
    recipe = _PAPERS.find(name)
    if data is not None:
        raise ValueError(f"reproduce.data: expected none for '{name}', got '{data}'")
    return recipe


def reproduce(
    recipe: Recipe | str,
    mode: str = "default",
    *,
    data: str | None = None,
    protocol: str = "honest",
    seeds: int | Sequence[int] | None = None,
    out: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Findings:
    """Measure again what a paper claims.

    Args:
        recipe: A name of `names()`.
        mode: "smoke" (seconds, to see that it runs), "quick" (minutes, subsets), "default"
            or "full".
        data: Data set of the recipe "best": "mnist", "fashion-mnist" or "optdigits".
        protocol: "honest": a validation part chooses and the test set is touched once;
            "paper": as the authors did.
        seeds: Number of repetitions, or their seeds. Default: one in smoke and quick mode,
            else the recipe's.
        out: Folder. Default: runs/<recipe>-<mode>-<protocol>. What an interrupted run of
            the same settings finished there is not done again.
        progress: Show a bar with the time that is left.
    Returns:
        Findings; the folder has report.html, metrics.json, figures as PNG and tables as
        CSV.
    Raises:
        ValueError: unknown name, data, mode or protocol; the folder has another run.
        FileNotFoundError: data that are not on this machine and cannot be downloaded.
    """
    if not isinstance(recipe, Recipe):
        recipe = find(recipe, data)
    elif data is not None:
        raise ValueError(f"reproduce.data: expected none for a Recipe, got '{data}'")
    return run(
        recipe,
        mode,
        protocol=protocol,
        seeds=seeds,
        out=out,
        progress=progress,
        caller="reproduce",
    )
