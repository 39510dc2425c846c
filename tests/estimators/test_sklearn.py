"""The estimators work with scikit-learn's tools."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import digitnet
from digitnet.sklearn import DigitClassifier, DigitFeatures

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "steps are of batches: two samples "
    "of weight one are not in the same step as one of weight two",
}


@parametrize_with_checks(
    [DigitClassifier()], expected_failed_checks=lambda _: EXPECTED_FAILURES
)
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def subset(digits):
    """(images, labels) for training and for test."""
    train, test = digits
    return train.images[:400], train.labels[:400], test.images[:100], test.labels[:100]


def quick(**options):
    return DigitClassifier(**{"epochs": 4, "learning_rate": 0.01, **options})


def test_the_estimator_learns_what_the_model_learns_bit_for_bit(subset):
    images, labels, x_test, _ = subset
    classifier = quick(random_state=5).fit(images, labels)
    model = digitnet.models.make("norm-cnn", (8, 8), seed=5)
    model.fit((images, labels), epochs=4, learning_rate=0.01, seed=5, progress=False)
    np.testing.assert_array_equal(
        classifier.predict_proba(x_test), model.predict_proba(x_test)
    )
    np.testing.assert_array_equal(classifier.predict(x_test), model.predict(x_test))
    assert (
        classifier.score(x_test, subset[3])
        == model.evaluate((x_test, subset[3]))["accuracy"]
    )


def test_rows_pictures_and_channels_are_the_same_images(subset):
    images, labels, x_test, _ = subset
    probabilities = [
        quick().fit(images.reshape(shape), labels).predict_proba(x_test.reshape(other))
        for shape, other in (
            ((400, 64), (100, 8, 8)),
            ((400, 8, 8), (100, 1, 8, 8)),
            ((400, 1, 8, 8), (100, 64)),
        )
    ]
    np.testing.assert_array_equal(probabilities[0], probabilities[1])
    np.testing.assert_array_equal(probabilities[0], probabilities[2])


@pytest.mark.parametrize(
    ("shape", "name", "image_shape"),
    [
        ((12, 64), "norm-cnn", (1, 8, 8)),
        ((12, 784), "two-conv-small", (1, 28, 28)),
        ((12, 28, 28), "two-conv-small", (1, 28, 28)),
        ((12, 3, 28, 28), "mnistm-cnn", (3, 28, 28)),
        ((12, 49), "table", None),
        ((12, 65), "table", None),
    ],
)
def test_auto_takes_a_network_for_the_shape(shape, name, image_shape, rng):
    classifier = DigitClassifier(epochs=1)
    classifier.fit(rng.integers(0, 256, shape), np.arange(12) % 2)
    assert (classifier.model_.name, classifier.image_shape_) == (name, image_shape)
    assert classifier.n_features_in_ == np.prod(shape[1:])


def test_a_square_table_with_numbers_below_zero_is_a_table(rng):
    values = rng.normal(size=(40, 64))
    assert DigitClassifier(epochs=1).fit(values, np.arange(40) % 2).image_shape_ is None
    values = np.abs(values)
    assert DigitClassifier(epochs=1).fit(values, np.arange(40) % 2).image_shape_


def test_labels_of_any_kind_come_back(subset):
    images, labels, x_test, expected = subset
    names = np.array([f"digit {k}" for k in range(10)])
    classifier = quick(epochs=8).fit(images, names[labels])
    assert classifier.classes_.tolist() == names.tolist()
    assert classifier.model_.classes == tuple(names)
    assert (classifier.predict(x_test) == names[expected]).mean() > 0.7


def test_searches_pipelines_and_folds_use_it(subset):
    images, labels, x_test, expected = subset
    rows = images.reshape(400, 64).astype(float)
    search = GridSearchCV(quick(), {"learning_rate": [1e-5, 0.01]}, cv=2)
    search.fit(rows, labels)
    assert search.best_params_ == {"learning_rate": 0.01}
    piped = make_pipeline(MinMaxScaler(), quick(image_shape=(8, 8)))
    assert cross_val_score(piped, rows, labels, cv=2).mean() > 0.5


def test_some_pixels_outside_are_cut_and_another_scale_is_refused(subset):
    images, labels, x_test, _ = subset
    classifier = quick().fit(images / 16.0, labels)
    outside = x_test / 16.0
    outside[:, 0, 0], outside[:, 0, 1] = -0.2, 4.0
    cut = outside.clip(0, 1)
    np.testing.assert_array_equal(
        classifier.predict_proba(outside), classifier.predict_proba(cut)
    )
    with pytest.raises(ValueError, match="predict: expected pixels from 0 to 1, got"):
        classifier.predict(x_test)


def test_copies_and_pickles_are_whole(subset):
    images, labels, x_test, _ = subset
    classifier = quick(random_state=3).fit(images, labels)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(
        again.predict_proba(x_test), classifier.predict_proba(x_test)
    )
    assert again.history_["loss"] == classifier.history_["loss"]
    assert not hasattr(clone(classifier), "model_")
    assert clone(classifier).get_params() == classifier.get_params()


def test_seeds_decide_and_states_advance(subset):
    images, labels, x_test, _ = subset

    def probabilities(seed):
        return (
            quick(epochs=1, random_state=seed).fit(images, labels).predict_proba(x_test)
        )

    np.testing.assert_array_equal(probabilities(1), probabilities(1))
    assert np.abs(probabilities(1) - probabilities(2)).max() > 1e-3
    state = np.random.RandomState(0)
    assert np.abs(probabilities(state) - probabilities(state)).max() > 1e-3


def test_partial_fit_goes_on_and_knows_all_classes_from_the_start(subset):
    images, labels, x_test, expected = subset
    classifier = quick(learning_rate=0.003)
    with pytest.raises(ValueError, match="partial_fit: expected classes at the first"):
        classifier.partial_fit(images, labels)
    small = labels < 5
    classifier.partial_fit(images[small], labels[small], classes=range(10))
    assert classifier.predict_proba(x_test).shape == (100, 10)
    before = classifier.score(x_test, expected)
    for _ in range(12):
        classifier.partial_fit(images, labels)
    assert classifier.score(x_test, expected) > before + 0.2
    with pytest.raises(ValueError, match=r"expected labels among \[0, .*got \[11\]"):
        classifier.partial_fit(images[:2], [0, 11])


def test_warm_start_goes_on_and_cold_start_does_not(subset):
    images, labels, x_test, _ = subset
    cold = quick(epochs=1).fit(images, labels)
    first = cold.predict_proba(x_test)
    np.testing.assert_array_equal(cold.fit(images, labels).predict_proba(x_test), first)
    warm = quick(epochs=1, warm_start=True).fit(images, labels)
    np.testing.assert_array_equal(warm.predict_proba(x_test), first)
    warm.fit(images, labels)
    assert warm.history_["loss"][-1] < cold.history_["loss"][-1]


def test_samples_without_weight_are_not_learned(subset):
    images, labels, x_test, _ = subset
    weights = (labels != 3).astype(float)
    classifier = quick(epochs=10).fit(images, labels, sample_weight=weights)
    assert (classifier.predict(x_test) != 3).all()
    assert (quick(epochs=10).fit(images, labels).predict(x_test) == 3).any()


def test_names_of_columns_are_remembered(subset):
    images, labels, x_test, _ = subset
    frame = pd.DataFrame(images.reshape(400, 64), columns=[f"p{i}" for i in range(64)])
    classifier = quick(epochs=1).fit(frame, labels)
    assert classifier.feature_names_in_[1] == "p1"
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(frame.rename(columns={"p1": "other"}))


def test_options_go_to_fit_and_verbose_shows_a_bar(subset, capsys):
    images, labels, _, _ = subset
    classifier = quick(validation=0.2, fit_options={"schedule": "cosine"}, verbose=1)
    classifier.fit(images, labels)
    assert len(classifier.history_["val_accuracy"]) == 4
    assert classifier.history_.options["schedule"] == "cosine"
    shown = "".join(capsys.readouterr())
    quick().fit(images, labels)
    assert shown and not "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({"model": "lenet"}, (4, 784), "unknown model 'lenet'; known: "),
        ({"model": "lenet5"}, (4, 20), "expected images for 'lenet5', got 20 columns"),
        ({"model": "lenet5"}, (4, 8, 8), "the network needs at least"),
        ({"image_shape": (5, 5)}, (4, 20), "image_shape: expected two or three sides"),
        ({}, (4, 9, 9, 3), "expected images with channels first"),
        ({}, (4, 2, 2, 2, 2), "Found array with dim 5"),
        ({"epochs": 0}, (4, 8, 8), "epochs: expected"),
        ({"optimizer": "best"}, (4, 8, 8), "unknown optimizer 'best'"),
        (
            {"model": lambda seed: digitnet.models.make("lenet5")},
            (4, 8, 8),
            "model: expected one for 64 numbers a sample and 2 classes",
        ),
    ],
)
def test_impossible_options_are_named(options, shape, message, rng):
    with pytest.raises(ValueError, match=message):
        DigitClassifier(**options).fit(rng.integers(0, 256, shape), [0, 1, 0, 1])


def test_a_function_may_make_the_network(subset):
    images, labels, x_test, expected = subset
    classifier = quick(
        model=lambda seed: digitnet.models.make("mlp", (8, 8), seed=seed)
    )
    classifier.fit(images.reshape(400, 64), labels)
    assert classifier.model_.name == "mlp" and classifier.score(x_test, expected) > 0.7


# -- features ------------------------------------------------------------------


def test_features_are_those_of_the_model(trained, digits):
    images = digits[1].images[:50]
    features = DigitFeatures(trained).fit(images)
    np.testing.assert_array_equal(
        features.transform(images.reshape(50, 64)),
        trained.features(digits[1][:50], progress=False),
    )
    maps = DigitFeatures(trained, "conv1").fit_transform(images)
    expected = trained.activations(images, ["conv1"])["conv1"]
    np.testing.assert_array_equal(maps, expected.reshape(50, -1))
    names = DigitFeatures(trained, "conv1").fit(images).get_feature_names_out()
    assert len(names) == maps.shape[1] and names[0] == "digitfeatures0"


def test_features_serve_other_classifiers(trained, digits, tmp_path):
    train, test = digits
    trained.save(tmp_path / "m.safetensors")
    classifier = make_pipeline(DigitFeatures(tmp_path / "m.safetensors"), SVC())
    classifier.fit(train.images[:500], train.labels[:500])
    assert classifier.score(test.images, test.labels) > 0.9


def test_features_refuse_what_does_not_fit(trained, digits):
    with pytest.raises(NotFittedError):
        DigitFeatures(trained).transform(digits[1].images)
    with pytest.raises(ValueError, match=r"DigitFeatures.fit: expected 64 numbers"):
        DigitFeatures(trained).fit(np.zeros((3, 65)))
    with pytest.raises(ValueError, match="unknown layer 'conv9'"):
        DigitFeatures(trained, "conv9").fit(digits[1].images)


def test_a_wide_table_is_folded_and_learned(rng):
    rows = rng.normal(size=(200, 2500))
    labels = (rows[:, 2400] > 0).astype(int)
    rows[:, 2400] *= 5
    classifier = DigitClassifier(random_state=0).fit(rows[:150], labels[:150])
    assert classifier.model_.input_shape == (1, 3, 1024)
    assert classifier.predict_proba(rows[150:]).shape == (50, 2)
    assert classifier.score(rows[:150], labels[:150]) > 0.9


def test_every_partial_fit_draws_anew(subset):
    images, labels, _, _ = subset
    classifier = quick(augment="noise 20%")
    for _ in range(2):
        classifier.partial_fit(images, labels, classes=range(10))
    again = digitnet.models.make("norm-cnn", (1, 8, 8), [*map(str, range(10))], seed=0)
    options = {
        "batch_size": classifier.batch_size,
        "learning_rate": classifier.learning_rate,
    }
    for seed in (0, 1):
        again.fit(
            (images, labels),
            epochs=1,
            schedule="constant",
            augment="noise 20%",
            seed=seed,
            progress=False,
            **options,
        )
    for name, value in again.state_dict().items():
        np.testing.assert_array_equal(value, classifier.model_.state_dict()[name])
