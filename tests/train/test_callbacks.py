"""Callbacks that come with the package."""

import math
import sys
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import digitnet
from digitnet.callbacks import (
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    LiveCurves,
    MLflowLogger,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TensorBoard,
    WandbLogger,
    live,
)
from digitnet.train.history import History
from digitnet.train.hooks import Run
from digitnet.train.progress import Progress


def curves(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return events


@pytest.mark.parametrize("with_validation", [True, False])
def test_tensorboard_shows_what_the_history_has(digits, tmp_path, with_validation):
    train, test = digits
    model = digitnet.models.make("linear", input_shape=(8, 8))
    board = TensorBoard(tmp_path / "run", model)
    history = model.fit(
        train[:100],
        test[:50] if with_validation else None,
        epochs=3,
        callbacks=board,
        progress=False,
    )
    events = curves(tmp_path / "run")
    names = {"learning_rate": "learning_rate", "seconds": "seconds"}
    if with_validation:
        names |= {"loss": "loss/training", "val_loss": "loss/validation"}
        names |= {
            "accuracy": "accuracy/training",
            "val_accuracy": "accuracy/validation",
        }
    else:
        names |= {"loss": "loss", "accuracy": "accuracy"}
    assert set(events.Tags()["scalars"]) == set(names.values())
    for column, tag in names.items():
        scalars = events.Scalars(tag)
        assert [event.step for event in scalars] == [1, 2, 3]
        np.testing.assert_allclose(
            [e.value for e in scalars], history[column], rtol=1e-6
        )
    assert set(events.Tags()["histograms"]) == set(model.state_dict())
    for name, weights in model.state_dict().items():
        last = events.Histograms(name)[-1].histogram_value
        assert last.num == sum(last.bucket) == weights.size
        np.testing.assert_allclose(
            [last.min, last.max, last.sum, last.sum_squares],
            [weights.min(), weights.max(), weights.sum(), (weights**2).sum()],
            rtol=1e-4,
            atol=1e-5,
        )
        inside = [(weights <= limit).sum() for limit in last.bucket_limit]
        np.testing.assert_allclose(np.cumsum(last.bucket), inside, atol=1)


def test_a_missing_tensorboard_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(
        sys.modules, "tensorboard.summary.writer.event_file_writer", None
    )
    with pytest.raises(ImportError, match=r"pip install 'digitnet\[tensorboard\]"):
        TensorBoard(tmp_path)


def test_a_file_in_the_folders_place_is_refused_and_kept(tmp_path):
    (tmp_path / "notes").write_text("precious")
    with pytest.raises(
        NotADirectoryError, match="TensorBoard.folder: expected a folder"
    ):
        TensorBoard(tmp_path / "notes")
    with pytest.raises(
        TypeError, match="TensorBoard.model: expected a Model, got 'lenet"
    ):
        TensorBoard(tmp_path, "lenet5")
    assert (tmp_path / "notes").read_text() == "precious"


@pytest.mark.parametrize("callbacks", [None, (), [], print])
def test_no_callback_one_or_several_may_be_passed(digits, callbacks, capsys):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    model.fit(digits[0][:20], epochs=2, callbacks=callbacks, progress=False)
    assert capsys.readouterr().out.count("loss") == (2 if callbacks is print else 0)


@pytest.mark.parametrize("callbacks", [5, "x", [print, 5], {print}])
def test_what_is_no_callback_is_named(digits, callbacks):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    with pytest.raises(TypeError, match=r"fit.callbacks: expected functions \(epoch"):
        model.fit(digits[0][:20], epochs=1, callbacks=callbacks, progress=False)
    assert model.max_value is None


# -- Keras' names --------------------------------------------------------------


def linear(digits, **options):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    history = model.fit(digits[0][:200], digits[1][:100], progress=False, **options)
    return model, history


def same(first, second):
    for name, value in first.state_dict().items():
        np.testing.assert_array_equal(value, second.state_dict()[name])


def test_early_stopping_is_the_loops_own(digits):
    options = {"epochs": 30, "learning_rate": 0.3}
    patient = EarlyStopping(patience=2, restore_best_weights=True)
    model, history = linear(digits, callbacks=patient, **options)
    again, _ = linear(digits, early_stopping=2, monitor="val_loss", **options)
    same(model, again)
    assert history.status == "stopped early"
    assert patient.stopped_epoch == history.epochs == history.best_epoch + 2


def test_without_restoring_the_last_weights_stay(digits):
    options = {"epochs": 30, "learning_rate": 0.3, "schedule": "constant"}
    model, history = linear(digits, callbacks=EarlyStopping(patience=2), **options)
    again, _ = linear(digits, **{**options, "epochs": history.epochs})
    same(model, again)
    best, _ = linear(digits, **{**options, "epochs": history.best_epoch})
    assert any(
        (value != best.state_dict()[name]).any()
        for name, value in model.state_dict().items()
    )


def test_a_plateau_lowers_the_rate_down_to_its_floor(digits):
    lower = ReduceLROnPlateau(factor=0.1, patience=1, min_delta=100, min_lr=0.02)
    _, history = linear(digits, epochs=4, learning_rate=0.5, callbacks=lower)
    np.testing.assert_allclose(history["learning_rate"], [0.5, 0.5, 0.05, 0.02])


@pytest.mark.parametrize(
    "function",
    [
        lambda epoch: 0.1 * 0.5**epoch,
        lambda epoch, rate: rate * 0.5 if epoch else rate,
        lambda *args: args[1] * (0.5 if args[0] else 1),
    ],
)
def test_a_functions_rates_are_those_of_the_epochs(digits, function):
    options = {"epochs": 3, "learning_rate": 0.1}
    model, history = linear(
        digits, callbacks=LearningRateScheduler(function), **options
    )
    np.testing.assert_allclose(history["learning_rate"], [0.1, 0.05, 0.025])
    again, _ = linear(digits, epochs=3, schedule=[0.1, 0.05, 0.025])
    same(model, again)


def test_the_rate_that_a_function_starts_with_is_the_optimizers_own(digits):
    seen = []
    watch = LearningRateScheduler(lambda epoch, rate: seen.append(rate) or rate)
    linear(digits, epochs=1, callbacks=watch, optimizer="sgd")
    usual = {e["name"]: e for e in digitnet.train.describe_optimizers()}
    assert seen == [usual["sgd"]["learning_rate"]]


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ([0.1], r"fit.schedule: expected 2 rates, one an epoch, got 1"),
        ([0.1, -0.1], r"fit.schedule: expected rates from 0 to 1e30, got -0.1"),
        ([0.1, float("nan")], r"fit.schedule: expected rates from 0"),
        ([0.1, None], r"fit.schedule: expected a name"),
        (5, r"fit.schedule: expected a name"),
    ],
)
def test_rates_that_are_not_right_are_refused(digits, rates, message):
    with pytest.raises(ValueError, match=message):
        linear(digits, epochs=2, schedule=rates)


def test_a_function_that_gives_no_rate_is_named(digits):
    with pytest.raises(TypeError, match="expected a rate for epoch 0, got None"):
        linear(digits, epochs=2, callbacks=LearningRateScheduler(lambda epoch: None))
    with pytest.raises(ZeroDivisionError):  # a bug there surfaces as itself
        linear(digits, epochs=2, callbacks=LearningRateScheduler(lambda e: 1 / e))
    with pytest.raises(TypeError, match="LearningRateScheduler.schedule: expected a f"):
        LearningRateScheduler(0.1)


def test_a_checkpoint_of_the_best_has_the_best_weights(digits, tmp_path):
    keep = ModelCheckpoint(tmp_path / "best.safetensors", "val_accuracy", True)
    _, history = linear(digits, epochs=8, learning_rate=0.5, callbacks=keep)
    assert keep.best == max(history["val_accuracy"])
    saved = digitnet.models.load(tmp_path / "best.safetensors")
    assert saved.evaluate(digits[1][:100])["accuracy"] == keep.best


def test_checkpoints_are_named_by_epoch_and_columns(digits, tmp_path):
    keep = ModelCheckpoint(tmp_path / "new" / "{epoch}-{val_loss:.2f}.safetensors")
    _, history = linear(digits, epochs=2, callbacks=keep)
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert names == {
        f"{epoch}-{loss:.2f}.safetensors"
        for epoch, loss in enumerate(history["val_loss"], 1)
    }
    with pytest.raises(ValueError, match="ModelCheckpoint.path: expected {epoch} and"):
        linear(digits, epochs=1, callbacks=ModelCheckpoint(tmp_path / "{nothing}"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_terminate_on_nan_stops_when_a_column_is_not_finite(digits, value):
    def corrupt(epoch, logs):
        logs["val_loss"] = value if epoch == 2 else 1.0

    callbacks = [corrupt, digitnet.callbacks.TerminateOnNaN()]
    _, history = linear(digits, epochs=5, callbacks=callbacks)
    assert (history.status, history.epochs) == ("stopped early", 2)


def test_best_needs_validation(digits, tmp_path):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    keep = ModelCheckpoint(tmp_path / "m.safetensors", save_best_only=True)
    with pytest.raises(ValueError, match="ModelCheckpoint.monitor.*give validation"):
        model.fit(digits[0][:50], epochs=1, callbacks=keep, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [EarlyStopping, ReduceLROnPlateau])
def test_an_unknown_column_is_refused_with_the_known(make):
    with pytest.raises(ValueError, match="monitor: unknown column 'f1'; known: loss"):
        make(monitor="f1")


def test_a_mode_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="EarlyStopping.mode: expected auto or max"):
        EarlyStopping("val_accuracy", mode="min")


def test_two_values_for_one_option_are_refused(digits):
    with pytest.raises(ValueError, match="fit.monitor: expected one value, got 'val_"):
        linear(
            digits,
            callbacks=[EarlyStopping("val_loss"), ReduceLROnPlateau("val_accuracy")],
        )
    with pytest.raises(ValueError, match="fit.early_stopping: expected one value"):
        linear(digits, early_stopping=7, callbacks=EarlyStopping(patience=3))


def test_a_csv_log_has_a_row_an_epoch_and_goes_on(digits, tmp_path):
    path = tmp_path / "logs" / "run.csv"
    _, first = linear(digits, epochs=2, callbacks=CSVLogger(path, separator=";"))
    log = CSVLogger(path, separator=";", append=True)
    _, second = linear(digits, epochs=1, callbacks=log)
    frame = pd.read_csv(path, sep=";")
    assert frame["epoch"].tolist() == [1, 2, 1]
    expected = [*first["val_loss"], *second["val_loss"]]
    np.testing.assert_allclose(frame["val_loss"], expected)
    model = digitnet.models.make("linear", input_shape=(8, 8))
    with pytest.raises(ValueError, match="CSVLogger: expected the columns"):
        model.fit(digits[0][:20], epochs=1, callbacks=log, progress=False)
    assert len(pd.read_csv(path, sep=";")) == 3


def test_functions_are_called_at_their_time(digits):
    calls = []
    linear(
        digits,
        epochs=2,
        callbacks=LambdaCallback(
            on_train_begin=lambda logs: calls.append(("begin", logs)),
            on_epoch_end=lambda epoch, logs: calls.append(epoch),
            on_train_end=lambda logs: calls.append(("end", logs)),
        ),
    )
    assert calls == [("begin", {}), 1, 2, ("end", {})]
    with pytest.raises(TypeError, match="LambdaCallback.on_epoch_end: expected a fun"):
        LambdaCallback(on_epoch_end=3)


def test_live_curves_update_one_output_of_a_notebook(digits, monkeypatch):
    IPython = pytest.importorskip("IPython")
    shown = []

    class Handle:
        def update(self, figure):
            shown[-1] = figure

    def display(figure, display_id):
        shown.append(figure)
        return Handle()

    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(live, "in_notebook", lambda: True)
    watch = LiveCurves()
    linear(digits, epochs=3, callbacks=watch)
    assert shown == [watch.display.figure]
    assert watch.display.data["loss"].size == 3
    assert not plt.get_fignums()  # nothing is left for pyplot to show again


# -- tracking ------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of its data base
def test_mlflow_gets_options_columns_and_the_model(digits, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/runs.db"
    log = MLflowLogger("digits", tracking_uri=uri)
    model, history = linear(digits, epochs=3, callbacks=log)
    assert mlflow.active_run() is None
    client = mlflow.MlflowClient(uri)
    run = client.get_run(log.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["epochs"] == "3"
    assert run.data.params["model"] == "linear"
    points = client.get_metric_history(log.run_id, "val/loss")
    np.testing.assert_allclose([p.value for p in points], history["val_loss"])
    assert [p.step for p in points] == [1, 2, 3]
    file = client.download_artifacts(log.run_id, "model.safetensors", str(tmp_path))
    same(model, digitnet.models.load(file))


def test_weights_and_biases_writes_a_run_offline(digits, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    linear(digits, epochs=2, callbacks=WandbLogger(folder=tmp_path))
    (run,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    deadline = time.monotonic() + 60  # wandb's own process writes the file
    while b"val/loss" not in (content := run.read_bytes()):
        assert time.monotonic() < deadline, content[:200]
        time.sleep(0.1)
    for word in (b"val/loss", b"train/accuracy", b"batch_size"):
        assert word in content
    with pytest.raises(ValueError, match="WandbLogger.mode: expected offline or"):
        WandbLogger(mode="everywhere")


@pytest.mark.parametrize(
    ("make", "package"), [(MLflowLogger, "mlflow"), (WandbLogger, "wandb")]
)
def test_a_missing_tracker_names_the_extra(make, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"pip install 'digitnet\[{package}\]"):
        make()


def test_a_list_for_the_optimizer_gives_callbacks_its_own_rate(digits):
    rates = []
    scheduler = digitnet.callbacks.LearningRateScheduler(
        lambda epoch, rate: rates.append(rate) or rate
    )
    linear(digits, epochs=1, optimizer=["adam", {}], callbacks=scheduler)
    linear(digits, epochs=1, optimizer=("adam", {}), callbacks=scheduler)
    assert rates == [0.002, 0.002]


def test_a_validation_loss_that_is_not_finite_in_the_first_epoch_is_seen(digits):
    seen = []
    model = digitnet.models.make("linear", input_shape=(8, 8))
    run = Run(
        model,
        History(),
        [lambda epoch, logs: seen.append(logs)],
        None,
        Progress(1),
        frozenset({"loss", "val_loss"}),
    )
    run.epoch_done({"epoch": 1, "loss": 1.0, "val_loss": math.nan, "accuracy": 0.5})
    assert seen[0].keys() == {"loss", "val_loss"}
    assert math.isnan(seen[0]["val_loss"])


def test_a_callback_cannot_change_what_the_data_were_prepared_with(digits):
    class Seeded(digitnet.callbacks.Callback):
        def fit_options(self, options):
            return {"seed": 7}

    with pytest.raises(ValueError, match=r"Seeded\.fit_options: expected .*got 'seed'"):
        linear(digits, epochs=1, callbacks=Seeded())
