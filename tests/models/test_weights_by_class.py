"""Weights of a model that knows its classes meet the other model's by name."""

import numpy as np
import pytest

import digitnet
from digitnet.layers import (
    AdaptiveAveragePool,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    ReLU,
    Residual,
)

NAMES = tuple("abcde")
ENDS = {
    "dense": lambda: [Flatten(), Dense(8), ReLU(), Dense(5)],
    "dense and norm": lambda: [Flatten(), Dense(8), ReLU(), Dense(5), BatchNorm()],
    "convolution": lambda: [Conv(5, 3), AdaptiveAveragePool(1), Flatten()],
}


def model_of(classes=None, seed=0, end="dense"):
    return digitnet.Model(ENDS[end](), (8, 8), classes, seed=seed)


@pytest.fixture
def images(rng):
    return rng.random((9, 8, 8), dtype=np.float32)


@pytest.fixture(params=["model", "file"])
def given(request, tmp_path):
    def source(model):
        if request.param == "model":
            return model
        model.save(tmp_path / "m.safetensors")
        return tmp_path / "m.safetensors"

    return source


@pytest.mark.parametrize("end", ENDS)
def test_rows_go_to_the_classes_of_their_names(end, given, images, rng):
    first = model_of(NAMES, 1, end)
    names = tuple(rng.permutation(NAMES).tolist())
    second = model_of(names, end=end)
    report = second.load_weights(given(first))
    order = [NAMES.index(name) for name in names]
    np.testing.assert_allclose(
        second.predict_logits(images), first.predict_logits(images)[:, order], rtol=1e-5
    )
    assert second.classes == names
    assert names == NAMES or "rows put in the order of the model's" in str(report)


def test_a_model_without_names_takes_them_with_the_last_layer(given, images):
    first = model_of(NAMES[::-1], 1)
    second = model_of()
    second.load_weights(given(first))
    assert second.classes == NAMES[::-1]
    labelled = digitnet.Dataset(images, first.predict(images), classes=NAMES[::-1])
    labelled = labelled.with_labels(4 - labelled.labels, NAMES)
    assert second.evaluate(labelled)["accuracy"] == 1


def test_a_model_without_names_has_none_after_a_base_alone(given):
    second = model_of()
    second.load_weights(given(model_of(NAMES, 1)), skip=["dense2*"])
    assert second.classes == tuple("01234")


def test_other_names_are_refused_and_nothing_is_changed(given):
    second = model_of(("v", *"bcde"))
    before = second.state_dict()
    source = given(model_of(NAMES, 1))
    with pytest.raises(ValueError, match=r"load_weights.classes: expected v, b.*got a"):
        second.load_weights(source)
    for name, value in second.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    second.load_weights(source, skip=["dense2.*"])
    assert second.classes == ("v", *"bcde")


def test_names_given_to_numbers_stay(given):
    second = model_of(NAMES)
    second.load_weights(given(model_of(seed=1)))
    assert second.classes == NAMES


def test_an_end_whose_rows_are_not_the_classes_is_refused(given):
    def model(names, seed):
        layers = [Flatten(), Dense(5), Residual([Dense(5)])]
        return digitnet.Model(layers, (8, 8), names, seed=seed)

    source = given(model(NAMES, 1))
    with pytest.raises(ValueError, match=r"in this order$"):
        model(NAMES[::-1], 0).load_weights(source)
    model(NAMES, 0).load_weights(source)
