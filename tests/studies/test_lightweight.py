"""The study of lightweight networks: soft targets, pruning and latency by hand-made cases."""

import time

import numpy as np
import pytest

import digitnet
from digitnet.studies.lightweight.networks import HALF, NETWORKS, make
from digitnet.studies.lightweight.pruning import (
    fine_tune_pruned,
    magnitude_masks,
    narrowed_lenet5,
)
from digitnet.studies.lightweight.size import file_bytes, latencies
from digitnet.studies.lightweight.training import mixed, passes_of, softened, verdict


def random_targets(rng, count, classes=10):
    targets = rng.random((count, classes)) ** 4
    return targets / targets.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("passes", [1, 3, 8])
def test_copies_carry_each_label_as_often_as_the_target_says(passes, digits, rng):
    data = digits[0][:200]
    targets = random_targets(rng, len(data))
    copies = passes_of(data, targets, passes, seed=5)
    assert len(copies) == passes * len(data)
    labels = copies.labels.reshape(passes, len(data))
    counts = np.stack([(labels == k).sum(axis=0) for k in range(10)], axis=1)
    assert (np.abs(counts - passes * targets) < 1 + 1e-9).all()
    assert copies.storage[0] is data.storage[0]  # images are shared
    np.testing.assert_array_equal(copies.images[200 * (passes - 1) :], data.images)


def test_the_mean_of_many_copies_is_the_soft_target(digits, rng):
    data = digits[0][:50]
    targets = random_targets(rng, len(data))
    labels = passes_of(data, targets, 2000, seed=0).labels.reshape(2000, 50)
    shares = np.stack([(labels == k).mean(axis=0) for k in range(10)], axis=1)
    np.testing.assert_allclose(shares, targets, atol=1 / 2000 + 1e-9)


def test_copies_of_hard_targets_have_the_labels(digits):
    data = digits[0][:100]
    copies = passes_of(data, np.eye(10)[data.labels], 4, seed=1)
    np.testing.assert_array_equal(copies.labels, np.tile(data.labels, 4))


def test_temperature_softens_and_labels_are_mixed_in():
    logits = np.array([[2.0, 0.0, -1000.0]])
    hot = softened(logits, 2.0)
    np.testing.assert_allclose(hot[0, :2], np.array([np.e, 1]) / (np.e + 1))
    assert hot.sum() == pytest.approx(1)
    target = mixed(np.array([2]), hot, 0.75)
    np.testing.assert_allclose(target, 0.75 * hot + 0.25 * np.array([[0, 0, 1]]))


@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.9])
def test_the_smallest_weights_of_all_layers_go(fraction):
    state = digitnet.models.make("lenet5", seed=2).state_dict()
    masks = magnitude_masks(state, fraction)
    assert set(masks) == {name for name in state if name.endswith(".weight")}
    gone = np.concatenate([np.abs(state[n][~m]) for n, m in masks.items()])
    left = np.concatenate([np.abs(state[n][m]) for n, m in masks.items()])
    assert len(gone) == pytest.approx(fraction * (len(gone) + len(left)), abs=1)
    assert not len(gone) or gone.max() < left.min()


def test_fine_tuning_keeps_what_was_pruned_at_zero_and_learns(digits):
    train, test = digits
    model = digitnet.models.make("optdigits-cnn", seed=0)
    model.fit(train, epochs=15, batch_size=32, learning_rate=0.004, progress=False)
    cut = digitnet.models.make("optdigits-cnn", seed=0)
    cut.load_state_dict(model.state_dict())
    cut.fix_scale(16)
    from_start = cut.state_dict()
    masks = magnitude_masks(from_start, 0.8)
    cut.load_state_dict(
        from_start | {name: from_start[name] * mask for name, mask in masks.items()}
    )
    before = cut.evaluate(test)["accuracy"]
    fine_tune_pruned(model, train, 0.8, rounds=10, part=0.5, seed=0)
    weights = [v for n, v in model.state_dict().items() if v.ndim > 1]
    share = sum(map(np.count_nonzero, weights)) / sum(w.size for w in weights)
    assert 0.15 < share <= 0.2 + 1e-3
    assert model.evaluate(test)["accuracy"] > before


def test_the_half_of_lenet5_that_carries_everything_predicts_alike(rng):
    """A narrow network hidden in a wide one whose other filters are next to nothing."""
    small, wide = make(HALF, 1), make("lenet5", 2)
    given, hidden = small.state_dict(), wide.state_dict()
    hidden = {name: np.zeros_like(value) for name, value in hidden.items()}
    inputs = np.arange(1)
    for layer in ("conv1", "conv2", "dense1", "dense2", "dense3"):
        weight = given[f"{layer}.weight"]
        if layer == "dense1":
            inputs = (inputs[:, None] * 25 + np.arange(25)).ravel()
        size = len(hidden[f"{layer}.weight"])
        outputs = np.sort(rng.choice(size, len(weight), replace=False))
        hidden[f"{layer}.weight"][np.ix_(outputs, inputs)] = weight
        hidden[f"{layer}.bias"][outputs] = given[f"{layer}.bias"]
        inputs = outputs
    wide.load_state_dict(hidden)
    images = rng.integers(0, 256, (20, 28, 28), dtype=np.uint8)
    narrow = narrowed_lenet5(wide, HALF)
    np.testing.assert_allclose(
        narrow.predict_logits(images), small.predict_logits(images), atol=1e-5
    )
    np.testing.assert_allclose(
        narrow.predict_logits(images), wide.predict_logits(images), atol=1e-5
    )


def test_networks_stand_in_the_order_of_their_size():
    counts = [make(name, 0).count_params() for name in NETWORKS]
    assert counts == sorted(counts)
    assert counts[0] < 2000
    lenet5 = digitnet.models.make("lenet5")
    assert len(file_bytes(lenet5)) > 4 * lenet5.count_params()


class Sleeper:
    """A model that notes its turns, and takes as long as it is told."""

    def __init__(self, name, seconds, turns):
        self.name, self.seconds, self.turns = name, seconds, turns

    def predict(self, images):
        self.turns.append(self.name)
        time.sleep(self.seconds)


def test_every_model_has_its_turn_in_every_round():
    turns = []
    models = {n: Sleeper(n, s, turns) for n, s in (("a", 0.001), ("b", 0.02))}
    seconds = latencies(models, None, rounds=3, calls=2)
    assert turns == ["a", "b", *(["a", "a", "b", "b"] * 3)]  # the first call is no turn
    assert seconds.shape == (3, 2)
    assert (seconds >= [0.001, 0.02]).all().all()  # of one call


def test_a_verdict_needs_two_standard_errors():
    gains = {
        "up": np.array([0.01, 0.011, 0.012]),
        "down": np.array([-0.01, -0.011, -0.012]),
        "unclear": np.array([0.01, -0.009, 0.001]),
    }
    assert verdict(gains) == (
        "1 of 3 gained more than two standard errors (up), "
        "1 of 3 lost more than two standard errors (down)"
    )
