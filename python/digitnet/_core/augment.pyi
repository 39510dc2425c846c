"""
Random operations on images.
"""
from __future__ import annotations
import numpy
import numpy.typing
import typing
__all__: list[str] = ['Pipeline', 'describe']
class Pipeline:
    """
    A sequence of random operations, written as text.
    
    Every draw is a function of seed, epoch, sample index and operation: batch size, order
    and threads cannot change what a sample looks like.
    
    Args:
        text: Operations separated by ``|``, each a name, a strength and its unit. Known:
            ``shift`` (px or %), ``rotate`` and ``shear`` (deg), ``zoom`` (a fraction or %),
            ``horizontal_flip`` and ``vertical_flip`` (a probability or %).
    Raises:
        ValueError: an unknown word or a strength out of range.
    Example:
        >>> pipeline = digitnet.augment.Pipeline("shift 1px | rotate 8deg")
        >>> images = np.zeros((2, 1, 8, 8), np.uint8)
        >>> pipeline(images, seed=0, epoch=1).shape
        (2, 1, 8, 8)
    """
    def __call__(self, images: numpy.ndarray, *, seed: typing.SupportsInt | typing.SupportsIndex = 0, epoch: typing.SupportsInt | typing.SupportsIndex = 0, first_index: typing.SupportsInt | typing.SupportsIndex = 0) -> numpy.typing.NDArray[numpy.float32]:
        """
        float32 images of the same shape; image i is drawn as sample first_index + i.
        """
    def __init__(self, text: str) -> None:
        ...
    def __repr__(self) -> str:
        ...
    @property
    def text(self) -> str:
        """
        The pipeline in canonical form.
        """
def describe() -> list:
    """
    Every operation with its summary, units and range.
    """
