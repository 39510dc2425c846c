"""Classes meet by name wherever both sides have names; nobody is matched by place."""

import numpy as np
import pytest

import digitnet
from digitnet.data.class_names import matched

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
OPTIONS = {"epochs": 8, "batch_size": 16, "progress": False}


def reordered(data, order, names=None):
    """The same samples, their classes in another order, or without some of them."""
    names = data.classes if names is None else names
    places = {k: place for place, k in enumerate(order)}
    kept = data[np.isin(data.labels, order)]
    labels = [places[k] for k in kept.labels]
    return kept.with_labels(labels, [names[k] for k in order])


@pytest.fixture(scope="module")
def named(digits):
    """(train, test) of the digits by English names."""
    return [part.with_labels(part.labels, NAMES) for part in digits]


@pytest.fixture(scope="module")
def trained(named):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    model.fit(named[0], **OPTIONS)
    return model


BACKWARDS = tuple(range(9, -1, -1))
THREE = (7, 3, 5)


@pytest.mark.parametrize("order", [BACKWARDS, THREE])
def test_evaluate_matches_names(order, trained, named):
    test = named[1]
    other = reordered(test, order)
    kept = np.isin(test.labels, order)
    expected = trained.predict(test)[kept] == test.labels[kept]
    report = trained.evaluate(other)
    assert report["accuracy"] == expected.mean() > 0.8
    assert report.classes == NAMES
    assert [other.classes[k] for k in other.labels] == [
        report.classes[k] for k in report.labels
    ]
    assert report.data is other


def test_folders_named_by_digits_meet_a_model_of_digits(digits, tmp_path):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    model.fit(digits[0], **OPTIONS)
    test = digits[1]
    other = reordered(test, THREE)  # classes 7, 3 and 5
    kept = np.isin(test.labels, THREE)
    expected = (model.predict(test)[kept] == test.labels[kept]).mean()
    assert model.evaluate(other)["accuracy"] == expected > 0.8


def test_validation_and_a_second_fit_match_names(named, trained):
    train, test = named
    model = digitnet.models.make("linear", input_shape=(8, 8))
    history = model.fit(train, reordered(test, BACKWARDS), **OPTIONS)
    plain = digitnet.models.make("linear", input_shape=(8, 8))
    expected = plain.fit(train, test, **OPTIONS)
    assert history["val_accuracy"] == expected["val_accuracy"]

    model.fit(reordered(train, BACKWARDS), **OPTIONS)
    plain.fit(train, **OPTIONS)
    for name, value in plain.state_dict().items():
        np.testing.assert_array_equal(model.state_dict()[name], value)
    assert model.classes == NAMES
    model.fit(reordered(train, THREE), **OPTIONS)  # a missing class is fine
    assert model.classes == NAMES


def test_heads_attacks_and_temperatures_match_names(named):
    train, test = named
    model = digitnet.models.make("optdigits-cnn")
    model.fit(train, **OPTIONS)
    turned = reordered(test, BACKWARDS)
    temperature = digitnet.calibration.fit_temperature
    assert temperature(model, turned) == temperature(model, test)
    images = [
        digitnet.attack.attacked(model, part, "fgsm", strength=0.1).images
        for part in (test, turned)
    ]
    np.testing.assert_array_equal(*images)
    heads = []
    for part in (train, reordered(train, BACKWARDS)):
        head = digitnet.models.make("optdigits-cnn", classes=NAMES)
        head.load_weights(model)
        head.fit_head(part, epochs=1, progress=False)
        heads.append(head.state_dict()["dense1.weight"])
    np.testing.assert_array_equal(*heads)


def test_models_with_classes_in_another_order_are_compared_by_name(named, trained):
    train, test = named
    other = digitnet.models.make("linear", input_shape=(8, 8))
    other.fit(reordered(train, BACKWARDS), **OPTIONS)
    assert other.classes == NAMES[::-1]
    result = digitnet.compare(trained, other, test, names=("a", "b"))
    accuracies = [one.evaluate(test)["accuracy"] for one in (trained, other)]
    assert [report["accuracy"] for report in result.reports] == accuracies
    assert min(accuracies) > 0.8


def unknown(data):
    return data.with_labels(data.labels, [*NAMES[:9], "a shoe"])


@pytest.mark.parametrize(
    ("where", "call"),
    [
        ("evaluate", lambda m, data, _: m.evaluate(data)),
        ("fit.data", lambda m, data, _: m.fit(data, progress=False)),
        ("fit.validation", lambda m, data, train: m.fit(train, data, progress=False)),
        ("fit_temperature", lambda m, d, _: digitnet.calibration.fit_temperature(m, d)),
        ("attacked", lambda m, d, _: digitnet.attack.attacked(m, d, "fgsm")),
        ("evaluate", lambda m, data, _: digitnet.compare(m, m, data, names=("a", "b"))),
    ],
)
def test_a_class_that_the_model_does_not_know_lists_both(where, call, trained, named):
    before = trained.state_dict()
    with pytest.raises(ValueError, match=f"^{where}.classes: expected classes am") as e:
        call(trained, unknown(named[1]), named[0])
    for part in ("'zero'", "'nine'", "got 'zero'", "samples of 'a shoe'"):
        assert part in str(e.value)
    for name, value in before.items():
        np.testing.assert_array_equal(trained.state_dict()[name], value)


def test_clothes_are_no_digits_and_digits_no_clothes(digits, named):
    train, _ = digits
    clothes = train.with_labels(train.labels, [f"garment {k}" for k in range(10)])
    of_digits = digitnet.models.make("linear", input_shape=(8, 8))
    of_digits.fit(train, epochs=1, progress=False)
    of_clothes = digitnet.models.make("linear", input_shape=(8, 8))
    of_clothes.fit(clothes, epochs=1, progress=False)
    for model, data in ((of_digits, clothes), (of_clothes, train)):
        with pytest.raises(ValueError, match="evaluate.classes: expected classes amo"):
            model.evaluate(data)
        with pytest.raises(ValueError, match="fit.data.classes: expected classes amo"):
            model.fit(data, progress=False)
    renamed = clothes.with_labels(clothes.labels, of_digits.classes)
    assert (
        of_digits.evaluate(renamed)["accuracy"] == of_digits.evaluate(train)["accuracy"]
    )


def test_sets_without_names_go_by_their_numbers(trained, named):
    test = named[1]
    plain = digitnet.Dataset(test.images, test.labels, max_value=16)
    assert not plain.named
    assert named[1].named
    expected = trained.evaluate(test)["accuracy"]
    for data in (plain, (test.images, test.labels)):
        assert trained.evaluate(data)["accuracy"] == expected
    assert trained.classes == NAMES


def test_a_class_without_samples_need_not_be_known(trained, named):
    test = named[1]
    more = test.with_labels(test.labels, [*NAMES, "a shoe"])
    assert trained.evaluate(more)["accuracy"] == trained.evaluate(test)["accuracy"]


def test_a_model_of_numbers_that_learned_nothing_takes_a_sets_names(named):
    train, test = named
    model = digitnet.models.make("linear", input_shape=(8, 8))
    model.evaluate(test)
    model.fit(train, epochs=1, progress=False)
    assert model.classes == NAMES
    given = digitnet.models.make("linear", input_shape=(8, 8), classes=NAMES[::-1])
    given.fit(train, **OPTIONS)
    assert given.classes == NAMES[::-1]
    assert given.evaluate(test)["accuracy"] > 0.8


@pytest.mark.parametrize("seed", range(20))
def test_every_order_and_choice_of_names_is_undone(seed, named):
    rng = np.random.default_rng(seed)
    test = named[1]
    order = rng.permutation(10)[: rng.integers(2, 11)]
    other = reordered(test, list(order))
    back = matched(other, NAMES, "here", fixed=True)
    np.testing.assert_array_equal(back.labels, test.labels[np.isin(test.labels, order)])
    assert back.classes == NAMES
