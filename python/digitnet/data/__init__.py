"""Data sets: read, check and split them.

Named sets come by `load`, files and folders of any kind by `read`, or by the reader of theirs, arrays
by `Dataset` itself, torch's sets and pandas' frames by `from_torch` and `from_frame`.
"""

from digitnet.data.dataset import Dataset
from digitnet.data.interop import from_frame, from_torch
from digitnet.data.mnist_m import make_mnist_m, read_photographs, read_picture_list
from digitnet.data.photographs import make_photograph
from digitnet.data.read import read
from digitnet.data.readers import read_csv, read_folder, read_idx
from digitnet.data.sources import describe, load, names
from digitnet.data.svhn import read_svhn

__all__ = [
    "Dataset",
    "describe",
    "from_frame",
    "from_torch",
    "load",
    "make_mnist_m",
    "make_photograph",
    "names",
    "read",
    "read_csv",
    "read_folder",
    "read_idx",
    "read_photographs",
    "read_picture_list",
    "read_svhn",
]
