"""How a model learns: it is fitted, whole or its head alone, adapted and calibrated."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from os import PathLike
from typing import Any

import digitnet._core as _core
from digitnet.data.image_statistics import ImageStatistics
from digitnet.data.interop import as_dataset
from digitnet.models import file, transfer
from digitnet.models.base import BaseModel
from digitnet.train.fit import fit
from digitnet.train.history import History
from digitnet.train.temperature import suiting_temperature
from digitnet.train.training_guard import writing


class Learner(BaseModel):
    """What of `Model` changes its weights by data."""

    def fit(
        self,
        data: Any,
        validation: Any = None,
        *,
        epochs: int = 10,
        batch_size: int = 64,
        optimizer: str | tuple[str, Mapping[str, Any]] = "adam",
        learning_rate: float | None = None,
        schedule: str | tuple[str, Mapping[str, Any]] | Sequence[float] = "one-cycle",
        augment: Any = None,
        copies: int | Mapping[int | str, int] | Sequence[int] | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | Mapping[int | str, float] | str | None = None,
        sample_weight: Any = None,
        clip_norm: float = 0.0,
        ema_decay: float = 0.0,
        early_stopping: int = 0,
        restore_best: bool = True,
        min_delta: float = 0.0,
        monitor: str = "auto",
        checkpoint: str | PathLike[str] | None = None,
        resume: str | PathLike[str] | None = None,
        freeze: Sequence[str] = (),
        lr_scale: Mapping[str, float] | None = None,
        callbacks: Any = (),
        seed: int = 0,
        device: str = "auto",
        target: Any = None,
        adversary: str | tuple[str, Mapping[str, Any]] | None = None,
        record_steps: bool = False,
        precision: str = "float32",
        deterministic: bool = False,
        distributed: bool = False,
        calibrate: bool | float = True,
        progress: bool = True,
    ) -> History:
        """Train a model in place.

        The same model, data, options, device and number of threads give the same weights
        bit for bit; on a GPU only with `deterministic`, else to rounding, which training
        makes larger.

        Args:
            data: A Dataset or a pair (images, labels).
            validation: A Dataset or pair, or the fraction of `data` to hold out (stratified,
                by `seed`). Default: none.
            epochs: Passes over the data.
            batch_size: Samples per step; the last step of an epoch may have fewer.
            optimizer: Name, or `digitnet.train.optimizer(name, ...)`.
            learning_rate: Default: the optimizer's own.
            schedule: Name, or `digitnet.train.schedule(name, ...)`; or a list of learning rates,
                one per epoch. Default: one-cycle, which beats a constant rate on every network
                here; its peak is the learning rate.
            augment: Text such as ``"shift 1px | rotate 8deg | zoom 10%"``, drawn anew for
                each sample and epoch; its operations are those of `digitnet.augment`. A network that
                makes images learns to give back the sample as it was before the operations
                on its pixels (noise, erase, blur, ...); its loss is the mean squared error.
            copies: Instead of drawing anew, train on a fixed set: the data (without the
                validation part) and so many augmented copies of each image, or by class.
                See `Dataset.enlarged`.
            l1, l2: Factors of the penalties, the sums of absolute and of squared weights
                (not biases).
                The reported loss is without them.
            label_smoothing: Fraction of the target that is divided among all classes.
            class_weights: One weight per class of the data, in its order, a dict by its names
                or numbers (others 1), or "balanced".
            sample_weight: One weight per sample of `data`, shape (N,).
            clip_norm: Largest norm of the gradient of all weights; 0: no clipping.
            ema_decay: Average the weights over the steps with this decay, and evaluate and
                keep the average; 0 for none.
            early_stopping: Stop after so many epochs without progress; 0 for never.
            restore_best: Whether early stopping brings back the best weights.
            min_delta: What counts as progress.
            monitor: "loss", "accuracy", "val_loss" or "val_accuracy"; what early stopping,
                the checkpoint and the schedule "reduce-on-plateau" go by. Default: validation loss, else loss.
            checkpoint: File that always holds the best model so far.
            resume: Folder in which the training keeps its state at each epoch's end, every
                minute within one, and when it is interrupted (with `distributed`, at the
                ends of epochs alone). Called again with the same arguments, and a model of
                the same first weights, `fit` goes on from there, to the weights and the
                History (but for its seconds) of a training that was never interrupted; of
                a finished one it returns those at once. The model that was interrupted
                may go on itself, while it has the weights that it was left with. Ctrl-C,
                SIGTERM and SIGHUP let it keep its state first.
            freeze: Name patterns of parameters that stay, such as ``"conv*"``.
            lr_scale: Factors on the learning rate by name pattern, ``{"conv*": 0.1}``.
            callbacks: One or several, called at each epoch's end with (epoch, dict of floats);
                an object may have `set_model(model)`, `on_train_begin()`,
                `on_epoch_end(epoch, logs)` and `on_train_end()`; see `digitnet.callbacks`.
                Setting ``model.stop_training = True`` ends the run.
            seed: Seed of shuffling, augmentation, dropout and the validation split.
            device: "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N".
            target: For domain adaptation with a `DomainHead`: images of the target domain
                (their labels, if there are any, are not read). An epoch passes over both; loss and accuracy are of
                `data` alone.
            adversary: Learn from attacked images: "fgsm", "pgd" or
                ``("pgd", {"strength": .2, "steps": 1})``, see `digitnet.attack`. Each step
                costs one more forward and backward pass for each of the attack's.
            record_steps: Keep every step's loss and learning rate in `History.steps`; on a
                GPU this waits for each step.
            precision: "float32": never TF32. "tf32": operands of convolutions, dense layers
                and GRUs may be rounded to eleven significant bits, where a GPU has TF32; on a
                CPU the same as "float32". "bfloat16": layers compute with eight. Weights,
                losses and preprocessing keep all of theirs always. Both are faster on a GPU
                with tensor cores; bfloat16 shows on a CPU what it does to accuracy. Source:
                Kalamkar et al., 2019.
            deterministic: Let a GPU use kernels that repeat bit for bit alone, which may be
                slower; on a CPU all do. While a step is launched this sets torch's flags for
                the whole process (`torch.use_deterministic_algorithms`, cuDNN's), then puts
                them back.
            distributed: Train together with the other ranks that torchrun started, each its
                part of every batch; see `digitnet.distributed`.
            calibrate: Set `temperature` at the end, on data that the weights were not trained
                on. True: on the validation data, if there are any. A fraction: hold out so
                much of `data` for it alone (stratified, by `seed`). False: leave it at 1,
                where it is while the model is trained and in what callbacks and `checkpoint`
                save meanwhile; the History's losses are at 1, too.
            progress: Show a bar in a terminal or notebook, else a line an epoch.
        Returns:
            History, always: `.status` is "finished", "stopped early", "interrupted" or
            "diverged". Ctrl-C in a script raises KeyboardInterrupt once the model is
            consistent (`model.history` has the History); a notebook's stop button and an
            interactive prompt get the History.
        Raises:
            ValueError: options or data that do not fit, or a layer that a GPU cannot do
                deterministically; nothing was changed.
            OutOfMemory: names the batch size and a smaller one.
            RuntimeError: no such device, or a forked child process.
        Warns:
            RuntimeWarning: the run diverged; the last good weights are back.
        Example:
            >>> train, test = digitnet.data.load("digits")
            >>> model = digitnet.models.make("linear", input_shape=(8, 8))
            >>> history = model.fit(train, validation=0.1, epochs=2, progress=False)
            >>> history.status, len(history["val_loss"])
            ('finished', 2)
        """
        options = locals()  # the arguments: this stays the first line
        del options["self"]
        return fit(self, to_bytes=partial(file.to_bytes, self), **options)

    def fit_head(
        self,
        data: Any,
        validation: Any = None,
        *,
        base: str | None = None,
        progress: bool = True,
        **options: Any,
    ) -> History:
        """Train what follows a frozen base, whose features are computed once and kept.

        Equal to `fit` with the base frozen (but for the rounding of sums), and faster by as
        much as the base costs more than the head. The features take 4 bytes a number: the
        amount is printed, and refused if it is more than half of the free memory.

        Args:
            data: A Dataset or a pair (images, labels).
            validation: As in `fit`.
            base: The last layer of the base, a top-level layer that gives a feature map without
                negative values. Default: the one before the last flatten.
            progress: As in `fit`.
            options: As in `fit`, but for augment, copies and checkpoint; callbacks are given
                the head as their model. Names of parameters
                are the model's.
        Returns:
            History, as `fit` does.
        Raises:
            ValueError: options or data that do not fit; nothing was changed.
            OutOfMemory: see above.
        Example:
            >>> train, _ = digitnet.data.load("digits")
            >>> model = digitnet.models.make("optdigits-cnn")
            >>> before = model.state_dict()["conv1.weight"]
            >>> history = model.fit_head(train, epochs=1, progress=False)
            >>> bool((model.state_dict()["conv1.weight"] == before).all())
            True
        """
        unknown = sorted(
            options.keys() - inspect.signature(Learner.fit).parameters.keys()
        )
        if unknown:
            raise TypeError(f"fit_head: got an unexpected argument '{unknown[0]}'")
        return transfer.fit_head(
            self, data, validation, base=base, progress=progress, **options
        )

    def adapt(self, images: Any) -> None:
        """Set batch norms' running statistics to those of images of another domain.

        Weights stay; labels are not read. A copy of the model keeps the old ones. What looks
        like these images is no longer warned of.

        Args:
            images: At least two: a Dataset, or what it takes.
        Raises:
            ValueError: a network without batch norm.
            RuntimeError: another thread trains the model.
        Source:
            Li et al., "Revisiting batch normalization for practical domain adaptation",
            ICLR workshop 2017.
        Example:
            >>> train, test = digitnet.data.load("digits")
            >>> model = digitnet.models.make("norm-cnn", input_shape=(8, 8))
            >>> history = model.fit(train, epochs=1, progress=False)
            >>> model.adapt(test)
        """
        with (
            writing(self.core, "adapt"),
            self.checked_images(images, "adapt") as (base, rows),
        ):
            _core.train.adapt_statistics(self.predictor, base, rows)
            if self.image_statistics is not None:
                known = self.image_statistics
                shown = ImageStatistics.of_images(base, rows, self.core.max_value)
                self.image_statistics = known.with_images_of(shown)

    def calibrate(self, data: Any, *, device: str = "auto") -> float:
        """Set `temperature` to where the log loss is lowest, from .02 to 50; returns it.

        The predicted classes stay the same.

        Args:
            data: A Dataset or a pair (images, labels) that it was not trained on.
            device: "auto", "cpu" or "cuda".
        Raises:
            ValueError: unlabelled or empty data, or a network that outputs images.
        Example:
            >>> train, held_out = digitnet.data.load("digits")[0].split(0.9)
            >>> model = digitnet.models.make("linear", (8, 8))
            >>> history = model.fit(train, epochs=3, progress=False)
            >>> before = model.evaluate(held_out)["log_loss"]
            >>> temperature = model.calibrate(held_out)
            >>> model.evaluate(held_out)["log_loss"] <= before
            True
        """
        self.require_classes("calibrate")
        data = as_dataset(data, "calibrate.data", max_value=self.max_value)
        labels = self.labels_of(data, "calibrate")
        if not len(labels):
            raise ValueError("calibrate.data: expected at least one sample, got none")
        self.temperature = suiting_temperature(self, data, labels, device)
        return self.temperature
