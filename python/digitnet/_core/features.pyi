"""
What a network makes of an image.
"""
from __future__ import annotations
import collections.abc
import digitnet._core.models
import numpy
import numpy.typing
import typing
__all__: list[str] = ['activations', 'grad_cam', 'integrated_gradients', 'maximise', 'occlusion', 'saliency', 'strengths']
def activations(model: digitnet._core.models.Model, images: numpy.ndarray, layers: collections.abc.Sequence[str]) -> dict:
    """
    Outputs of these layers, or of all, by name.
    """
def grad_cam(model: digitnet._core.models.Model, images: numpy.ndarray, layer: str, units: typing.Annotated[numpy.typing.ArrayLike, numpy.int64]) -> numpy.typing.NDArray[numpy.float32]:
    """
    Where a layer's maps speak for the classes, [N, h, w].
    """
def integrated_gradients(model: digitnet._core.models.Model, images: numpy.ndarray, units: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], steps: typing.SupportsInt | typing.SupportsIndex, baseline: typing.SupportsFloat | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
    """
    Shares of the input's pixels in the classes' logits.
    """
def maximise(model: digitnet._core.models.Model, layer: str, units: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], steps: typing.SupportsInt | typing.SupportsIndex, rate: typing.SupportsFloat | typing.SupportsIndex, l2: typing.SupportsFloat | typing.SupportsIndex, variation: typing.SupportsFloat | typing.SupportsIndex, blur: typing.SupportsFloat | typing.SupportsIndex, jitter: typing.SupportsInt | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex) -> tuple:
    """
    (images, first, last): images that excite units, and their answers.
    """
def occlusion(model: digitnet._core.models.Model, images: numpy.ndarray, units: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], size: typing.SupportsInt | typing.SupportsIndex, stride: typing.SupportsInt | typing.SupportsIndex, value: typing.SupportsFloat | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
    """
    Probability that is lost where squares are covered, [N, H, W].
    """
def saliency(model: digitnet._core.models.Model, images: numpy.ndarray, units: typing.Annotated[numpy.typing.ArrayLike, numpy.int64]) -> numpy.typing.NDArray[numpy.float32]:
    """
    Slopes of the classes' logits by the network's input.
    """
def strengths(model: digitnet._core.models.Model, images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, layer: str, unit: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
    """
    How strongly every image excites a unit, [N].
    """
