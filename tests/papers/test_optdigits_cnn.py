"""The class project on optdigits: what its notebook prints, and what the recipe says of it."""

import numpy as np
import pytest

import digitnet
from digitnet import papers
from digitnet.experiments.context import Context
from digitnet.experiments.report_sections import cross_validation
from digitnet.models.model import Model
from digitnet.papers.optdigits_cnn import FOLDS, REMARKS, data, settings, variants
from digitnet.papers.optdigits_cnn.training import trained

PRINTED_SD = 0.0024267342001183744  # "Standard deviation of cross-validation scores"
PRINTED_MEANS = 0.03627259917557239, 0.9905693888664245


@pytest.fixture
def context(tmp_path, nothing_here):
    return Context(tmp_path / "run", "smoke", "paper", [0])


def claims():
    return {claim.key: claim for claim in papers.find("optdigits-cnn").claims}


def test_the_papers_standard_deviation_is_by_n_and_is_named_so():
    accuracies = [accuracy for _, accuracy in FOLDS]
    assert np.std(accuracies) == pytest.approx(PRINTED_SD, abs=1e-9)
    assert np.std(accuracies, ddof=1) == pytest.approx(0.0027, abs=5e-5)
    by_n = claims()["folds sd by n"]
    assert by_n.value == pytest.approx(PRINTED_SD, abs=5e-8)
    assert "by n (np.std" in by_n.what
    assert claims()["folds sd"].value is None  # the paper prints none by n - 1
    assert any(".0027" in remark for remark in REMARKS)


def test_the_papers_ten_fold_numbers_are_claims():
    np.testing.assert_allclose(np.mean(FOLDS, axis=0), PRINTED_MEANS, rtol=1e-6)
    known = claims()
    for i, (loss, accuracy) in enumerate(FOLDS, 1):
        assert known[f"fold {i} loss"].value == loss
        assert known[f"fold {i} accuracy"].value == accuracy
        assert known[f"fold {i} accuracy"].of == "In [61]"
    assert known["folds loss"].value == pytest.approx(PRINTED_MEANS[0], abs=1e-6)
    assert known["folds"].value == pytest.approx(PRINTED_MEANS[1], abs=1e-6)


def test_folds_are_measured_by_n_and_by_n_minus_1(tmp_path):
    context = Context(tmp_path, "smoke", "paper", [3])
    cross_validation(context, 5, lambda seed, fold: list(FOLDS[fold]))
    measured = context.record.measured
    assert measured["folds sd by n"] == pytest.approx([PRINTED_SD], abs=1e-9)
    assert measured["folds sd"] == pytest.approx([PRINTED_SD * np.sqrt(5 / 4)])
    assert measured["fold 3 accuracy"] == [FOLDS[2][1]]
    assert measured["fold 5 loss"] == [FOLDS[4][0]]


def test_the_study_of_folds_has_the_papers_deviation_by_n():
    known = {c.key: c for c in digitnet.studies.find("crossval").claims}
    for division in ("stratified", "plain"):
        assert known[f"{division} sd of folds by n"].value == pytest.approx(
            PRINTED_SD, abs=5e-8
        )
        assert known[f"{division} sd of folds"].value is None


def test_the_paper_protocol_trains_with_the_epsilon_of_keras(context):
    _, history = trained(context, 0)
    keras = ("adam", {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7})
    assert history.options["optimizer"] == keras


def test_two_epochs_of_the_paper_protocol_repeat_the_papers_log(data_folder, tmp_path):
    """Epoch 1: loss 2.4017, accuracy .1103; epoch 2: 2.0978, .2302."""
    context = Context(tmp_path, "smoke", "paper", [0, 1, 2])
    logs = [trained(context, seed)[1] for seed in context.seeds]
    losses = np.mean([log["loss"] for log in logs], axis=0)
    accuracies = np.mean([log["accuracy"] for log in logs], axis=0)
    np.testing.assert_allclose(losses, [2.4017, 2.0978], atol=0.1)
    np.testing.assert_allclose(accuracies, [0.1103, 0.2302], atol=0.06)


def test_rows_are_those_of_scikit_learns_seed_42(data_folder, tmp_path):
    from sklearn.model_selection import train_test_split

    context = Context(tmp_path, "default", "paper", [0])
    train, test = data.split(context)
    assert (len(train), len(test)) == (4496, 1124)
    parts = digitnet.data.load("optdigits")
    rows = np.concatenate([part.images for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    x_train, x_test, y_train, y_test = train_test_split(
        rows, labels, test_size=0.2, random_state=42
    )
    np.testing.assert_array_equal(train.images, x_train)
    np.testing.assert_array_equal(test.labels, y_test)
    np.testing.assert_array_equal(test.images, x_test)
    np.testing.assert_array_equal(train.labels, y_train)


def test_metadata_and_variables_are_counted_from_the_rows(data_folder, tmp_path):
    rows = data.pooled(Context(tmp_path, "default", "paper", [0]))
    about = data.metadata(rows)["value"]
    assert about[
        ["instances", "features", "missing values", "largest value"]
    ].tolist() == [
        "5620",
        "64",
        "0",
        "16",
    ]
    table = data.variables(rows)
    assert table.shape[0] == 65  # as the paper's
    assert table["name"].iloc[[0, 63, 64]].tolist() == [
        "Attribute1",
        "Attribute64",
        "class",
    ]
    assert set(table["missing_values"]) == {"no"}
    assert table["maximum"].iloc[:64].max() == 16
    assert table["mean"].iloc[9] == pytest.approx(rows.images[:, 1, 1].mean())


def test_every_exhibit_is_made_in_the_projects_order(nothing_here, tmp_path):
    run = papers.reproduce(
        "optdigits-cnn", "smoke", protocol="paper", out=tmp_path / "r", progress=False
    )
    exhibits = [e for e in run.recipe.exhibits if not e.absent]
    assert len(exhibits) == 11
    files = {
        path.stem
        for folder in ("figures", "tables")
        for path in (run.folder / folder).iterdir()
    }
    assert all(any(f.startswith(e.slug) for f in files) for e in exhibits)
    page = run.page.read_text()
    places = [page.rindex(f"{e.number}: ") for e in exhibits]
    assert places == sorted(places)
    assert list(run.table("In [44]")["epoch"]) == [1, 2]
    assert run.table("In [19]")["parameters"].iloc[-1] == 102_794


def test_the_networks_layers_are_the_zoos():
    ours = Model(settings.network(init="torch"), (8, 8), seed=4)
    zoos = digitnet.models.make("optdigits-cnn", seed=4)
    assert [row["kind"] for row in ours.summary().rows] == [
        row["kind"] for row in zoos.summary().rows
    ]
    for name, value in zoos.state_dict().items():
        np.testing.assert_array_equal(value, ours.state_dict()[name])


def test_variants_differ_in_what_they_say():
    def kinds(name):
        model = variants.make("paper", variants.VARIANTS[name][0], 0)
        return [row["kind"] for row in model.summary().rows]

    base = kinds(variants.BASE)
    assert base.count("conv") == 3 and base.count("dropout") == 5
    assert kinds("two blocks").count("conv") == 2
    assert kinds("three convolutions a block").count("conv") == 9
    assert "dropout" not in kinds("no dropout")
    assert kinds("batch norm").count("batch_norm") == 3


def test_the_unchanged_variant_is_what_the_settings_were_judged_by(context):
    assert variants.score(context, variants.BASE, 0) == settings.validation_score(
        context, "paper", 0
    )
