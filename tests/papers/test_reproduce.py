"""Recipes: every one runs, resumes, and says what it measured and what not."""

import html
import json
import re

import numpy as np
import pytest

import digitnet
from digitnet import papers
from digitnet.cli import main
from digitnet.papers import (
    best,
    reproduce,
)
from digitnet.train.temperature import best_temperature

every_recipe = pytest.mark.parametrize("name", papers.names())


# "best" has no paper: both protocols are the same. The two recipes that take longest are
# run in smoke mode by their notebooks; here in the slow tests only.
LONG = ("vgg16-transfer", "kaggle-cnn")
PROTOCOLS = [
    pytest.param(
        name,
        protocol,
        marks=pytest.mark.slow if name in LONG else (),
    )
    for name in papers.names()
    for protocol in papers.PROTOCOLS[: 1 if name.startswith("best") else 2]
]


@pytest.mark.parametrize(("name", "protocol"), PROTOCOLS)
def test_every_recipe_leaves_a_whole_report(
    name, protocol, nothing_here, placeholders, tmp_path
):
    out = tmp_path / "run"
    result = reproduce(name, "smoke", protocol=protocol, out=out, progress=False)
    recipe = papers.find(name)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics == json.loads(json.dumps(result.metrics))
    assert [row["what"] for row in metrics["rows"]] == [c.what for c in recipe.claims]
    for claim in recipe.claims:
        assert (claim.key in metrics["measured"]) != (
            claim.key in metrics["not_measured"]
        )
        assert metrics["claim"].get(claim.key) == claim.value
    for key, values in metrics["measured"].items():
        assert np.isfinite(values["values"]).all(), key
    assert placeholders(metrics) == {*recipe.data}
    page = (out / "report.html").read_text()
    figures = sorted((out / "figures").glob("*.png"))
    assert page.count("<img ") == len(figures) > 2
    assert all(
        f"<h2>{html.escape(s.title)}</h2>" in page
        for s in recipe.stages
        if protocol in s.protocols
    )
    assert "stand in for it, and the numbers say nothing" in page
    assert len(list((out / "tables").glob("*.csv"))) >= 2
    assert result.table("class_counts").shape[0] == 10
    columns = ["in the paper", "claim", "measured", "difference"]
    assert list(result.to_frame().columns) == columns
    made = [item["of"] for item in metrics["items"] if "of" in item]
    of_the_paper = [e.number for e in recipe.exhibits]
    assert made == [n for n in of_the_paper if n in made]  # in the paper's order
    assert metrics["not_made"].keys() == set(of_the_paper) - set(made)
    assert "report: " in str(result)


@every_recipe
def test_every_recipe_says_where_it_differs(name):
    recipe = papers.find(name)
    assert recipe.remarks
    assert len({stage.name for stage in recipe.stages}) == len(recipe.stages)
    assert len({claim.key for claim in recipe.claims}) == len(recipe.claims)
    assert len({claim.what for claim in recipe.claims}) == len(recipe.claims)
    assert len({e.slug for e in recipe.exhibits}) == len(recipe.exhibits)


@pytest.mark.parametrize("name", [n for n in papers.names() if n[:4] != "best"])
def test_a_number_says_where_the_paper_prints_it(name):
    claims = papers.find(name).claims
    assert all(claim.of for claim in claims if claim.value is not None)
    assert any(claim.value is None for claim in claims)  # ours, not the paper's


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lenet",), "unknown recipe 'lenet'; known: vgg16-transfer, kaggle-cnn"),
        (
            ("best",),
            "reproduce.data: expected mnist, fashion-mnist, optdigits for 'best'",
        ),
        (("mlp", "fast"), "reproduce.mode: expected smoke, quick, default, full, got"),
        (("mlp", "smoke", "theirs"), "reproduce.protocol: expected honest, paper, got"),
        (
            ("mlp", "smoke", "honest", 0),
            "reproduce.seeds: expected a whole number from 1",
        ),
        (("mlp", "smoke", "honest", []), "reproduce.seeds: expected at least one"),
        (("mlp", "smoke", "honest", [-1]), "reproduce.seeds: expected a whole number"),
    ],
)
def test_unknown_arguments_are_refused_before_anything_is_written(
    arguments, message, tmp_path
):
    name, mode, protocol, seeds = (
        (*arguments, "smoke", "honest", 1)[:4]
        if len(arguments) == 1
        else (*arguments, *("honest", 1)[len(arguments) - 2 :])
    )
    with pytest.raises(ValueError, match=message):
        reproduce(name, mode, protocol=protocol, seeds=seeds, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_without_data_only_smoke_mode_goes_on(nothing_here, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected the file in"):
        reproduce("optdigits-cnn", "quick", out=tmp_path / "r", progress=False)


def test_the_command_line_reproduces(nothing_here, tmp_path, capsys):
    assert main(["reproduce", "list"]) == 0
    assert "optdigits-cnn" in capsys.readouterr().out
    out = str(tmp_path / "r")
    command = [
        "reproduce",
        "optdigits-cnn",
        "--smoke",
        "--protocol",
        "paper",
        "--out",
        out,
    ]
    assert main([*command, "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["mode"] == "smoke"
    assert main(command) == 0  # finished before: only printed
    assert re.search(r"test accuracy +In \[46\] +99.11 %", capsys.readouterr().out)
    assert main(["reproduce", "lenet"]) != 0
    assert (
        "unknown recipe 'lenet'; known: vgg16-transfer, kaggle"
        in capsys.readouterr().err
    )


def test_the_best_of_a_data_set_goes_by_the_sets_name(tmp_path):
    with pytest.raises(ValueError, match="reproduce.data: expected none for 'mlp'"):
        reproduce("mlp", "smoke", data="mnist", out=tmp_path / "r")
    with pytest.raises(ValueError, match="for 'best', got svhn"):
        reproduce("best", "smoke", data="svhn", out=tmp_path / "r")
    with pytest.raises(ValueError, match="unknown recipe 'kaggle'; known: vgg16"):
        reproduce("kaggle", "smoke", data="cnn", out=tmp_path / "r")
    with pytest.raises(ValueError, match="expected none for a Recipe, got 'mnist'"):
        reproduce(papers.find("mlp"), "smoke", data="mnist", out=tmp_path / "r")
    assert papers.find("best", "optdigits").name == "best-optdigits"
    assert not (tmp_path / "r").exists()


def test_probabilities_of_an_image_and_its_mirror_image_are_averaged(digits):
    model = digitnet.models.make("linear", input_shape=(8, 8), seed=3)
    part, held_out = digits[1][:20], digits[0][:200]
    mirror = digitnet.Dataset(part.images[:, :, ::-1], part.labels, max_value=16)
    expected = (model.predict_proba(part) + model.predict_proba(mirror)) / 2
    mirrored = best.ALL["fashion-mnist"]
    logs = best.log_probabilities(mirrored, model, part)
    np.testing.assert_allclose(np.exp(logs), expected, rtol=1e-12)
    report = best.evaluate(mirrored, model, part, held_out)
    temperature = best_temperature(
        best.log_probabilities(mirrored, model, held_out), held_out.labels
    )
    assert temperature != 1
    expected **= 1 / temperature
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(report.probabilities, expected, rtol=1e-9)
