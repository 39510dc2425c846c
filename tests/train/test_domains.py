"""Other domains: a head that must not distinguish them, statistics that follow."""

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet.layers import BatchNorm, Conv, Dense, DomainHead, Flatten, ReLU


def network(weight=1.0):
    return [Flatten(), Dense(8), DomainHead([Dense(2)], weight), Dense(3)]


def make(layers, shape=(5, 5)):
    return digitnet.Model(layers, shape, classes=3, preprocess=(), seed=4)


OPTIONS = {
    **{"optimizer": "sgd", "schedule": "constant", "learning_rate": 0.2},
    **{"batch_size": 8, "progress": False},
}


@pytest.mark.torch
def test_the_gradient_behind_the_head_is_reversed(rng):
    """Three epochs of one batch, by torch's autograd."""
    images = rng.random((8, 1, 5, 5), dtype=np.float32)
    labels = np.array([0, 1, 2, 0, 1])
    model = make(network(0.7))
    model.core.max_value = 1
    module = model.to_torch()
    head = module.domain_head1.sequence1
    optimizer = torch.optim.SGD(module.parameters(), lr=0.2)
    x, y = torch.from_numpy(images).flatten(1), torch.from_numpy(labels)
    domains = torch.tensor([0] * 5 + [1] * 3)
    losses, right = [], []
    for step in range(1, 4):
        optimizer.zero_grad()
        strength = 0.7 * (2 / (1 + np.exp(-10 * step / 3)) - 1)
        features = module.dense1(x)
        reversed_ = -strength * features + (1 + strength) * features.detach()
        class_logits = module.dense2(features)[:5]
        loss = torch.nn.functional.cross_entropy(class_logits, y)
        loss = loss + torch.nn.functional.cross_entropy(head(reversed_), domains)
        losses.append(loss.item())
        right.append((class_logits.argmax(1) == y).float().mean().item())
        loss.backward()
        optimizer.step()
    data = digitnet.Dataset(images[:5], labels, classes=3, max_value=1)
    other = digitnet.Dataset(images[5:], max_value=1)
    history = model.fit(data, target=other, epochs=3, **OPTIONS)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(history["accuracy"], right)
    for name, value in module.state_dict().items():
        np.testing.assert_allclose(
            model.state_dict()[name], value.numpy(), atol=2e-5, err_msg=name
        )


@pytest.mark.torch
def test_each_domain_is_normed_by_its_own_statistics(rng):
    """One step by hand; what is kept for later are the target's."""
    source = rng.random((6, 1, 5, 5), dtype=np.float32)
    target = rng.random((4, 1, 5, 5), dtype=np.float32) * 0.3
    layers = [Flatten(), Dense(8), BatchNorm(1.0), DomainHead([Dense(2)]), Dense(3)]
    model = make(layers)
    model.core.max_value = 1
    module = model.to_torch()
    labels = torch.tensor([0, 1, 2, 0, 1, 2])

    def normed(images):
        features = module.dense1(torch.from_numpy(images).flatten(1))
        mean, variance = features.mean(0), features.var(0, unbiased=False)
        return (features - mean) / (variance + 1e-5).sqrt(), features

    optimizer = torch.optim.SGD(module.parameters(), lr=0.2)
    (first, _), (second, features) = normed(source), normed(target)
    loss = torch.nn.functional.cross_entropy(module.dense2(first), labels)
    strength = 2 / (1 + np.exp(-10)) - 1
    both = torch.cat([first, second])
    both = -strength * both + (1 + strength) * both.detach()
    domain_logits = module.domain_head1.sequence1(both)
    domains = torch.tensor([0] * 6 + [1] * 4)
    (loss + torch.nn.functional.cross_entropy(domain_logits, domains)).backward()
    optimizer.step()
    data = digitnet.Dataset(source, labels.numpy(), classes=3, max_value=1)
    other = digitnet.Dataset(target, max_value=1)
    model.fit(data, target=other, epochs=1, **(OPTIONS | {"batch_size": 10}))
    state = model.state_dict()
    for name in ("dense1.weight", "dense2.weight"):
        expected = module.state_dict()[name].numpy()
        np.testing.assert_allclose(state[name], expected, atol=2e-5)
    kept = state["batch_norm1.running_mean"], state["batch_norm1.running_var"]
    np.testing.assert_allclose(kept[0], features.detach().mean(0), atol=1e-5)
    np.testing.assert_allclose(kept[1], features.detach().var(0), rtol=1e-4)


def test_the_targets_labels_are_not_read(rng):
    data = digitnet.Dataset(rng.random((9, 5, 5)), np.arange(9) % 3, classes=3)
    images = rng.random((9, 5, 5))
    states = []
    for labels in (None, np.zeros(9, int), np.arange(9) % 3):
        model = make(network())
        other = digitnet.Dataset(images, labels, max_value=1)
        model.fit(data, target=other, epochs=2, **OPTIONS)
        states.append(model.state_dict())
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name])
        np.testing.assert_array_equal(value, states[2][name])


@pytest.mark.parametrize(
    ("layers", "target", "message"),
    [
        (network(), None, "fit.target: expected images of another domain for the"),
        ([Flatten(), Dense(3)], np.zeros((2, 5, 5)), "a network with a domain head"),
        (network(), np.zeros((2, 6, 5)), "fit.target: expected images of shape"),
        (network(), np.zeros((0, 5, 5)), "expected at least one pixel, got shape"),
    ],
)
def test_a_wrong_target_changes_nothing(layers, target, message):
    model = make(layers)
    before = model.state_dict()
    data = digitnet.Dataset(np.zeros((3, 5, 5)), [0, 1, 2], classes=3)
    with pytest.raises(ValueError, match=message):
        model.fit(data, target=target, **OPTIONS)
    assert model.max_value is None and model.history is None
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_sample_weights_are_the_sources(rng):
    data = digitnet.Dataset(rng.random((6, 5, 5)), np.arange(6) % 3, classes=3)
    other = digitnet.Dataset(rng.random((3, 5, 5)), max_value=1)
    whole, part = make(network()), make(network())
    weights = np.array([1.0, 1, 1, 1, 1, 0])
    whole.fit(data, target=other, sample_weight=weights, epochs=1, **OPTIONS)
    part.fit(data, target=other, epochs=1, **OPTIONS)
    changed = whole.state_dict()["dense2.weight"], part.state_dict()["dense2.weight"]
    assert not np.array_equal(*changed)


# -- batch norm ------------------------------------------------------------------


def normed():
    layers = [Conv(4, 3), BatchNorm(), ReLU(), Flatten(), Dense(6), BatchNorm()]
    return make([*layers, Dense(3)])


def momentum_of(module, momentum):
    for layer in module.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = momentum


@pytest.mark.torch
def test_statistics_become_the_means_of_even_batches(rng):
    images = rng.random((1203, 1, 5, 5), dtype=np.float32)
    model = normed()
    before = model.state_dict()
    module = model.to_torch().train()
    for number, part in enumerate(np.split(images, 3), 1):
        momentum_of(module, 1 / number)
        with torch.no_grad():
            module(torch.from_numpy(part))
    model.adapt(images)
    after = model.state_dict()
    for name, value in module.state_dict().items():
        np.testing.assert_allclose(after[name], value, atol=1e-5)
        same = np.array_equal(after[name], before[name])
        assert same == ("running" not in name)


@pytest.mark.torch
def test_statistics_of_one_batch_are_exact(rng):
    images = rng.random((40, 1, 5, 5), dtype=np.float32)
    model = normed()
    module = model.to_torch().train()
    momentum_of(module, 1.0)
    with torch.no_grad():
        module(torch.from_numpy(images))
    model.adapt(images)
    for name, value in module.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name], value, atol=1e-5)
    model.adapt(images[:20])
    model.adapt(images)  # where it was before does not matter
    for name, value in module.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name], value, atol=1e-5)


def test_adapting_needs_batch_norm_and_images(rng):
    with pytest.raises(ValueError, match="adapt: expected a network with batch norm"):
        make([Flatten(), Dense(3)]).adapt(np.zeros((4, 5, 5)))
    with pytest.raises(ValueError, match="adapt.images: expected at least 2, got 1"):
        normed().adapt(np.zeros((1, 5, 5)))
