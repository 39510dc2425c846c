"""Small networks, random data, and gradients: ours from a step, torch's in float64."""

import copy

import numpy as np
from reference.optional import torch

import digitnet
from digitnet.layers import Dropout


def make(network, shape, classes=3):
    model = digitnet.Model(network, shape, preprocess=[], classes=classes)
    model.core.max_value = 1
    return model


def draw(rng, shape, count):
    images = rng.standard_normal((count, *shape)).astype(np.float32)
    # Non-negative, as a Dataset wants it; ties are as good as impossible.
    images = np.abs(images) / np.abs(images).max()
    images.flat[0] = 1
    return images, rng.integers(0, 3, count)


def closest_tie(reference, images):
    """How near, in float64, a ReLU's input is to 0 or two of a pool's to each other."""
    reference = copy.deepcopy(reference).double().train()
    gaps = [1.0]

    def at_relu(module, inputs, output):
        gaps.append(inputs[0].abs().min().item())
        if isinstance(module, torch.nn.ReLU6):
            gaps.append((inputs[0] - 6).abs().min().item())

    def at_pool(module, inputs, output):
        # The border is never the largest.
        padded = torch.nn.functional.pad(
            inputs[0].flatten(0, 1)[:, None], 4 * [module.padding], value=-torch.inf
        )
        windows = torch.nn.functional.unfold(
            padded, module.kernel_size, stride=module.stride
        )
        best = windows.topk(2, dim=1).values
        gap = best[:, 0] - best[:, 1]
        gaps.extend(gap[gap > 0].min(dim=0, keepdim=True).values.tolist())

    for module in reference.modules():
        if isinstance(module, torch.nn.ReLU | torch.nn.ReLU6):
            module.register_forward_hook(at_relu)
        elif isinstance(module, torch.nn.MaxPool2d):
            module.register_forward_hook(at_pool)
    with torch.no_grad():
        reference(torch.from_numpy(images).double())
    return min(gaps)


def draw_without_ties(rng, shape, count, reference):
    """Data on which float32 cannot choose another branch than float64 does."""
    for _ in range(100):
        images, labels = draw(rng, shape, count)
        if closest_tie(reference, images) > 1e-6:
            return images, labels
    raise AssertionError("every draw had a tie")


def one_step(model, images, labels, **options):
    """Parameters before a step of plain gradient descent minus those after it."""
    before = model.state_dict()
    count = len(model.classes)
    data = digitnet.Dataset(images, labels, classes=count, max_value=1)
    history = model.fit(
        data,
        epochs=1,
        batch_size=len(labels),
        optimizer="sgd",
        schedule="constant",
        learning_rate=1.0,
        progress=False,
        **options,
    )
    assert str(history.executor).startswith("native"), history.executor
    after = model.state_dict()
    return {name: before[name] - after[name] for name in before}


def torch_gradients(reference, images, labels, dtype):
    reference = copy.deepcopy(reference).to(dtype).train()
    loss = torch.nn.functional.cross_entropy(
        reference(torch.from_numpy(images).to(dtype)), torch.from_numpy(labels)
    )
    loss.backward()
    return {name: p.grad.double().numpy() for name, p in reference.named_parameters()}


def assert_gradients_are_exact(monkeypatch, rng, kernels, shape, network, count):
    """A step's gradients are as close to float64 as torch's in float32."""
    if count == 1 and any(layer.kind == "batch_norm" for layer in network):
        count = 4  # two samples of a feature become -1 and 1 whatever they are
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    model = make(network, shape)
    reference = model.to_torch()
    images, labels = draw_without_ties(rng, shape, count, reference)
    gradients = one_step(model, images, labels)
    exact = torch_gradients(reference, images, labels, torch.float64)
    theirs = torch_gradients(reference, images, labels, torch.float32)
    for name, gradient in exact.items():
        size = np.abs(gradient).max()
        error = np.abs(theirs[name] - gradient).max()
        # The difference of weights of about 1 has errors of its own: 1e-7.
        allowed = 10 * error + 2e-6 * size + 2.5e-7
        assert np.abs(gradients[name] - gradient).max() <= allowed, name


def assert_logits_are_exact(monkeypatch, rng, kernels, shape, network):
    """Logits are as close to float64 as torch's in float32, whatever is beside them."""
    monkeypatch.setenv("DIGITNET_KERNELS", kernels)
    model = make(network, shape)
    images, _ = draw(rng, shape, 67)  # more than the plan's 64
    reference = model.to_torch()
    with torch.no_grad():
        theirs = reference(torch.from_numpy(images)).numpy()
        exact = reference.double()(torch.from_numpy(images).double()).numpy()
    allowed = 10 * np.abs(theirs - exact).max() + 2e-6 * np.abs(exact).max()
    logits = model.predict_logits(images)
    assert np.abs(logits - exact).max() <= allowed
    np.testing.assert_array_equal(model.predict_logits(images[40:41]), logits[40:41])


def assert_threads_change_no_bit(rng, shape, network, **options):
    layers = [*network[:-1], Dropout(0.3), network[-1]]
    images, labels = draw(rng, shape, 50)
    one = trained(layers, shape, images, labels, 1, **options)
    for threads in (2, 3):
        many = trained(layers, shape, images, labels, threads, **options)
        for name, value in one.items():
            np.testing.assert_array_equal(many[name], value, err_msg=name)


def trained(network, shape, images, labels, threads, **options):
    """The state after three epochs with a short last batch."""
    before = digitnet.get_num_threads()
    digitnet.set_num_threads(threads)
    try:
        model = make(network, shape)
        data = digitnet.Dataset(images, labels, classes=3, max_value=1)
        history = model.fit(data, epochs=3, batch_size=16, progress=False, **options)
        assert f"{threads} thread" in str(history.executor)
        return model.state_dict()
    finally:
        digitnet.set_num_threads(before)
