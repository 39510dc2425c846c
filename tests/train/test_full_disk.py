"""What is written while a model is trained does not end the training when it cannot be."""

import errno
import warnings
from pathlib import Path

import numpy as np
import pytest

import digitnet
from digitnet.train import best_file

OPTIONS = {"epochs": 4, "learning_rate": 0.02, "progress": False}


def model():
    return digitnet.models.make("linear", (8, 8), seed=1)


class Disk:
    """`write_whole`, full while `full(n)` says so of the n-th call."""

    def __init__(self, real, full):
        self.real, self.full, self.calls = real, full, 0

    def __call__(self, path, content):
        self.calls += 1
        if self.full(self.calls):
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.real(path, content)


@pytest.fixture
def disk(monkeypatch):
    def install(module, full):
        made = Disk(module.write_whole, full)
        monkeypatch.setattr(module, "write_whole", made)
        return made

    return install


def caught(**more):
    """(model, messages of the warnings) of a training."""
    digits = digitnet.data.load("digits")
    trained = model()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        history = trained.fit(digits[0], digits[1], **OPTIONS, **more)
    assert history.status == "finished" and history.epochs == 4
    return trained, [str(w.message) for w in seen]


def test_a_full_disk_does_not_end_the_training_and_the_best_model_follows(
    disk, tmp_path
):
    disk(best_file, lambda call: call in (2, 3))
    path = tmp_path / "best.safetensors"
    trained, messages = caught(checkpoint=path)
    assert len(messages) == 1
    assert "fit.checkpoint: '" in messages[0] and str(path) in messages[0]
    assert "No space left on device" in messages[0]
    assert trained.history.best_epoch == 4
    saved = digitnet.models.load(path)
    for name, value in trained.state_dict().items():
        np.testing.assert_array_equal(saved.state_dict()[name], value)


def test_the_best_model_is_written_later_though_others_came_behind_it(disk, tmp_path):
    kept, path = [], tmp_path / "best.safetensors"
    trained = model()
    digits = digitnet.data.load("digits")
    written = disk(best_file, lambda call: call == 1)

    def spoil(epoch, logs):
        kept.append(trained.state_dict())
        trained.load_state_dict({k: 0 * v for k, v in kept[0].items()})

    with pytest.warns(RuntimeWarning, match="could not be written"):
        trained.fit(
            *digits,
            epochs=3,
            schedule=[0.02, 1e-9, 1e-9],
            optimizer="sgd",
            checkpoint=path,
            callbacks=spoil,
            progress=False,
        )
    assert trained.history.best_epoch == 1
    saved = digitnet.models.load(path).state_dict()
    for name, value in kept[0].items():
        np.testing.assert_array_equal(saved[name], value)
    assert written.calls == 2


def test_a_disk_that_stays_full_is_said_once(disk, tmp_path):
    disk(best_file, lambda call: True)
    path = tmp_path / "best.safetensors"
    _, messages = caught(checkpoint=path)
    assert len(messages) == 1
    assert not path.exists()


def test_model_checkpoints_that_fail_are_warnings_and_the_next_ones_are_written(
    disk, tmp_path
):
    from digitnet.models import file

    disk(file, lambda call: call == 2)
    path = tmp_path / "{epoch}.safetensors"
    keep = digitnet.callbacks.ModelCheckpoint(path)
    _, messages = caught(callbacks=keep)
    assert len(messages) == 1 and str(path) in messages[0]
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["1.safetensors", "3.safetensors", "4.safetensors"]


def test_a_best_checkpoint_that_failed_leaves_its_place_to_the_next(disk, tmp_path):
    from digitnet.models import file

    disk(file, lambda call: call == 4)
    path = tmp_path / "best.safetensors"
    keep = digitnet.callbacks.ModelCheckpoint(path, save_best_only=True)
    trained, messages = caught(callbacks=keep)
    assert len(messages) == 1
    assert keep.best == trained.history["val_loss"][2]  # what the file holds


class Full:
    """A log's file on a disk that is full while `full(n)` says so of the n-th flush."""

    def __init__(self, real, full):
        self.real, self.full, self.flushes = real, full, 0

    def __getattr__(self, name):
        return getattr(self.real, name)

    def flush(self):
        self.flushes += 1
        if self.full(self.flushes):
            raise OSError(errno.ENOSPC, "No space left on device")
        self.real.flush()


def log_on_a_disk(path, full):
    log = digitnet.callbacks.CSVLogger(path)
    begin = log.on_train_begin

    def begin_on_a_small_disk():
        begin()
        log._file = Full(log._file, full)

    log.on_train_begin = begin_on_a_small_disk
    return log


def test_rows_of_a_log_wait_until_the_disk_takes_them(tmp_path):
    log = log_on_a_disk(tmp_path / "log.csv", lambda flush: flush == 2)
    _, messages = caught(callbacks=log)
    assert len(messages) == 1 and "CSVLogger: '" in messages[0]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 5


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_log_on_a_full_disk_ends_no_training_that_keeps_its_state(tmp_path):
    log = digitnet.callbacks.CSVLogger("/dev/full")
    _, messages = caught(callbacks=log, resume=tmp_path)
    assert messages and all("CSVLogger: '/dev/full'" in m for m in messages)


@pytest.mark.parametrize("first", [1, 2])
def test_rows_that_wait_when_the_process_dies_are_written_by_the_next_one(
    first, tmp_path
):
    def rows(name):
        lines = (tmp_path / name).read_text().splitlines()
        return [line.rsplit(",", 1)[0] for line in lines]  # all but the seconds

    class Killed(Exception):
        pass

    def kill(epoch, logs):
        if epoch == 4:
            lost.append(log._file.real)  # with its buffer
            log._file.real = (tmp_path / "lost.csv").open("w")
            raise Killed

    lost = []
    caught(callbacks=digitnet.callbacks.CSVLogger(tmp_path / "whole.csv"))
    log = log_on_a_disk(tmp_path / "log.csv", lambda flush: flush >= first)
    with pytest.raises(Killed):
        caught(callbacks=[log, kill], resume=tmp_path / "state")
    assert len(rows("log.csv")) == (first if first > 1 else 0)
    log = digitnet.callbacks.CSVLogger(tmp_path / "log.csv")
    caught(callbacks=[log, lambda *_: None], resume=tmp_path / "state")
    assert rows("log.csv") == rows("whole.csv")
    lost[0].close()


def test_a_state_that_cannot_be_asked_for_is_the_one_before(tmp_path):
    class Away(digitnet.callbacks.Callback):
        writes_to, asked, restored = "a server", 0, None

        def state_dict(self):
            self.asked += 1
            if self.asked == 2 and self.restored is None:
                raise ConnectionError("no answer")
            return {"asked": self.asked}

        def load_state_dict(self, state):
            self.restored = state

    def kill(epoch, logs):
        if epoch == 3:
            raise KeyboardInterrupt

    digits = digitnet.data.load("digits")[0]
    options = {**OPTIONS, "resume": tmp_path}
    with (
        pytest.warns(RuntimeWarning, match="Away: 'a server' .*no answer"),
        pytest.raises(KeyboardInterrupt),
    ):
        model().fit(digits, callbacks=[Away(), kill], **options)
    away = Away()
    model().fit(digits, callbacks=[away, lambda *_: None], **options)
    assert away.restored == {"asked": 1}


MLFLOW = pytest.mark.filterwarnings("ignore")  # its own, of its data base


@pytest.fixture
def mlflow_logger(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'runs.db'}"
    return digitnet.callbacks.MLflowLogger("away", tracking_uri=uri)


def fail_once(monkeypatch, owner, name, error, *, at=1):
    """Let the `at`-th call raise; the calls."""
    real, calls = getattr(owner, name), []

    def call(*args, **more):
        calls.append(args)
        if len(calls) == at:
            raise error
        return real(*args, **more)

    monkeypatch.setattr(owner, name, call)
    return calls


@MLFLOW
@pytest.mark.parametrize("name", ["log_metrics", "set_tag", "log_artifact", "end_run"])
def test_an_mlflow_that_is_away_is_a_warning(name, mlflow_logger, monkeypatch):
    import mlflow

    ended = fail_once(monkeypatch, mlflow, "end_run", None, at=0)
    error = mlflow.exceptions.MlflowException("no answer")
    calls = fail_once(monkeypatch, mlflow, name, error)
    trained, messages = caught(callbacks=mlflow_logger)
    assert len(calls) == (4 if name == "log_metrics" else 1)
    assert [m for m in messages if "MLflowLogger: '" in m and "no answer" in m]
    assert trained.temperature != 1  # what comes behind the callbacks was done
    assert ended or name == "end_run"
    mlflow.end_run()


@MLFLOW
@pytest.mark.parametrize("name", ["set_experiment", "start_run", "log_params"])
def test_an_mlflow_that_is_away_at_the_beginning_is_an_error(
    name, mlflow_logger, monkeypatch
):
    import mlflow

    error = mlflow.exceptions.MlflowException("no answer")
    fail_once(monkeypatch, mlflow, name, error)
    with pytest.raises(ConnectionError, match="no answer"):
        caught(callbacks=mlflow_logger)
    assert mlflow.active_run() is None


class WandbRun(dict):
    """A run of wandb, whose calls `failing` raises."""

    id = "one"

    def __init__(self, failing, error):
        self.failing, self.error, self.calls = failing, error, []
        self.summary = self

    def _call(self, name):
        self.calls.append(name)
        if name == self.failing:
            raise self.error

    def log(self, columns, step):
        self._call("log")

    def __setitem__(self, name, value):
        self._call("summary")

    def finish(self, exit_code):
        self._call("finish")


@pytest.mark.parametrize("kind", ["wandb.errors.CommError", "wandb.its.own"])
@pytest.mark.parametrize("failing", ["log", "summary", "finish"])
def test_a_wandb_that_is_away_is_a_warning(failing, kind, monkeypatch):
    wandb = pytest.importorskip("wandb")
    private = type("Closed", (Exception,), {"__module__": "wandb.sdk.mailbox"})
    error = wandb.errors.CommError if kind.endswith("CommError") else private
    run = WandbRun(failing, error("no answer"))
    monkeypatch.setattr(wandb, "init", lambda **options: run)
    trained, messages = caught(callbacks=digitnet.callbacks.WandbLogger())
    assert run.calls == ["log"] * 4 + ["summary", "finish"]
    assert [m for m in messages if "WandbLogger: '" in m and "no answer" in m]
    assert trained.temperature != 1


def test_a_mistake_within_a_tracker_still_arrives(monkeypatch):
    wandb = pytest.importorskip("wandb")
    run = WandbRun("log", KeyError("mine"))
    monkeypatch.setattr(wandb, "init", lambda **options: run)
    with pytest.raises(KeyError, match="mine"):
        caught(callbacks=digitnet.callbacks.WandbLogger())


def test_an_error_of_another_callback_still_arrives():
    def fails(epoch, logs):
        raise OSError("mine")

    digits = digitnet.data.load("digits")
    with pytest.raises(OSError, match="mine"):
        model().fit(digits[0], callbacks=fails, **OPTIONS)


@pytest.mark.parametrize("failing", ["begin", "end"])
def test_callbacks_that_have_begun_are_ended_whatever_another_one_raises(failing):
    calls = []

    def callback(name, **more):
        hooks = {
            "on_train_begin": lambda logs: calls.append(f"begin {name}"),
            "on_train_end": lambda logs: calls.append(f"end {name}"),
        }
        return digitnet.callbacks.LambdaCallback(**{**hooks, **more})

    def fails(logs):
        raise RuntimeError("mine")

    listed = [
        callback("first"),
        callback("second", **{f"on_train_{failing}": fails}),
        callback("third"),
    ]
    digits = digitnet.data.load("digits")
    with pytest.raises(RuntimeError, match="mine"):
        model().fit(digits[0], callbacks=listed, **OPTIONS)
    begun, ended = [
        [call.split()[1] for call in calls if call.startswith(kind)]
        for kind in ("begin", "end")
    ]
    if failing == "begin":
        assert begun == ended == ["first"]
    else:
        assert begun == ["first", "second", "third"]
        assert ended == ["first", "third"]
