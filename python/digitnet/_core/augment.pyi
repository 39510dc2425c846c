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
    and threads cannot change what a sample looks like. Operations that move pixels come
    first, all in one resampling; those that change their values follow.
    
    Args:
        text: Parts separated by ``|``, each a name, a strength and its unit:
            ``shift`` and ``crop`` (px or % of the side), ``rotate`` and ``shear`` (deg),
            ``zoom`` (a fraction or %; ``axes=2`` for a factor each),
            ``elastic`` (px or %, and ``sigma=4px``),
            ``horizontal_flip`` and ``vertical_flip`` (a probability or %);
            then ``erase`` (a fraction of the area or %), ``brightness``, ``channel_gain``,
            ``contrast``, ``noise``, ``sharpen`` (a fraction or %), ``blur`` (px or %).
            All but flips take ``p=50%``, how often they are applied.
            ``fill constant 0%``, ``fill nearest`` or ``fill reflect`` says what lies beyond
            the border, ``interpolation nearest`` replaces bilinear.
            `describe()` has ranges, meanings and sources.
    Raises:
        ValueError: an unknown word or a strength out of range.
    Example:
        >>> pipeline = digitnet.augment.Pipeline("noise 5% | rotate 8 deg | fill nearest")
        >>> pipeline.text
        'rotate 8deg | noise 5% | fill nearest'
        >>> images = np.zeros((2, 8, 8), np.uint8)
        >>> pipeline(images, seed=0, epoch=1).shape
        (2, 8, 8)
    """
    def __call__(self, images: numpy.ndarray, *, seed: typing.SupportsInt | typing.SupportsIndex = 0, epoch: typing.SupportsInt | typing.SupportsIndex = 0, first_index: typing.SupportsInt | typing.SupportsIndex = 0, max_value: typing.SupportsFloat | typing.SupportsIndex | None = None) -> numpy.typing.NDArray[numpy.float32]:
        """
        Draw every image once.
        
        Args:
            images: (N, H, W), (N, C, H, W) or, as a Dataset takes them, (N, H, W, 3) or
                (N, H, W, 1); uint8 or float32; not modified.
            seed, epoch: With the sample's index, what the draw is a function of.
            first_index: Image i is drawn as sample first_index + i.
            max_value: The value of full intensity. Default: 255 for uint8, 1 for floats.
        Returns:
            float32 array of the same shape.
        Raises:
            ValueError: another shape or type, or pixels out of [0, max_value] where it matters.
        """
    def __init__(self, text: str) -> None:
        ...
    def __repr__(self) -> str:
        ...
    def enlarge(self, images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, copies: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], *, seed: typing.SupportsInt | typing.SupportsIndex, max_value: typing.SupportsFloat | typing.SupportsIndex) -> numpy.ndarray:
        """
        Draw copies of some images.
        
        Args:
            images: (N, C, H, W), uint8 or float32, contiguous.
            rows: Which images the samples are, shape (M,); None for all.
            copies: How many copies of each sample, shape (M,). Copy k of sample i looks as
                sample i does in epoch k + 1.
            seed: Seed of the draws.
            max_value: The value of full intensity.
        Returns:
            Array of the images' dtype (values rounded for uint8), sample after sample, shape
            (sum of copies, C, H, W).
        """
    @property
    def text(self) -> str:
        """
        The pipeline in canonical form.
        """
def describe() -> list:
    """
    Every operation with its summary, units, range and options.
    """
