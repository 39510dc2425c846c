"""The native executor: its gradients against float64, its bits, and when it steps aside."""

import numpy as np
import pytest
from reference.optional import torch
from reference.training import (
    assert_gradients_are_exact,
    assert_logits_are_exact,
    assert_threads_change_no_bit,
    draw,
    make,
    one_step,
)

import digitnet
from digitnet import _core
from digitnet.layers import (
    GELU,
    AdaptiveAveragePool,
    AveragePool,
    BatchNorm,
    CapsuleLogits,
    Concat,
    Conv,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    MaxPool,
    ReLU,
    ReLU6,
    Residual,
    Sigmoid,
    Softmax,
    Tanh,
    Upsample,
)

every_kernel = pytest.mark.parametrize("kernels", _core.train.kernels())
TAIL = [Flatten(), Dense(3)]
NETWORKS = {
    "two hidden layers": ((1, 5, 7), [Flatten(), Dense(33), ReLU(), Dense(70), *TAIL]),
    "wide": ((3, 6, 6), [Flatten(), Dense(130), ReLU(), Dense(96), Tanh(), Dense(3)]),
    "pooled 1 to 6": ((1, 11, 9), [Conv(6, 5), ReLU(), MaxPool(), *TAIL]),
    "pooled 1 to 24, 3x3": ((1, 10, 7), [Conv(24, 3), MaxPool(), ReLU(), *TAIL]),
    "pooled 1 to 40": ((1, 9, 9), [Conv(40, 3), ReLU(), MaxPool(), Dropout(0), *TAIL]),
    "pooled 3 to 33": (
        (3, 9, 11),
        [Conv(33, 3, padding="same"), MaxPool(), ReLU(), *TAIL],
    ),
    "pooled twice": (
        (1, 14, 14),
        [
            *(Conv(6, 5, padding="same"), ReLU(), MaxPool()),
            *(Conv(16, 3), ReLU(), MaxPool(), Flatten(), Dense(24), ReLU(), Dense(3)),
        ],
    ),
    "pooled without ReLU": ((2, 8, 8), [Conv(5, 3), MaxPool(), *TAIL]),
    "plain 24 to 16": (
        (6, 7, 9),
        [Conv(24, 3, padding="same"), ReLU(), Conv(16, 3), ReLU(), *TAIL],
    ),
    "1x1": ((3, 5, 5), [Conv(17, 1), ReLU(), Conv(9, 1), *TAIL]),
    "strides": (
        (3, 9, 10),
        [
            *(Conv(8, 3, stride=2, padding=1), ReLU(), Conv(20, 3, stride=2)),
            *TAIL,
        ],
    ),
    "wide padding": ((2, 5, 5), [Conv(4, 3, padding=3), Conv(5, 2), *TAIL]),
    "Winograd 3x3, pooled and odd": (
        (2, 13, 11),
        [Conv(16, 3), ReLU(), Conv(33, 3, padding="same"), ReLU(), MaxPool(), *TAIL],
    ),
    "Winograd 3x3, plain": (
        (2, 13, 11),
        [Conv(24, 3), ReLU(), Conv(40, 3, padding="same"), ReLU(), Conv(16, 3), *TAIL],
    ),
    "Winograd 5x5, pooled": (
        (1, 16, 12),
        [
            Conv(16, 3, padding="same"),
            ReLU(),
            Conv(24, 5, padding="same"),
            ReLU(),
            MaxPool(),
            *TAIL,
        ],
    ),
    "Winograd 5x5, plain and odd": (
        (1, 13, 13),
        [Conv(17, 3, padding="same"), ReLU(), Conv(16, 5), ReLU(), *TAIL],
    ),
    "Winograd 3x3, large tiles": (
        (2, 19, 14),
        [Conv(16, 3), ReLU(), Conv(33, 3, padding="same"), ReLU(), Conv(17, 3), *TAIL],
    ),
    "Winograd 3x3, large tiles, pooled and odd": (
        (1, 23, 20),
        [Conv(16, 3), ReLU(), Conv(18, 3, padding="same"), ReLU(), MaxPool(), *TAIL],
    ),
    "Winograd, wide padding": (
        (2, 6, 5),
        [Conv(16, 3, padding=4), Conv(18, 3, padding=3), Conv(16, 5, padding=5), *TAIL],
    ),
    "batch norm": (
        (2, 6, 6),
        [
            *(Conv(9, 3, bias=False), BatchNorm(), ReLU(), Conv(5, 3, padding="same")),
            *(BatchNorm(), Flatten(), BatchNorm(0.3), Dense(8), BatchNorm()),
            *(ReLU(), Dense(3)),
        ],
    ),
    "residual and concat": (
        (3, 6, 6),
        [
            Residual([Conv(3, 3, padding="same"), ReLU()]),
            Residual([Conv(5, 3, padding="same"), ReLU()], shortcut=Conv(5, 1)),
            Concat(Conv(4, 3), [Conv(2, 1), Conv(3, 3)]),
            *TAIL,
        ],
    ),
    "other pools": (
        (2, 9, 9),
        [Conv(4, 2), MaxPool(3, 1), AveragePool(2), MaxPool(2, 1), *TAIL],
    ),
    "padded and uneven pools": (
        (2, 9, 8),
        [
            *(Conv(5, 2), MaxPool(3, 2, padding=1), Conv(6, 2, padding=1)),
            *(AdaptiveAveragePool(3), Upsample(2), AdaptiveAveragePool(7), *TAIL),
        ],
    ),
    "depthwise": (
        (2, 11, 10),
        [
            *(Conv(9, 1, bias=False), BatchNorm(), ReLU6()),
            *(Conv(9, 3, stride=2, padding=1, groups=9, bias=False), BatchNorm()),
            *(ReLU6(), Conv(18, 3, padding="same", groups=9), Conv(4, 1), *TAIL),
        ],
    ),
    "depthwise, odd windows": (
        (3, 9, 7),
        [
            *(Conv(3, 2, stride=3, padding=1, groups=3), Conv(20, 1)),
            *(Conv(20, 5, padding="same", groups=20), *TAIL),
        ],
    ),
    "groups": (
        (2, 8, 8),
        [
            *(Conv(12, 3, groups=2), ReLU(), Conv(9, 3, padding="same", groups=3)),
            *(ReLU(), MaxPool(), *TAIL),
        ],
    ),
    "layer norm and softmax": (
        (2, 6, 6),
        [
            *(Conv(9, 3), LayerNorm(), ReLU(), Conv(5, 1), Softmax()),
            *(Flatten(), LayerNorm(), Dense(20), Softmax(), Dense(3)),
        ],
    ),
    "flat branches in map order": (
        (2, 6, 6),
        [
            *(Conv(3, 3), Flatten(), Residual([Dense(48), ReLU()]), Residual([Tanh()])),
            *(Concat([LayerNorm()], [Dense(5)]), Dense(3)),
        ],
    ),
    "activations": (
        (1, 4, 4),
        [
            *(Conv(5, 3), Sigmoid(), Flatten(), Dense(9), GELU(), Dense(9), Tanh()),
            *(Dense(7), Sigmoid(), Dense(3)),
        ],
    ),
}
every_network = pytest.mark.parametrize(
    ("shape", "network"), NETWORKS.values(), ids=NETWORKS
)


@pytest.mark.torch
@every_kernel
@every_network
@pytest.mark.parametrize("count", [1, 5, 19])
def test_gradients_are_as_close_to_float64_as_torchs(
    kernels, shape, network, count, rng, monkeypatch
):
    assert_gradients_are_exact(monkeypatch, rng, kernels, shape, network, count)


@pytest.mark.torch
@every_kernel
@every_network
def test_logits_are_as_close_to_float64_as_torchs(
    kernels, shape, network, rng, monkeypatch
):
    assert_logits_are_exact(monkeypatch, rng, kernels, shape, network)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "sgd", "clip_norm": 0.1, "l1": 1e-4, "l2": 1e-4},
        {
            "ema_decay": 0.9,
            "label_smoothing": 0.1,
            "augment": "shift 1px | rotate 9deg",
        },
    ],
    ids=["plain", "clipped", "averaged"],
)
@every_network
def test_the_number_of_threads_does_not_change_a_bit(shape, network, options, rng):
    assert_threads_change_no_bit(rng, shape, network, **options)


@every_kernel
def test_dropout_keeps_its_share_and_the_same_units_forward_and_backward(
    kernels, rng, monkeypatch
):
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    kept = []
    for seed in range(20):
        model = make([Flatten(), Dense(500), Dropout(0.3), Dense(3)], (1, 4, 4))
        images, labels = draw(rng, (1, 4, 4), 1)
        moved = one_step(model, images, labels, seed=seed)
        changed = {name: gradient != 0 for name, gradient in moved.items()}
        alive = changed["dense2.weight"].any(axis=0)
        np.testing.assert_array_equal(changed["dense1.bias"], alive)
        kept.append(alive)
    # 10,000 draws: four standard deviations are .018.
    assert abs(np.mean(kept) - 0.7) < 0.019
    assert len({mask.tobytes() for mask in kept}) == 20


def test_dropout_fused_with_relu_keeps_its_share(rng):
    model = make([Flatten(), Dense(2000), ReLU(), Dropout(0.4), Dense(3)], (1, 4, 4))
    images, labels = draw(rng, (1, 4, 4), 1)
    before = model.state_dict()
    above = (
        images.reshape(1, -1) @ before["dense1.weight"].T + before["dense1.bias"] > 0
    )[0]
    changed = one_step(model, images, labels)["dense1.bias"] != 0
    assert not changed[~above].any()
    assert abs(changed[above].mean() - 0.6) < 4 * np.sqrt(0.24 / above.sum())


def test_predictions_depend_on_nothing_around_them(rng):
    model = digitnet.models.make("lenet5")
    images = rng.integers(0, 256, (150, 28, 28), dtype=np.uint8)
    model.core.max_value = 255
    whole = model.predict_logits(images)
    np.testing.assert_array_equal(model.predict_logits(images[70:71]), whole[70:71])
    np.testing.assert_array_equal(model.predict_logits(images[::-1])[::-1], whole)


@pytest.mark.parametrize(
    "network",
    [
        [Flatten(), Residual([Dense(36)]), Dense(3)],
        [Conv(3, 3), Flatten(), CapsuleLogits(16)],
        [Conv(3, 6), Flatten()],
        [Conv(3, 5), AveragePool(2), Flatten()],
        [Conv(3, 4), AdaptiveAveragePool(1), Flatten()],
    ],
)
def test_features_of_a_flattened_map_may_go_anywhere(network, rng):
    model = make(network, (1, 6, 6))
    images, labels = draw(rng, (1, 6, 6), 8)
    data = digitnet.Dataset(images, labels, classes=3, max_value=1)
    history = model.fit(data, epochs=1, progress=False)
    assert str(history.executor).startswith("native")


@pytest.mark.parametrize("name", digitnet.models.names())
def test_every_named_network_learns_natively(name, rng):
    model = digitnet.models.make(name)
    images = rng.integers(0, 256, (2, *model.input_shape)).astype(np.uint8)
    data = digitnet.Dataset(images, rng.integers(0, 10, 2), classes=10, max_value=255)
    history = model.fit(data, epochs=1, progress=False)
    assert history.executor.engine == "native"
    predict = model.reconstruct if model.outputs_images else model.predict_logits
    assert np.isfinite(predict(images)).all()


def test_an_unknown_instruction_set_or_executor_is_an_error(monkeypatch):
    model = digitnet.models.make("linear")
    monkeypatch.setenv("DIGITNET_KERNELS", "sse9")
    with pytest.raises(ValueError, match="DIGITNET_KERNELS: expected one of .*plain"):
        model.summary()
    monkeypatch.delenv("DIGITNET_KERNELS")
    monkeypatch.setenv("DIGITNET_EXECUTOR", "abacus")
    with pytest.raises(ValueError, match="DIGITNET_EXECUTOR: expected 'native' or"):
        model.summary()


@pytest.mark.torch
def test_the_torch_executor_learns_the_same(monkeypatch, rng):
    shape, network = NETWORKS["pooled twice"]
    images, labels = draw(rng, shape, 30)
    data = digitnet.Dataset(images, labels, classes=3, max_value=1)
    states = []
    for executor in ("native", "torch"):
        monkeypatch.setenv("DIGITNET_EXECUTOR", executor)
        model = make(network, shape)
        history = model.fit(
            data, epochs=2, batch_size=8, optimizer="sgd", progress=False
        )
        assert str(history.executor).startswith(executor)
        states.append(model.state_dict())
    for name, value in states[0].items():
        np.testing.assert_allclose(states[1][name], value, atol=2e-5, err_msg=name)


@pytest.mark.torch
@every_kernel
@pytest.mark.parametrize("name", ["gelu", "sigmoid", "tanh"])
def test_activations_are_right_at_every_size_of_input(kernels, name, monkeypatch):
    """The input's bias is what is activated; the gradient comes back through it."""
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    sizes = np.concatenate([[0, 1e-20, 1e-6], np.geomspace(1e-4, 60, 197)])
    values = np.concatenate([-sizes[::-1], sizes]).astype(np.float32)
    layer = {"gelu": GELU(), "sigmoid": Sigmoid(), "tanh": Tanh()}[name]
    network = [Flatten(), Dense(len(values)), layer]
    model = make(network, (1, 1, 1), len(values))
    model.core.set("dense1.bias", values)
    exact = torch.from_numpy(values).double().requires_grad_()
    functions = {"sigmoid": torch.sigmoid, "tanh": torch.tanh}
    expected = functions.get(name, torch.nn.functional.gelu)(exact)
    empty = np.zeros((1, 1, 1), np.float32)
    outputs = model.predict_logits(empty)[0]
    np.testing.assert_allclose(outputs, expected.detach(), rtol=1e-6, atol=3e-7)
    label = torch.tensor([7])
    torch.nn.functional.cross_entropy(expected[None], label).backward()
    step = one_step(model, empty, [7])["dense1.bias"]
    # The step is a difference of float32 numbers of the values' size.
    error = np.abs(step - exact.grad.numpy())
    assert (error <= 3e-7 + 1.2e-7 * np.abs(values)).all(), values[error.argmax()]
