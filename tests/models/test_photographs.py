"""Photographs of test digits, read by a plain network: goals for every disturbance."""

import numpy as np
import pytest

import digitnet
from digitnet.data.photographs import ALL_TOGETHER, DISTURBANCES, make_photograph

COUNT = 200
SINGLE, TOGETHER = 0.97, 0.95


@pytest.fixture(scope="module")
def model(mnist):
    network = digitnet.models.make("lenet5", seed=0)
    network.fit(mnist[0], epochs=6, seed=0)
    return network


def share_right(model, images, labels, ways, seed):
    """Of photographs of several sizes and shapes."""
    rng = np.random.default_rng(seed)
    right = 0
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        height = int(rng.integers(150, 420))
        size = height, int(height * rng.uniform(0.75, 1.3))
        photograph = make_photograph(image, ways, size=size, seed=1000 * seed + i)
        right += model.predict_picture(photograph)["label"] == str(label)
    return right / len(labels)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("ways", [(), *((w,) for w in DISTURBANCES), ALL_TOGETHER])
def test_photographs_of_test_digits_are_read(ways, seed, mnist, model):
    _, test = mnist
    chosen = np.random.default_rng(seed).choice(len(test), COUNT, replace=False)
    share = share_right(model, test.images[chosen], test.labels[chosen], ways, seed)
    print(f"{' + '.join(ways) or 'none'}, seed {seed}: {share:.1%} of {COUNT}")
    assert share >= (TOGETHER if ways == ALL_TOGETHER else SINGLE)
