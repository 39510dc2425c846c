"""Attacks: within their bounds, along the gradient, and what training on them is worth."""

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet import attack
from digitnet.layers import BatchNorm, Dense, Flatten, ReLU

every_attack = pytest.mark.parametrize("name", attack.names())


@pytest.fixture(scope="module")
def classifier(digits):
    """A network that has learned the digits, and that changes can fool."""
    layers = [Flatten(), Dense(32), BatchNorm(), ReLU(), Dense(10)]
    model = digitnet.Model(layers, (8, 8), seed=1)
    model.fit(digits[0], epochs=15, learning_rate=0.01, progress=False)
    return model


@every_attack
@pytest.mark.parametrize("strength", [0.0, 0.05, 0.3])
def test_no_pixel_moves_further_than_allowed(name, strength, classifier, digits):
    test = digits[1][:50]
    adversarial = attack.attacked(classifier, test, name, strength=strength)
    moved = np.abs(adversarial.images - test.images.astype(float))
    assert moved.max() <= strength * 16 + 1e-4
    assert (moved.max() > 0) == (strength > 0)
    assert adversarial.images.min() >= 0 and adversarial.images.max() <= 16
    np.testing.assert_array_equal(adversarial.labels, test.labels)
    assert adversarial.max_value == 16 and adversarial.images.dtype == np.float32


@every_attack
def test_attacks_raise_the_loss(name, classifier, digits):
    test = digits[1]
    before = classifier.evaluate(test)
    after = classifier.evaluate(attack.attacked(classifier, test, name, strength=0.1))
    assert after["log_loss"] > before["log_loss"] + 0.1
    assert after["accuracy"] < before["accuracy"]


@pytest.mark.torch
def test_fgsm_is_one_step_of_torchs_sign(classifier, digits):
    test = digits[1][:40]
    x = torch.from_numpy(test.images[:, None].astype(np.float32)).requires_grad_()
    logits = classifier.to_torch()(x)
    torch.nn.functional.cross_entropy(logits, torch.from_numpy(test.labels)).backward()
    expected = (x + 1.6 * x.grad.sign()).clamp(0, 16).detach().numpy()[:, 0]
    adversarial = attack.attacked(classifier, test, "fgsm", strength=0.1).images
    unsure = np.abs(x.grad.numpy()[:, 0]) < 1e-6  # of whose sign rounding decides
    np.testing.assert_allclose(adversarial[~unsure], expected[~unsure], atol=1e-4)


def test_more_steps_and_restarts_are_not_weaker(classifier, digits):
    test = digits[1][:200]

    def loss(**options):
        adversarial = attack.attacked(classifier, test, "pgd", strength=0.1, **options)
        return classifier.evaluate(adversarial)["log_loss"]

    one = loss(steps=1)
    assert loss(steps=20) > one
    assert loss(steps=1, restarts=10) > one
    assert loss(steps=20, restarts=3) >= loss(steps=20)


def test_an_attack_is_a_function_of_the_seed_and_the_sample(classifier, digits):
    test = digits[1][:30]
    options = {"strength": 0.1, "steps": 3}
    first = attack.attacked(classifier, test, "pgd", seed=1, **options).images
    again = attack.attacked(classifier, test, "pgd", seed=1, **options).images
    other = attack.attacked(classifier, test, "pgd", seed=2, **options).images
    subset = attack.attacked(classifier, test[:7], "pgd", seed=1, **options).images
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_allclose(first[:7], subset, atol=1e-4)


@pytest.mark.parametrize("preprocess", [["scale"], [], [("standardise", {})]])
def test_bounds_are_of_raw_pixels_whatever_the_scaling(preprocess, digits):
    model = digitnet.models.make("linear", (8, 8), preprocess=preprocess)
    model.fit(digits[0], epochs=3, learning_rate=0.05, progress=False)
    test = digits[1][:50]
    adversarial = attack.attacked(model, test, "fgsm", strength=0.1).images
    moved = np.abs(adversarial - test.images.astype(float))
    assert moved.max() == pytest.approx(1.6, abs=1e-3)
    assert (
        model.evaluate((adversarial, test.labels))["log_loss"]
        > (model.evaluate(test)["log_loss"])
    )


def test_learning_from_attacks_makes_robust(digits):
    train, test = digits
    accuracies = {}
    for name, adversary in (
        ("plain", None),
        ("robust", ("pgd", {"strength": 0.15, "steps": 2})),
    ):
        model = digitnet.models.make("mlp", (8, 8), seed=1)
        history = model.fit(train, epochs=8, adversary=adversary, progress=False)
        adversarial = attack.attacked(model, test, "pgd", strength=0.15, steps=10)
        accuracies[name] = model.evaluate(adversarial)["accuracy"]
    assert accuracies["robust"] > accuracies["plain"] + 0.1
    assert str(history.executor).startswith("native")


def test_learning_from_attacks_is_the_same_twice(digits):
    states = []
    for _ in range(2):
        model = digitnet.models.make("mlp", (8, 8), seed=1)
        model.fit(digits[0][:200], epochs=2, adversary="fgsm", progress=False)
        states.append(model.state_dict())
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cw", {}, "unknown attack 'cw'; known: fgsm, pgd"),
        ("fgsm", {"strength": 2}, "fgsm.strength: expected a number from 0 to 1"),
        ("fgsm", {"steps": 2}, "fgsm: unknown option 'steps'; known: strength"),
        ("pgd", {"restarts": 0}, "pgd.restarts: expected a whole number from 1"),
        ("pgd", {"strength": float("nan")}, "pgd.strength: expected a number"),
    ],
)
def test_wrong_options_are_refused(name, options, message, classifier, digits):
    with pytest.raises(ValueError, match=message):
        attack.attacked(classifier, digits[1][:5], name, **options)
    model = digitnet.models.make("linear", (8, 8))
    with pytest.raises(ValueError, match=message):
        model.fit(digits[0], adversary=(name, options), progress=False)
    assert model.max_value is None


def test_what_cannot_be_attacked_says_why(digits):
    test = digits[1][:5]
    resized = digitnet.models.make(
        "lenet5", (8, 8), preprocess=["scale", ("resize", {"height": 28, "width": 28})]
    )
    with pytest.raises(ValueError, match="fgsm: expected preprocessing that only sca"):
        attack.attacked(resized, test, "fgsm")
    with pytest.raises(ValueError, match="attacked: expected labels, got an unlabell"):
        model = digitnet.models.make("linear", (8, 8))
        attack.attacked(model, digitnet.Dataset(test.images, max_value=16), "fgsm")
    painter = digitnet.models.make("autoencoder")
    with pytest.raises(ValueError, match="attacked: expected a network with classes"):
        attack.attacked(painter, (np.zeros((1, 28, 28)), [0]), "fgsm")
    with pytest.raises(ValueError, match="fit.adversary: expected a network with cl"):
        painter.fit((np.zeros((2, 28, 28)), [0, 1]), adversary="fgsm", progress=False)
