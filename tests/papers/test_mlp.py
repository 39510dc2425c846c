"""The perceptron's recipe: what is searched, what wins, and what it needs."""

import re
import sys

import numpy as np
import pytest

from digitnet import papers, studies
from digitnet.experiments.context import Context
from digitnet.papers import reproduce
from digitnet.papers.mlp import comparisons, results, searches
from digitnet.papers.mlp.settings import START, fit_options, parts
from digitnet.search import METHODS
from digitnet.train.options import FitOptions


@pytest.mark.parametrize("name", papers.names())
def test_the_studies_that_a_recipe_sends_to_exist(name):
    recipe = papers.find(name)
    sentences = [*recipe.remarks, *(claim.absent for claim in recipe.claims)]
    for study in re.findall(r"study `([^`]*)`", " ".join(sentences)):
        assert study in studies.names()


def test_the_outlooks_networks_are_measured_in_the_study_that_is_named():
    remarks = " ".join(papers.find("mlp").remarks)
    assert "study `architectures`" in remarks
    measured = {claim.key for claim in studies.find("architectures").claims}
    assert {"mnist gru", "mnist vit-tiny"} <= measured


def test_svm_mlp_and_cnn_stand_side_by_side_in_the_study_that_is_named():
    assert "study `classical`" in " ".join(papers.find("mlp").remarks)
    measured = {claim.key for claim in studies.find("classical").claims}
    assert {"pixels SVM (RBF)", "pixels MLP", "pixels CNN"} <= measured


@pytest.fixture
def context(nothing_here, tmp_path):
    return Context(tmp_path / "run", "smoke", "honest", [0])


def test_every_method_has_as_many_trials_of_as_many_epochs(context):
    tables = [searches.searched(context, method).table for method in METHODS]
    for table in tables:
        assert len(table) == searches.trials(context)
        assert set(table["state"]) == {"complete"}
        assert set(table["epochs"]) == {searches.short_epochs(context)}
        assert (table["seconds"] > 0).all()
        assert set(searches.RANGES) <= set(table.columns)


@pytest.mark.parametrize("mode", ["quick", "default", "full"])
def test_the_budget_is_the_whole_grid(mode, tmp_path):
    context = Context(tmp_path, mode, "honest", [0])
    grid = searches.grid(context)
    assert set(grid) == set(searches.RANGES)
    assert searches.trials(context) == np.prod([len(v) for v in grid.values()])


def test_rate_and_batch_size_reach_the_training():
    options = fit_options(START | {"learning_rate": 0.5, "batch_size": 7}, 3, 1)
    assert options["learning_rate"] == 0.5 and options["batch_size"] == 7
    assert options["epochs"] == 3 and options["seed"] == 1


def found(context, **params):
    """The searches of this run are over: three found nothing new, one these settings."""
    start = {name: START[name] for name in searches.RANGES}
    results_of = {method: start for method in METHODS} | {"random": start | params}
    context.cached("found by searches", lambda: results_of)


def test_what_wins_on_validation_goes_into_the_final_training(context, monkeypatch):
    found(context, learning_rate=0.004, batch_size=32, depth=3, width=100)
    likes = {"depth": 3, "activation": "tanh", "dropout": 0.1}

    def measured(context, settings, epochs, seed):
        return [sum(settings.get(k) == v for k, v in likes.items()) / 10, 1.0]

    monkeypatch.setattr(comparisons, "_measured", measured)
    monkeypatch.setattr(comparisons, "tried", lambda context, options: options)
    final = comparisons.final_settings(context)
    assert {name: final[name] for name in likes} == likes
    assert final["learning_rate"] != START["learning_rate"]
    assert (final["batch_size"], final["width"]) == (32, 100)
    rates = {
        s["learning_rate"] for s in comparisons.optimizers(context, final).values()
    }
    assert len(rates) > 3  # each optimizer at several


def test_the_start_stays_where_no_search_found_better(context, monkeypatch):
    found(context, depth=3)
    monkeypatch.setattr(
        comparisons,
        "_measured",
        lambda context, settings, epochs, seed: [float(settings["depth"] == 2), 1.0],
    )
    assert comparisons.chosen_so_far(context, questions=1) == START


def test_the_test_part_has_no_say_in_the_choice(context):
    train, validation, _ = parts(context)
    unseen = Context(context.out, "smoke", "honest", [0])
    unseen.memoize("parts", lambda: (train, validation, None))
    assert comparisons.augmentation(unseen) in comparisons.AUGMENTATIONS


def test_the_paper_protocol_trains_what_the_paper_describes(tmp_path):
    context = Context(tmp_path, "smoke", "paper", [0])
    assert comparisons.final_settings(context) == START
    remark = papers.find("mlp").remarks[0]
    said = ("784-512-512-10", "one cycle", f"peak of {START['learning_rate']} ")
    for words in (*said, f"batches of {START['batch_size']}"):
        assert words in remark
    options = FitOptions(**fit_options(START, 1, 0))
    assert options.schedule == "one-cycle"
    text = comparisons.AUGMENTATIONS[comparisons.augmentation(context)]
    for operation in ("rotate", "shift", "zoom", "noise"):  # as the outlook names them
        assert operation in text


def test_the_augmentation_reaches_the_training(context):
    context.protocol = "paper"
    plain, _ = results.trained(context, 0)
    text = comparisons.AUGMENTATIONS["noise"]
    noisy, history = results.trained(context, 0, augment=text)
    assert "noise" in str(history.options)
    before, after = plain.state_dict(), noisy.state_dict()
    assert any(not np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("name", ["mlp", "mnistm-cnn"])
def test_without_optuna_the_search_is_refused_before_anything_is_written(
    name, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "optuna", None)
    message = rf"reproduce of '{name}': .*digitnet\[search\]"
    with pytest.raises(ImportError, match=message):
        reproduce(name, "smoke", out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
    paper = [s for s in papers.find(name).stages if "paper" in s.protocols]
    assert not any(stage.packages for stage in paper)  # that one needs no search
