"""Callbacks of `Model.fit`, by the names that Keras gave them.

A callback is a function of (epoch, logs), or an object with `on_epoch_end(epoch, logs)`
and, if it likes, `set_model(model)`, `on_train_begin()` and `on_train_end()`. Epochs count
from 1; logs are floats, those of `History`. What the loop itself can do (stopping early,
schedules of the learning rate) it does: such callbacks only set its options.
"""

from digitnet.callbacks.callback import Callback, LambdaCallback
from digitnet.callbacks.control import (
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from digitnet.callbacks.live import LiveCurves
from digitnet.callbacks.loggers import CSVLogger, TensorBoard
from digitnet.callbacks.trackers import MLflowLogger, WandbLogger

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "LambdaCallback",
    "LearningRateScheduler",
    "LiveCurves",
    "MLflowLogger",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
    "WandbLogger",
]
