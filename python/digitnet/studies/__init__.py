"""Benchmarks: methods compared on one footing, `study("classical")`.

To add one: write studies/<name>.py with a function that returns a Recipe, and add it to
the registry below.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from digitnet.experiments import Findings, Recipe, Registry, run
from digitnet.studies import (
    ablation,
    architectures,
    classical,
    crossval,
    denoise,
    domains,
    ensembles,
    fractions,
    lightweight,
    networks,
    robustness,
    search,
)

__all__ = ["all", "describe", "find", "names", "study"]


_STUDIES = Registry(
    "study",
    (
        module.recipe()
        for module in (
            *(networks, classical, fractions, ensembles, search, crossval),
            *(robustness, domains, ablation, denoise, lightweight),
            architectures,
        )
    ),
)


def all() -> list[Recipe]:
    """Every study."""
    return _STUDIES.all()


def names() -> list[str]:
    """Names that `study` accepts."""
    return _STUDIES.names()


def describe() -> list[dict[str, Any]]:
    """Name, summary and where the comparison comes from, of every study."""
    return _STUDIES.describe()


def find(name: str) -> Recipe:
    """The study called `name`; ValueError lists the known ones."""
    return _STUDIES.find(name)


def study(
    name: str,
    mode: str = "default",
    *,
    seeds: int | Sequence[int] | None = None,
    out: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Findings:
    """Compare: the same splits, metrics and seeds for all, run times beside them.

    Args:
        name: A name of `names()`.
        mode: "smoke" (seconds, to see that it runs), "quick" (minutes, subsets), "default"
            or "full".
        seeds: Number of repetitions, or their seeds. Default: one in smoke and quick mode,
            else the study's.
        out: Folder. Default: runs/study-<name>-<mode>. What an interrupted run of the same
            settings finished there is not done again.
        progress: Show a bar with the time that is left.
    Returns:
        Findings; the folder has report.html, metrics.json, figures as PNG and tables as
        CSV.
    Raises:
        ValueError: unknown name or mode; the folder has another run.
        FileNotFoundError: data that are not on this machine and cannot be downloaded.
    """
    recipe = find(name)
    folder = out or Path("runs") / f"study-{name}-{mode}"
    return run(recipe, mode, seeds=seeds, out=folder, progress=progress, caller="study")
