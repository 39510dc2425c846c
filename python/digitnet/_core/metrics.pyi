"""
Metrics of classifiers and of images.
"""
from __future__ import annotations
import numpy
import numpy.typing
import typing
__all__: list[str] = ['confusion_matrix', 'describe', 'evaluate', 'expected_calibration_error', 'mcnemar', 'per_class', 'precision_recall_curve', 'psnr', 'reliability', 'roc_curve', 'ssim', 'top_k_accuracy']
def confusion_matrix(labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], predicted: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], *, classes: typing.SupportsInt | typing.SupportsIndex = 10) -> numpy.typing.NDArray[numpy.int64]:
    """
    Count how often each true class was given each predicted class.
    
    Args:
        labels: True classes, integers in [0, K), shape (N,).
        predicted: Predicted classes, same shape.
        classes: K. Default: 10.
    Returns:
        int64 array of shape (K, K). Rows are true classes, columns predicted ones, the sum is N.
    Raises:
        ValueError: shapes differ, or a class is outside [0, K).
    Example:
        >>> digitnet.metrics.confusion_matrix([0, 1, 1], [0, 1, 0], classes=2).tolist()
        [[1, 0], [1, 1]]
    """
def describe() -> list:
    """
    Every metric that is one number.
    """
def evaluate(labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], probabilities: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> dict:
    """
    Every metric that is one number.
    
    Args:
        labels: True classes, integers in [0, K), shape (N,).
        probabilities: One row of K probabilities a sample, shape (N, K).
    Returns:
        dict from metric name to value; NaN where a metric is undefined.
    Raises:
        ValueError: no samples, shapes differ, a class is outside [0, K), or a probability is not in [0, 1].
    Example:
        >>> digitnet.metrics.evaluate([0, 1], [[.9, .1], [.2, .8]])["accuracy"]
        1.0
    """
def expected_calibration_error(labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], probabilities: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], *, bins: typing.SupportsInt | typing.SupportsIndex = 15) -> float:
    """
    Mean distance between confidence and accuracy. Source: Guo et al., ICML 2017.
    """
def mcnemar(labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], first: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], second: typing.Annotated[numpy.typing.ArrayLike, numpy.int64]) -> dict:
    """
    McNemar's test: do two models differ by more than chance on the same samples?
    
    Args:
        labels: True classes, shape (N,).
        first, second: The two models' predicted classes, same shape.
    Returns:
        dict of only_first and only_second (samples that just one has right), statistic (with
        Edwards' correction) and p_value (exact, two-sided binomial).
    Raises:
        ValueError: shapes differ.
    Source: McNemar, Psychometrika 1947.
    Example:
        >>> digitnet.metrics.mcnemar([0, 1, 1], [0, 1, 1], [0, 1, 0])["p_value"]
        1.0
    """
def per_class(labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], predicted: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], *, classes: typing.SupportsInt | typing.SupportsIndex = 10) -> dict:
    """
    Support, precision, recall, f1, specificity and g_measure of each class; a quotient of nothing by nothing is 0.
    """
def precision_recall_curve(labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], probabilities: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], *, k: typing.Any = None) -> dict:
    """
    Precision and recall of class k at every threshold; of all decisions together without k.
    """
def psnr(images: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], targets: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], max_value: typing.SupportsFloat | typing.SupportsIndex = 1.0) -> numpy.typing.NDArray[numpy.float64]:
    """
    Peak signal-to-noise ratio of images against their targets, in decibels.
    
    Args:
        images, targets: Equal shapes, (N, C, H, W) or (N, H, W), values in [0, max_value].
        max_value: The value of full intensity.
    Returns:
        float64 array (N,): 10 log10(max_value^2 / mean squared error); infinite for equal images.
    Raises:
        ValueError: other shapes.
    Example:
        >>> targets = np.zeros((1, 4, 4))
        >>> digitnet.metrics.psnr(targets + .1, targets).round(3).tolist()
        [20.0]
    """
def reliability(labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], probabilities: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], *, bins: typing.SupportsInt | typing.SupportsIndex = 15) -> dict:
    """
    Count, mean confidence and accuracy in bins of equal width over the confidence.
    """
def roc_curve(labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], probabilities: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], *, k: typing.Any = None) -> dict:
    """
    ROC curve and area of class k against the rest; of all decisions together (micro) without k.
    """
def ssim(images: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], targets: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], max_value: typing.SupportsFloat | typing.SupportsIndex = 1.0) -> numpy.typing.NDArray[numpy.float64]:
    """
    Structural similarity of images to their targets, at most 1.
    
    Args:
        images, targets: Equal shapes, (N, C, H, W) or (N, H, W), at least 11 pixels a side.
        max_value: The value of full intensity.
    Returns:
        float64 array (N,): means over Gaussian windows (11 pixels, deviation 1.5) within the
        image, and over channels.
    Raises:
        ValueError: other shapes, or images that are too small.
    Source:
        Wang, Bovik, Sheikh, Simoncelli, IEEE Transactions on Image Processing 13, 2004.
    Example:
        >>> targets = np.eye(16)[None]
        >>> digitnet.metrics.ssim(targets, targets).tolist()
        [1.0]
    """
def top_k_accuracy(labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], probabilities: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], *, k: typing.SupportsInt | typing.SupportsIndex = 3) -> float:
    """
    Fraction of samples whose class is among the k most probable; ties count for the lower class.
    """
