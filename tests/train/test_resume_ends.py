"""fit(resume=FOLDER) at a training's two ends: what it begins with, and what is behind it."""

import copy
import errno
import os
import signal

import numpy as np
import pytest
from train.test_resume import (
    Killed,
    assert_equal,
    columns,
    interrupted,
    killer,
    network,
    unbroken,
    weights,
)

import digitnet
from digitnet.layers import Dense, Flatten
from digitnet.train import best_file, hooks, state_files, training

EPOCHS = {"epochs": 3, "progress": False}


@pytest.fixture
def train(digits):
    return digits[0][:200]


def linear(seed=1):
    return digitnet.Model([Flatten(), Dense(10)], (8, 8), seed=seed)


# -- the first weights ---------------------------------------------------------------


@pytest.mark.parametrize("finished", [False, True])
def test_other_first_weights_are_another_training(finished, train, tmp_path):
    if finished:
        linear().fit(train, resume=tmp_path, **EPOCHS)
    else:
        interrupted(linear, train, tmp_path, 2, epochs=3)
    other = linear(seed=2)
    before = weights(other)
    with pytest.raises(
        ValueError, match=r"begun with, first_weights=.*give another fo"
    ):
        other.fit(train, resume=tmp_path, **EPOCHS)
    assert weights(other) == before and other.history is None


def test_the_model_that_was_interrupted_goes_on_itself(train, tmp_path):
    whole, model = unbroken(linear, train, epochs=3), linear()
    for epoch in (2, 3):
        with pytest.raises(Killed):
            model.fit(train, resume=tmp_path, callbacks=killer(epoch), **EPOCHS)
    changed = copy.deepcopy(model)
    changed.load_state_dict({k: 0 * v for k, v in model.state_dict().items()})
    with pytest.raises(ValueError, match="begun with, first_weights="):
        changed.fit(train, resume=tmp_path, **EPOCHS)
    model.fit(train, resume=tmp_path, **EPOCHS)
    assert_equal(model, whole)


def test_the_head_that_was_interrupted_goes_on_in_its_model(train, tmp_path):
    whole, model = network(), network()
    whole.fit_head(train, **EPOCHS)
    with pytest.raises(Killed):
        model.fit_head(train, resume=tmp_path, callbacks=killer(2), **EPOCHS)
    model.fit_head(train, resume=tmp_path, **EPOCHS)
    assert weights(model) == weights(whole)


def test_the_model_of_a_finished_training_is_as_good_as_the_first(train, tmp_path):
    model = linear()
    model.fit(train, resume=tmp_path / "state", **EPOCHS)
    model.save(tmp_path / "m.safetensors")
    again = digitnet.models.load(tmp_path / "m.safetensors")
    again.fit(train, resume=tmp_path / "state", **EPOCHS)
    assert_equal(again, model)


# -- what a state must fit -------------------------------------------------------------


def described(model):
    return (
        weights(model),
        model.history,
        model.classes,
        model.max_value,
        model.temperature,
    )


def test_a_finished_state_that_does_not_fit_changes_nothing(train, tmp_path):
    linear().fit(train, resume=tmp_path, **EPOCHS)
    saved = state_files.newest(tmp_path)
    about = {name: getattr(saved, name) for name in state_files._KEYS - {"format"}}
    arrays = {**saved.arrays, "dense1.weight": np.zeros((3, 3), np.float32)}
    content = state_files.to_bytes({"format": 1, **about}, arrays)
    saved.path.write_bytes(content)
    model = linear()
    model.temperature = 2.0
    before = described(model)
    with pytest.raises(
        digitnet.DataError, match=r"expected shape \(10, 64\) for 'dense"
    ):
        model.fit(train, resume=tmp_path, **EPOCHS)
    assert described(model) == before


# -- what callbacks do at the end ------------------------------------------------------


def test_what_a_callback_sets_at_the_end_is_the_finished_model(train, tmp_path):
    class Halve(digitnet.callbacks.Callback):
        def on_train_end(self):
            state = self.model.state_dict()
            self.model.load_state_dict({k: v / 2 for k, v in state.items()})
            self.model.temperature = 3.0

    whole, model, again = linear(), linear(), linear()
    whole.fit(train, callbacks=Halve(), **EPOCHS)
    for one in (model, again):
        one.fit(train, callbacks=Halve(), resume=tmp_path, **EPOCHS)
        assert_equal(one, whole)
        assert one.temperature == whole.temperature == 3.0


# -- the best model's file -------------------------------------------------------------

BEST_IS_LAST = {"learning_rate": 0.01, "schedule": "constant"}
BEST_IS_FIRST = {"schedule": [0.01, 5.0, 5.0], "optimizer": "sgd"}


def test_a_finished_training_writes_the_best_model_that_is_missing(train, tmp_path):
    path, state = tmp_path / "best.safetensors", tmp_path / "state"
    model = linear()
    model.fit(train, resume=state, **BEST_IS_LAST, **EPOCHS)
    assert model.history.best_epoch == 3
    linear().fit(train, resume=state, checkpoint=path, **BEST_IS_LAST, **EPOCHS)
    assert weights(digitnet.models.load(path)) == weights(model)
    path.write_bytes(b"another")  # what is there stays
    linear().fit(train, resume=state, checkpoint=path, **BEST_IS_LAST, **EPOCHS)
    assert path.read_bytes() == b"another"


def test_the_best_model_that_early_stopping_brought_back_is_written(train, tmp_path):
    path, state = tmp_path / "best.safetensors", tmp_path / "state"
    options = {**BEST_IS_FIRST, "early_stopping": 2, **EPOCHS}
    model = linear()
    model.fit(train, resume=state, **options)
    assert model.history.best_epoch == 1
    linear().fit(train, resume=state, checkpoint=path, **options)
    assert weights(digitnet.models.load(path)) == weights(model)


@pytest.mark.parametrize("finished", [False, True])
def test_a_best_model_that_was_kept_nowhere_is_a_warning(finished, train, tmp_path):
    path, state = tmp_path / "best.safetensors", tmp_path / "state"
    if finished:
        linear().fit(train, resume=state, **BEST_IS_FIRST, **EPOCHS)
    else:
        interrupted(linear, train, state, 3, epochs=3, **BEST_IS_FIRST)
    with pytest.warns(
        RuntimeWarning, match="fit.checkpoint: expected the best model in"
    ):
        linear().fit(train, resume=state, checkpoint=path, **BEST_IS_FIRST, **EPOCHS)
    assert not path.exists()


def test_what_a_callback_made_at_the_end_is_not_the_best_model(train, tmp_path):
    class Halve(digitnet.callbacks.Callback):
        def on_train_end(self):
            state = self.model.state_dict()
            self.model.load_state_dict({k: v / 2 for k, v in state.items()})

    path, state = tmp_path / "best.safetensors", tmp_path / "state"
    linear().fit(train, callbacks=Halve(), resume=state, **BEST_IS_LAST, **EPOCHS)
    with pytest.warns(
        RuntimeWarning, match="fit.checkpoint: expected the best model in"
    ):
        linear().fit(train, resume=state, checkpoint=path, **BEST_IS_LAST, **EPOCHS)


@pytest.mark.parametrize("dies", ["in an epoch", "at the end"])
def test_a_best_model_that_waits_when_the_process_dies_is_written_by_the_next(
    dies, train, tmp_path, monkeypatch
):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    path, state = tmp_path / "best.safetensors", tmp_path / "state"
    options = {"checkpoint": path, "resume": state, **BEST_IS_FIRST, **EPOCHS}
    bests = []

    def note(epoch, logs):
        if epoch == 1:
            bests.append(weights(model))
        if epoch == 3 and dies == "in an epoch":
            raise Killed

    model = linear()
    with monkeypatch.context() as patch:
        patch.setattr(best_file, "write_whole", full)
        with pytest.warns(
            RuntimeWarning, match="fit.checkpoint: .* could not be written"
        ):
            if dies == "at the end":
                model.fit(train, callbacks=note, **options)
            else:
                with pytest.raises(Killed):
                    model.fit(train, callbacks=note, **options)
    assert not path.exists()
    linear().fit(train, **options)
    assert weights(digitnet.models.load(path)) == bests[0]


# -- signals outside of the loop -------------------------------------------------------


def then_signal(real):
    """A function that is interrupted as it begins, the first time."""
    sent = []

    def interrupts(*args, **more):
        if not sent:
            sent.append(os.kill(os.getpid(), signal.SIGTERM))
        return real(*args, **more)

    return interrupts


# What is interrupted; whether a state is there that it may go on from.
MOMENTS = {
    "hashing": (training, "identity_of", False),
    "the beginning": (hooks.Run, "begin", False),
    "the ends of callbacks": (hooks.Run, "end", True),
    "the last state": (hooks.Run, "keep_finished", True),
    "calibration": (training, "suiting_temperature", True),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_is_heard_outside_of_the_loop_too(
    moment, train, tmp_path, monkeypatch, capfd
):
    if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        pytest.skip("a signal that is ignored here, as under nohup")
    owner, name, goes_on = MOMENTS[moment]
    options = {"validation": 0.2, **EPOCHS}
    whole, model = linear(), linear()
    whole.fit(train, **options)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, then_signal(getattr(owner, name)))
        with pytest.raises(SystemExit) as end:
            model.fit(train, resume=tmp_path, **options)
    assert end.value.code == 128 + signal.SIGTERM
    error = capfd.readouterr().err
    assert "interrupted behind " in error
    assert (f"fit(resume='{tmp_path}') goes on" in error) == goes_on
    model.fit(train, resume=tmp_path, **options)
    assert weights(model) == weights(whole)
    assert columns(model.history) == columns(whole.history)
    assert model.temperature == whole.temperature != 1


def test_a_person_at_a_prompt_gets_the_history_whenever_it_is_interrupted(
    train, monkeypatch
):
    def interrupts(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_interactive", lambda: True)
    monkeypatch.setattr(training, "suiting_temperature", interrupts)
    model = linear()
    history = model.fit(train, validation=0.2, **EPOCHS)
    assert history is model.history and history.status == "interrupted"
    assert history.message == "interrupted behind 3 whole epochs"


# -- what a file can hold --------------------------------------------------------------


def test_steps_take_no_place_that_is_bounded(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(state_files, "_MAX_JSON_BYTES", 20_000)
    options = {"batch_size": 1, "record_steps": True, **EPOCHS}
    whole, again = linear(), linear()
    for model in (whole, again):
        model.fit(digits[0], resume=tmp_path, **options)
    assert len(whole.history.steps["loss"]) == 3 * len(digits[0])
    assert_equal(again, whole)


def test_a_state_that_could_not_be_read_is_not_written(train, tmp_path, monkeypatch):
    class Diary(digitnet.callbacks.Callback):
        text = ""

        def on_epoch_end(self, epoch, logs):
            if epoch > 1:
                self.text = "x" * 30_000

        def state_dict(self):
            return {"text": self.text}

        def load_state_dict(self, state):
            pass

    monkeypatch.setattr(state_files, "_MAX_JSON_BYTES", 20_000)
    with (
        pytest.warns(RuntimeWarning, match="at most 20,000 bytes of JSON, got 3"),
        pytest.raises(Killed),
    ):
        linear().fit(train, resume=tmp_path, callbacks=[Diary(), killer(3)], **EPOCHS)
    assert state_files.newest(tmp_path).numbers["epoch"] == 2


def test_what_safetensors_cannot_write_ends_no_training(train, tmp_path, monkeypatch):
    import safetensors
    import safetensors.numpy

    def refuses(arrays, metadata):
        raise safetensors.SafetensorError("header too large")

    monkeypatch.setattr(safetensors.numpy, "save", refuses)
    with pytest.warns(RuntimeWarning, match="could not be written .header too large"):
        history = linear().fit(train, resume=tmp_path, **EPOCHS)
    assert history.status == "finished"
