"""What a recorded step may not do: read a value back, copy from or to the host, have a
shape that hangs on values, or run other operations the next time. Steps are rehearsed on
LibTorch's "meta" device, which has no values; every operation of them is looked at."""

import numpy as np
import pytest
from reference.layers import NETWORKS
from reference.optional import torch
from train.test_resident_set import OPERATIONS

import digitnet
from digitnet import _core, preprocess
from digitnet.layers import GRU, Conv, Dense, Flatten

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("fused_optimizers")]


@pytest.fixture(scope="module")
def fused_optimizers():
    """LibTorch has them for devices only; they change their arguments in place."""
    library = torch.library.Library("aten", "IMPL")
    for name in ("_fused_adam_", "_fused_adamw_", "_fused_sgd_"):
        library.impl(f"{name}.tensor_lr", lambda *_, **__: None, "Meta")
    yield library


def watch():
    """Keeps the name and shapes of every operation, refuses memory of the host."""
    from torch.utils._python_dispatch import TorchDispatchMode

    def tensors_in(value):
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            for part in value:
                yield from tensors_in(part)

    class Watch(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.operations = []

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            result = operation(*args, **(kwargs or {}))
            named = tuple((kwargs or {}).values())
            tensors = list(tensors_in((args, named, result)))
            if any(t.device.type != "meta" for t in tensors):
                raise AssertionError(f"{operation} uses memory of the host")
            self.operations.append((str(operation), [tuple(t.shape) for t in tensors]))
            return result

    return Watch()


def rehearsed(model, rng, **options):
    """The launches of two epochs: steps and operations of each. An epoch has two full
    batches that are one launch, a full one, and one of two images."""
    images = rng.integers(0, 256, (17, *model.input_shape), dtype=np.uint8)
    labels = rng.integers(0, 3, 17)
    model.fix_scale(255)
    settings = {"epochs": 2, "batch_size": 5, **options}
    rehearsal = _core.train.Rehearsal(model.core, images, None, labels, settings, 2)
    epochs = []
    for _ in range(2):
        rehearsal.start_epoch()
        launches = []
        for _ in range(3):
            with watch() as watched:
                steps = rehearsal.launch()
            launches.append((steps, watched.operations))
        epochs.append(launches)
    return epochs


def check(epochs):
    recorded, repeated = epochs
    assert recorded == repeated
    (steps, several), (_, single), (_, short) = recorded
    assert steps == 2
    assert 20 < len(single) < len(several) < 2 * len(single)
    assert short != single
    assert [name for name, _ in short] == [name for name, _ in single]


def small_net(*steps):
    layers = [Conv(4, 3, padding="same"), Flatten(), Dense(3)]
    return digitnet.Model(
        layers, input_shape=(1, 10, 12), preprocess=list(steps) or ["scale"]
    )


def test_the_watch_sees_what_it_is_there_to_see():
    there = torch.ones(4, device="meta")
    for forbidden in (
        lambda: there.sum().item(),
        lambda: there.nonzero(),
        lambda: there[there > 0],
        lambda: there.cpu(),
        lambda: bool(there.sum() > 0),
    ):
        with watch(), pytest.raises((RuntimeError, NotImplementedError)):
            forbidden()
    for forbidden in (
        lambda: there.copy_(torch.ones(4)),
        lambda: torch.ones(4).to("meta"),
        lambda: there * torch.tensor(2.0),
    ):
        with watch(), pytest.raises(AssertionError, match="memory of the host"):
            forbidden()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", digitnet.models.names())
def test_every_named_network_can_be_recorded(name, precision, rng):
    check(rehearsed(digitnet.models.make(name, seed=1), rng, precision=precision))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_every_layer_can_be_recorded(network, precision, rng):
    model = digitnet.Model(network, input_shape=(2, 9, 9), seed=1)
    if "domain_head" in str(model.summary()):
        pytest.skip("its batches are put in order on the host")
    check(rehearsed(model, rng, precision=precision))


@pytest.mark.parametrize("augment", [" | ".join(OPERATIONS), *OPERATIONS])
def test_every_operation_can_be_recorded(augment, rng):
    check(rehearsed(small_net(), rng, augment=augment))


STEPS = {
    "scale": "scale",
    "standardise": preprocess.Standardise([0.1], [0.3]),
    "mean_rgb": preprocess.MeanRGB([0.1]),
    "resize": preprocess.Resize(7, 9),
    "grey_to_rgb": "grey_to_rgb",
    "rgb_to_grey": "rgb_to_grey",
    "blur": preprocess.Blur(passes=2),
    "sharpen": preprocess.Sharpen(),
    "median": preprocess.Median(),
}


@pytest.mark.parametrize("name", STEPS)
def test_every_preprocessing_step_can_be_recorded(name, rng):
    steps = ["grey_to_rgb", STEPS[name]] if name == "rgb_to_grey" else [STEPS[name]]
    check(rehearsed(small_net(*steps), rng))


@pytest.mark.parametrize("optimizer", digitnet.train.optimizers())
@pytest.mark.parametrize("averaged", [0.0, 0.99])
def test_every_optimizer_can_be_recorded(optimizer, averaged, rng):
    check(
        rehearsed(
            small_net(),
            rng,
            optimizer=optimizer,
            ema_decay=averaged,
            clip_norm=1.0,
            l1=1e-4,
            l2=1e-4,
            label_smoothing=0.1,
            class_weights=[1.0, 2.0, 0.5],
        )
    )


def test_parts_that_learn_at_their_own_rate_can_be_recorded(rng):
    model = small_net()
    scales = [0.0, 0.0, 0.5, 2.0]
    check(rehearsed(model, rng, lr_scales=scales))


def test_a_gru_is_in_training_mode_wherever_a_gradient_is_asked_for(rng, monkeypatch):
    # Else cuDNN has no backward pass; a CPU computes one in either mode.
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")
    model = digitnet.Model([GRU(6), Dense(3)], input_shape=(1, 9, 9), seed=1)
    images = rng.integers(0, 256, (8, 9, 9)).astype(np.uint8)
    data = digitnet.Dataset(images, np.arange(8) % 3, max_value=255)

    def modes(work):
        with torch.profiler.profile(record_shapes=True) as profile:
            work()
        calls = [e for e in profile.events() if e.name == "aten::gru"]
        return {call.concrete_inputs[6] for call in calls}

    assert modes(lambda: model.fit(data, epochs=1, progress=False)) == {True}
    assert modes(lambda: digitnet.features.saliency(model, images, 1)) == {True}
    assert modes(lambda: model.predict(images)) == {False}


VIEWS = {
    *(
        "alias",
        "as_strided",
        "detach",
        "expand",
        "narrow",
        "permute",
        "select",
        "slice",
    ),
    *("squeeze", "t", "transpose", "unsqueeze", "view", "_unsafe_view"),
}


def operations_a_step(name, rng, launch_steps, **options):
    """Without views, which launch nothing."""
    model = digitnet.models.make(name, seed=1)
    images = rng.integers(0, 256, (16 * 32, *model.input_shape), dtype=np.uint8)
    labels = rng.integers(0, 10, 16 * 32)
    model.fix_scale(255)
    settings = {"epochs": 2, "batch_size": 32, **options}
    rehearsal = _core.train.Rehearsal(
        model.core, images, None, labels, settings, launch_steps
    )
    rehearsal.start_epoch()
    with watch() as watched:
        assert rehearsal.launch() == launch_steps
    names = [name.split(".")[1] for name, _ in watched.operations]
    return sum(name not in VIEWS for name in names) / launch_steps


AFFINE = "shift 2px | rotate 10deg | zoom 10%"
# Exact, of launches of 1, 4 and 16 steps; docs/gpu.md has these figures, too.
FIGURES = {
    "lenet5": ({}, 57, 38.75, 33.6875),
    "lenet5, augmented": ({"augment": AFFINE}, 62, 40, 34),
    "lenet5, elastic": ({"augment": "elastic 2px"}, 171, 67.25, 40.8125),
    "lenet5, bfloat16": ({"precision": "bfloat16"}, 64, 45.75, 40.6875),
    "two-conv-small, smoothing": ({"label_smoothing": 0.1}, 53, 33.25, 27.8125),
    "resnet18": ({}, 185, 166.75, 161.6875),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_step_takes_as_many_operations_as_it_did(name, rng):
    options, *figures = FIGURES[name]
    network = name.split(",")[0]
    counted = [operations_a_step(network, rng, n, **options) for n in (1, 4, 16)]
    assert counted == figures
