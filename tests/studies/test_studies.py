"""Studies: every one runs and leaves a whole report; their parts against hand-made cases."""

import html
import json

import numpy as np
import pytest

import digitnet
from digitnet import metrics, papers, studies
from digitnet.cli import main
from digitnet.experiments import Recipe, Stage
from digitnet.experiments.context import Context
from digitnet.studies import denoise, domains, ensembles_members as ensembles
from digitnet.studies.ablation import OF_NETWORK, VARIANTS, network
from digitnet.studies.classical import NEIGHBOURS, nearest
from digitnet.studies.domains import common
from digitnet.studies.ensembles_members import averaged, disagreement, majority

every_study = pytest.mark.parametrize("name", studies.names())


# Sets that a study takes if they are here, and goes on without.
WHERE_HERE = {"robustness": ("mnist-m",), "domains": ("mnist-m", "optdigits")}


@every_study
def test_every_study_leaves_a_whole_report(name, nothing_here, placeholders, tmp_path):
    out = tmp_path / "run"
    result = studies.study(name, "smoke", out=out, progress=False)
    recipe = studies.find(name)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics == json.loads(json.dumps(result.metrics))
    for claim in recipe.claims:
        measured = claim.key in metrics["measured"]
        assert measured != (claim.key in metrics["not_measured"]), claim.key
    for key, values in metrics["measured"].items():
        assert np.isfinite(values["values"]).all(), key
    assert placeholders(metrics) == {*recipe.data, *WHERE_HERE.get(name, ())}
    page = (out / "report.html").read_text()
    assert page.count("<img ") == len(list((out / "figures").glob("*.png"))) > 0
    assert all(f"<h2>{html.escape(s.title)}</h2>" in page for s in recipe.stages)
    assert list((out / "tables").glob("*.csv"))
    again = studies.study(
        name, "smoke", out=out, progress=False
    )  # nothing is left to do
    assert again.metrics["measured"] == result.metrics["measured"]


@every_study
def test_every_study_names_its_source_and_its_limits(name):
    recipe = studies.find(name)
    assert recipe.remarks and recipe.paper and recipe.summary
    assert len({stage.name for stage in recipe.stages}) == len(recipe.stages)
    assert len({claim.key for claim in recipe.claims}) == len(recipe.claims)


@every_study
def test_a_number_says_which_paper_has_it_and_where(name):
    for claim in studies.find(name).claims:
        assert claim.of or claim.value is None, claim.key
        paper, _, line = claim.of.partition(", line ")
        if line:
            assert paper in papers.names(), claim.of
            assert line.isdigit(), claim.of


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("classic",), "unknown study 'classic'; known: networks, classical"),
        (("crossval", "fast"), "study.mode: expected smoke, quick, default, full, got"),
    ],
)
def test_unknown_arguments_are_refused_before_anything_is_written(
    arguments, message, tmp_path
):
    with pytest.raises(ValueError, match=message):
        studies.study(*arguments, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def tiny(name):
    """A study that only reports its name."""
    return Recipe(
        name=name,
        title=name,
        paper="none",
        summary="says its name",
        claims=(),
        stages=(Stage("say", "Say", lambda context: context.text(name)),),
    )


def test_another_studys_folder_is_refused_by_its_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "find", tiny)
    studies.study("crossval", "smoke", out=tmp_path / "r", progress=False)
    with pytest.raises(ValueError, match=r"study.out: expected a run of .*'fractions'"):
        studies.study("fractions", "smoke", out=tmp_path / "r", progress=False)


def test_the_command_line_runs_studies(tmp_path, capsys, monkeypatch):
    assert main(["study", "list"]) == 0
    assert "classical" in capsys.readouterr().out
    assert main(["study", "bagging"]) == 1
    assert "unknown study 'bagging'; known:" in capsys.readouterr().err
    monkeypatch.setattr(studies, "find", tiny)
    out = str(tmp_path / "r")
    assert main(["study", "crossval", "--smoke", "--out", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipe"] == "crossval"


# -- parts of studies ----------------------------------------------------------


def test_the_nearest_neighbour_is_counted_as_by_scikit_learn(rng):
    from sklearn.neighbors import KNeighborsClassifier

    images = rng.integers(0, 17, (700, 8, 8), dtype=np.uint8)
    labels = rng.integers(0, 3, 700)
    data = digitnet.Dataset(images, labels, classes=3, max_value=16)
    train, test = data[:100], data[100:]  # more rows than one batch
    classifier = KNeighborsClassifier(1, algorithm="brute")
    classifier.fit(train.images.reshape(100, -1).astype(float), train.labels)
    predicted = classifier.predict(test.images.reshape(600, -1).astype(float))
    assert nearest(train, test) == (predicted == test.labels).sum()


def test_the_nearest_neighbour_is_exact_on_optdigits(data_folder):
    assert nearest(*digitnet.data.load("optdigits")) == NEIGHBOURS["optdigits"][0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_nearest_neighbour_is_exact(name, data_folder):
    assert nearest(*digitnet.data.load(name)) == NEIGHBOURS[name][0]


def certain(*classes):
    """Probabilities of 1 for these classes, one a sample."""
    return {"test": np.eye(3)[list(classes)]}


def test_a_majority_decides_and_equal_votes_go_by_the_mean():
    members = [certain(0, 1, 2), certain(0, 2, 2), certain(1, 0, 2)]
    assert majority(members).argmax(1).tolist()[::2] == [0, 2]
    unsure = [
        {"test": np.array([[0.5, 0.4, 0.1]])},
        {"test": np.array([[0.1, 0.8, 0.1]])},
    ]
    assert majority(unsure).argmax(1).tolist() == [1]
    np.testing.assert_allclose(majority(members).sum(1), 1)
    np.testing.assert_allclose(averaged(unsure), [[0.3, 0.6, 0.1]])
    assert disagreement(members) == pytest.approx((1 + 2 + 2) / 9)


def test_the_oracle_is_right_where_one_member_is(nothing_here, tmp_path):
    context = Context(tmp_path, "smoke", "honest", [0])
    labels = ensembles.parts(context)[2].labels
    first, second = np.eye(10)[labels], np.eye(10)[labels]
    first[0], second[0] = np.eye(10)[(labels[0] + 1) % 10], np.eye(10)[labels[0]]
    first[1] = second[1] = np.eye(10)[(labels[1] + 1) % 10]
    expected = 1 - 1 / len(labels)
    members = [{"test": first}, {"test": second}]
    assert ensembles.oracle(context, members) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["norm", "pool", "depth", "dropout"])
def test_the_ablations_network_changes_in_what_is_named_only(kind):
    kinds = [layer.kind for layer in network()]
    changes = [options for group in VARIANTS.values() for options in group.values()]
    of_kind = [options for options in changes if kind in options]
    assert kind in OF_NETWORK and of_kind
    for options in of_kind:
        changed = [layer.kind for layer in network(**options)]
        same = {"norm": "batch_norm", "pool": "max_pool", "dropout": "dropout"}.get(
            kind
        )
        if options.get("dropout") == 0.5:
            assert changed == kinds
        else:
            assert changed != kinds
        if kind == "depth":
            assert changed.count("conv") == 2 * options["depth"]
        else:
            left = [k for k in changed if k not in (same, "average_pool")]
            assert left == [k for k in kinds if k != same]


def test_optdigits_are_enlarged_to_mnists_box_in_colour(digits):
    data = digits[0][:5]
    framed = common(data)
    assert framed.shape == (3, 28, 28) and framed.max_value == 255
    images = framed.images
    np.testing.assert_array_equal(images[:, 0], images[:, 2])
    border = np.ones((28, 28), bool)
    border[4:24, 4:24] = False
    assert (images[:, :, border] == 0).all()
    means = images[:, 0, 4:24, 4:24].reshape(5, -1).mean(1) / 255
    np.testing.assert_allclose(
        means, data.images.reshape(5, -1).mean(1) / 16, atol=0.05
    )
    np.testing.assert_array_equal(framed.labels, data.labels)


def test_adapting_does_not_change_the_source_model(nothing_here, tmp_path):
    context = Context(tmp_path, "smoke", "honest", [0])
    before = domains.alone(context, "mnist", 0).state_dict()
    domains.adapted(context, "batch norm", ("mnist", "mnist-m"), 0)
    for name, value in domains.alone(context, "mnist", 0).state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_denoising_by_nothing_measures_the_corruption(nothing_here, tmp_path):
    context = Context(tmp_path, "smoke", "honest", [0])
    test = denoise.parts(context)[1]
    noisy = denoise.corrupted(test, "noise 40 %")
    assert not np.array_equal(noisy.images, test.images)
    psnr, ssim, accuracy = denoise.score(context, "noise 40 %", denoise.NOTHING, 0)
    expected = metrics.psnr(noisy.images, test.images, 255).mean()
    assert psnr == pytest.approx(expected, rel=1e-6)
    assert ssim == pytest.approx(metrics.ssim(noisy.images, test.images, 255).mean())
    assert accuracy == denoise.classifier(context, 0).evaluate(noisy)["accuracy"]


def test_cross_validation_predicts_every_sample_once(digits):
    data = digits[0][:300]
    result = digitnet.cross_validate(
        "linear", data, folds=3, epochs=3, learning_rate=0.05
    )
    assert sorted(np.concatenate([test for _, test in result.parts])) == [*range(300)]
    for (train, test), model in zip(result.parts, result.models, strict=True):
        np.testing.assert_array_equal(
            result.report.probabilities[test], model.predict_proba(data[test])
        )
        assert not set(train) & set(test)
    weights = result.table["samples"] / 300
    assert (result.table["accuracy"] * weights).sum() == pytest.approx(
        result.report["accuracy"]
    )
    assert len(result.plot().data) == 3
    assert "3 folds, accuracy" in repr(result)
    assert len(result.histories) == 3


def test_cross_validation_is_the_same_one_at_a_time(digits):
    data = digits[0][:200]
    alone, together = (
        digitnet.cross_validate(
            lambda seed: digitnet.models.make("optdigits-cnn", seed=seed),
            data,
            folds=3,
            epochs=2,
            jobs=jobs,
        )
        for jobs in (1, 3)
    )
    np.testing.assert_array_equal(
        alone.report.probabilities, together.report.probabilities
    )
