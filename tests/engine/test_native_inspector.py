"""Looking inside with the native executor: against float64, torch's executor and itself."""

import copy

import numpy as np
import pytest
from reference.optional import torch

import digitnet
import digitnet._core as _core
from digitnet.layers import (
    AveragePool,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    DomainHead,
    Dropout,
    Flatten,
    MaxPool,
    ReLU,
    Residual,
    Sigmoid,
    Tanh,
)

every_kernel = pytest.mark.parametrize("kernels", _core.train.kernels())
TAIL = [Flatten(), Dense(3)]
NETWORKS = {
    "dense": ((3, 5, 4), [Flatten(), Dense(40), Tanh(), Dropout(0.3), *TAIL]),
    "pooled": (
        (1, 14, 12),
        [
            *(Conv(6, 5, padding="same"), ReLU(), MaxPool(), Dropout(0.2)),
            *(
                Conv(16, 3),
                ReLU(),
                MaxPool(),
                Flatten(),
                Dense(24),
                Sigmoid(),
                Dense(3),
            ),
        ],
    ),
    "Winograd": (
        (3, 13, 11),
        [
            *(Conv(16, 3), ReLU(), Conv(33, 3, padding="same"), ReLU(), MaxPool()),
            *TAIL,
        ],
    ),
    "strides": (
        (2, 9, 10),
        [Conv(8, 3, stride=2, padding=1), ReLU(), Conv(20, 3, stride=2), *TAIL],
    ),
    "batch norm": (
        (2, 7, 6),
        [
            *(Conv(9, 3, bias=False), BatchNorm(), ReLU(), AveragePool(2)),
            *(Flatten(), BatchNorm(), Dense(8), BatchNorm(), ReLU(), Dense(3)),
        ],
    ),
    "branches": (
        (3, 6, 6),
        [
            Residual([Conv(5, 3, padding="same"), ReLU()], shortcut=Conv(5, 1)),
            Concat(Conv(4, 3), [Conv(2, 1), Conv(3, 3)]),
            *TAIL,
        ],
    ),
}
every_network = pytest.mark.parametrize(
    ("shape", "network"), NETWORKS.values(), ids=NETWORKS
)


def make(network, shape, rng=None):
    model = digitnet.Model(network, shape, preprocess=[], classes=3, seed=2)
    model.core.max_value = 1
    for name, value in model.state_dict().items():
        if rng is not None and ".running_" in name:
            model.core.set(name, rng.uniform(0.5, 1.5, value.shape).astype(np.float32))
    return model


def draw(rng, shape, count):
    images = rng.random((count, *shape), dtype=np.float32)
    images.flat[0] = 1
    return images, rng.integers(0, 3, count)


def on_executor(monkeypatch, name):
    monkeypatch.setenv("DIGITNET_EXECUTOR", name)


def exact_outputs(module, images):
    """Every leaf's output by name, and the logits, with gradients that are kept."""
    outputs = {}
    x = images.clone().requires_grad_()
    for name, child in module.named_modules():
        if name and not list(child.children()):

            def keep(module, inputs, output, name=name):
                output.retain_grad()
                outputs[name] = output

            child.register_forward_hook(keep)
    return x, module(x), outputs


@pytest.mark.torch
@every_kernel
@every_network
def test_gradients_by_images_and_layers_are_float64s(
    kernels, shape, network, rng, monkeypatch
):
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    model = make(network, shape, rng)
    images, units = draw(rng, shape, 67)  # more than one pass has
    module = copy.deepcopy(model.to_torch()).double().eval()
    x, logits, outputs = exact_outputs(module, torch.from_numpy(images).double())
    logits[torch.arange(67), torch.from_numpy(units)].sum().backward()
    saliency = digitnet.features.saliency(model, images, units)
    size = x.grad.abs().max().item()
    # Where a ReLU's input or a pool's gap is as small as float32's errors, an image
    # may take another branch: these are few.
    error = np.abs(saliency - x.grad.numpy()).reshape(67, -1).max(1)
    assert (error > 1e-5 * size).sum() <= 1
    activations = model.activations(images)
    assert list(activations) == list(outputs)
    for name, output in outputs.items():
        expected = output.detach().numpy()
        np.testing.assert_allclose(
            activations[name],
            expected,
            atol=1e-5 * (1 + np.abs(expected).max()),
            err_msg=name,
        )


@pytest.mark.torch
@every_network
def test_everything_seen_is_what_torchs_executor_sees(shape, network, rng, monkeypatch):
    model = make(network, shape, rng)
    images, labels = draw(rng, shape, 70)
    data = digitnet.Dataset(images, labels, classes=3, max_value=1)
    seen = []
    for executor in ("native", "torch"):
        on_executor(monkeypatch, executor)
        seen.append(
            {
                **model.activations(images),
                "saliency": digitnet.features.saliency(model, images, labels),
                "integrated": digitnet.features.integrated_gradients(
                    model, images[:5], labels[:5], steps=4
                ),
                "fgsm": digitnet.attack.attacked(model, data, "fgsm").images,
            }
        )
    assert list(seen[0]) == list(seen[1])
    for name, value in seen[0].items():
        error = np.abs(value - seen[1][name])
        # A gradient near 0 may have another sign, a ReLU another side.
        assert np.quantile(error, 0.999) < 2e-5 * (1 + np.abs(value).max()), name


def on_threads(threads, work):
    before = digitnet.get_num_threads()
    digitnet.set_num_threads(threads)
    try:
        return work()
    finally:
        digitnet.set_num_threads(before)


@every_network
def test_the_number_of_threads_changes_no_bit_of_an_attack(shape, network, rng):
    images, labels = draw(rng, shape, 70)
    data = digitnet.Dataset(images, labels, classes=3, max_value=1)

    def attacked():
        model = make(network, shape)
        return digitnet.attack.attacked(model, data, "pgd", steps=3).images

    one = on_threads(1, attacked)
    for threads in (2, 3):
        np.testing.assert_array_equal(on_threads(threads, attacked), one)


DOMAINS = [
    *(Conv(6, 3), BatchNorm(), ReLU(), MaxPool(), Flatten(), Dense(12), ReLU()),
    *(DomainHead([Dense(6), ReLU(), Dense(2)], 0.6), Dense(3)),
]


def adapted_to_domains(rng):
    source, labels = draw(rng, (1, 8, 8), 30)
    target, _ = draw(rng, (1, 8, 8), 26)
    data = digitnet.Dataset(source, labels, classes=3, max_value=1)
    model = make(DOMAINS, (1, 8, 8))
    history = model.fit(
        data,
        target=digitnet.Dataset(0.3 * target, max_value=1),
        **{"epochs": 2, "batch_size": 14, "optimizer": "sgd", "progress": False},
    )
    return model, history


def learned_from_attacks(rng):
    shape, network = NETWORKS["batch norm"]
    images, labels = draw(rng, shape, 40)
    data = digitnet.Dataset(images, labels, classes=3, max_value=1)
    model = make(network, shape)
    history = model.fit(
        data,
        adversary=("pgd", {"strength": 0.05, "steps": 2}),
        **{"epochs": 2, "batch_size": 16, "optimizer": "sgd", "progress": False},
    )
    return model, history


def denoising(rng):
    layers = [Conv(6, 3, padding="same"), ReLU(), Conv(2, 3, padding="same"), Sigmoid()]
    images, _ = draw(rng, (2, 7, 6), 40)
    model = digitnet.Model(layers, (2, 7, 6), seed=1)
    history = model.fit(
        digitnet.Dataset(images, max_value=1),
        validation=digitnet.Dataset(images[:9], max_value=1),
        **{"augment": "noise 20%", "epochs": 2, "batch_size": 16, "progress": False},
    )
    return model, history


def with_new_statistics(rng):
    shape, network = NETWORKS["batch norm"]
    model = make(network, shape)
    model.adapt(draw(rng, shape, 60)[0])
    return model, None


TRAININGS = [adapted_to_domains, learned_from_attacks, denoising, with_new_statistics]


@pytest.mark.torch
@pytest.mark.parametrize("training", TRAININGS)
def test_what_is_learned_is_what_torchs_executor_learns(training, monkeypatch):
    results = []
    for executor in ("native", "torch"):
        on_executor(monkeypatch, executor)
        results.append(training(np.random.default_rng(5)))
    (native, history), (other, expected) = results
    for name, value in native.state_dict().items():
        np.testing.assert_allclose(
            value, other.state_dict()[name], atol=3e-5, rtol=3e-5, err_msg=name
        )
    if history is None:
        return
    assert str(history.executor).startswith("native")
    assert str(expected.executor).startswith("torch")
    for column in set(history) - {"seconds"}:
        np.testing.assert_allclose(history[column], expected[column], rtol=1e-4)


@pytest.mark.parametrize("training", TRAININGS)
def test_what_is_learned_has_the_same_bits_on_two_threads(training):
    one, two = (
        on_threads(threads, lambda: training(np.random.default_rng(5)))[0]
        for threads in (1, 2)
    )
    for name, value in one.state_dict().items():
        np.testing.assert_array_equal(two.state_dict()[name], value, err_msg=name)


@pytest.mark.torch
def test_the_autoencoder_gives_images_of_many_at_once(rng):
    """More than a pass has, by a network whose maps have other channels."""
    layers = [Conv(5, 3, padding="same"), ReLU(), Conv(3, 3, padding="same")]
    model = digitnet.Model(layers, (3, 6, 5), preprocess=[], seed=1)
    model.core.max_value = 1
    images, _ = draw(rng, (3, 6, 5), 70)
    module = model.to_torch()
    with torch.no_grad():
        expected = module(torch.from_numpy(images)).numpy()
    assert "runs on native" in str(model.summary())
    np.testing.assert_allclose(model.reconstruct(images), expected, atol=1e-5)
