"""Hyperparameter search: random, on a grid, Bayesian or evolutionary."""

from digitnet.search.space import METHODS
from digitnet.search.trials import Params, Search, load_search, search

__all__ = ["METHODS", "Params", "Search", "load_search", "search"]
