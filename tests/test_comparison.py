"""Two models side by side: differences, intervals, who is right where."""

import json

import numpy as np
import pytest

import digitnet
from digitnet import cli


def report(digits, wrong, name):
    """Confident predictions of the test digits, wrong at these places."""
    data = digits[1]
    predicted = data.labels.copy()
    predicted[wrong] = (predicted[wrong] + 1) % 10
    shares = np.eye(10)[predicted] * 0.91 + 0.009
    return digitnet.Report(data.labels, shares, data.classes, data=data, model=name)


@pytest.fixture(scope="module")
def two(digits):
    return report(digits, [0, 1, 2, 3], "first"), report(digits, [3, 4], "second")


def test_who_is_right_where(two):
    comparison = digitnet.compare(*two)
    assert comparison.only(0).tolist() == [4]
    assert comparison.only(1).tolist() == [0, 1, 2]
    assert comparison.differing.tolist() == [0, 1, 2, 4]
    assert (comparison.mcnemar["only_first"], comparison.mcnemar["only_second"]) == (
        1,
        3,
    )
    with pytest.raises(ValueError, match="only.which: expected 0 or 1, got 2"):
        comparison.only(2)


def test_the_table_has_both_values_and_their_difference(two):
    table = digitnet.compare(*two).table
    count = len(two[0].labels)
    assert list(table.index) == digitnet.metrics.names()
    assert table.loc["accuracy", "difference"] == pytest.approx(2 / count)
    np.testing.assert_allclose(table["difference"], table["second"] - table["first"])
    means = table[["low", "high"]].dropna()
    assert list(means.index) == ["accuracy", "log_loss", "brier"]
    for name, row in means.iterrows():
        assert row["low"] <= table.loc[name, "difference"] <= row["high"]


def test_means_over_samples_are_those_of_the_metrics(two, rng):
    from digitnet.evaluation.comparison import MEANS, per_sample

    shares = rng.dirichlet(np.full(10, 0.3), len(two[0].labels))
    first = two[0]
    other = digitnet.Report(first.labels, shares, first.classes, data=first.data)
    for metric in MEANS:
        assert per_sample(other, metric).mean() == pytest.approx(other[metric])


def test_the_interval_is_scipys(rng):
    from scipy.stats import bootstrap

    from digitnet.evaluation.comparison import _interval

    gains = rng.normal(0.3, 1, 400)
    theirs = bootstrap(
        (gains,), np.mean, n_resamples=9000, confidence_level=0.9, method="percentile"
    ).confidence_interval
    ours = _interval(gains, 0.9, 9000, 0)
    np.testing.assert_allclose(ours, theirs, atol=0.2 * gains.std() / 20)
    assert _interval(gains, 0.9, 500, 1) == _interval(gains, 0.9, 500, 1)
    assert _interval(gains, 0.9, 500, 1) != _interval(gains, 0.9, 500, 2)


def test_two_that_agree_have_no_difference(two):
    comparison = digitnet.compare(two[0], two[0])
    assert comparison.names == ("first 1", "first 2")
    assert (comparison.table["difference"] == 0).all()
    assert comparison.mcnemar["p_value"] == 1
    assert len(comparison.differing) == 0
    assert "both are right equally often" in str(comparison)
    comparison.plot()


def test_models_are_compared_on_the_data(trained, digits):
    other = digitnet.models.make("linear", (8, 8))
    other.fit(digits[0][:300], epochs=3, progress=False)
    comparison = digitnet.compare(trained, other, digits[1])
    assert comparison.names == ("optdigits-cnn", "linear")
    assert (
        comparison.table.loc["accuracy", "linear"]
        == other.evaluate(digits[1])["accuracy"]
    )
    assert comparison.verdict().startswith("optdigits-cnn is ahead by")
    assert set(comparison.plot_curves().data.index.get_level_values("run")) == set(
        comparison.names
    )
    assert "<table" in comparison._repr_html_()


def test_runs_and_files_are_compared_from_a_shell(tmp_path, capsys, digits):
    for seed in ("1", "2"):
        command = "train --data digits --model linear --epochs 2 --seed 0 --json"
        out = str(tmp_path / f"run{seed}")
        options = ["--batch-size", "32", "--learning-rate", f"0.0{seed}", "--out", out]
        assert cli.main([*command.split(), *options]) == 0
    capsys.readouterr()
    first, second = str(tmp_path / "run1"), str(tmp_path / "run2" / "model.safetensors")
    out = tmp_path / "report"
    command = ["compare", first, second, "--data", "digits", "--out", str(out)]
    assert cli.main([*command, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["names"] == ["run1", "model"]
    assert set(value["mcnemar"]) == {
        "only_first",
        "only_second",
        "statistic",
        "p_value",
    }
    assert {p.name for p in out.iterdir()} == {
        *(
            "report.html",
            "comparison.json",
            "metrics.csv",
            "differing.png",
            "curves.png",
        )
    }
    assert cli.main(command) == 0
    assert "McNemar's p =" in capsys.readouterr().out
    assert cli.main(["compare", str(tmp_path), second, "--data", "digits"]) == 1
    assert "expected the folder of a run, got no model.safetensors" in (
        capsys.readouterr().err
    )


def test_a_corrupt_history_is_named(tmp_path, trained):
    read_history = digitnet.History.read
    assert read_history(tmp_path) is None
    (tmp_path / "history.csv").write_text(trained.history.to_frame().to_csv())
    again = read_history(tmp_path)
    assert list(again) == list(trained.history)
    np.testing.assert_allclose(again["val_loss"], trained.history["val_loss"])
    for content in ("", "a,b\n1,2\n", "epoch,loss\n1,much\n"):
        (tmp_path / "history.csv").write_text(content)
        with pytest.raises(ValueError, match=r"history.csv: expected a run's history"):
            read_history(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 1.0}, "compare.level: expected 0 < level < 1, got 1.0"),
        ({"draws": 3}, "compare.draws: expected a whole number from 100"),
        ({"seed": -1}, "compare.seed: expected a whole number"),
        ({"names": ("a", "a")}, "compare.names: expected two different names"),
    ],
)
def test_wrong_options_say_what_is_right(two, options, message):
    with pytest.raises(ValueError, match=message):
        digitnet.compare(*two, **options)


def test_what_cannot_be_compared_is_refused(two, trained, digits, tmp_path):
    with pytest.raises(
        ValueError, match="compare.data: expected a Dataset to evaluate"
    ):
        digitnet.compare(trained, trained)
    with pytest.raises(
        ValueError, match="compare: expected reports on the same samples"
    ):
        digitnet.compare(two[0], trained.evaluate(digits[0]))
    with pytest.raises(ValueError, match="plot_curves: expected models with a history"):
        digitnet.compare(*two).plot_curves()
    with pytest.raises(FileNotFoundError):
        digitnet.compare(tmp_path / "no.safetensors", trained, digits[1])
