"""
Corruptions of images, each at one fixed severity.
"""
from __future__ import annotations
import numpy
import numpy.typing
import typing
__all__: list[str] = ['corrupt', 'describe']
def corrupt(name: str, images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, seed: typing.SupportsInt | typing.SupportsIndex, max_value: typing.SupportsFloat | typing.SupportsIndex) -> numpy.ndarray:
    """
    Corrupt images, each at the corruption's fixed strength.
    
    Args:
        name: One of `describe()`.
        images: (N, C, H, W), uint8 or float32, contiguous, at least 8 pixels a side.
        rows: Which images the samples are, shape (M,); None for all.
        seed: Seed of the draws; those of sample i depend on (seed, i) alone.
        max_value: The value of full intensity.
    Returns:
        Array of the images' dtype (values rounded for uint8), shape (M, C, H, W).
    Raises:
        ValueError: unknown name, images too small, values outside [0, max_value].
    Source:
        Mu, Gilmer, "MNIST-C", arXiv 1906.02337, 2019.
    """
def describe() -> list:
    """
    Every corruption with its summary.
    """
