"""
Adversarial examples.
"""
from __future__ import annotations
import digitnet._core.models
import numpy
import numpy.typing
import typing
__all__: list[str] = ['attacked', 'describe']
def attacked(predictor: digitnet._core.models.Predictor, attack: typing.Any, images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], seed: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
    """
    The images as the attack leaves them, raw float32 [N, C, H, W].
    """
def describe() -> list:
    """
    Every attack with its options.
    """
