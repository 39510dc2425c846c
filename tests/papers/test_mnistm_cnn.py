"""The recipe of the MNIST-M paper: grey as it says, its epochs, its numbers, what it never said."""

import json
import math

import numpy as np
import pandas as pd
import pytest

import digitnet
from digitnet import papers, studies
from digitnet.attack import attacked
from digitnet.experiments.context import Context
from digitnet.papers.mnistm_cnn import (
    comparison,
    fluctuation,
    generalisation,
    settings,
    training,
    tuning,
)
from digitnet.papers.mnistm_cnn.settings import (
    PAPER,
    fit_options,
    for_grey_images,
    make,
)
from digitnet.preprocess import RGBToGrey, applied
from digitnet.search import Search

# Table 1 and Fig. 4 as the paper prints them.
TABLE_1 = """
Proposed Model 99.25 99.25 99.98 99.25 99.25 99.90 99.25
LeNet-5        98.50 98.45 99.70 98.60 98.40 99.00 98.50
ResNet-50      98.75 98.70 99.80 98.80 98.60 99.20 98.75
VGG-16         98.90 98.80 99.85 98.85 98.75 99.30 98.90
MobileNetV2    99.00 98.90 99.90 99.00 98.80 99.40 99.00
"""
COLUMNS = ["accuracy", "F1", "AUC", "precision", "recall", "specificity", "G-measure"]
FIG_4 = {
    "AUC": 0.9998334289023887,
    "precision": 0.992515398442679,
    "recall (sensitivity)": 0.9925,
    "specificity": 0.9989795918367347,
    "F1": 0.992497148627433,
    "G-measure": 0.9925076991616141,
}


def printed():
    """(network, metric) to the number."""
    numbers = {}
    for line in TABLE_1.strip().splitlines():
        *name, values = line[:15].strip(), line[15:].split()
        for metric, value in zip(COLUMNS, values, strict=True):
            numbers[name[0].lower(), metric] = float(value) / 100
    return numbers


@pytest.fixture
def recipe():
    return papers.find("mnistm-cnn")


@pytest.fixture
def context(nothing_here, tmp_path):
    """Of the paper's protocol, whose settings need no search."""
    return Context(tmp_path / "run", "smoke", "paper", [0, 1])


def placeholder(count):
    from digitnet.experiments.placeholder_data import placeholder

    return placeholder("mnist-m")[0][:count]


# -- grey ------------------------------------------------------------------------------


def test_the_papers_network_sees_grey_and_ours_colour():
    images = placeholder(4)
    for grey, channels in ((True, 1), (False, 3)):
        model = make(PAPER, 0, grey=grey)
        steps = [name for name, _ in model.core.preprocess]
        assert steps == (["rgb_to_grey", "scale"] if grey else ["scale"])
        assert model.state_dict()["conv1.weight"].shape[1] == channels
        assert model.preprocessed(images).shape == (4, channels, 28, 28)
    red, green, blue = images.images.transpose(1, 0, 2, 3) / 255.0
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    np.testing.assert_allclose(
        make(PAPER, 0).preprocessed(images)[:, 0], luma, atol=1e-6
    )


def test_grey_and_colour_are_measured_on_the_same_seeds(context):
    training.colour_stage(context)
    table = pd.read_csv(context.out / "tables" / "colour.csv")
    assert table["seed"].tolist() == context.seeds
    difference = table["colour (ours)"] - table["grey (the paper)"]
    np.testing.assert_allclose(table["colour - grey"], difference, atol=1e-12)
    assert context.record.measured["colour - grey"] == pytest.approx(list(difference))
    said = " ".join(item.get("text", "") for item in context.record.items)
    assert "The paper converts the images to grey" in said


def test_every_stage_but_the_comparison_with_colour_trains_on_grey(context):
    for name in settings.DOMAINS:
        model, _ = training.trained(context, name, 0)
        assert [step for step, _ in model.core.preprocess] == ["rgb_to_grey", "scale"]


# -- the protocol ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "count"), [("smoke", 1), ("quick", 10), ("default", 10), ("full", 10)]
)
def test_the_papers_protocol_has_its_ten_epochs_and_batches_of_32(
    mode, count, tmp_path
):
    context = Context(tmp_path, mode, "paper", [0])
    options = fit_options(context, tuning.settings_of(context), 0)
    assert (options["epochs"], options["batch_size"]) == (count, 32)
    assert options["schedule"] == "constant"
    assert options["optimizer"] == ("adam", {"epsilon": 1e-7})


def test_fewer_epochs_than_the_papers_are_said(context):
    training.training_stage(context)
    assert "Epochs: 1; the paper's log has 10." in context.record.notes
    log = pd.read_csv(context.out / "tables" / "fig02_log.csv")
    assert len(log) == 1
    assert {"fig02_log", "fig03_test_accuracy", "fig04_scores"} <= {
        item["name"] for item in context.record.items if item["kind"] == "table"
    }
    assert (context.out / "figures" / "roc.png").is_file()


def test_the_settings_are_searched_by_the_packages_own_search(nothing_here, tmp_path):
    context = Context(tmp_path / "run", "smoke", "honest", [0])
    found = {method: tuning.searched(context, method) for method in tuning.SPACES}
    assert all(isinstance(one, Search) for one in found.values())
    assert [one.method for one in found.values()] == ["grid", "random"]
    best = max(found.values(), key=lambda one: one.best_value)
    assert tuning.settings_of(context) == best.best_params


@pytest.mark.parametrize(("mode", "count"), [("default", 12), ("full", 36)])
def test_both_searches_have_as_many_trials_as_the_grid_has_points(
    mode, count, tmp_path
):
    context = Context(tmp_path, mode, "honest", [0])
    grid = tuning.space(context, "grid")
    assert set(grid) == set(tuning.space(context, "random"))
    assert math.prod(map(len, grid.values())) == tuning.trials(context) == count


# -- what the paper printed, and what it did not ------------------------------------------


def test_all_35_numbers_of_table_1_stand_beside_ours(recipe):
    claims = {c.what: c for c in recipe.claims if c.of == "Table 1"}
    assert len(claims) == 35
    for (network, metric), value in printed().items():
        name = "proposed model" if network.startswith("proposed") else network
        claim = next(
            c for w, c in claims.items() if w.lower() == f"{name}: {metric}".lower()
        )
        assert claim.value == pytest.approx(value, abs=1e-9), claim.what


def test_the_numbers_of_figure_4_are_as_printed(recipe):
    claims = {c.what: c.value for c in recipe.claims if c.of == "Fig. 4"}
    assert claims.pop("specificity by the binary formula") == 979 / 980
    assert claims == FIG_4


def test_the_fall_before_epoch_9_is_that_of_the_printed_log(recipe):
    (fall,) = {c.value for c in recipe.claims if c.of == "Fig. 2, epoch 9"}
    assert fall == pytest.approx(0.9852 - 0.6286)
    assert any(".6286" in remark for remark in recipe.remarks)


def test_nothing_is_said_of_pretrained_rivals(recipe):
    for one in (recipe, studies.find("networks")):
        words = " ".join([one.summary, *one.remarks, *(c.what for c in one.claims)])
        assert "pretrained" not in words.lower()
        assert "start at random" in words


def test_numbers_that_the_paper_never_printed_are_no_claims(recipe):
    ours = {c.key for c in recipe.claims if c.value is None}
    assert {"parameters", "colour accuracy", "grey, FGSM", "colour, PGD"} <= ours


# -- the stages --------------------------------------------------------------------------


def test_the_drawing_and_the_layers_are_of_the_network_that_is_trained(context):
    training.network_stage(context)
    table = pd.read_csv(context.out / "tables" / "layers.csv")
    total = int(table["parameters"].iloc[-1])
    assert total == training.trained(context, "MNIST-M", 0)[0].count_params()
    assert context.record.measured["parameters"] == [total]
    assert (context.out / "figures" / "fig01_architecture.png").is_file()


def test_the_study_and_the_recipe_compare_networks_by_the_same_code():
    assert studies.networks.score is comparison.score
    assert studies.networks.TABLE_1 is comparison.TABLE_1


def test_a_network_is_scored_on_the_test_part_and_under_each_condition():
    part = placeholder(60)
    scores = comparison.score(
        *("lenet5", part, part),
        epochs=2,
        seed=0,
        steps=["rgb_to_grey"],
        conditions=part,
    )
    names = [*comparison.COLUMNS, *comparison.CONDITIONS]
    assert len(scores) == len(names)
    row = dict(zip(names, scores, strict=True))
    model = digitnet.models.make(
        "lenet5", (3, 28, 28), preprocess=["rgb_to_grey", "scale"]
    )
    options = {"learning_rate": 0.004, "batch_size": 32, "progress": False}
    model.fit(part, epochs=2, seed=0, **options)
    assert row["accuracy"] == model.evaluate(part)["accuracy"]
    assert row["parameters"] == model.count_params()


@pytest.mark.parametrize(
    ("accuracies", "fall"),
    [
        (fluctuation.VALIDATION, 0.9852 - 0.6286),
        ((0.9, 0.2, 0.5, 0.6, 0.5, 0.7), 0.1),  # the first epochs do not count
        ((0.1, 0.2, 0.3, 0.4, 0.5), -0.1),
    ],
)
def test_a_fall_is_from_one_epoch_to_the_next(accuracies, fall):
    assert fluctuation.largest_fall(accuracies) == pytest.approx(fall)


def test_each_variant_is_trained_as_it_is_called(context):
    histories = {n: fluctuation.watched(context, n, 0) for n in fluctuation.VARIANTS}
    constant = histories["constant rate"]["learning_rate"]
    assert len(set(constant)) == 1 < len(set(histories["one cycle"]["learning_rate"]))
    plain = settings.make(PAPER, 0, batch_norm=None).summary().rows
    assert "batch_norm" not in {row["kind"] for row in plain}
    kinds = [row["kind"] for row in settings.make(PAPER, 0).summary().rows]
    assert kinds.count("batch_norm") == 4
    norm = fluctuation.VARIANTS["constant rate, Keras' batch norm"].batch_norm
    # Keras counts the old mean's part, .99; we the new one's.
    assert norm == {"momentum": pytest.approx(1 - 0.99), "epsilon": 1e-3}
    layers = settings.network(0.25, batch_norm=norm)
    options = [layer.options for layer in layers if layer.kind == "batch_norm"]
    assert all(o["momentum"] == 0.01 and o["epsilon"] == 1e-3 for o in options)
    assert len(options) == 4


def test_the_network_for_grey_images_predicts_the_same_and_can_be_attacked():
    images = placeholder(30)
    model = make(PAPER, 0)
    with pytest.raises(ValueError, match="preprocessing that only scales"):
        attacked(model, images, "fgsm")
    grey = applied(images, [RGBToGrey()])  # rounded to bytes
    alone = for_grey_images(model, PAPER)
    np.testing.assert_allclose(
        alone.predict_logits(grey), model.predict_logits(images), atol=0.02
    )
    changed = attacked(alone, grey, "fgsm", strength=0.1)
    most = np.abs(changed.images.reshape(30, -1) - grey.images.reshape(30, -1)).max()
    assert 0 < most <= 0.1 * 255 + 1e-3


def test_both_networks_are_attacked_by_both_attacks(context):
    generalisation.attacks_stage(context)
    table = pd.read_csv(context.out / "tables" / "attacks.csv")
    assert set(table["network"]) == {"grey", "colour"}
    assert set(table["attack"]) == {"FGSM", "PGD"}
    assert set(table["strength"]) == {0, *generalisation.STRENGTHS}
    keys = {f"{n}, {a}" for n in ("grey", "colour") for a in ("FGSM", "PGD")}
    assert set(context.record.measured) == keys
    assert json.dumps(context.record.measured)
