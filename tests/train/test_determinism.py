"""fit(deterministic=True), precisions, and the flags that torch keeps for the process."""

import numpy as np
import pytest
from reference.optional import torch
from train.test_capture import Recorder
from train.test_resident_set import assert_close, dropping_net, some_images

import digitnet
from digitnet import _core
from digitnet.layers import AdaptiveAveragePool, Conv, Dense, Flatten
from digitnet.train import fit as fitting

pytestmark = pytest.mark.torch


def flags():
    backends = torch.backends
    return {
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warns only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "cudnn deterministic": backends.cudnn.deterministic,
        "cudnn benchmark": backends.cudnn.benchmark,
        "matmul": torch.get_float32_matmul_precision(),
        "a CPU's matmul": backends.mkldnn.matmul.fp32_precision,
        "convolutions": backends.cudnn.conv.fp32_precision,
    }


@pytest.fixture
def medium():
    """A user whose torch may round everywhere."""
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.benchmark = True
    yield
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.benchmark = False


@pytest.fixture
def fitted(monkeypatch, rng):
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")
    monkeypatch.setenv("DIGITNET_RESIDENT", "1")
    data = some_images(rng)

    def fit(recorder=None, **options):
        monkeypatch.setattr(fitting, "recorder_for", lambda device: recorder)
        model = dropping_net()
        settings = {"epochs": 2, "batch_size": 8, "progress": False, "seed": 4}
        model.fit(data, device="cpu", **{**settings, **options})
        return model

    return fit


@pytest.mark.parametrize("deterministic", [False, True])
def test_flags_are_as_asked_for_in_a_step_and_the_users_elsewhere(
    fitted, medium, deterministic
):
    before, in_step, between = flags(), [], []

    class Looking(Recorder):
        def __call__(self, first, work):
            in_step.append(flags())
            return super().__call__(first, work)

    fitted(
        Looking(),
        deterministic=deterministic,
        callbacks=lambda epoch, logs: between.append(flags()),
    )
    assert before["matmul"] == "medium"
    assert before["a CPU's matmul"] == "bf16"
    assert flags() == before
    assert between == [before] * 2
    assert len(in_step) > 0
    for found in in_step:
        assert found["a CPU's matmul"] == "ieee"
        assert found["deterministic"] is deterministic
        assert found["cudnn deterministic"] is deterministic
        assert found["cudnn benchmark"] is not deterministic


def test_flags_are_put_back_behind_an_error(fitted, medium):
    before = flags()

    class Stopping(Recorder):
        def __call__(self, first, work):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(Stopping(), deterministic=True)
    assert flags() == before


def test_a_users_torch_that_may_round_changes_no_bit(fitted, medium):
    rounding = fitted()
    torch.set_float32_matmul_precision("highest")
    assert_close(fitted(), rounding, 0)


def test_a_deterministic_training_is_the_same_one_on_a_cpu(fitted):
    assert_close(fitted(), fitted(deterministic=True), 0)


def test_tf32_is_float32_where_there_is_no_gpu(fitted, monkeypatch):
    assert_close(fitted(), fitted(precision="tf32"), 0)
    monkeypatch.delenv("DIGITNET_EXECUTOR")
    monkeypatch.delenv("DIGITNET_RESIDENT")
    model = fitted(precision="tf32")
    assert model.history.executor.engine == "native"
    assert_close(fitted(), model, 0)


def rehearsal(model, **options):
    model.fix_scale(255)
    images = np.zeros((4, *model.input_shape), np.uint8)
    return _core.train.Rehearsal(
        model.core, images, None, np.zeros(4, np.int64), options
    )


def test_a_layer_that_does_not_repeat_on_a_gpu_is_named():
    def model(size):
        layers = [Conv(4, 3), AdaptiveAveragePool(size), Flatten(), Dense(3)]
        return digitnet.Model(layers, input_shape=(1, 12, 12))  # maps of 10 x 10

    for size in (1, 2, 5, 10, 20):
        rehearsal(model(size), deterministic=True)
    rehearsal(model(3))
    with pytest.raises(
        ValueError,
        match=r"^fit.deterministic: expected layers whose gradients repeat on a GPU, got "
        r"'adaptive_average_pool1', whose windows on 4x10x10 differ; use "
        r"AveragePool, or deterministic=False$",
    ):
        rehearsal(model(3), deterministic=True)


@pytest.mark.parametrize("name", digitnet.models.names())
def test_every_named_network_repeats_on_a_gpu_at_its_own_size(name):
    work = rehearsal(digitnet.models.make(name), deterministic=True)
    assert isinstance(work, _core.train.Rehearsal)


@pytest.mark.parametrize("value", ["yes", None, 2, 1.0, np.array([1, 0])])
def test_what_is_neither_true_nor_false_is_refused(fitted, value):
    with pytest.raises(
        ValueError, match="^fit.deterministic: expected True or False, got"
    ):
        fitted(deterministic=value)


def test_an_option_that_is_refused_leaves_the_model_as_it_was(fitted, monkeypatch):
    monkeypatch.undo()  # the recorder is made by the package again
    monkeypatch.setenv("DIGITNET_CAPTURE", "no")
    model, begun = dropping_net(), []
    callback = digitnet.callbacks.Callback()
    callback.on_train_begin = lambda: begun.append(1)
    data = some_images(np.random.default_rng(0))
    with pytest.raises(ValueError, match="DIGITNET_CAPTURE: expected '0' or '1'"):
        model.fit(data, device="cpu", progress=False, callbacks=callback)
    assert (model.history, model.max_value, begun) == (None, None, [])
