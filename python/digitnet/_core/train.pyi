"""
The training loop.
"""
from __future__ import annotations
import digitnet._core.models
import numpy
import numpy.typing
import typing
__all__: list[str] = ['Rehearsal', 'adapt_statistics', 'check', 'check_for', 'default_options', 'describe_optimizers', 'describe_schedules', 'executor', 'fit', 'free_memory', 'kernels', 'learn_preprocessing', 'schedule_factors']
class Rehearsal:
    """
    Training steps without content: what a device could not capture throws.
    """
    def __init__(self, model: digitnet._core.models.Model, images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], options: dict, launch_steps: typing.SupportsInt | typing.SupportsIndex = 16) -> None:
        ...
    def launch(self) -> int:
        """
        The next launch of the epoch; how many steps it has.
        """
    def start_epoch(self) -> None:
        """
        The next epoch.
        """
def adapt_statistics(predictor: digitnet._core.models.Predictor, images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None) -> None:
    """
    Running statistics of batch norms become those of the images.
    """
def check(options: dict, classes: typing.SupportsInt | typing.SupportsIndex, has_validation: bool) -> None:
    """
    Raise what fit() would raise of these options.
    """
def check_for(model: digitnet._core.models.Model, options: dict, has_validation: bool, has_target: bool) -> None:
    """
    Raise what fit() would raise of these options for this model.
    """
def default_options() -> dict:
    """
    Every option of fit() with its default.
    """
def describe_optimizers() -> list:
    """
    Every optimizer with its options.
    """
def describe_schedules() -> list:
    """
    Every learning-rate schedule with its options.
    """
def executor(options: dict, ranks: typing.SupportsInt | typing.SupportsIndex) -> dict:
    """
    Which executor would train, and why.
    """
def fit(model: digitnet._core.models.Model, images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], sample_weight: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, domains: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, val_images: numpy.ndarray | None, val_rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, val_labels: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, options: dict, epoch_done: typing.Any, pulse: typing.Any, ranks: typing.Any = None, recorder: typing.Any = None, save: typing.Any = None, save_seconds: typing.SupportsFloat | typing.SupportsIndex = 60.0, state: dict | None = None) -> dict:
    """
    Train in place; use digitnet.Model.fit.
    """
def free_memory() -> int:
    """
    Bytes that can be used without driving others out.
    """
def kernels() -> list[str]:
    """
    Instruction sets that the native executor can use here, best first.
    """
def learn_preprocessing(model: digitnet._core.models.Model, images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None) -> None:
    """
    Means and deviations that were left empty, as fit() does.
    """
def schedule_factors(schedule: typing.Any, steps_per_epoch: typing.SupportsInt | typing.SupportsIndex, epochs: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    """
    The learning rate's factor at every step.
    """
