"""Every schedule against a formula or torch's scheduler."""

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet.train import schedule, schedule_factors


def torch_factors(make, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    factors = []
    for _ in range(steps):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return factors


def test_constant_is_one():
    assert schedule_factors("constant", 3, 2).tolist() == [1] * 6


@pytest.mark.torch
def test_step_is_torchs():
    ours = schedule_factors(schedule("step", every=2, factor=0.5), 3, 6)
    theirs = torch_factors(lambda o: torch.optim.lr_scheduler.StepLR(o, 6, 0.5), 18)
    np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize("end", [0.01, 100.0])
def test_exponential_goes_by_equal_factors_to_its_end(end):
    ours = schedule_factors(schedule("exponential", end=end), 5, 4)
    np.testing.assert_allclose(ours, np.geomspace(1, end, 20))
    assert schedule_factors(schedule("exponential", end=end), 1, 1).tolist() == [1]


@pytest.mark.torch
def test_cosine_ends_at_its_minimum_on_the_last_step():
    ours = schedule_factors(schedule("cosine", least=0.1), 5, 4)
    theirs = torch_factors(
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 19, 0.1), 20
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert ours[-1] == pytest.approx(0.1)


@pytest.mark.torch
def test_one_cycle_is_torchs():
    ours = schedule_factors("one-cycle", 10, 7)
    theirs = torch_factors(
        lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 1.0, 70, cycle_momentum=False),
        70,
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_have_a_rate(steps):
    for name in digitnet.train.schedules():
        factors = schedule_factors(name, steps, 1)
        assert np.isfinite(factors).all()
        assert ((factors >= 0) & (factors <= 1)).all()


def test_warm_up_rises_in_a_line_then_stays():
    ours = schedule_factors(schedule("warm-up", epochs=2), 4, 4)
    np.testing.assert_allclose(ours, [min(1, (i + 1) / 8) for i in range(16)])


def test_the_rate_falls_on_a_plateau(digits):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    history = model.fit(
        digits[0][:50],
        epochs=8,
        learning_rate=1e-9,  # nothing is learned: the loss stays
        schedule=schedule("reduce-on-plateau", patience=2, factor=0.5, min_delta=0.01),
        progress=False,
    )
    rates = np.array(history["learning_rate"]) / 1e-9
    np.testing.assert_allclose(rates, [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125])


@pytest.mark.parametrize(
    ("monitor", "delta"),
    [("loss", 0.1), ("val_loss", 0.1), ("accuracy", 0.02), ("val_accuracy", 0.02)],
)
def test_a_plateau_is_one_of_what_is_monitored(digits, monitor, delta):
    train, test = digits
    model = digitnet.models.make("linear", input_shape=(8, 8))
    spec = schedule("reduce-on-plateau", patience=2, min_delta=delta)
    history = model.fit(
        train[:300], test, epochs=20, schedule=spec, monitor=monitor, progress=False
    )
    sign = 1 if monitor.endswith("loss") else -1
    best, waited, factor, expected = np.inf, 0, 1.0, []
    for value in history[monitor]:
        expected.append(factor)
        if sign * value < best - delta:
            best, waited = sign * value, 0
        else:
            waited += 1
        if waited == 2:
            factor, waited = factor * 0.1, 0
    rates = np.array(history["learning_rate"])
    np.testing.assert_allclose(rates / rates[0], expected, rtol=1e-9)
    assert expected[-1] < 1, "no plateau was met; the test says nothing"


def test_the_history_has_the_rate_that_was_used(digits):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    spec = schedule("step", every=1, factor=0.1)
    history = model.fit(
        digits[0][:50], epochs=3, learning_rate=0.1, schedule=spec, progress=False
    )
    np.testing.assert_allclose(history["learning_rate"], [0.1, 0.01, 0.001])


def test_an_unknown_schedule_lists_the_known_ones():
    with pytest.raises(
        ValueError, match="unknown schedule 'cosin'; known: constant, cosine"
    ):
        schedule("cosin")
    with pytest.raises(ValueError, match="step.every: expected a whole number from 1"):
        schedule("step", every=0)
