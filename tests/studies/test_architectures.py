"""The study of architectures: its variants, its measure of oscillation, its pairs."""

import numpy as np
import pytest

import digitnet
from digitnet import plot
from digitnet.experiments.context import Context
from digitnet.studies import architectures
from digitnet.studies.architectures_variants import (
    AUGMENTATIONS,
    NORMS,
    POOLED,
    POOLS,
    m5,
    oscillation,
    paired_seeds,
    pooled,
)

SHAPE = (28, 28)


def rows(model):
    return [(r["kind"], r["output"], r["parameters"]) for r in model.summary().rows]


@pytest.mark.parametrize(
    ("name", "layers"),
    [*((n.lower(), pooled(n, "max")) for n in POOLED), ("m5", m5("all"))],
)
def test_the_base_of_the_variants_is_the_network_of_that_name(name, layers):
    ours = digitnet.Model(layers, SHAPE)
    assert rows(ours) == rows(digitnet.models.make(name))


@pytest.mark.parametrize("name", POOLED)
def test_pooling_changes_and_nothing_else(name):
    models = {p: digitnet.Model(pooled(name, p), SHAPE) for p in POOLS}
    assert len({m.count_params() for m in models.values()}) == 1
    kinds = {p: [r["kind"] for r in m.summary().rows] for p, m in models.items()}
    assert kinds["max"].count("max_pool") == kinds["average"].count("average_pool") == 2
    assert not any("pool" in kind for kind in kinds["strides"])
    for model in models.values():
        flat = next(r for r in model.summary().rows if r["kind"] == "flatten")
        assert flat["output"] == (6272,)


def test_batch_norm_stands_where_the_variant_says():
    counts = {
        norm: [r["kind"] for r in digitnet.Model(m5(norm), SHAPE).summary().rows].count(
            "batch_norm"
        )
        for norm in NORMS
    }
    assert counts == {"none": 0, "convolutions": 5, "all": 6}


def test_oscillation_of_curves_made_by_hand():
    assert oscillation(np.full(9, 0.9)) == (0, 0)
    rising = np.linspace(0.1, 0.9, 9)
    assert oscillation(rising) == (pytest.approx(np.std([0.7, 0.8, 0.9], ddof=1)), 0)
    falls = np.array([0.5, 0.8, 0.3, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9])
    assert oscillation(falls) == (0, pytest.approx(0.5))


def test_full_mode_trains_thirty_of_what_the_paper_trained_thirty_of(tmp_path):
    context = Context(tmp_path, "full", "honest", [0, 1, 2])
    for name in ("c1", "c2", "c3", "m5"):
        assert architectures.seeds(context, "mnist", name) == [*range(30)]
    assert architectures.seeds(context, "mnist", "gru") == [0, 1, 2]
    assert architectures.seeds(context, "fashion-mnist", "m5") == [0, 1, 2]
    assert len(paired_seeds(context)) == 30


def test_pairs_are_measured_seed_by_seed(tmp_path, monkeypatch):
    context = Context(tmp_path, "default", "honest", [0, 1])
    worth = {"c1": 0.1, "c2": 0.2, "c3": 0.4, "m5": 0.3}
    monkeypatch.setattr(
        architectures,
        "score",
        lambda context, data, name, seed: [worth[name] * (1 + seed), 1.0, 1.0],
    )
    architectures.order_stage(context)
    measured = context.record.measured
    assert set(measured) == {f"{a} - {b}" for a, b in architectures.ORDER}
    np.testing.assert_allclose(measured["c3 - c1"], [0.3, 0.6])
    np.testing.assert_allclose(measured["m5 - c3"], [-0.1, -0.2])


def test_accuracy_stands_beside_seconds_and_parameters(
    nothing_here, tmp_path, monkeypatch
):
    monkeypatch.setattr(architectures, "RATES", {"mlp": 0.001, "gru": 0.006})
    context = Context(tmp_path, "smoke", "honest", [0, 1])
    architectures.comparison_stage("mnist")(context)
    assert len(context.record.measured["mnist gru"]) == 2
    lines = (tmp_path / "tables/mnist.csv").read_text().splitlines()
    assert lines[0] == "network,accuracy,sd,best,seconds,parameters"
    values = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert float(values["seconds"]) > 0
    assert float(values["parameters"]) == digitnet.models.make("mlp").count_params()
    assert (tmp_path / "figures/mnist_distribution.png").is_file()


def test_the_four_schemes_are_none_each_and_both():
    turn, move = AUGMENTATIONS["rotation"], AUGMENTATIONS["translation"]
    assert AUGMENTATIONS["none"] is None and len(AUGMENTATIONS) == 4
    assert set(AUGMENTATIONS["both"].split(" | ")) == {turn, move}


def test_values_that_rise_and_fall_are_joined_by_lines():
    import pandas as pd

    frame = pd.DataFrame({"a": [1.0, 3.0, 2.0]})
    styles = []
    for steps in (True, False):
        display = plot.progress(frame, steps=steps)
        styles.append(display.axes.get_lines()[0].get_drawstyle())
        display.close()
    assert styles == ["steps-post", "default"]
