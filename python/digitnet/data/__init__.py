"""Data: read it, check it, divide it.

Named sets come by `load`, files by `read_idx`, `read_csv` and `read_folder`, arrays
by `Dataset` itself.
"""

from digitnet.data.dataset import Dataset
from digitnet.data.readers import read_csv, read_folder, read_idx
from digitnet.sources import describe, load, names

__all__ = [
    "Dataset",
    "describe",
    "load",
    "names",
    "read_csv",
    "read_folder",
    "read_idx",
]
