"""The Python side of `fit`: its arguments are checked and brought into the form that
`train/training.py` takes; History out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import digitnet._core as _core
from digitnet._utils.files import check_model_target, check_target
from digitnet.augment import as_text
from digitnet.train.best_file import BestFile
from digitnet.train.cuda_graphs import recorder_for
from digitnet.train.fit_data import FitData, weights_of_classes
from digitnet.train.history import Executor, History
from digitnet.train.hooks import Run, listed_callbacks, with_callback_options
from digitnet.train.options import FitOptions, as_plain, learning_rate_factors
from digitnet.train.progress import progress_for
from digitnet.train.ranks import Ranks, ranks_for
from digitnet.train.trainable import Trainable
from digitnet.train.training import Training


def fit(
    model: Trainable,
    data: Any,
    validation: Any = None,
    *,
    augment: Any = None,
    copies: Any = None,
    class_weights: Any = None,
    sample_weight: Any = None,
    freeze: Any = (),
    lr_scale: Any = None,
    checkpoint: Any = None,
    resume: Any = None,
    to_bytes: Callable[[], bytes] | None = None,
    callbacks: Any = (),
    target: Any = None,
    distributed: bool = False,
    calibrate: bool | float = True,
    progress: bool = True,
    **options: Any,
) -> History:
    """Train a model in place: `Model.fit`; see there.

    The arguments named here are used in Python; the other options are those of
    `FitOptions`, for the loop in C++. `to_bytes` gives what the file `checkpoint` holds of
    the model, `resume` is the folder of `train/resume.py`.
    """
    listed = listed_callbacks(callbacks)
    seed = options.get("seed", 0)
    fit_data = FitData.of(model, data, validation, sample_weight, seed, calibrate)
    if copies is not None:
        fit_data.enlarge(augment, copies, seed)
    requested = {**options, "augment": None if copies is not None else augment}
    requested |= _by_name(model, fit_data, class_weights, freeze, lr_scale)
    chosen = FitOptions(**with_callback_options(listed, requested))
    _check_for(model, chosen, fit_data, target)
    recorder = recorder_for(chosen.device)
    fit_data.add_target(target, model)
    ranks = _ranks(model, fit_data, chosen, target) if distributed else None
    if ranks is not None and ranks[0] > 0:  # rank 0 calls back, shows and writes
        listed, checkpoint, progress = [], None, False
    best_file = _best_file(checkpoint, to_bytes)
    history = _history(chosen, fit_data, augment, copies, calibrate)
    history.executor = executor = _executor(chosen, ranks)
    run = Run(
        model,
        history,
        listed,
        best_file,
        progress_for(chosen.epochs, progress),
        _columns(model, fit_data),
    )
    Training(model, fit_data, chosen, run, executor, recorder, ranks, resume).train()
    if history.status == "diverged":
        warnings.warn(history.message, RuntimeWarning, stacklevel=3)
    return history


def _by_name(
    model: Trainable, data: FitData, class_weights: Any, freeze: Any, lr_scale: Any
) -> dict[str, Any]:
    """Options that are given by class or by parameter, as the loop takes them: one number
    for each."""
    if model.outputs_images and class_weights is not None:
        raise ValueError(
            "fit.class_weights: expected none for a network that makes images"
        )
    names, count = model.core.parameter_names, len(model.classes)
    return {
        "class_weights": weights_of_classes(class_weights, data, count),
        "lr_scales": learning_rate_factors(names, freeze, lr_scale or {}),
    }


def _check_for(
    model: Trainable, options: FitOptions, data: FitData, target: Any
) -> None:
    """Let the core check the options, before anything is changed."""
    validated = data.validation is not None
    _core.train.check_for(model.core, options.as_dict(), validated, target is not None)


def _ranks(model: Trainable, data: FitData, options: FitOptions, target: Any) -> Ranks:
    if target is not None:
        raise ValueError("fit.target: expected none with distributed, got images")
    return ranks_for(model, data.training, options.as_dict())


def _best_file(
    checkpoint: Any, to_bytes: Callable[[], bytes] | None
) -> BestFile | None:
    if checkpoint is None:
        return None
    check_target(checkpoint)
    check_model_target(checkpoint)
    return None if to_bytes is None else BestFile(checkpoint, to_bytes)


def _executor(options: FitOptions, ranks: Ranks | None) -> Executor:
    """What will train."""
    count = ranks[1] if ranks else 1
    return Executor(**_core.train.executor(options.as_dict(), count))


def _columns(model: Trainable, data: FitData) -> frozenset[str]:
    """The columns that this training has; what callbacks get in their logs."""
    scores = ["loss"] if model.outputs_images else ["loss", "accuracy"]
    if data.validation is not None:
        scores += [f"val_{name}" for name in scores]
    return frozenset([*scores, "learning_rate", "seconds"])


def _history(
    options: FitOptions,
    data: FitData,
    augment: Any,
    copies: Any,
    calibrate: bool | float,
) -> History:
    """An empty one that knows what the training goes by."""
    monitor = options.monitor
    if monitor == "auto":
        monitor = "loss" if data.validation is None else "val_loss"
    shown = {**options.as_dict(), "augment": as_text(augment)}
    if copies is not None:
        shown["copies"] = as_plain(copies)
    if calibrate is not True:
        shown["calibrate"] = as_plain(calibrate)
    history = History(shown, monitor=monitor)
    history.data_fingerprint = data.inputs[0][1]
    return history
