"""
The compute core of digitnet, in C++.
"""
from __future__ import annotations
from . import engine
from . import data
from . import augment
from . import corrupt
from . import models
from . import train
from . import metrics
from . import features
from . import attack
__all__: list[str] = ['DataError', 'OutOfMemory', 'attack', 'augment', 'corrupt', 'data', 'engine', 'features', 'metrics', 'models', 'train']
class DataError(ValueError):
    """
    A damaged or hostile file; names the file and the field.
    """
class OutOfMemory(MemoryError):
    """
    Too little memory; names the batch size and a smaller one.
    """
