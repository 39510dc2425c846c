"""Data: read it, check it, divide it.

Named sets come by `load`, files by `read_idx`, `read_csv`, `read_folder` and `read_svhn`, arrays
by `Dataset` itself.
"""

from digitnet.data.dataset import Dataset
from digitnet.data.mnist_m import make_mnist_m, read_photographs, read_picture_list
from digitnet.data.readers import read_csv, read_folder, read_idx
from digitnet.data.svhn import read_svhn
from digitnet.sources import describe, load, names

__all__ = [
    "Dataset",
    "describe",
    "load",
    "make_mnist_m",
    "names",
    "read_csv",
    "read_folder",
    "read_idx",
    "read_photographs",
    "read_picture_list",
    "read_svhn",
]
