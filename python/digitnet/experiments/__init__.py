"""Reproducible experiments that take minutes or hours: a recipe of stages, a context that
caches what was finished, a report of what was claimed and what was measured.

`digitnet.papers` and `digitnet.studies` list the recipes.
"""

from digitnet.experiments.exhibits import Exhibit
from digitnet.experiments.findings import Findings
from digitnet.experiments.lesson_data import load_data
from digitnet.experiments.recipe import MODES, PROTOCOLS, Claim, Recipe, Stage
from digitnet.experiments.registry import Registry
from digitnet.experiments.run import run

__all__ = [
    "MODES",
    "PROTOCOLS",
    "Claim",
    "Exhibit",
    "Findings",
    "Recipe",
    "Registry",
    "Stage",
    "load_data",
    "run",
]
