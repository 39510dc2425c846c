"""Every metric against scikit-learn, scipy or a reference implementation."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as theirs

import digitnet
from digitnet import metrics


@pytest.fixture(params=["random", "good", "ties", "absent class"])
def case(request, rng):
    """(labels, probabilities) of 300 samples and 5 classes."""
    labels = rng.integers(0, 4 if request.param == "absent class" else 5, 300)
    scores = rng.random((300, 5))
    if request.param == "good":
        scores[np.arange(300), labels] += 1
    probabilities = scores / scores.sum(1, keepdims=True)
    if request.param == "ties":
        probabilities = np.round(probabilities * 4) / 4
        probabilities = (probabilities + 0.05) / (probabilities + 0.05).sum(
            1, keepdims=True
        )
    return labels, probabilities


def average(name, how):
    def compute(y, p, labels=range(5)):
        function = getattr(theirs, f"{name}_score")
        return function(
            y, p.argmax(1), average=how, labels=list(labels), zero_division=0
        )

    return compute


def specificity(how):
    def compute(y, p):
        values = []
        for k in range(5):
            truth, guess = y == k, p.argmax(1) == k
            values.append((~truth & ~guess).sum() / max((~truth).sum(), 1))
        weights = np.bincount(y, minlength=5) if how == "weighted" else np.ones(5)
        return np.average(values, weights=weights)

    return compute


def g_measure(how):
    def compute(y, p):
        precision, recall, _, support = theirs.precision_recall_fscore_support(
            y, p.argmax(1), labels=range(5), zero_division=0
        )
        return np.average(
            np.sqrt(precision * recall), weights=support if how == "weighted" else None
        )

    return compute


def auc_macro(y, p):
    defined = [k for k in range(5) if 0 < (y == k).sum() < len(y)]
    return np.mean([theirs.roc_auc_score(y == k, p[:, k]) for k in defined])


def calibration_error(y, p, bins=15):
    confidence, right = p.max(1), p.argmax(1) == y
    error = 0.0
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if inside.any():
            error += inside.mean() * abs(
                right[inside].mean() - confidence[inside].mean()
            )
    return error


def balanced(y, p):
    guess = p.argmax(1)
    return np.mean([(guess[y == k] == k).mean() for k in np.unique(y)])


ORACLES = {
    "accuracy": lambda y, p: theirs.accuracy_score(y, p.argmax(1)),
    "top_3_accuracy": lambda y, p: np.mean(
        [
            (np.argsort(-r, kind="stable")[:3] == t).any()
            for r, t in zip(p, y, strict=True)
        ]
    ),
    "balanced_accuracy": balanced,
    "precision_macro": average("precision", "macro"),
    "recall_macro": average("recall", "macro"),
    "f1_macro": average("f1", "macro"),
    "specificity_macro": specificity("macro"),
    "g_measure_macro": g_measure("macro"),
    "precision_weighted": average("precision", "weighted"),
    "recall_weighted": average("recall", "weighted"),
    "f1_weighted": average("f1", "weighted"),
    "specificity_weighted": specificity("weighted"),
    "g_measure_weighted": g_measure("weighted"),
    "log_loss": lambda y, p: theirs.log_loss(y, p, labels=range(5)),
    "brier": lambda y, p: ((p - np.eye(5)[y]) ** 2).sum(1).mean(),
    "auc_macro": auc_macro,
    "auc_micro": lambda y, p: theirs.roc_auc_score(np.eye(5)[y].ravel(), p.ravel()),
    "calibration_error": calibration_error,
    "cohen_kappa": lambda y, p: theirs.cohen_kappa_score(y, p.argmax(1)),
}


def test_every_metric_has_an_oracle():
    assert list(ORACLES) == metrics.names()


@pytest.mark.parametrize("name", metrics.names())
def test_every_metric_agrees_with_its_oracle(name, case):
    labels, probabilities = case
    ours = metrics.evaluate(labels, probabilities)[name]
    assert ours == pytest.approx(ORACLES[name](labels, probabilities), abs=1e-9)


@pytest.mark.parametrize("entry", metrics.describe(), ids=metrics.names())
def test_every_metric_is_best_when_all_is_right(entry):
    labels = np.arange(20) % 5
    value = metrics.evaluate(labels, np.eye(5)[labels])[entry["name"]]
    assert value == pytest.approx(entry["best"], abs=1e-9)


@pytest.mark.parametrize("entry", metrics.describe(), ids=metrics.names())
def test_every_metric_is_worse_when_all_is_wrong(entry):
    labels = np.arange(20) % 5
    value = metrics.evaluate(labels, np.eye(5)[(labels + 1) % 5])[entry["name"]]
    assert (value < entry["best"]) == entry["higher_is_better"]
    assert value != pytest.approx(entry["best"])


@pytest.mark.parametrize("name", metrics.names())
def test_the_order_of_samples_changes_nothing(name, case, rng):
    labels, probabilities = case
    order = rng.permutation(len(labels))
    first = metrics.evaluate(labels, probabilities)[name]
    again = metrics.evaluate(labels[order], probabilities[order])[name]
    assert first == pytest.approx(again, abs=1e-12)


def test_four_images_by_hand():
    labels = [0, 0, 1, 1]
    probabilities = [[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]]
    values = metrics.evaluate(labels, probabilities)
    assert values["accuracy"] == 0.75
    assert values["precision_macro"] == pytest.approx((1 + 2 / 3) / 2)
    assert values["recall_macro"] == 0.75
    assert values["brier"] == pytest.approx(2 * (0.01 + 0.36 + 0.09 + 0.04) / 4)
    assert values["auc_macro"] == 1.0
    assert values["cohen_kappa"] == pytest.approx(0.5)


def test_confusion_matrix_is_sklearns(case):
    labels, probabilities = case
    guess = probabilities.argmax(1)
    ours = metrics.confusion_matrix(labels, guess, classes=5)
    np.testing.assert_array_equal(
        ours, theirs.confusion_matrix(labels, guess, labels=range(5))
    )


def test_per_class_is_sklearns(case):
    labels, probabilities = case
    guess = probabilities.argmax(1)
    ours = metrics.per_class(labels, guess, classes=5)
    expected = theirs.precision_recall_fscore_support(
        labels, guess, labels=range(5), zero_division=0
    )
    for name, value in zip(
        ("precision", "recall", "f1", "support"), expected, strict=True
    ):
        np.testing.assert_allclose(ours[name], value, atol=1e-12)


@pytest.mark.parametrize("k", [0, 3, None])
def test_roc_curve_is_sklearns(case, k):
    labels, probabilities = case
    truth = np.eye(5)[labels].ravel() if k is None else labels == k
    scores = probabilities.ravel() if k is None else probabilities[:, k]
    ours = metrics.roc_curve(labels, probabilities, k=k)
    false, true, thresholds = theirs.roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(ours["false_positive_rate"], false, atol=1e-12)
    np.testing.assert_allclose(ours["true_positive_rate"], true, atol=1e-12)
    np.testing.assert_allclose(ours["thresholds"], thresholds)
    assert ours["auc"] == pytest.approx(theirs.roc_auc_score(truth, scores), abs=1e-9)


@pytest.mark.parametrize("k", [0, None])
def test_precision_recall_curve_is_sklearns(case, k):
    labels, probabilities = case
    truth = np.eye(5)[labels].ravel() if k is None else labels == k
    scores = probabilities.ravel() if k is None else probabilities[:, k]
    ours = metrics.precision_recall_curve(labels, probabilities, k=k)
    precision, recall, thresholds = theirs.precision_recall_curve(truth, scores)
    np.testing.assert_allclose(ours["precision"], precision, atol=1e-12)
    np.testing.assert_allclose(ours["recall"], recall, atol=1e-12)
    np.testing.assert_allclose(ours["thresholds"], thresholds)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_top_k_is_sklearns(rng, k):
    labels, probabilities = rng.integers(0, 5, 100), rng.dirichlet(np.ones(5), 100)
    ours = metrics.top_k_accuracy(labels, probabilities, k=k)
    assert ours == pytest.approx(
        theirs.top_k_accuracy_score(labels, probabilities, k=k, labels=range(5))
    )


@pytest.mark.parametrize("bins", [1, 5, 15])
def test_reliability_bins_add_up_to_the_error(case, bins):
    labels, probabilities = case
    table = metrics.reliability(labels, probabilities, bins=bins)
    assert sum(table["count"]) == len(labels)
    error = metrics.expected_calibration_error(labels, probabilities, bins=bins)
    assert error == pytest.approx(
        calibration_error(labels, probabilities, bins), abs=1e-9
    )


def test_mcnemar_is_scipys_binomial_test(rng):
    labels = rng.integers(0, 3, 500)
    first = np.where(rng.random(500) < 0.9, labels, (labels + 1) % 3)
    second = np.where(rng.random(500) < 0.8, labels, (labels + 1) % 3)
    ours = metrics.mcnemar(labels, first, second)
    b, c = ours["only_first"], ours["only_second"]
    assert b == ((first == labels) & (second != labels)).sum()
    assert ours["p_value"] == pytest.approx(
        stats.binomtest(min(b, c), b + c).pvalue, rel=1e-9
    )
    assert ours["statistic"] == pytest.approx((abs(b - c) - 1) ** 2 / (b + c))


def test_models_that_never_differ_have_p_1():
    assert metrics.mcnemar([0, 1], [0, 0], [0, 0]) == {
        "only_first": 0,
        "only_second": 0,
        "statistic": 0.0,
        "p_value": 1.0,
    }


def test_the_auc_of_an_absent_class_is_nan_and_left_out_of_the_mean():
    labels, probabilities = (
        [0, 1, 0],
        [[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1]],
    )
    assert np.isnan(metrics.roc_curve(labels, probabilities, k=2)["auc"])
    assert metrics.evaluate(labels, probabilities)["auc_macro"] == 1.0


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 1], [[0.5, 0.5]], "evaluate.labels: expected 1 labels"),
        ([], np.zeros((0, 2)), "at least one, got 0"),
        ([2], [[0.5, 0.5]], "evaluate.labels: expected classes 0 to 1, got 2"),
        ([-1], [[0.5, 0.5]], "expected classes 0 to 1, got -1"),
        ([0], [[np.nan, 0.5]], "evaluate.probabilities: expected values from 0 to 1"),
        ([0], [[1.5, 0.5]], "expected values from 0 to 1, got 1.5"),
        ([0], [0.5, 0.5], r"expected shape \(N, K\)"),
        ([0], [[1.0]], "K of at least 2"),
    ],
)
def test_wrong_input_is_refused(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        metrics.evaluate(labels, probabilities)


def test_wrong_classes_are_refused():
    with pytest.raises(
        ValueError, match="confusion_matrix.predicted: expected classes 0 to 1, got 5"
    ):
        metrics.confusion_matrix([0, 1], [0, 5], classes=2)
    with pytest.raises(ValueError, match="two lists of equal length"):
        metrics.confusion_matrix([0, 1], [0], classes=2)
    with pytest.raises(
        ValueError, match="roc_curve.k: expected a class from 0 to 1, got 2"
    ):
        metrics.roc_curve([0, 1], [[0.5, 0.5]] * 2, k=2)
    with pytest.raises(ValueError, match="calibration.bins: expected 1 to 10000"):
        metrics.reliability([0, 1], [[0.5, 0.5]] * 2, bins=0)


# -- the report ---------------------------------------------------------------------


@pytest.fixture
def report(trained, digits):
    return trained.evaluate(digits[1])


def test_a_report_is_a_mapping_of_all_metrics(report, digits):
    assert list(report) == metrics.names()
    assert report["accuracy"] == (report.predicted == digits[1].labels).mean()
    with pytest.raises(KeyError, match="unknown metric 'acc'; known: accuracy"):
        report["acc"]
    assert report.to_frame().loc["accuracy", "value"] == report["accuracy"]


def test_a_report_shows_itself_as_text_and_html(report):
    assert "accuracy" in str(report)
    assert str(report).startswith("optdigits-cnn on digits: ")
    assert report._repr_html_().count("<table") == 2


def test_each_confusion_cell_knows_its_images(report, digits):
    labels, guess = digits[1].labels, report.predicted
    for true, predicted in np.argwhere(report.confusion.matrix):
        indices = report.confusion.examples(int(true), int(predicted))
        assert (labels[indices] == true).all()
        assert (guess[indices] == predicted).all()
        assert len(indices) == report.confusion.matrix[true, predicted]
    assert (
        report.confusion.examples("3", "3").tolist()
        == report.confusion.examples(3, 3).tolist()
    )
    with pytest.raises(ValueError, match="unknown class 'x'"):
        report.confusion.examples("x", "3")
    with pytest.raises(ValueError, match="expected a class from 0 to 9"):
        report.confusion.examples(10, 3)


def test_the_most_confused_pairs_are_the_largest_cells():
    labels = np.array([0] * 10 + [1] * 10 + [2] * 10)
    guess = labels.copy()
    guess[:3] = 1
    guess[25] = 0
    data = digitnet.Dataset(np.zeros((30, 2, 2)), labels, classes=3)
    report = digitnet.Report(labels, np.eye(3)[guess], data.classes, data=data)
    table = report.confusion.most_confused()
    assert table.values.tolist() == [["0", "1", 3, 0.3], ["2", "0", 1, 0.1]]


def test_mistakes_come_most_confident_first(report):
    sure = report.probabilities[report.mistakes].max(1)
    assert (np.diff(sure) <= 0).all()
    assert (report.labels[report.mistakes] != report.predicted[report.mistakes]).all()
