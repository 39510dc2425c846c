"""Every optimizer against torch.optim, step by step."""

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet.layers import Dense, Flatten, Tanh

CASES = {
    "sgd": ({}, lambda p: torch.optim.SGD(p, lr=0.01)),
    "sgd momentum": (
        {"momentum": 0.9},
        lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    ),
    "sgd nesterov": (
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.02},
        lambda p: torch.optim.SGD(
            p, lr=0.01, momentum=0.8, nesterov=True, weight_decay=0.02
        ),
    ),
    "adam": ({}, lambda p: torch.optim.Adam(p, lr=0.01)),
    "adam decay": (
        {"beta1": 0.7, "beta2": 0.9, "epsilon": 1e-4, "weight_decay": 0.05},
        lambda p: torch.optim.Adam(
            p, lr=0.01, betas=(0.7, 0.9), eps=1e-4, weight_decay=0.05
        ),
    ),
    "adamw": ({}, lambda p: torch.optim.AdamW(p, lr=0.01)),
    "adamw decay": (
        {"weight_decay": 0.3},
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.3),
    ),
    "rmsprop": ({}, lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9)),
    "rmsprop momentum": (
        {"rho": 0.8, "momentum": 0.5, "weight_decay": 0.01},
        lambda p: torch.optim.RMSprop(
            p, lr=0.01, alpha=0.8, momentum=0.5, weight_decay=0.01
        ),
    ),
}


def test_every_optimizer_is_tested():
    assert {name.split()[0] for name in CASES} == set(digitnet.train.optimizers())


@pytest.mark.torch
@pytest.mark.parametrize("executor", ["native", "torch"])
@pytest.mark.parametrize(("options", "make"), CASES.values(), ids=CASES)
def test_ten_steps_are_torchs(options, make, executor, request, rng, monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", executor)
    name = request.node.callspec.id.split("-")[0].split()[0]
    images = rng.random((8, 1, 4, 4), dtype=np.float32)
    labels = rng.integers(0, 3, 8)
    model = digitnet.Model(
        [Flatten(), Dense(6), Tanh(), Dense(3)], (4, 4), preprocess=[]
    )
    module = model.to_torch().train()
    optimizer = make(module.parameters())
    for _ in range(10):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            module(torch.from_numpy(images)), torch.from_numpy(labels)
        )
        loss.backward()
        optimizer.step()
    data = digitnet.Dataset(images, labels, classes=3)
    spec = digitnet.train.optimizer(name, **options)
    model.fit(
        data,
        epochs=10,
        batch_size=8,
        optimizer=spec,
        learning_rate=0.01,
        schedule="constant",
        progress=False,
    )
    for key, value in module.state_dict().items():
        np.testing.assert_allclose(
            model.state_dict()[key], value.numpy(), atol=3e-5, err_msg=key
        )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("adma", "unknown optimizer 'adma'; known: adam, adamw, rmsprop, sgd"),
        (("sgd", {"momentun": 1}), "sgd: unknown option 'momentun'; known: momentum"),
        (
            ("sgd", {"momentum": 2}),
            "sgd.momentum: expected a number from 0 to 1, got 2",
        ),
        (("adam", {"epsilon": "tiny"}), "adam.epsilon: expected a number"),
    ],
)
def test_a_wrong_optimizer_says_what_is_right(digits, spec, message):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    with pytest.raises(ValueError, match=message):
        model.fit(digits[0], optimizer=spec, progress=False)
    with pytest.raises(ValueError, match=message):
        digitnet.train.optimizer(
            *(spec[:1] if isinstance(spec, tuple) else [spec]),
            **(spec[1] if isinstance(spec, tuple) else {}),
        )
