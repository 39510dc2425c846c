"""The Python side of training: arguments in, History out; the loop is cpp/train/trainer.cpp."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np

import digitnet._core as _core
from digitnet._utils.files import check_model_target, check_target
from digitnet._utils.signals import Signals
from digitnet.augment import as_text
from digitnet.data.dataset import Dataset
from digitnet.train.best_file import BestFile
from digitnet.train.cuda_graphs import Recorder, recorder_for
from digitnet.train.fit_data import FitData, better_names, weights_of_classes
from digitnet.train.history import Executor, History
from digitnet.train.hooks import Run, listed_callbacks, with_callback_options
from digitnet.train.options import FitOptions, learning_rate_factors
from digitnet.train.progress import in_notebook, progress_for
from digitnet.train.ranks import Ranks, of_first_rank, ranks_for
from digitnet.train.resume import (
    SAVE_SECONDS,
    TrainingFolder,
    environment_of,
    identity_of,
)
from digitnet.train.state_files import SavedState
from digitnet.train.temperature import best_temperature
from digitnet.train.trainable import Trainable
from digitnet.train.training_guard import training


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
    if model.outputs_images and class_weights is not None:
        raise ValueError(
            "fit.class_weights: expected none for a network that makes images"
        )
    seed = options.get("seed", 0)
    fit_data = FitData.of(model, data, validation, sample_weight, seed, calibrate)
    if copies is not None:
        fit_data.enlarge(augment, copies, seed)
    requested = {
        **options,
        "augment": None if copies is not None else augment,
        "class_weights": weights_of_classes(
            class_weights, fit_data.training, len(model.classes)
        ),
        "lr_scales": learning_rate_factors(
            model.core.parameter_names, freeze, lr_scale or {}
        ),
    }
    chosen = FitOptions(**with_callback_options(listed, requested))
    _core.train.check_for(
        model.core,
        chosen.as_dict(),
        fit_data.validation is not None,
        target is not None,
    )
    recorder = recorder_for(chosen.device)
    fit_data.add_target(target, model)
    ranks = None
    if distributed:
        if target is not None:
            raise ValueError("fit.target: expected none with distributed, got images")
        ranks = ranks_for(model, fit_data.training, chosen.as_dict())
        if ranks[0] > 0:  # rank 0 calls back, shows and writes
            listed, checkpoint, progress = [], None, False
    if checkpoint is not None:
        check_target(checkpoint)
        check_model_target(checkpoint)
    history = _history(chosen, fit_data, augment, copies, calibrate)
    best_file = None
    if checkpoint is not None and to_bytes is not None:
        best_file = BestFile(checkpoint, to_bytes)
    history.executor = executor = _executor(model, chosen, ranks)
    history.data_fingerprint = fit_data.inputs[0][1]
    with ExitStack() as stack:
        stack.enter_context(training(model.core))
        folder, saved = None, None
        if resume is not None:
            identity = identity_of(model, fit_data, history.options)
            environment = environment_of(executor)
            folder, saved = _opened(resume, identity, environment, ranks, stack)
        run = Run(
            model,
            history,
            listed,
            best_file,
            progress_for(chosen.epochs, progress),
            _columns(model, fit_data),
            folder,
        )
        if model.max_value is None:
            model.fix_scale(fit_data.training.max_value)
            model.classes = better_names(model.classes, fit_data.training.classes)
        model.history = history
        if saved is not None:
            saved.fill(history)
        model.core.temperature = 1.0  # the trained one's is found at the end
        if saved is not None and saved.finished:
            _restore_finished(model, fit_data, saved)
        else:
            signals = stack.enter_context(Signals(resume is not None))
            _train(model, fit_data, chosen, run, ranks, executor, recorder, saved)
        fit_data.warn_if_changed()
        if fit_data.calibration is not None and history.status != "interrupted":
            _calibrate(model, fit_data.calibration, chosen.device)
    if history.status == "diverged":
        warnings.warn(history.message, RuntimeWarning, stacklevel=3)
    if history.status == "interrupted":
        _interrupted(history, resume, signals.received)
    return history


def _interrupted(history: History, resume: Any, received: int) -> None:
    """Raise what ends a script, which a person at a prompt is spared."""
    history.message = f"interrupted behind {history.epochs} whole epochs"
    if resume is not None:
        history.message += f"; fit(resume='{resume}') goes on"
    if received:  # by a signal that would have ended the process
        print(history.message, file=sys.stderr)
        raise SystemExit(128 + received)
    if not _interactive():
        raise KeyboardInterrupt(history.message)


def _opened(
    folder: Any,
    identity: dict[str, Any],
    environment: dict[str, Any],
    ranks: Ranks | None,
    stack: ExitStack,
) -> tuple[TrainingFolder | None, SavedState | None]:
    """The folder, open until the stack ends, and what it has of this training; of several
    ranks the first one has it, and all get what it read."""
    opened: list[TrainingFolder] = []

    def read() -> SavedState | None:
        opened.append(TrainingFolder(folder, identity, environment))
        stack.callback(opened[0].close)
        return opened[0].read()

    saved = read() if ranks is None else of_first_rank(read)
    return (opened[0] if opened else None), saved


def _restore_finished(model: Trainable, data: FitData, saved: SavedState) -> None:
    images, rows = data.training.storage
    _core.train.learn_preprocessing(model.core, images, rows)
    for name, values in saved.arrays.items():
        model.core.set(name, values)


def _calibrate(model: Trainable, data: Dataset, device: str) -> None:
    """Set the temperature that suits data which the weights were not trained on."""
    logits = model.predict_logits(data, device=device)
    model.core.temperature = best_temperature(logits, data.require_labels("fit"))


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
        shown["copies"] = copies
    if calibrate is not True:
        shown["calibrate"] = calibrate
    return History(shown, monitor=monitor)


def _train(
    model: Trainable,
    data: FitData,
    options: FitOptions,
    run: Run,
    ranks: Ranks | None,
    executor: Executor,
    recorder: Recorder | None,
    saved: SavedState | None = None,
) -> None:
    images, rows = data.training.storage
    validation = data.validation
    val_images, val_rows = validation.storage if validation else (None, None)
    model.stop_training = False
    model.release_memory()  # it is the training's
    run.history.status = "interrupted"  # what it is if nobody says otherwise
    with run.progress:
        run.progress.executor(str(executor))
        try:
            run.begin(saved)
            outcome = _core.train.fit(
                model.core,
                images,
                _copied(rows),
                _copied(data.training.require_labels("fit.data")),
                _copied(data.sample_weights),
                _copied(data.domains),
                val_images,
                _copied(val_rows),
                _copied(validation.labels if validation else None),
                options.as_dict(),
                run.epoch_done,
                run.progress.step,
                ranks,
                recorder,
                run.keep if run.state_folder else None,
                SAVE_SECONDS,
                None if saved is None else saved.state,
            )
            run.history.status = outcome["status"]
            run.history.message = outcome["message"]
            run.history.executor = replace(executor, loop=outcome["loop"])
            if options.record_steps:
                names = {"loss": "step_losses", "learning_rate": "step_rates"}
                run.history.steps = {k: outcome[key] for k, key in names.items()}
            if run.history.status != "interrupted":
                run.keep(model.state_dict())
        finally:
            run.end()


def _copied(values: Any) -> Any:
    """What was checked before the training is what it reads: the caller's array may change."""
    return None if values is None else np.array(values)


def _executor(model: Trainable, options: FitOptions, ranks: Ranks | None) -> Executor:
    """What will train."""
    count = ranks[1] if ranks else 1
    return Executor(**_core.train.executor(options.as_dict(), count))


def _interactive() -> bool:
    """Whether a person sits at a prompt or notebook and wants the History."""
    return hasattr(sys, "ps1") or in_notebook()
