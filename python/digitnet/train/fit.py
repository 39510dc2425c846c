"""The Python side of training: arguments in, History out. The loop is C++."""

from __future__ import annotations

import fnmatch
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import digitnet._core as _core
from digitnet._utils.files import check_target
from digitnet.augment import as_text
from digitnet.data.dataset import Dataset, as_dataset
from digitnet.train.cuda_graphs import recorder_for
from digitnet.train.fit_data import (
    better_names,
    check_data,
    enlarge,
    hold_out,
    sample_weights,
    target_set,
    unlabelled,
    weights_of_classes,
    with_target,
)
from digitnet.train.history import History
from digitnet.train.hooks import Run, listed_callbacks, with_asked
from digitnet.train.progress import in_notebook, progress_for
from digitnet.train.ranks import Ranks, ranks_for

if TYPE_CHECKING:
    from digitnet.models.model import Model


def fit(
    model: Model,
    data: Any,
    validation: Any = None,
    *,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: str | tuple[str, Mapping[str, Any]] = "adam",
    learning_rate: float | None = None,
    schedule: str | tuple[str, Mapping[str, Any]] | Sequence[float] = "one-cycle",
    augment: Any = None,
    copies: int | Mapping[int, int] | Sequence[int] | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | Mapping[int, float] | str | None = None,
    sample_weight: Any = None,
    clip_norm: float = 0.0,
    ema_decay: float = 0.0,
    early_stopping: int = 0,
    restore_best: bool = True,
    min_delta: float = 0.0,
    monitor: str = "auto",
    checkpoint: str | PathLike[str] | None = None,
    freeze: Sequence[str] = (),
    lr_scale: Mapping[str, float] | None = None,
    callbacks: Any = (),
    seed: int = 0,
    device: str = "auto",
    target: Any = None,
    adversary: str | tuple[str, Mapping[str, Any]] | None = None,
    record_steps: bool = False,
    precision: str = "float32",
    distributed: bool = False,
    progress: bool = True,
) -> History:
    """Train a model in place.

    The same model, data, options, device and number of threads give the same weights
    bit for bit.

    Args:
        model: What to train; `model.fit(data, ...)` is the usual way to call this.
        data: A Dataset or a pair (images, labels).
        validation: A Dataset or pair, or the fraction of `data` to hold out (stratified,
            by `seed`). Default: none.
        epochs: Passes over the data.
        batch_size: Samples a step; the last step of an epoch may have fewer.
        optimizer: Name, or `digitnet.train.optimizer(name, ...)`.
        learning_rate: Default: the optimizer's own.
        schedule: Name, or `digitnet.train.schedule(name, ...)`; or the rates themselves,
            one an epoch. Default: one-cycle, which beats a constant rate on every network
            here; its peak is the learning rate.
        augment: Text such as ``"shift 1px | rotate 8deg | zoom 10%"``, drawn anew for
            each sample and epoch; words in `digitnet.augment.Pipeline`. A network that
            makes images learns to give back the sample as it was before the operations
            on its pixels (noise, erase, blur, ...); its loss is the mean squared error.
        copies: Instead of drawing anew, train on a fixed set: the data (without the
            validation part) and so many augmented copies of each image, or by class.
            See `Dataset.enlarged`.
        l1, l2: Penalties: times the sum of absolute or squared weights (not biases).
            The reported loss is without them.
        label_smoothing: Fraction of the truth spread over all classes.
        class_weights: One weight a class, a dict by class (others 1), or "balanced".
        sample_weight: One weight a sample of `data`, shape (N,).
        clip_norm: Largest norm of the whole gradient; 0 for any.
        ema_decay: Average the weights over the steps with this decay, and evaluate and
            keep the average; 0 for none.
        early_stopping: Stop after so many epochs without progress; 0 for never.
        restore_best: Whether early stopping brings back the best weights.
        min_delta: What counts as progress.
        monitor: "loss", "accuracy", "val_loss" or "val_accuracy"; what early stopping,
            the checkpoint and the schedule "reduce-on-plateau" go by. Default: validation loss, else loss.
        checkpoint: File that always holds the best model so far.
        freeze: Name patterns of parameters that stay, such as ``"conv*"``.
        lr_scale: Factors on the learning rate by name pattern, ``{"conv*": 0.1}``.
        callbacks: One or several, called at each epoch's end with (epoch, dict of floats);
            an object may have `set_model(model)`, `on_train_begin()`,
            `on_epoch_end(epoch, logs)` and `on_train_end()`; see `digitnet.callbacks`.
            Setting ``model.stop_training = True`` ends the run.
        seed: Of shuffling, augmentation, dropout and the validation split.
        device: "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N".
        target: Images of another domain, for a network with a `DomainHead` (its labels, if
            it has any, are not read). An epoch passes over both; loss and accuracy are of
            `data` alone.
        adversary: Learn from attacked images: "fgsm", "pgd" or
            ``("pgd", {"strength": .2, "steps": 1})``, see `digitnet.attack`. Each step
            costs one more forward and backward pass for each of the attack's.
        record_steps: Keep every step's loss and learning rate in `History.steps`; on a
            GPU this waits for each step.
        precision: "float32", or "bfloat16": layers compute with eight significant bits,
            weights and losses keep all of theirs. Faster on a GPU with tensor cores; on a
            CPU it shows what it does to accuracy. Source: Kalamkar et al., 2019.
        distributed: Train together with the other ranks that torchrun started, each its
            part of every batch; see `digitnet.distributed`.
        progress: Show a bar in a terminal or notebook, else a line an epoch.
    Returns:
        History, always: `.status` is "finished", "stopped early", "interrupted" or
        "diverged". Ctrl-C in a script raises KeyboardInterrupt once the model is
        consistent (`model.history` has the History); a notebook's stop button and an
        interactive prompt get the History.
    Raises:
        ValueError: options or data that do not fit; nothing was changed.
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
    told = listed_callbacks(callbacks)
    training = as_dataset(data, "fit.data", max_value=model.max_value)
    if model.outputs_images:
        if class_weights is not None:
            raise ValueError(
                "fit.class_weights: expected none for a network that makes images"
            )
        training, validation = unlabelled(training), unlabelled(validation)
    weights = sample_weights(sample_weight, training)
    training, weights, held_out = hold_out(training, weights, validation, seed, model)
    wanted: dict[str, Any] = {"augment": as_text(augment)}
    if copies is not None:
        wanted["copies"] = copies
        training, weights = enlarge(training, weights, augment, copies, seed)
        augment = None
    options = {
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": _spec(optimizer),
        "learning_rate": 0.0 if learning_rate is None else _positive(learning_rate),
        "schedule": schedule,
        "augment": as_text(augment),
        "l1": l1,
        "l2": l2,
        "label_smoothing": label_smoothing,
        "class_weights": weights_of_classes(
            class_weights, training, len(model.classes)
        ),
        "clip_norm": clip_norm,
        "ema_decay": ema_decay,
        "early_stopping": early_stopping,
        "restore_best": bool(restore_best),
        "min_delta": min_delta,
        "monitor": monitor,
        "seed": seed,
        "device": _core.train.resolve_device(str(device)),
        "lr_scales": _lr_scales(model, freeze, lr_scale or {}),
        "record_steps": bool(record_steps),
        "precision": str(precision),
        "adversary": "" if adversary is None else _spec(adversary),
    }
    options = _with_rates(with_asked(told, options))
    _core.train.check_for(
        model._core, options, held_out is not None, target is not None
    )
    other = target_set(target, training, model)
    check_data(model, training, held_out, other)
    training, weights, domains = with_target(training, weights, other)
    ranks = None
    if distributed:
        if target is not None:
            raise ValueError("fit.target: expected none with distributed, got images")
        ranks = ranks_for(model, training, options)
        if ranks[0] > 0:  # rank 0 tells, shows and writes
            told, checkpoint, progress = [], None, False
    if checkpoint is not None:
        check_target(checkpoint)
    history = History(
        {**options, **wanted},
        monitor=_monitored(options["monitor"], held_out is not None),
    )
    run = Run(model, history, told, checkpoint, progress_for(epochs, progress))
    if model.max_value is None:
        model._fix_scale(training.max_value)
        model.classes = better_names(model.classes, training.classes)
    model.history = history
    history.executor = _executor(model, options, ranks)
    _train(model, (training, weights, domains), held_out, options, run, ranks)
    if history.status == "diverged":
        warnings.warn(history.message, RuntimeWarning, stacklevel=2)
    if history.status == "interrupted" and not _interactive():
        raise KeyboardInterrupt
    return history


def _train(
    model: Model,
    known: tuple[Dataset, Any, Any],
    held_out: Dataset | None,
    options: dict[str, Any],
    run: Run,
    ranks: Ranks | None,
) -> None:
    training, weights, domains = known
    model.stop_training = False
    model._predictor.forget()  # its memory is the training's
    run.history.status = "interrupted"  # what it is if nobody says otherwise
    with run.progress:
        run.progress.executor(run.history.executor)
        run.begin()
        try:
            outcome = _core.train.fit(
                model._core,
                training._base,
                training._rows,
                training._need_labels("fit.data"),
                weights,
                domains,
                held_out._base if held_out else None,
                held_out._rows if held_out else None,
                held_out.labels if held_out else None,
                options,
                run.epoch_done,
                run.progress.step,
                ranks,
                recorder_for(options["device"]),
            )
            run.history.status = outcome["status"]
            run.history.message = outcome["message"]
            if outcome["loop"]:
                run.history.executor += f"; {outcome['loop']}"
            if options["record_steps"]:
                names = {"loss": "step_losses", "learning_rate": "step_rates"}
                run.history.steps = {k: outcome[key] for k, key in names.items()}
        finally:
            run.end()


def _executor(model: Model, options: dict[str, Any], ranks: Ranks | None) -> str:
    """Who will train, and why if it is not the native executor."""
    count = ranks[1] if ranks else 1
    name, reason = _core.train.executor(model._core, options, count)
    return f"{name} ({reason})" if reason else str(name)


def _interactive() -> bool:
    """Whether a person sits at a prompt or notebook and wants the History."""
    return hasattr(sys, "ps1") or in_notebook()


def _spec(value: Any) -> Any:
    if isinstance(value, tuple | list) and len(value) == 2:
        return value[0], dict(value[1])
    return value  # a name; the core refuses anything else


def _with_rates(options: dict[str, Any]) -> dict[str, Any]:
    """A schedule's name and options, or the rates that were given instead of one."""
    given = options["schedule"]
    if isinstance(given, str) or (
        isinstance(given, tuple | list) and given and isinstance(given[0], str)
    ):
        return {**options, "schedule": _spec(given)}
    try:
        rates = [float(rate) for rate in given]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"fit.schedule: expected a name or a rate for each epoch, got {given!r:.60}"
        ) from error
    return {**options, "schedule": "constant", "rates": rates}


def _positive(learning_rate: float) -> float:
    if not learning_rate > 0:
        raise ValueError(
            f"fit.learning_rate: expected a positive number, got {learning_rate}"
        )
    return float(learning_rate)


def _monitored(monitor: str, has_validation: bool) -> str:
    if monitor != "auto":
        return monitor
    return "val_loss" if has_validation else "loss"


def _lr_scales(
    model: Model, freeze: Sequence[str], scales: Mapping[str, float]
) -> list[float]:
    """One factor a parameter: frozen ones 0, then the last pattern that matches."""
    names = model._core.parameter_names
    if not isinstance(scales, Mapping):
        raise TypeError(
            f"fit.lr_scale: expected a dict by name pattern, got {scales!r}"
        )
    patterns: list[tuple[str, float]] = [(p, float(s)) for p, s in scales.items()]
    patterns += [(p, 0.0) for p in ([freeze] if isinstance(freeze, str) else freeze)]
    factors = dict.fromkeys(names, 1.0)
    for pattern, scale in patterns:
        matches: Callable[[str], bool] = lambda n, p=pattern: (  # type: ignore[misc] # noqa: E731
            fnmatch.fnmatchcase(n, p) or fnmatch.fnmatchcase(n, f"{p}.*")
        )
        found = [name for name in names if matches(name)]
        if not found:
            raise ValueError(
                f"fit: no parameter matches '{pattern}'; known: {', '.join(names)}"
            )
        if not 0 <= scale < float("inf"):
            raise ValueError(
                f"fit.lr_scale: expected 0 or more for '{pattern}', got {scale}"
            )
        factors.update(dict.fromkeys(found, scale))
    return list(factors.values())
