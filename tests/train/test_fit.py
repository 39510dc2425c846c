"""The training loop's promises."""

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet.layers import BatchNorm, Conv, Dense, Dropout, Flatten, ReLU


def small(seed=0):
    layers = [Conv(4, 3), BatchNorm(), ReLU(), Flatten(), Dropout(0.2), Dense(10)]
    return digitnet.Model(layers, input_shape=(8, 8), seed=seed)


def linear():
    return digitnet.models.make("linear", input_shape=(8, 8))


def weights(model):
    return np.concatenate([v.ravel() for v in model.state_dict().values()])


def test_one_seed_gives_the_same_weights_bit_for_bit(digits):
    def run(seed):
        model = small()
        model.fit(
            digits[0],
            validation=0.1,
            epochs=2,
            augment="shift 1px | rotate 5deg",
            ema_decay=0.9,
            seed=seed,
            progress=False,
        )
        return weights(model)

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


@pytest.mark.torch
def test_nothing_touches_torchs_global_seed(digits):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    small().fit(digits[0][:64], epochs=1, progress=False)
    assert torch.equal(torch.rand(3), expected)


def test_the_history_has_a_row_an_epoch(digits):
    history = small().fit(digits[0], validation=digits[1], epochs=3, progress=False)
    assert history.status == "finished"
    assert list(history) == [
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
        "seconds",
    ]
    assert [len(column) for column in history.values()] == [3] * 6
    assert history.to_frame().shape == (3, 6)
    assert history["loss"][-1] < history["loss"][0]
    with pytest.raises(KeyError, match="unknown column 'val_los'; known: loss"):
        history["val_los"]


def test_without_validation_there_are_no_validation_columns(digits):
    assert "val_loss" not in small().fit(digits[0], epochs=1, progress=False)


def test_the_validation_loss_is_the_models_own(digits):
    model = small()
    history = model.fit(*digits, epochs=2, calibrate=False, progress=False)
    report = model.evaluate(digits[1])
    assert history["val_loss"][-1] == pytest.approx(report["log_loss"], abs=1e-6)
    assert history["val_accuracy"][-1] == report["accuracy"]


def test_a_held_out_fraction_is_not_trained_on(digits):
    # Images of the held-out part are poisoned: the weights must not notice.
    data = digits[0]
    train, validation = digitnet._core.data.split(data.labels, [0.8, 0.2], 0, True)
    images = data.images.copy()
    images[validation] = 16 - images[validation]
    poisoned = digitnet.Dataset(images, data.labels, max_value=16)
    results = []
    for part in (data, poisoned):
        model = linear()
        model.fit(part, validation=0.2, epochs=1, progress=False)
        results.append(weights(model))
    np.testing.assert_array_equal(*results)
    assert len(train) + len(validation) == len(data)


def test_sample_weights_act_as_repetition(digits):
    data = digits[0][:6]
    repeated = data[[0, 0, 0, 1, 2, 2, 5]]
    options = {
        "epochs": 3,
        "batch_size": 32,
        "optimizer": "sgd",
        "learning_rate": 0.5,
        "progress": False,
    }
    first, second = linear(), linear()
    first.fit(data, sample_weight=[3, 1, 2, 0, 0, 1], **options)
    second.fit(repeated, **options)
    np.testing.assert_allclose(weights(first), weights(second), atol=1e-6)


def test_class_weights_act_as_sample_weights(digits):
    data = digits[0][:40]
    options = {"epochs": 2, "batch_size": 40, "progress": False}
    per_class = np.arange(10) + 1.0
    first, second = linear(), linear()
    first.fit(data, class_weights=per_class, **options)
    second.fit(data, sample_weight=per_class[data.labels], **options)
    np.testing.assert_array_equal(weights(first), weights(second))
    third = linear()
    third.fit(data, class_weights="balanced", **options)
    assert not np.array_equal(weights(first), weights(third))


@pytest.mark.torch
@pytest.mark.parametrize("penalty", ["l1", "l2", "label_smoothing", "clip_norm"])
def test_penalties_are_torchs(digits, penalty):
    data = digits[0][:20]
    strength = {"l1": 0.01, "l2": 0.02, "label_smoothing": 0.1, "clip_norm": 0.05}[
        penalty
    ]
    model = linear()
    model.fix_scale(16)
    module = model.to_torch().train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    x = torch.from_numpy(data.images[:, None].astype(np.float32))
    y = torch.from_numpy(data.labels)
    for _ in range(4):
        optimizer.zero_grad()
        smoothing = strength if penalty == "label_smoothing" else 0
        loss = torch.nn.functional.cross_entropy(
            module(x), y, label_smoothing=smoothing
        )
        weight = module.dense1.weight
        loss = loss + strength * {
            "l1": weight.abs().sum(),
            "l2": (weight**2).sum(),
        }.get(penalty, 0)
        loss.backward()
        if penalty == "clip_norm":
            torch.nn.utils.clip_grad_norm_(module.parameters(), strength)
        optimizer.step()
    options = {penalty: strength}
    model.fit(
        data,
        epochs=4,
        optimizer="sgd",
        schedule="constant",
        learning_rate=0.5,
        progress=False,
        **options,
    )
    for key, value in module.state_dict().items():
        np.testing.assert_allclose(
            model.state_dict()[key], value.detach().numpy(), atol=1e-5
        )


def test_the_moving_average_is_the_reference_implementations(digits):
    data = digits[0][:20]
    average = weights(linear())
    for steps in range(1, 6):
        plain = linear()
        plain.fit(
            data,
            epochs=steps,
            optimizer="sgd",
            schedule="constant",
            learning_rate=1.0,
            progress=False,
        )
        average += (1 - min(0.5, (1 + steps) / (10 + steps))) * (
            weights(plain) - average
        )
    averaged = linear()
    averaged.fit(
        data,
        epochs=5,
        optimizer="sgd",
        schedule="constant",
        learning_rate=1.0,
        ema_decay=0.5,
        progress=False,
    )
    np.testing.assert_allclose(weights(averaged), average, atol=1e-5)


def test_frozen_layers_stay_and_the_others_learn(digits):
    model = small()
    before = model.state_dict()
    model.fit(
        digits[0], epochs=1, freeze=["conv*", "batch_norm1"], l2=0.1, progress=False
    )
    for name, value in model.state_dict().items():
        assert np.array_equal(value, before[name]) == name.startswith(
            ("conv", "batch_norm")
        ), name


def test_layers_learn_at_their_own_rates(digits):
    def moved(scale):
        model = linear()
        before = model.state_dict()["dense1.weight"]
        options = {
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "epochs": 1,
            "batch_size": 2000,
        }
        model.fit(
            digits[0], lr_scale={"dense1.weight": scale}, progress=False, **options
        )
        return model.state_dict()["dense1.weight"] - before

    np.testing.assert_allclose(moved(0.5), 0.5 * moved(1.0), atol=1e-7)


def test_a_pattern_that_matches_nothing_lists_the_parameters(digits):
    with pytest.raises(
        ValueError,
        match="fit.freeze: expected patterns of dense1.weight.* got 'dens'",
    ):
        linear().fit(digits[0], freeze=["dens"], progress=False)


def test_early_stopping_brings_the_best_weights_back(digits):
    model = small()
    snapshots = []
    history = model.fit(
        digits[0][:200],
        validation=digits[1],
        epochs=60,
        learning_rate=0.02,
        early_stopping=3,
        callbacks=[lambda epoch, logs: snapshots.append(weights(model))],
        progress=False,
    )
    assert history.status == "stopped early"
    assert history.epochs == history.best_epoch + 3
    np.testing.assert_array_equal(weights(model), snapshots[history.best_epoch - 1])


def test_the_checkpoint_is_the_best_model(digits, tmp_path):
    path = tmp_path / "best.safetensors"
    model = small()
    history = model.fit(
        digits[0],
        validation=digits[1],
        epochs=6,
        monitor="val_accuracy",
        checkpoint=path,
        progress=False,
    )
    best = digitnet.models.load(path)
    assert best.evaluate(digits[1])["accuracy"] == max(history["val_accuracy"])


def test_callbacks_get_plain_floats_and_can_stop(digits):
    model = linear()
    seen = []

    class Stopper:
        def on_train_begin(self):
            seen.append("begin")

        def on_epoch_end(self, epoch, logs):
            seen.append((epoch, {type(v) for v in logs.values()}, sorted(logs)))
            model.stop_training = epoch == 2

        def on_train_end(self):
            seen.append("end")

    history = model.fit(digits[0], epochs=9, callbacks=[Stopper()], progress=False)
    assert history.status == "stopped early"
    assert [entry if isinstance(entry, str) else entry[0] for entry in seen] == [
        "begin",
        1,
        2,
        "end",
    ]
    assert seen[1][1] == {float}


def test_a_bug_in_a_callback_surfaces_as_itself_and_corrupts_nothing(digits):
    model = linear()

    def buggy(epoch, logs):
        if epoch == 2:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        model.fit(
            digits[0], epochs=9, schedule="constant", callbacks=[buggy], progress=False
        )
    assert model.history.epochs == 2
    module = linear()
    module.fit(digits[0], epochs=2, schedule="constant", progress=False)
    np.testing.assert_array_equal(weights(model), weights(module))
    with pytest.raises(TypeError, match="fit.callbacks: expected functions"):
        model.fit(digits[0], callbacks=[3], progress=False)


def test_batches_of_every_size_train(digits):
    for size in (1, 7, 100, 5000):
        history = linear().fit(
            digits[0][:100], epochs=1, batch_size=size, progress=False
        )
        assert np.isfinite(history["loss"][0])


def test_a_part_trains_as_a_copy_of_it(digits):
    rows = np.arange(0, 1000, 3)
    part = digits[0][rows]
    copied = digitnet.Dataset(part.images, part.labels, max_value=16)
    results = []
    for data in (part, copied):
        model = linear()
        model.fit(data, epochs=2, progress=False)
        results.append(weights(model))
    np.testing.assert_array_equal(*results)


def test_the_classes_names_come_with_the_data():
    data = digitnet.Dataset(np.zeros((4, 8, 8)), [0, 1, 0, 1], classes=["cat", "dog"])
    model = digitnet.models.make("linear", input_shape=(8, 8), classes=2)
    model.fit(data, epochs=1, progress=False)
    assert model.classes == ("cat", "dog")


def test_class_weights_by_class_leave_the_others_at_1(digits):
    first, second = linear(), linear()
    first.fit(digits[0][:40], class_weights={3: 5.0}, epochs=1, progress=False)
    second.fit(
        digits[0][:40],
        class_weights=[1, 1, 1, 5, 1, 1, 1, 1, 1, 1],
        epochs=1,
        progress=False,
    )
    np.testing.assert_array_equal(weights(first), weights(second))


def test_one_function_is_a_callback(digits):
    seen = []
    linear().fit(
        digits[0][:40],
        epochs=2,
        callbacks=lambda e, logs: seen.append(e),
        progress=False,
    )
    assert seen == [1, 2]


@pytest.mark.torch
def test_history_says_what_trained_as_a_record_and_as_a_sentence(digits, monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")
    model = digitnet.models.make("linear", input_shape=(8, 8))
    executor = model.fit(digits[0], epochs=1, progress=False).executor
    assert (executor.engine, executor.device, executor.threads) == ("torch", "cpu", 0)
    assert str(executor) == "torch on cpu (DIGITNET_EXECUTOR is 'torch')"
    monkeypatch.delenv("DIGITNET_EXECUTOR")
    executor = model.fit(digits[0], epochs=1, progress=False).executor
    assert (executor.engine, executor.reason) == ("native", "")
    plural = "s" if executor.threads > 1 else ""
    assert (
        str(executor)
        == f"native ({executor.kernels}, {executor.threads} thread{plural})"
    )
