"""Networks by name, and models from files."""

from digitnet.models.transfer import split_at
from digitnet.models.weights import fetch_weights
from digitnet.models.zoo import describe, load, make, names

__all__ = ["describe", "fetch_weights", "load", "make", "names", "split_at"]
