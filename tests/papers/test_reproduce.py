"""Recipes: every one runs, resumes, and says what it measured and what not."""

import html
import json
import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import digitnet
from digitnet import papers
from digitnet.cli import main
from digitnet.experiments.context import Context
from digitnet.papers import (
    best,
    reproduce,
    vgg16_transfer,
)
from digitnet.papers.vgg16_transfer import networks as vgg16_networks

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
def test_every_recipe_leaves_a_whole_report(name, protocol, nothing_here, tmp_path):
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
    part = digits[1][:20]
    mirror = digitnet.Dataset(part.images[:, :, ::-1], part.labels, max_value=16)
    expected = (model.predict_proba(part) + model.predict_proba(mirror)) / 2
    report = best.evaluate(best.ALL["fashion-mnist"], model, part)
    np.testing.assert_allclose(report.probabilities, expected, rtol=1e-12)


def test_vgg16_measures_the_papers_claims_where_the_weights_are_here(
    nothing_here, tmp_path, monkeypatch
):
    file = tmp_path / "vgg16.safetensors"
    like_torchvision(file)
    monkeypatch.setattr(vgg16_networks, "imagenet_weights", lambda: file)
    context = Context(tmp_path / "r", "smoke", "paper", [0])
    vgg16_transfer.training_stage(context)
    assert set(context.record.absent) == {"xgboost"}
    assert set(context.record.measured) >= set(vgg16_transfer.IMAGENET_CLAIMS)
    model, _ = vgg16_networks.frozen(context, "ImageNet", 0)
    stored = load_file(file)
    np.testing.assert_array_equal(
        model.state_dict()["block5_conv3.weight"], stored["features.28.weight"]
    )


def like_torchvision(path):
    """Random weights of VGG16's convolutions under torchvision's names."""
    rng = np.random.default_rng(0)
    places = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    state = digitnet.models.make("vgg16-transfer").state_dict()
    shapes = [v.shape for v in state.values() if v.ndim == 4]
    tensors = {}
    for place, shape in zip(places, shapes, strict=True):
        std = np.sqrt(2 / np.prod(shape[1:]))
        weights = rng.normal(0, std, shape).astype(np.float32)
        tensors[f"features.{place}.weight"] = weights
        tensors[f"features.{place}.bias"] = np.zeros(shape[0], np.float32)
    save_file(tensors, path)
