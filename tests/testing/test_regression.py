"""Metrics against baselines: what passes, what fails, what a failure reports."""

import json

import numpy as np
import pytest

import digitnet
from digitnet.testing import Baseline, MetricRegression, weights_sha256
from digitnet.testing.baseline import BaselineFile


@pytest.fixture
def checks():
    return []


@pytest.fixture
def make(tmp_path, checks):
    """Makes the check of a test whose baseline is in tmp_path."""

    def make_check(**options):
        return MetricRegression(
            tmp_path / "test_x.json",
            "test_x.py::test_x",
            folder=tmp_path,
            on_check=checks.append,
            **options,
        )

    return make_check


def report(digits, wrong, *, start=0):
    """Confident predictions of the test digits, wrong at the first so many."""
    data = digits[1]
    predicted = data.labels.copy()
    places = np.arange(start, start + wrong)
    predicted[places] = (predicted[places] + 1) % 10
    probabilities = np.eye(10)[predicted] * 0.9 + 0.01
    return digitnet.Report(
        data.labels, probabilities, data.classes, data=data, model="m"
    )


def test_the_first_run_writes_and_the_next_compares(make, tmp_path, checks):
    make().check({"accuracy": 0.99}, samples=1000)
    saved = json.loads((tmp_path / "test_x.json").read_text())["devices"]["cpu"]
    assert saved["metrics"]["accuracy"]["value"] == 0.99
    assert saved["samples"] == 1000
    assert set(saved["versions"]) == {"digitnet", "torch", "numpy", "python"}
    make().check({"accuracy": 0.99}, samples=1000)
    assert [about["what"] for about in checks] == ["written", "compared"]
    assert checks[-1]["rows"][0]["verdict"] == "as before"


def test_the_file_is_sorted_and_the_same_for_the_same_numbers(make, tmp_path):
    make().check({"b": 1, "a": 2}, tolerance=1)
    first = (tmp_path / "test_x.json").read_text()
    make(regenerate="pass").check({"a": 2, "b": 1}, tolerance=1)
    assert (tmp_path / "test_x.json").read_text() == first
    assert first.index('"a"') < first.index('"b"')


@pytest.mark.parametrize(
    ("name", "worse", "better"),
    [
        ("accuracy", 0.4, 0.6),
        ("log_loss", 0.6, 0.4),
        ("my_loss", 0.6, 0.4),
        ("speed", 0.4, 0.6),
        ("calibration_error", 0.6, 0.4),
    ],
)
def test_only_worse_fails(make, checks, name, worse, better):
    make().check({name: 0.5}, tolerance=0.05)
    make().check({name: better}, tolerance=0.05)
    assert checks[-1]["rows"][0]["verdict"] == "better"
    with pytest.raises(AssertionError, match=f"metric_regression: {name}: expected at"):
        make().check({name: worse}, tolerance=0.05)


def test_the_direction_can_be_set(make):
    make().check({"speed": 0.5}, tolerance=0.05)
    make().check({"speed": 0.4}, tolerance=0.05, direction={"speed": "lower"})
    with pytest.raises(AssertionError, match="speed: expected at most 0.55"):
        make().check({"speed": 0.6}, tolerance=0.05, direction={"speed": "lower"})
    with pytest.raises(ValueError, match="direction: expected higher or lower"):
        make().check({"speed": 0.6}, tolerance=0.05, direction={"speed": "up"})


def test_with_seeds_the_tolerance_is_their_standard_deviation(make):
    values = {0: 0.990, 1: 0.992, 2: 0.994}
    make(seeds=[0, 1, 2]).check(lambda seed: {"accuracy": values[seed]}, samples=10_000)
    std = np.std(list(values.values()), ddof=1)
    limit = 0.992 - 3 * std
    make().check({"accuracy": limit + 1e-6}, samples=10_000)
    with pytest.raises(AssertionError, match=r"3 sd of 3 seeds"):
        make().check({"accuracy": limit - 1e-6}, samples=10_000)


def test_without_seeds_it_is_the_standard_error_of_the_images(make):
    make().check({"accuracy": 0.993}, samples=10_000)
    error = (0.993 * 0.007 / 10_000) ** 0.5
    make().check({"accuracy": 0.993 - 1.9 * error}, samples=10_000)
    with pytest.raises(AssertionError, match=r"2 standard errors of 10,000 images"):
        make().check({"accuracy": 0.993 - 2.2 * error}, samples=10_000)


def test_a_perfect_baseline_leaves_room_for_chance(make):
    make().check({"accuracy": 1.0}, samples=100)
    make().check({"accuracy": 0.99}, samples=100)


def test_without_seeds_and_images_a_tolerance_is_required(make):
    make().check({"speed": 12.0})
    with pytest.raises(
        ValueError, match="tolerance: expected one for 'speed', got none"
    ):
        make().check({"speed": 12.0})
    make().check({"speed": 12.0}, tolerance={"speed": 1})


def test_a_failure_names_classes_images_and_the_fix(make, digits, tmp_path):
    make().check(report(digits, 2))
    with pytest.raises(AssertionError) as caught:
        make(seeds=[7]).check(lambda seed: report(digits, 40))
    text = str(caught.value)
    assert "accuracy: expected at least" in text
    assert "class 0: recall" in text
    assert "38 images are newly wrong (2, 3, 4, 5, 6, ...)" in text
    assert "repeat: pytest 'test_x.py::test_x' --metrics-seeds=7" in text
    assert "--metrics-regen-all" in text
    assert (tmp_path / "newly_wrong.png").read_bytes()[:4] == b"\x89PNG"


def test_other_test_images_are_reported_and_widen_the_tolerance(make, digits):
    first = report(digits, 5)
    make(seeds=[0, 1, 2]).check(lambda seed: first)
    half = digits[1][:180]
    other = digitnet.Report(
        half.labels, first.probabilities[:180], half.classes, data=half
    )
    make().check(other)  # 5 of 180 wrong, not 5 of 360: within two standard errors
    with pytest.raises(AssertionError) as caught:
        shifted = np.roll(first.probabilities[:180], 1, axis=1)
        make().check(digitnet.Report(half.labels, shifted, half.classes, data=half))
    assert "and other test images" in str(caught.value)
    assert "the test images are not those of the baseline" in str(caught.value)


def test_metrics_that_count_can_be_chosen(make, digits, tmp_path):
    make().check(report(digits, 3), metrics=["log_loss", "f1_macro"])
    saved = BaselineFile(tmp_path / "test_x.json").devices["cpu"]
    assert list(saved.metrics) == ["f1_macro", "log_loss"]
    assert saved.mean("log_loss") == report(digits, 3)["log_loss"]
    with pytest.raises(AssertionError, match="log_loss"):
        make().check(report(digits, 60), metrics=["log_loss"])
    with pytest.raises(ValueError, match="unknown metric 'f2'; known: accuracy"):
        make().check(report(digits, 3), metrics=["f2"])


def test_a_list_is_one_measurement_a_seed(make, tmp_path):
    make().check([{"accuracy": v} for v in (0.9, 0.91, 0.92)], samples=1000)
    saved = BaselineFile(tmp_path / "test_x.json").devices["cpu"]
    assert saved.metrics == {"accuracy": [0.9, 0.91, 0.92]}
    assert saved.seeds == [0, 1, 2]
    assert saved.std("accuracy") == pytest.approx(0.01)
    with pytest.warns(DeprecationWarning, match="'spread' is now called 'std'"):
        assert saved.spread("accuracy") == saved.std("accuracy")


@pytest.mark.parametrize(
    "value", [5, [], [3], {}, {"accuracy": float("nan")}, {"a": float("inf")}]
)
def test_what_is_no_measurement_is_refused_and_nothing_is_written(
    make, tmp_path, value
):
    with pytest.raises((ValueError, TypeError)):
        make().check(value)
    assert not (tmp_path / "test_x.json").exists()


def test_strict_fails_where_there_is_no_baseline(make, tmp_path):
    with pytest.raises(AssertionError, match="expected a baseline for cpu"):
        make(strict=True).check({"accuracy": 0.9}, samples=10)
    assert not (tmp_path / "test_x.json").exists()


def test_regenerating_writes_and_fails_or_passes_as_set(make, tmp_path):
    make().check({"accuracy": 0.9}, samples=100)
    with pytest.raises(AssertionError, match="was written anew"):
        make(regenerate="fail").check({"accuracy": 0.1}, samples=100)
    make().check({"accuracy": 0.1}, samples=100)
    make(regenerate="pass").check({"accuracy": 0.05}, samples=100)
    saved = BaselineFile(tmp_path / "test_x.json").devices["cpu"]
    assert saved.mean("accuracy") == 0.05


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "null", '{"devices": 3, "weights": {}}', "\x00"),
        '{"devices": {"cpu": {"metrics": {}}}, "weights": {}}',
        '{"devices": {"cpu": null}, "weights": {}}',
    ],
)
def test_a_corrupt_baseline_is_named_and_stays(make, tmp_path, text):
    path = tmp_path / "test_x.json"
    path.write_text(text)
    with pytest.raises(
        ValueError, match="test_x.json: expected the baseline of a test"
    ):
        make().check({"accuracy": 0.9}, samples=10)
    assert path.read_text() == text


def test_a_baseline_survives_its_file(digits):
    baseline = Baseline(
        {"accuracy": [0.5, 0.6, 0.7]},
        [1, 2, 3],
        9,
        "abc",
        {"cat": 0.25},
        np.array([0, 3, 299, 2]),
        {"torch": "2"},
        "2026-01-01",
    )
    again = Baseline.from_json(json.loads(json.dumps(baseline.to_json())))
    np.testing.assert_array_equal(again.predicted, baseline.predicted)
    assert {**vars(again), "predicted": 0} == {**vars(baseline), "predicted": 0}


def trained(digits, seed):
    model = digitnet.models.make("linear", input_shape=(8, 8), seed=seed)
    model.fit(digits[0][:100], epochs=1, seed=seed, progress=False)
    return model


def test_weights_are_compared_bit_for_bit(make, digits, tmp_path):
    make().check_weights(trained(digits, 1))
    make(strict=True).check_weights(trained(digits, 1))
    model = trained(digits, 1)
    state = model.state_dict()
    state["dense1.bias"][0] = np.nextafter(state["dense1.bias"][0], np.float32(9))
    model.load_state_dict(state)
    with pytest.raises(AssertionError, match="expected the weights of .* got"):
        make().check_weights(model)
    (key,) = BaselineFile(tmp_path / "test_x.json").weights
    assert key.startswith("native ")
    assert "torch" not in key


def test_equal_weights_have_equal_hashes(digits):
    first, again, other = (trained(digits, seed) for seed in (1, 1, 2))
    assert weights_sha256(first) == weights_sha256(again) != weights_sha256(other)


def test_a_second_check_needs_a_name_and_has_its_own_file(make, tmp_path):
    both = make()
    both.check({"accuracy": 0.9}, samples=100)
    both.check({"accuracy": 0.1}, samples=100, name="noisy")
    again = make()
    again.check({"accuracy": 0.1}, samples=100, name="noisy")
    again.check({"accuracy": 0.9}, samples=100)
    for name in ("", "noisy", "a/b", "..", "a b"):
        with pytest.raises(
            ValueError, match=r"metric_regression.name: expected one wo"
        ):
            again.check({"accuracy": 0.9}, samples=100, name=name)
    assert {p.name for p in tmp_path.iterdir()} == {"test_x.json", "test_x.noisy.json"}
    with pytest.raises(AssertionError, match=r"baseline of .*test_x.noisy.json"):
        make().check({"accuracy": 0.01}, tolerance=0, name="noisy")


def test_the_old_name_of_the_callback_warns(tmp_path):
    with pytest.warns(DeprecationWarning, match="'told' is now called 'on_check'"):
        MetricRegression(tmp_path / "x.json", "x.py::x", told=print)
