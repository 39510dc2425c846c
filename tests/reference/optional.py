"""torch where it is installed, None elsewhere: tests marked `torch` use it."""

try:
    import torch
    from torch import nn
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    torch = nn = None

# The base of reference modules: a file with such classes is read without torch, too.
Module = nn.Module if nn else object
