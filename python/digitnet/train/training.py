"""One training, from checked arguments to its last number: the steps in their order.

What goes into a step is checked in `train/fit.py`; the loop is cpp/train/trainer.cpp, and
what it calls at the ends of epochs is in `train/hooks.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np

import digitnet._core as _core
from digitnet._core import DataError
from digitnet._utils.arrays import arrays_sha256
from digitnet._utils.signals import Signals
from digitnet.data.image_checks import compared_once
from digitnet.data.image_statistics import ImageStatistics
from digitnet.train.cuda_graphs import Recorder
from digitnet.train.fit_data import FitData, better_names
from digitnet.train.history import Executor
from digitnet.train.hooks import Run
from digitnet.train.options import FitOptions
from digitnet.train.progress import in_notebook
from digitnet.train.ranks import Ranks, of_first_rank
from digitnet.train.resume import (
    SAVE_SECONDS,
    TrainingFolder,
    environment_of,
    identity_of,
)
from digitnet.train.state_files import SavedState
from digitnet.train.temperature import suiting_temperature
from digitnet.train.trainable import Trainable
from digitnet.train.training_guard import training


class Training:
    """What `fit` does once all of its arguments are known to be right.

    Args:
        model: What is trained.
        data: What it learns from, is validated on and calibrated on.
        options: The loop's.
        run: What is called at the ends of epochs; it has the History.
        executor: What computes.
        recorder: What records CUDA graphs, if anything does.
        ranks: The other processes of a data-parallel training.
        resume: The folder of its state, or None.
    """

    def __init__(
        self,
        model: Trainable,
        data: FitData,
        options: FitOptions,
        run: Run,
        executor: Executor,
        recorder: Recorder | None,
        ranks: Ranks | None,
        resume: str | PathLike[str] | None,
    ) -> None:
        self.model, self.data, self.options = model, data, options
        self.run, self.history = run, run.history
        self.executor, self.recorder, self.ranks = executor, recorder, ranks
        self.resume = resume
        self._first_weights = self._loop_weights = ""  # their hashes
        self._calibrated = False

    def train(self) -> None:
        """Train, go on, or bring back what is finished: the model, its History, its files.

        Raises:
            KeyboardInterrupt, SystemExit: it was interrupted, by Ctrl-C or a signal, and no
                person looks; the model is consistent.
        """
        signals = Signals(self.resume is not None)
        try:
            with ExitStack() as stack:
                stack.enter_context(training(self.model.core))
                stack.enter_context(signals)
                stack.enter_context(self._temperature_of_old_weights())
                saved = self._open_folder(stack)
                with self._nothing_changed_if_refused():
                    self._prepare_model(saved)
                    if saved is not None and saved.finished:
                        self._bring_back(saved)
                    else:
                        self._train(saved)
                        self._keep_finished()
                if self.history.status != "interrupted":
                    self.data.warn_if_changed()
                    self._calibrate()
        except KeyboardInterrupt:
            self.history.status = "interrupted"
        finally:
            self._note_weights()
        if self.history.status == "interrupted":
            self._interrupted(signals.received)

    # -- before -------------------------------------------------------------------

    def _open_folder(self, stack: ExitStack) -> SavedState | None:
        """Open the state's folder, until the stack ends, and read what it has of this
        training; of several ranks the first one has it, and all get what it read."""
        if self.resume is None:
            return None
        folder, run = self.resume, self.run
        identity = identity_of(self.model, self.data, self.history.options)
        environment = environment_of(self.executor)
        self._first_weights = identity["first_weights"]

        def read() -> SavedState | None:
            run.state_folder = TrainingFolder(folder, identity, environment)
            stack.callback(run.state_folder.close)
            return run.state_folder.read(_went_before(self.model))

        saved = read() if self.ranks is None else of_first_rank(read)
        if saved is not None:
            self._first_weights = saved.identity["first_weights"]
        return saved

    @contextmanager
    def _nothing_changed_if_refused(self) -> Iterator[None]:
        """The core checks a state when the loop begins: the model gets back what it had
        until then."""
        model = self.model
        history, classes = model.history, model.classes
        statistics = model.image_statistics
        scale, temperature = model.max_value, model.core.temperature
        try:
            yield
        except DataError:
            if not self.run.under_way:
                model.history, model.classes = history, classes
                model.image_statistics = statistics
                model.core.temperature = temperature
                model.fix_scale(scale)
            raise

    @contextmanager
    def _temperature_of_old_weights(self) -> Iterator[None]:
        """A training that fails before it has learned anything leaves the model as it was,
        with the temperature that suits its weights."""
        core = self.model.core
        temperature = core.temperature
        if temperature == 1.0:
            yield
            return
        before = arrays_sha256(self.model.state_dict())
        self.history.status = "interrupted"  # until it is known better
        try:
            yield
        finally:
            failed = self.history.status in ("interrupted", "diverged")
            chosen = self._calibrated or core.temperature != 1.0  # by a callback
            now = arrays_sha256(self.model.state_dict())
            if failed and not chosen and now == before:
                core.temperature = temperature

    def _prepare_model(self, saved: SavedState | None) -> None:
        if saved is not None:
            saved.fill(self.history)
        model, data = self.model, self.data.training
        if model.max_value is None:
            model.fix_scale(data.max_value)
            model.classes = better_names(model.classes, data.classes)
        model.image_statistics = ImageStatistics.of(data)
        for given in self.data.given_validation:
            model.warn_if_unlike(given, "fit.validation")
        model.history = self.history
        model.core.temperature = 1.0  # the trained one's is found at the end

    # -- the training ---------------------------------------------------------------

    def _train(self, saved: SavedState | None) -> None:
        """The loop, between the callbacks' beginnings and ends."""
        run, model = self.run, self.model
        model.stop_training = False
        model.release_memory()  # it is the training's
        self.history.status = "interrupted"  # what it is if nobody says otherwise
        with run.progress:
            run.progress.executor(str(self.executor))
            try:
                run.begin(saved)
                self._loop(saved)
            finally:
                run.end()

    def _loop(self, saved: SavedState | None) -> None:
        run, data, validation = self.run, self.data, self.data.validation
        images, rows = data.training.storage
        val_images, val_rows = validation.storage if validation else (None, None)
        outcome = _core.train.fit(
            self.model.core,
            images,
            _copied(rows),
            _copied(data.training.require_labels("fit.data")),
            _copied(data.sample_weights),
            _copied(data.domains),
            val_images,
            _copied(val_rows),
            _copied(validation.labels if validation else None),
            self.options.as_dict(),
            run.epoch_done,
            run.step,
            self.ranks,
            self.recorder,
            run.keep if run.state_folder else None,
            SAVE_SECONDS,
            None if saved is None else saved.state,
        )
        self.history.status = outcome["status"]
        self.history.message = outcome["message"]
        self.history.executor = replace(self.executor, loop=outcome["loop"])
        if self.options.record_steps:
            names = {"loss": "step_losses", "learning_rate": "step_rates"}
            self.history.steps = {k: outcome[key] for k, key in names.items()}
        if self.history.status != "interrupted" and self.resume is not None:
            self._loop_weights = arrays_sha256(self.model.state_dict())
            if saved is not None and run.best_file:
                run.best_file.complete(is_best=self._is_best())

    # -- behind it --------------------------------------------------------------------

    def _bring_back(self, saved: SavedState) -> None:
        """The model of a finished training, and the best one's file."""
        try:
            self.model.load_state_dict(saved.arrays)
            self.model.core.temperature = saved.finished["temperature"]
        except (ValueError, TypeError) as error:
            raise DataError(f"{saved.path.name}: {error}") from error
        images, rows = self.data.training.storage
        _core.train.learn_preprocessing(self.model.core, images, rows)
        if self.run.best_file:
            self.run.best_file.restore(saved.waiting)
            self.run.best_file.complete(is_best=saved.finished["is_best"])

    def _keep_finished(self) -> None:
        """Keep the model behind everything that changes it but the calibration."""
        if self.run.state_folder is None or self.history.status == "interrupted":
            return
        unchanged = self._loop_weights == arrays_sha256(self.model.state_dict())
        self.run.keep_finished(
            {
                "temperature": self.model.core.temperature,
                "is_best": unchanged and self._is_best(),
            }
        )

    def _is_best(self) -> bool:
        """Whether the loop left the weights of the best epoch."""
        options, history = self.options, self.history
        if history.status == "diverged":
            return False
        if options.early_stopping and options.restore_best:
            return not options.min_delta  # which passes over small progress
        return history.best_epoch == history.epochs

    def _calibrate(self) -> None:
        """Set the temperature that suits data which the weights were not trained on."""
        data = self.data.calibration
        if data is None:
            return
        labels = data.require_labels("fit")
        with compared_once():
            self.model.temperature = suiting_temperature(
                self.model, data, labels, self.options.device
            )
        self._calibrated = True

    def _note_weights(self) -> None:
        """So that this very model can go on, too."""
        if self.resume is not None and self.model.history is self.history:
            left = arrays_sha256(self.model.state_dict())
            self.history.weights_sha256 = (self._first_weights, left)

    def _interrupted(self, received: int) -> None:
        """Raise what ends a script, which a person at a prompt is spared."""
        history, folder = self.history, self.run.state_folder
        history.message = f"interrupted behind {history.epochs} whole epochs"
        if folder is not None and folder.has_state:
            history.message += f"; fit(resume='{self.resume}') goes on"
        if received:  # by a signal that would have ended the process
            print(history.message, file=sys.stderr)
            raise SystemExit(128 + received)
        if not _interactive():
            raise KeyboardInterrupt(history.message)


def _went_before(model: Trainable) -> str | None:
    """The hash of the weights that this model's last training began with, if the model
    still has those that it ended with."""
    history = model.history
    if history is None or history.weights_sha256 is None:
        return None
    first, left = history.weights_sha256
    return first if left == arrays_sha256(model.state_dict()) else None


def _copied(values: Any) -> Any:
    """What was checked before the training is what it reads: the caller's array may change."""
    return None if values is None else np.array(values)


def _interactive() -> bool:
    """Whether a person sits at a prompt or notebook and wants the History."""
    return hasattr(sys, "ps1") or in_notebook()
