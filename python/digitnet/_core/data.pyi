"""
Parsing, checking and dividing of data.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing
__all__: list[str] = ['BorderStatistics', 'check_images', 'check_labels', 'check_weights', 'cifar_labels', 'fingerprint', 'idx_file_bytes', 'k_fold', 'largest_pixel', 'mean_grid', 'mnist_m', 'read_idx', 'read_label_list', 'read_text', 'resize', 'scan', 'split']
class BorderStatistics:
    """
    The range of images' mean borders, by channel, of max_value, and the fraction that is brighter inside.
    """
    @staticmethod
    def of(images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, max_value: typing.SupportsFloat | typing.SupportsIndex) -> BorderStatistics:
        """
        Those of a set's samples.
        """
    def __init__(self, low: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], high: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], brighter_inside: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
    def inverted(self, images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, max_value: typing.SupportsFloat | typing.SupportsIndex) -> typing.Any:
        """
        (inverted, sampled, border): how many of some images look inverted against these, and their mean border; None if none does.
        """
    @property
    def brighter_inside(self) -> float:
        ...
    @property
    def high(self) -> list[float]:
        ...
    @property
    def low(self) -> list[float]:
        ...
def check_images(images: numpy.ndarray, max_value: typing.SupportsFloat | typing.SupportsIndex, where: str) -> None:
    """
    Finite pixels from 0 to max_value.
    """
def check_labels(labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], classes: typing.SupportsInt | typing.SupportsIndex, where: str) -> None:
    """
    Classes from 0 to classes - 1.
    """
def check_weights(weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], where: str) -> None:
    """
    Finite weights of at least 0, not all 0.
    """
def cifar_labels(content: bytes) -> int:
    """
    Labels before each image of a binary batch of CIFAR's.
    """
def fingerprint(images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None) -> tuple[int, int]:
    """
    (images', labels'): they change when samples or their order do.
    """
def idx_file_bytes(start: bytes, name: str) -> int:
    """
    Bytes of the whole IDX file that begins so.
    """
def k_fold(labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], k: typing.SupportsInt | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex, stratify: bool) -> list[numpy.typing.NDArray[numpy.int64]]:
    """
    Ascending indices of each fold's test part.
    """
def largest_pixel(images: numpy.ndarray) -> float:
    """
    The largest pixel, at least 0.
    """
def mean_grid(images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, max_value: typing.SupportsFloat | typing.SupportsIndex, most: typing.SupportsInt | typing.SupportsIndex) -> list[float]:
    """
    The mean of at most so many images in 8 x 8 blocks, row by row; [] for images that are not square or smaller.
    """
def mnist_m(images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, photos: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.uint8]], seed: typing.SupportsInt | typing.SupportsIndex, first_index: typing.SupportsInt | typing.SupportsIndex, binary: bool) -> numpy.typing.NDArray[numpy.uint8]:
    """
    [N, 3, H, W]: grey digits [N, 1, H, W] over patches of photographs.
    """
def read_idx(content: bytes, role: str, name: str) -> tuple[str, list[int], int]:
    """
    Type, sizes and offset of a checked IDX file's numbers.
    """
def read_label_list(text: bytes, classes: typing.SupportsInt | typing.SupportsIndex, name: str) -> tuple[list[str], numpy.typing.NDArray[numpy.int64]]:
    """
    (files, labels) of lines such as '00000001.png 5'.
    """
def read_text(content: bytes, label: typing.Any, header: str, shape: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] | None, classes: typing.SupportsInt | typing.SupportsIndex, names: bool, max_value: typing.SupportsFloat | typing.SupportsIndex, name: str) -> dict:
    """
    pixels [N, C, H, W], labels [N] or None, names of the labels, notes of a text of numbers.
    """
def resize(plane: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], height: typing.SupportsInt | typing.SupportsIndex, width: typing.SupportsInt | typing.SupportsIndex, method: str) -> numpy.typing.NDArray[numpy.float32]:
    """
    Resize one plane.
    """
def scan(grey: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], like: str, size: typing.SupportsInt | typing.SupportsIndex) -> dict:
    """
    A digit as the named data set would hold it: image; box (top, left, height, width); digits, how many there are; certainty that there is one; is_dark; contrast.
    """
def split(labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], fractions: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], seed: typing.SupportsInt | typing.SupportsIndex, stratify: bool) -> list[numpy.typing.NDArray[numpy.int64]]:
    """
    Ascending indices of each part.
    """
