"""fit(resume=FOLDER): an interrupted training goes on to the bytes of an unbroken one."""

import warnings

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import digitnet
from digitnet.layers import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    ReLU,
)
from digitnet.train import resume, state_files, training

EXECUTORS = ["native", pytest.param("torch", marks=pytest.mark.torch)]


class Killed(Exception):
    """What ends a training that should go on later."""


def network(**options):
    layers = [
        Conv(6, 3, padding="same"),
        BatchNorm(),
        ReLU(),
        MaxPool(2),
        Flatten(),
        Dropout(0.3),
        Dense(10),
    ]
    return digitnet.Model(layers, (8, 8), 10, seed=1, **options)


def killer(epoch):
    def raises(now, logs):
        if now == epoch:
            raise Killed

    return raises


def weights(model):
    return {name: value.tobytes() for name, value in model.state_dict().items()}


def columns(history):
    return {name: history[name] for name in history if name != "seconds"}


def assert_equal(one, two):
    """Two models with their histories."""
    assert weights(one) == weights(two)
    assert columns(one.history) == columns(two.history)
    assert one.history.steps == two.history.steps
    assert one.history.status == two.history.status


def interrupted(make, data, folder, epoch, **options):
    """A training that ended in a callback after so many epochs."""
    with pytest.raises(Killed):
        make().fit(
            data, resume=folder, callbacks=killer(epoch), progress=False, **options
        )


def unbroken(make, data, **options):
    model = make()
    model.fit(data, progress=False, **options)
    return model


CASES = {
    "plain": {},
    "everything": {
        "augment": "shift 1px | rotate 8deg | noise 5%",
        "ema_decay": 0.9,
        "validation": 0.2,
        "early_stopping": 3,
        "label_smoothing": 0.1,
        "clip_norm": 1.0,
        "l2": 1e-4,
        "record_steps": True,
        "class_weights": "balanced",
    },
    "copies": {"augment": "shift 1px", "copies": 1},
    "adversary": {"adversary": "fgsm"},
    "frozen": {"freeze": "conv*", "lr_scale": {"dense*": 0.5}},
}
CASES |= {
    f"optimizer {entry['name']}": {"optimizer": entry["name"]}
    for entry in digitnet._core.train.describe_optimizers()
}
CASES |= {
    f"schedule {entry['name']}": {"schedule": entry["name"], "validation": 0.1}
    for entry in digitnet._core.train.describe_schedules()
}


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("case", CASES)
def test_it_goes_on_to_the_bytes_of_an_unbroken_training(
    case, executor, digits, tmp_path, monkeypatch
):
    monkeypatch.setenv("DIGITNET_EXECUTOR", executor)
    train = digits[0][:200]
    options = {"epochs": 4, "batch_size": 32, **CASES[case]}
    whole = unbroken(network, train, **options)
    interrupted(network, train, tmp_path, 3, **options)
    model = network()
    model.fit(train, resume=tmp_path, progress=False, **options)
    assert_equal(model, whole)


@pytest.mark.torch
def test_sets_that_stay_on_the_device_go_on_too(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", "torch")
    monkeypatch.setenv("DIGITNET_RESIDENT", "1")
    train = digits[0][:200]
    options = {"epochs": 3, "augment": "noise 5%", "validation": 0.1}
    whole = unbroken(network, train, **options)
    interrupted(network, train, tmp_path, 2, **options)
    model = network()
    model.fit(train, resume=tmp_path, progress=False, **options)
    assert_equal(model, whole)


def test_a_head_and_networks_that_make_images_go_on_too(digits, tmp_path):
    train = digits[0][:200]
    options = {"epochs": 3, "augment": "noise 20%"}

    def autoencoder():
        return digitnet.models.make("autoencoder", input_shape=(8, 8), seed=1)

    whole = unbroken(autoencoder, train, **options)
    interrupted(autoencoder, train, tmp_path / "image", 2, **options)
    model = autoencoder()
    model.fit(train, resume=tmp_path / "image", progress=False, **options)
    assert_equal(model, whole)

    whole, model = network(), network()
    whole.fit_head(train, epochs=3, progress=False)
    head = {"epochs": 3, "progress": False, "resume": tmp_path / "head"}
    with pytest.raises(Killed):
        model.fit_head(train, callbacks=killer(2), **head)
    model = network()
    model.fit_head(train, **head)
    assert weights(model) == weights(whole)


def test_domains_and_sample_weights_go_on_too(digits, tmp_path):
    train, test = digits[0][:120], digits[1][:60]

    def adapting():
        layers = [
            Flatten(),
            Dense(16),
            ReLU(),
            digitnet.layers.DomainHead([Dense(2)]),
            Dense(10),
        ]
        return digitnet.Model(layers, (8, 8), 10, seed=1)

    weight = np.linspace(0.5, 1.5, len(train))
    options = {"epochs": 3, "target": test, "sample_weight": weight}
    whole = unbroken(adapting, train, **options)
    interrupted(adapting, train, tmp_path, 2, **options)
    model = adapting()
    model.fit(train, resume=tmp_path, progress=False, **options)
    assert_equal(model, whole)


def test_a_finished_training_returns_at_once(digits, tmp_path, monkeypatch):
    train = digits[0][:200]

    def standardised():
        return network(preprocess=[("standardise", {})])

    options = {"epochs": 2, "validation": 0.1, "record_steps": True}
    whole = standardised()
    whole.fit(train, resume=tmp_path, progress=False, **options)
    monkeypatch.setattr(digitnet._core.train, "fit", lambda *_: pytest.fail("trains"))
    for model in (standardised(), whole):  # a fresh one, and the trained one again
        model.fit(train, resume=tmp_path, progress=False, **options)
        assert_equal(model, whole)
        assert model.predict(train).tolist() == whole.predict(train).tolist()


def test_early_stopping_and_divergence_are_ends_too(digits, tmp_path):
    train = digits[0][:100]
    options = {"epochs": 9, "early_stopping": 1, "min_delta": 10.0, "progress": False}
    model = network()
    assert model.fit(train, resume=tmp_path / "a", **options).status == "stopped early"
    again = network()
    assert again.fit(train, resume=tmp_path / "a", **options).epochs == 2
    assert weights(again) == weights(model)
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="training diverged in epoch 1"):
            history = network().fit(
                train, resume=tmp_path / "b", learning_rate=1e30, progress=False
            )
        assert history.status == "diverged"


# -- another training, another machine -------------------------------------------


def begun(train, folder, **options):
    interrupted(network, train, folder, 2, epochs=3, **options)


OTHERS = {
    "epochs": ("epochs=3, got 4", {"epochs": 4}),
    "batch size": ("batch_size=64, got 8", {"batch_size": 8}),
    "optimizer": ('optimizer="adam", got "sgd"', {"optimizer": "sgd"}),
    "augmentation": ('augment="", got "shift 1px"', {"augment": "shift 1px"}),
    "seed": ("seed=0, got 7", {"seed": 7}),
    "validation": ("validation=null, got ", {"validation": 0.1}),
    "weights": ("sample_weight=", {"sample_weight": np.ones(200)}),
    "class weights": ("class_weights=[], got [5.0, ", {"class_weights": [5] + [1] * 9}),
    "two": ("epochs=3, got 4; seed=0, got 1", {"epochs": 4, "seed": 1}),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_option_is_refused_by_name(other, digits, tmp_path):
    train = digits[0][:200]
    begun(train, tmp_path)
    message, options = OTHERS[other]
    model = network()
    before = weights(model)
    with pytest.raises(ValueError, match="fit.resume: expected the training that") as e:
        model.fit(train, resume=tmp_path, progress=False, **({"epochs": 3} | options))
    assert message in str(e.value)
    assert weights(model) == before
    assert model.history is None


def test_learning_rates_are_another_training_than_a_constant_one(digits, tmp_path):
    train = digits[0][:200]
    begun(train, tmp_path, schedule="constant")
    with pytest.raises(
        ValueError, match=r"begun with, rates=\[\], got \[0.5, 0.5, 0.5"
    ):
        network().fit(
            train, resume=tmp_path, epochs=3, schedule=[0.5] * 3, progress=False
        )


def test_what_preprocessing_measured_is_not_another_training(digits, tmp_path):
    train, options = digits[0][:200], {"epochs": 1, "progress": False}
    model = network(preprocess=["scale", "standardise"])
    model.fit(train, resume=tmp_path, **options)
    for _ in range(2):  # as it was given, and with what was measured
        history = model.fit(train, resume=tmp_path, **options)
        assert history.status == "finished"


def test_another_set_and_network_are_refused_by_name(digits, tmp_path):
    train = digits[0][:200]
    begun(train, tmp_path)
    options = {"resume": tmp_path, "epochs": 3, "progress": False}
    for other in (train[:199], train.with_labels(np.roll(train.labels, 1))):
        with pytest.raises(ValueError, match="begun with, data="):
            network().fit(other, **options)
    wider = digitnet.models.make("linear", input_shape=(8, 8))
    with pytest.raises(ValueError, match="begun with, network="):
        wider.fit(train, **options)
    with pytest.raises(ValueError, match="begun with, preprocess="):
        network(preprocess=[("standardise", {})]).fit(train, **options)


@pytest.mark.parametrize(
    ("name", "value", "how"),
    [
        ("kernels", "of another machine", "not to its bits"),
        ("device", "cuda", "not to its bits"),
        ("digitnet", "0.0", "not to its bits"),
        ("threads", 77, "to the same bits"),
    ],
)
def test_another_environment_is_warned_about_by_name(
    name, value, how, digits, tmp_path, monkeypatch
):
    train = digits[0][:200]
    environment_of = resume.environment_of
    with monkeypatch.context() as patch:
        patch.setattr(
            training, "environment_of", lambda e: environment_of(e) | {name: value}
        )
        begun(train, tmp_path)
    with pytest.warns(RuntimeWarning, match=f"begun with {name} .*{how}"):
        network().fit(train, resume=tmp_path, epochs=3, progress=False)


# -- what a disk and other processes do --------------------------------------------


def damage_cut(content):
    return content[: len(content) // 2]


def damage_flipped(content):
    return content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]


DAMAGES = {
    "cut": damage_cut,
    "one bit": damage_flipped,
    "empty": lambda content: b"",
    "text": lambda content: b"not a state",
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_state_falls_back_to_the_one_before(damage, digits, tmp_path):
    train = digits[0][:200]
    options = {"epochs": 4, "progress": False}
    whole = unbroken(network, train, epochs=4)
    interrupted(network, train, tmp_path, 3, epochs=4)
    newest = max(tmp_path.glob("training-*"), key=lambda f: f.stat().st_mtime_ns)
    newest.write_bytes(DAMAGES[damage](newest.read_bytes()))
    model = network()
    with pytest.warns(RuntimeWarning, match=f"{newest.name}: .*; the state before it"):
        model.fit(train, resume=tmp_path, **options)
    assert_equal(model, whole)

    for file in tmp_path.glob("training-?.safetensors"):
        file.write_bytes(DAMAGES[damage](file.read_bytes()))
    with pytest.raises(digitnet.DataError, match="expected a whole state in .* got tr"):
        network().fit(train, resume=tmp_path, **options)


def other_state(path, **changes):
    """The state in the file with other values and a right checksum."""
    arrays = load_file(path)
    kept = state_files.newest(path.parent)
    about = {
        "format": 1,
        "count": kept.count,
        "identity": kept.identity,
        "environment": kept.environment,
        "numbers": kept.numbers,
        "history": kept.history,
        "callbacks": kept.callbacks,
        "finished": kept.finished,
    }
    for name, value in changes.items():
        if isinstance(value, np.ndarray):
            arrays[name] = value
        else:
            about["numbers"][name] = value
    path.write_bytes(state_files.to_bytes(about, arrays))


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": 99},
        {"epoch": 0},
        {"epoch": "two"},
        {"step": -1},
        {"step": 10**6},
        {"steps": 5},
        {"epoch.correct": -4},
        {"weights": np.zeros(3, np.float32)},
        {"weights": np.zeros((2, 2), np.float32)},
        {"optimizer.0": np.zeros(0, np.float32)},
        {"buffers": np.full(12, np.nan, np.float32)},
        {"monitored": np.zeros(7)},
        {"averages": np.zeros(5, np.float32)},
    ],
    ids=str,
)
def test_a_state_that_does_not_fit_is_refused_whole(changes, digits, tmp_path):
    train = digits[0][:200]
    begun(train, tmp_path)
    (path,) = tmp_path.glob("training-?.safetensors")
    other_state(path, **changes)
    model = network()
    model.temperature = 2.0

    def described():
        named = (model.history, model.classes, model.max_value, model.temperature)
        return (weights(model), *named)

    before = described()
    with pytest.raises(digitnet.DataError, match=r"^state"):
        model.fit(train, resume=tmp_path, epochs=3, progress=False)
    assert described() == before


def test_other_safetensors_are_no_state(digits, tmp_path):
    save_file({"weights": np.zeros(3, np.float32)}, tmp_path / "training-0.safetensors")
    with pytest.raises(digitnet.DataError, match="got another file"):
        network().fit(digits[0][:50], resume=tmp_path, progress=False)


def test_a_full_disk_is_said_once_and_the_training_goes_on(
    digits, tmp_path, monkeypatch
):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(resume, "write_whole", full)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = network().fit(
            digits[0][:100], resume=tmp_path, epochs=3, progress=False
        )
    assert history.status == "finished"
    (warning,) = [w for w in caught if "fit.resume" in str(w.message)]
    assert "training-1.safetensors' could not be written (No space left" in str(
        warning.message
    )


def test_a_folder_that_cannot_be_one_is_refused_before_training(digits, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="fit.resume: expected a folder that can be"):
        network().fit(digits[0][:50], resume=tmp_path / "file", progress=False)


def test_one_training_at_a_time_has_a_folder(digits, tmp_path):
    held = resume.TrainingFolder(tmp_path, {}, {})
    with pytest.raises(RuntimeError, match="where another one keeps its state now"):
        network().fit(digits[0][:50], resume=tmp_path, progress=False)
    held.close()
    network().fit(digits[0][:50], resume=tmp_path, epochs=1, progress=False)
    network().fit(digits[0][:50], resume=tmp_path, epochs=1, progress=False)


# -- callbacks ----------------------------------------------------------------------


def test_callbacks_get_back_what_they_asked_to_keep(digits, tmp_path):
    train = digits[0][:200]

    def watching(folder):
        folder.mkdir(exist_ok=True)
        best = digitnet.callbacks.ModelCheckpoint(
            folder / "best-{epoch}.safetensors", "loss", save_best_only=True
        )
        return [best, digitnet.callbacks.CSVLogger(folder / "log.csv")]

    options = {"epochs": 4, "progress": False, "learning_rate": 0.05}
    whole = watching(tmp_path / "whole")
    network().fit(train, callbacks=whole, **options)
    state = {**options, "resume": tmp_path / "state"}
    parts = watching(tmp_path / "parts")
    with pytest.raises(Killed):
        network().fit(train, callbacks=[*parts, killer(3)], **state)
    parts = watching(tmp_path / "parts")
    network().fit(train, callbacks=[*parts, lambda *_: None], **state)
    assert parts[0].best == whole[0].best

    def rows(folder):
        lines = (tmp_path / folder / "log.csv").read_text().splitlines()
        return [line.rsplit(",", 1)[0] for line in lines]  # all but the seconds

    assert rows("parts") == rows("whole")
    assert len(rows("whole")) == 5


def test_a_state_that_json_cannot_hold_is_named(digits, tmp_path):
    class Odd(digitnet.callbacks.Callback):
        def state_dict(self):
            return {"a set": {1, 2}}

        def load_state_dict(self, state):
            pass

    with pytest.raises(TypeError, match="a state of plain values from 0 Odd"):
        network().fit(digits[0][:50], resume=tmp_path, callbacks=Odd(), progress=False)
