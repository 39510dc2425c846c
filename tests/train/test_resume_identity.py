"""fit(resume=FOLDER) goes on with the same training alone, and says what computes otherwise."""

import numpy as np
import pytest
from reference.optional import torch
from train.test_resume import interrupted, network, weights

import digitnet
from digitnet.train import resume, training
from digitnet.train.history import Executor


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


@pytest.mark.torch
def test_another_gpu_is_another_environment(monkeypatch):
    names = {"cuda:0": "the one", "cuda:1": "the other"}
    monkeypatch.setattr(torch.cuda, "get_device_name", names.__getitem__)
    one, other = (resume.environment_of(Executor("torch", device)) for device in names)
    assert (one["gpu"], other["gpu"]) == ("the one", "the other")
    assert "gpu" not in resume.environment_of(Executor("torch", "cpu"))
