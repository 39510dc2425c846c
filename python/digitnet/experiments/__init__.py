"""How measurements are done that take minutes or hours: a recipe of stages, a context
that keeps what was finished, a report of what was claimed and what was found.

`digitnet.papers` and `digitnet.studies` list the recipes.
"""

from digitnet.experiments.recipe import MODES, PROTOCOLS, Claim, Recipe, Stage
from digitnet.experiments.run import Findings, run

__all__ = ["MODES", "PROTOCOLS", "Claim", "Findings", "Recipe", "Stage", "run"]
