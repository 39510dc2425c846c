"""Hyperparameter search: by chance, on a grid, by what was learned so far, or by breeding."""

from digitnet.search.space import METHODS
from digitnet.search.trials import Params, Search, load_search, search

__all__ = ["METHODS", "Params", "Search", "load_search", "search"]
