"""Recorded steps, with a recorder in place of a GPU's: what is launched, in which order,
and that recording leaves no trace. On a GPU: tests/cuda."""

import math

import numpy as np
import pytest
from reference.optional import torch
from train.test_resident_set import assert_close, dropping_net, small_net, some_images

import digitnet
from digitnet.layers import Dense, Flatten
from digitnet.train import cuda_graphs as capture, fit as fitting


class Recorder:
    """Repeats by doing again; keeps count. Recording pays at once, and a launch is as long as
    can be."""

    pays_from = 0
    min_repeats = 1
    launch_seconds = math.inf

    def __init__(self, fails_at=None):
        self.generator = torch.Generator()
        self.fails_at = fails_at
        self.recorded = 0
        self.launches = []

    def __call__(self, first, work):
        number = self.recorded
        first()
        if number == self.fails_at:
            raise RuntimeError("this device records nothing")
        self.recorded += 1
        self.launches.append(number)

        def repeat():
            self.launches.append(number)
            work()

        return repeat


@pytest.fixture
def fitted(monkeypatch, rng):
    """fit() on a CPU that keeps the data, by this recorder or step by step."""
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")
    monkeypatch.setenv("DIGITNET_RESIDENT", "1")
    data = some_images(rng, (90, 10, 12))

    def fit(recorder, make=small_net, **options):
        monkeypatch.setattr(fitting, "recorder_for", lambda device: recorder)
        model = make()
        settings = {"epochs": 3, "batch_size": 4, "augment": "shift 1px | noise 5%"}
        model.fit(data, progress=False, device="cpu", seed=5, **{**settings, **options})
        return model

    return fit


@pytest.mark.torch
@pytest.mark.parametrize("optimizer", digitnet.train.optimizers())
@pytest.mark.parametrize("make", [small_net, dropping_net])
def test_recorded_steps_give_the_weights_of_single_ones(fitted, make, optimizer):
    options = {
        "optimizer": optimizer,
        "learning_rate": 0.01,
        "ema_decay": 0.9,
        "clip_norm": 1.0,
    }
    recorder = Recorder()
    captured = fitted(recorder, make, **options)
    assert str(captured.history.executor).endswith("captured steps, up to 16 a launch")
    single = fitted(None, make, **options)
    assert str(single.history.executor).endswith("steps launched one by one")
    assert_close(single, captured, 0)


@pytest.mark.torch
def test_an_epoch_takes_few_launches(fitted):
    recorder = Recorder()
    fitted(recorder)  # 90 images: 22 batches of four, and one of two
    many, one, short = range(3)
    # The last launches of all are done, not recorded: they would not come again.
    assert recorder.launches == [many, *[one] * 6, short] * 3


@pytest.mark.torch
def test_what_does_not_come_again_is_not_recorded(fitted):
    recorder = Recorder()
    fitted(recorder, epochs=1, batch_size=50)  # 50 and 40
    assert recorder.recorded == 0


@pytest.mark.torch
@pytest.mark.parametrize(
    ("pays_from", "min_repeats", "launches"),
    [
        (70, 1, "steps launched one by one: 69 are too few to capture them"),
        (69, 35, "captured steps, up to 1 a launch"),
        (69, 17, "captured steps, up to 4 a launch"),
        (69, 1, "captured steps, up to 16 a launch"),
    ],
)
def test_recording_is_left_out_where_it_does_not_pay(
    fitted, pays_from, min_repeats, launches
):
    recorder = Recorder()
    recorder.launch_seconds = 1000.0  # by the measured time of a step
    recorder.pays_from, recorder.min_repeats = pays_from, min_repeats
    model = fitted(recorder)  # 69 steps, in epochs of 23
    assert str(model.history.executor).endswith(launches)
    assert_close(fitted(None), model, 0)


@pytest.mark.torch
@pytest.mark.parametrize(("seconds", "steps"), [(0.0, 1), (1000.0, 16)])
def test_how_many_steps_a_launch_has_is_found_by_their_time(fitted, seconds, steps):
    recorder = Recorder()
    recorder.launch_seconds = seconds
    model = fitted(recorder, epochs=4, batch_size=2)
    assert str(model.history.executor).endswith(f"up to {steps} a launch")
    assert_close(fitted(None, epochs=4, batch_size=2), model, 0)


@pytest.mark.torch
def test_a_deterministic_training_does_not_go_by_the_clock(fitted):
    """But by how much there is to compute."""
    recorder = Recorder()
    recorder.launch_seconds = 1e-5
    model = fitted(recorder, deterministic=True)
    assert str(model.history.executor).endswith("up to 16 a launch")
    recorder = Recorder()
    recorder.launch_seconds = 1e-12
    model = fitted(recorder, deterministic=True)
    assert str(model.history.executor).endswith("up to 1 a launch")


@pytest.mark.torch
def test_short_epochs_have_short_launches(fitted):
    recorder = Recorder()
    fitted(recorder, batch_size=15, epochs=5)  # six batches
    assert recorder.launches == [0] * 5
    recorder = Recorder()
    fitted(recorder, batch_size=16, epochs=5)  # five, and a short one
    assert recorder.launches == [0, 1] * 5


@pytest.mark.torch
@pytest.mark.parametrize("batch_size", [1, 5, 45, 89, 90, 200])
def test_every_batch_size_is_recorded(fitted, batch_size):
    captured = fitted(Recorder(), batch_size=batch_size)
    assert_close(fitted(None, batch_size=batch_size), captured, 0)


@pytest.mark.torch
def test_steps_that_are_read_one_by_one_are_launched_so(fitted):
    recorder = Recorder()
    history = fitted(recorder, record_steps=True).history
    assert len(recorder.launches) == len(history.steps["loss"]) == 3 * 23


@pytest.mark.torch
@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_what_cannot_be_recorded_is_launched_singly_with_the_reason(fitted, fails_at):
    recorder = Recorder(fails_at=fails_at)
    model = fitted(recorder, dropping_net)
    assert recorder.recorded == fails_at
    assert max(recorder.launches, default=-1) == fails_at - 1
    assert str(model.history.executor).endswith(
        "steps not captured: this device records nothing"
    )
    assert_close(fitted(None, dropping_net), model, 0)


def stopped_by(error):
    """A recorder that does the work, and no more."""

    class Stopped(Recorder):
        def __call__(self, first, work):
            first()
            raise error

    return Stopped()


@pytest.mark.torch
def test_an_interrupt_while_recording_leaves_the_weights_of_whole_steps(fitted):
    """Those of the launch that was recorded, and nothing else changes them."""

    def stop(epoch, logs):
        model.stop_training = True

    settings = {"batch_size": 6, "schedule": "constant"}  # an epoch is one launch
    interrupted = dropping_net()
    with pytest.raises(KeyboardInterrupt):
        fitted(stopped_by(KeyboardInterrupt), lambda: interrupted, **settings)
    assert interrupted.history.status == "interrupted"
    model = dropping_net()
    fitted(None, lambda: model, callbacks=stop, **settings)
    for name, values in model.state_dict().items():
        np.testing.assert_array_equal(
            interrupted.state_dict()[name], values, err_msg=name
        )


@pytest.mark.torch
def test_memory_that_is_short_while_recording_leaves_no_trace(fitted):
    model = fitted(stopped_by(MemoryError), dropping_net)
    assert_close(fitted(None, dropping_net), model, 0)


@pytest.mark.torch
def test_a_recorder_that_cannot_begin_takes_no_step_away(fitted):
    class Full(Recorder):
        def __call__(self, first, work):
            raise RuntimeError("all 32 streams are in use")

    model = fitted(Full(), dropping_net)
    assert str(model.history.executor).endswith(
        "steps not captured: all 32 streams are in use"
    )
    assert_close(fitted(None, dropping_net), model, 0)


@pytest.mark.torch
def test_a_device_that_vanishes_is_named(fitted, tmp_path):
    class Vanishing(Recorder):
        def __call__(self, first, work):
            repeat = super().__call__(first, work)

            def repeat_for_a_while():
                if len(self.launches) == 12:
                    raise RuntimeError("CUDA error: the device is lost")
                repeat()

            return repeat_for_a_while

    checkpoint = tmp_path / "best.safetensors"
    with pytest.raises(RuntimeError, match=r"^CUDA error: the device is lost$"):
        fitted(Vanishing(), checkpoint=checkpoint)
    kept = digitnet.models.load(checkpoint).state_dict()
    assert all(np.isfinite(values).all() for values in kept.values())


@pytest.mark.torch
def test_divergence_in_a_launch_is_detected_and_the_weights_stay_good(fitted):
    def make():
        return digitnet.Model([Flatten(), Dense(9), Dense(3)], input_shape=(1, 10, 12))

    with pytest.warns(RuntimeWarning, match=r"diverged in epoch 1, step \d+ of 23"):
        model = fitted(Recorder(), make, optimizer="sgd", learning_rate=1e30)
    assert model.history.status == "diverged"
    assert all(np.isfinite(values).all() for values in model.state_dict().values())


@pytest.mark.torch
def test_stopping_early_keeps_the_best_weights(fitted):
    options = {"epochs": 8, "validation": 0.3, "early_stopping": 2}
    captured = fitted(Recorder(), **options)
    single = fitted(None, **options)
    assert captured.history.epochs == single.history.epochs
    assert_close(single, captured, 0)


def test_a_cpu_records_nothing_and_other_words_are_refused(monkeypatch):
    assert capture.recorder_for("cpu") is None
    monkeypatch.setenv("DIGITNET_CAPTURE", "0")
    assert capture.recorder_for("cuda") is None
    monkeypatch.setenv("DIGITNET_CAPTURE", "maybe")
    with pytest.raises(ValueError, match="DIGITNET_CAPTURE: expected '0' or '1', got"):
        capture.recorder_for("cuda")
