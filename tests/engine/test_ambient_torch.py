"""LibTorch's engine in a thread whose torch was set to something else: the same bits."""

from contextlib import ExitStack, contextmanager, nullcontext

import numpy as np
import pytest
from reference.optional import torch

import digitnet

pytestmark = pytest.mark.torch


@contextmanager
def default_dtype():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def broken_hooks():
    """Of a user whose own graph they fit, and no other."""
    return torch.autograd.graph.saved_tensors_hooks(lambda _: None, lambda _: None)


STATES = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "autocast of float16": lambda: torch.autocast("cpu", torch.float16),
    "inference mode": lambda: torch.inference_mode(),
    "no gradients": lambda: torch.no_grad(),
    "a default dtype": default_dtype,
    "a default device": lambda: torch.device("meta"),
    "hooks on saved tensors": broken_hooks,
    "hooks forbidden": lambda: torch.autograd.graph.disable_saved_tensors_hooks("no"),
}


@pytest.fixture(autouse=True)
def torch_engine(monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (60, 9, 9)).astype(np.uint8)
    return digitnet.Dataset(images, rng.integers(0, 3, 60), classes=3, max_value=255)


def trained(data, state):
    layers = digitnet.layers
    model = digitnet.Model(
        [
            layers.Conv(4, 3),
            layers.BatchNorm(),
            layers.ReLU(),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(3),
        ],
        input_shape=(1, 9, 9),
        seed=1,
    )
    with state:
        model.fit(data, epochs=3, progress=False, seed=2, ema_decay=0.9)
    return model


@pytest.mark.parametrize("resident", "01")
@pytest.mark.parametrize("name", STATES)
def test_a_training_has_the_same_weights(name, resident, data, monkeypatch):
    monkeypatch.setenv("DIGITNET_RESIDENT", resident)
    expected = trained(data, nullcontext()).state_dict()
    for weight, values in trained(data, STATES[name]()).state_dict().items():
        np.testing.assert_array_equal(values, expected[weight], err_msg=weight)


@pytest.mark.parametrize("name", STATES)
def test_predictions_activations_and_gradients_are_the_same(name, data):
    model = trained(data, nullcontext())

    def computed():
        return [
            model.predict_logits(data.images),
            *digitnet.features.activations(model, data.images[:4]).values(),
            digitnet.features.saliency(model, data.images[:4], 1),
            digitnet.attack.attacked(model, data[:8], "pgd", seed=1).images,
        ]

    expected = computed()
    with STATES[name]():
        values = computed()
    for one, other in zip(values, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_states_are_as_they_were_behind_a_training(data):
    with ExitStack() as stack:
        stack.enter_context(torch.autocast("cpu", torch.bfloat16))
        stack.enter_context(torch.no_grad())
        saved = []
        stack.enter_context(
            torch.autograd.graph.saved_tensors_hooks(saved.append, lambda x: x)
        )
        trained(data, nullcontext())
        assert torch.is_autocast_enabled("cpu")
        assert not torch.is_grad_enabled()
        x = torch.ones(3, requires_grad=True)
        assert torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.bfloat16
        with torch.enable_grad():
            (x * x).sum()
        assert saved
