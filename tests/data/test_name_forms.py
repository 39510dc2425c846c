"""Names of classes: in an order, and the same however their letters are encoded."""

import unicodedata

import numpy as np
import pytest

import digitnet
from digitnet.layers import Dense, Flatten

NAMES = ("café", "naïve", "Zoë")
COMPOSED, DECOMPOSED = (
    tuple(unicodedata.normalize(form, name) for name in NAMES)
    for form in ("NFC", "NFD")
)


@pytest.fixture
def images(rng):
    return rng.random((6, 8, 8), dtype=np.float32)


@pytest.fixture(params=[set, frozenset, lambda names: dict.fromkeys(names, 0)])
def unordered(request):
    return request.param


def test_names_without_an_order_are_refused_wherever_they_are_given(
    unordered, images, tmp_path
):
    names = unordered(("x", "y"))
    file = tmp_path / "t.csv"
    file.write_text("a,b,c,d,label\n0,1,1,0,x\n1,0,0,1,y\n")
    for make in (
        lambda: digitnet.Dataset(images, classes=names),
        lambda: digitnet.Dataset(images).with_labels([0] * 6, names),
        lambda: digitnet.models.make("linear", classes=names),
        lambda: digitnet.Model([Flatten(), Dense(2)], (8, 8), names),
        lambda: digitnet.data.read_csv(file, classes=names),
    ):
        with pytest.raises(
            ValueError, match=r"classes: expected .*names in their order"
        ):
            make()


def test_names_meet_in_another_unicode_form(images, rng):
    labels = rng.integers(0, 3, 6)
    model = digitnet.Model([Flatten(), Dense(3)], (8, 8), COMPOSED)
    data = digitnet.Dataset(images, labels, classes=DECOMPOSED)
    reversed_names = digitnet.Dataset(images, 2 - labels, classes=DECOMPOSED[::-1])
    assert data.classes == model.classes == COMPOSED
    assert (
        model.evaluate(data)["accuracy"] == (model.evaluate(reversed_names)["accuracy"])
    )


def test_labels_of_a_file_meet_in_another_unicode_form(tmp_path):
    file = tmp_path / "t.csv"
    rows = [f"0,1,1,{k},{name}" for k, name in enumerate([*COMPOSED, *DECOMPOSED])]
    file.write_text("\n".join(["a,b,c,d,label", *rows]) + "\n", encoding="utf-8")
    for classes in (COMPOSED, DECOMPOSED, None):
        data = digitnet.data.read_csv(file, classes=classes)
        assert set(data.classes) == set(COMPOSED)
        assert data.labels[:3].tolist() == data.labels[3:].tolist()


def test_names_that_differ_in_their_encoding_alone_are_one(images):
    with pytest.raises(ValueError, match=r"Dataset.classes: expected different names"):
        digitnet.Dataset(images, classes=[COMPOSED[0], DECOMPOSED[0]])


def test_a_count_may_be_a_number_of_numpy(images):
    three = np.int64(3)
    assert digitnet.Dataset(images, classes=three).classes == ("0", "1", "2")
    assert digitnet.models.make("linear", classes=three).classes == ("0", "1", "2")
    model = digitnet.Model([Flatten(), Dense(3)], (8, 8), three)
    assert model.classes == ("0", "1", "2")


def test_a_fit_takes_no_other_number_of_names_than_outputs(images):
    data = digitnet.Dataset(images, [0, 1, 2, 0, 1, 2], classes=COMPOSED)
    model = digitnet.Model([Flatten(), Dense(10)], (8, 8))
    with pytest.raises(
        ValueError, match=r"fit.data.classes: expected 10 names, one an output, got 3"
    ):
        model.fit(data, epochs=1, progress=False)
    assert model.max_value is None
    model = digitnet.Model([Flatten(), Dense(3)], (8, 8))
    model.fit(data, epochs=1, progress=False)
    assert model.evaluate(data)["accuracy"] >= 0
