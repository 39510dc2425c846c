"""
Activations and attributions.
"""
from __future__ import annotations
import collections.abc
import digitnet._core.models
import numpy
import numpy.typing
import typing
__all__: list[str] = ['activations', 'chain_code_histogram', 'distortion_distances', 'euclidean_neighbors', 'grad_cam', 'integrated_gradients', 'maximise', 'occlusion', 'saliency', 'transition_counts', 'unit_activations']
def activations(predictor: digitnet._core.models.Predictor, images: numpy.ndarray, layers: collections.abc.Sequence[str]) -> dict:
    """
    Outputs of these layers, or of all, by name.
    """
def chain_code_histogram(images: numpy.ndarray, threshold: typing.SupportsFloat | typing.SupportsIndex, zones: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
    """
    Steps of contours by zone and direction, [N, zones, zones, 8].
    """
def distortion_distances(images: numpy.ndarray, references: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], warp: typing.SupportsInt | typing.SupportsIndex, context: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.int64]:
    """
    Distances of the image distortion model, as `rows`.
    """
def euclidean_neighbors(images: numpy.ndarray, references: numpy.ndarray, count: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.int64]:
    """
    The nearest references of each image, [N, count].
    """
def grad_cam(predictor: digitnet._core.models.Predictor, images: numpy.ndarray, layer: str, units: typing.Annotated[numpy.typing.ArrayLike, numpy.int64]) -> numpy.typing.NDArray[numpy.float32]:
    """
    Where a layer's maps raise the classes' logits, [N, h, w].
    """
def integrated_gradients(predictor: digitnet._core.models.Predictor, images: numpy.ndarray, units: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], steps: typing.SupportsInt | typing.SupportsIndex, baseline: typing.SupportsFloat | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
    """
    How much each input value adds to the classes' logits.
    """
def maximise(predictor: digitnet._core.models.Predictor, layer: str, units: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], steps: typing.SupportsInt | typing.SupportsIndex, rate: typing.SupportsFloat | typing.SupportsIndex, l2: typing.SupportsFloat | typing.SupportsIndex, variation: typing.SupportsFloat | typing.SupportsIndex, blur: typing.SupportsFloat | typing.SupportsIndex, jitter: typing.SupportsInt | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex) -> tuple:
    """
    (images, first, last): images that activate units, and the units before and after.
    """
def occlusion(predictor: digitnet._core.models.Predictor, images: numpy.ndarray, units: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], size: typing.SupportsInt | typing.SupportsIndex, stride: typing.SupportsInt | typing.SupportsIndex, value: typing.SupportsFloat | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
    """
    How much probability falls where squares are covered, [N, H, W].
    """
def saliency(predictor: digitnet._core.models.Predictor, images: numpy.ndarray, units: typing.Annotated[numpy.typing.ArrayLike, numpy.int64]) -> numpy.typing.NDArray[numpy.float32]:
    """
    Gradients of the classes' logits by the network's input.
    """
def transition_counts(images: numpy.ndarray, threshold: typing.SupportsFloat | typing.SupportsIndex, bands: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
    """
    Changes of ink along rows and along columns, [N, 2, B].
    """
def unit_activations(predictor: digitnet._core.models.Predictor, images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, layer: str, unit: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
    """
    Every image's activation of a unit, [N].
    """
