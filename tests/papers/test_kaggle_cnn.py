"""The recipe kaggle-cnn does what its report says."""

import math
import re

import numpy as np
import pytest

import digitnet
from digitnet import models, papers
from digitnet.experiments.context import Context
from digitnet.papers.kaggle_cnn import (
    ablations,
    claims,
    data as kaggle_data,
    filters,
    lengths,
    mistakes,
    settings,
    training,
)


def smoke(tmp_path, protocol="paper"):
    return Context(tmp_path / "run", "smoke", protocol, [0])


class Trainings:
    """Stands in for Context.trained and remembers what it was called with."""

    def __init__(self, monkeypatch):
        self.calls = []
        self.train = Context.trained
        monkeypatch.setattr(Context, "trained", lambda *a, **k: self(*a, **k))

    def __call__(self, context, key, make, data, validation=None, **options):
        self.calls.append((key, data, validation, options))
        return self.train(context, key, make, data, validation, **options)


def test_the_small_network_is_trained_as_the_large_one(
    nothing_here, tmp_path, monkeypatch
):
    trainings = Trainings(monkeypatch)
    context = smoke(tmp_path)
    for net in (settings.BIG, settings.SMALL):
        settings.trained(context, "digits", 0, net)
    big, small = trainings.calls
    assert big[0] != small[0]
    for one, other in zip(big[1:3], small[1:3], strict=True):
        np.testing.assert_array_equal(one.images, other.images)
    differing = {"checkpoint", "callbacks"}
    assert {k: v for k, v in big[3].items() if k not in differing} == {
        k: v for k, v in small[3].items() if k not in differing
    }
    options = small[3]
    assert options["optimizer"] == ("rmsprop", {"rho": 0.9, "epsilon": 1e-8})
    assert options["schedule"][0] == "reduce-on-plateau"
    assert options["monitor"] == "val_accuracy"
    assert options["augment"] == settings.AUGMENT["paper"]
    # Three quarters of 42,000 rows in batches of 640; of these few, as much less.
    assert options["batch_size"] == math.ceil(640 * len(small[1]) / 31_500)


@pytest.mark.parametrize(("name", "steps"), [("digits", 50), ("fashion", 71)])
@pytest.mark.parametrize("rows", ["all", 10_000])
def test_an_epoch_of_the_paper_protocol_has_the_logs_steps(name, steps, rows):
    count = settings.ROWS[name] if rows == "all" else rows
    count = round(count * settings.TRAINING_FRACTION)
    options = settings.options_of("paper", name, count)
    assert math.ceil(count / options["batch_size"]) == pytest.approx(steps, abs=1)
    assert (options["batch_size"] == 640) == (rows == "all")


@pytest.mark.parametrize("net", [settings.BIG, settings.SMALL])
def test_test_images_pass_the_filters_too(nothing_here, tmp_path, net):
    from scipy.ndimage import convolve

    context = smoke(tmp_path)
    model, _ = settings.trained(context, "digits", 0, net)
    _, test = kaggle_data.sets(context, "digits")
    image = test.images[:1]
    expected = image[0].astype(float) / 255
    blur = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    for _ in range(5):
        expected = convolve(expected, blur, mode="constant")
    sharpen = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
    expected = convolve(expected, sharpen, mode="constant")
    result = model.preprocessed(image)[0, 0]
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_filters_are_compared_with_images_as_they_are():
    assert filters.INPUTS[0] == filters.BASE
    assert settings.FILTERS[filters.BASE] == ()
    assert settings.filters_of("one-cycle") == ()
    assert settings.filters_of("paper") == (settings.BLUR, settings.SHARPEN)
    data = kaggle_images(1)
    plain = settings.network(settings.BIG, data, 0)
    blurred = settings.network(settings.BIG, data, 0, [settings.BLUR])
    for name, weights in plain.state_dict().items():
        np.testing.assert_array_equal(weights, blurred.state_dict()[name])
    changed = plain.preprocessed(data.images) - blurred.preprocessed(data.images)
    assert np.abs(changed).max() > 0.05


def kaggle_images(count):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
    return digitnet.Dataset(images, np.arange(count) % 10, classes=10, max_value=255)


def test_the_autoencoder_restores_training_and_validation_images(
    nothing_here, tmp_path, monkeypatch
):
    context = smoke(tmp_path, "honest")
    seen = []

    def restored(model, data):
        seen.append(data)
        return data.with_images(np.zeros_like(data.images))

    monkeypatch.setattr(filters, "restored", restored)
    fitted = []
    fit = digitnet.Model.fit

    def fit_and_tell(self, data, validation=None, **options):
        if not self.outputs_images:
            fitted.append((data, validation))
        return fit(self, data, validation, **options)

    monkeypatch.setattr(digitnet.Model, "fit", fit_and_tell)
    filters.filter_score(context, "digits", filters.RESTORED, 0)
    parts = settings.small_parts(context, "digits", 0)
    for data, part in zip(seen, parts, strict=True):
        np.testing.assert_array_equal(data.images, part.images)
    ((train, validation),) = fitted
    assert not train.images.any()
    assert not validation.images.any()


def test_five_fixed_copies_are_as_many_images_as_fresh_draws(tmp_path):
    context = Context(tmp_path, "default", "honest", [0])
    fresh = ablations.VARIANTS[ablations.BASE]
    fixed = ablations.VARIANTS["five fixed copies"]
    options = ablations.fit_options(context, fixed, 0)
    data = kaggle_images(20)
    enlarged = data.enlarged(options["augment"], options["copies"])
    assert len(enlarged) == 5 * len(data)
    epochs = ablations.fit_options(context, fresh, 0)["epochs"]
    assert 5 * options["epochs"] == epochs
    assert options["augment"] == ablations.fit_options(context, fresh, 0)["augment"]


@pytest.mark.parametrize("variant", ["erasing", "crop", "colour"])
def test_variants_add_to_the_papers_augmentation(variant):
    base = settings.AUGMENT["no flips"].split(" | ")
    added = settings.AUGMENT[variant].split(" | ")
    assert [op for op in added if op in base] == base
    assert len(added) > len(base)
    assert ablations.VARIANTS[variant].options["augment"] == settings.AUGMENT[variant]


@pytest.mark.parametrize("name", ["paper", "no flips", "erasing", "crop", "colour"])
def test_the_papers_zoom_draws_width_and_height_apart(name):
    operations = settings.AUGMENT[name].split(" | ")
    assert operations[:2] == ["shift 10%", "rotate 8deg"]
    assert "fill nearest" in operations
    squares = np.zeros((200, 28, 28), np.uint8)
    squares[:, 8:20, 8:20] = 255
    (zoom,) = [op for op in operations if op.startswith("zoom 20%")]
    drawn = digitnet.augment.Pipeline(zoom)(squares, seed=0, max_value=255)
    drawn = drawn.reshape(squares.shape) > 127
    height, width = drawn.any(2).sum(1), drawn.any(1).sum(1)
    for sides in (height, width):
        assert sides.min() < 11
        assert sides.max() > 13
    assert abs(np.corrcoef(height, width)[0, 1]) < 0.3


def test_a_longer_training_begins_as_a_shorter_one(digits):
    """The stage on lengths reads 40 epochs off the first of 70."""
    histories = []
    for epochs in (2, 4):
        model = models.make("linear", input_shape=(8, 8), seed=0)
        history = model.fit(
            *digits,
            epochs=epochs,
            augment=settings.AUGMENT["no flips"],
            progress=False,
            **settings.RMSPROP,
        )
        histories.append(history)
    short, long = histories
    assert short["val_accuracy"] == long["val_accuracy"][:2]
    assert short["loss"] == long["loss"][:2]


def ended(values, first, patience=3, min_delta=0.0):
    """The epoch after which early stopping ends a training of these accuracies."""
    best, waited = -1.0, 0
    for epoch, value in enumerate(values, first):
        if value > best + min_delta:
            best, waited = value, 0
        elif (waited := waited + 1) == patience:
            return epoch
    return None


def test_the_remark_on_early_stopping_is_what_the_logs_print():
    ends = {name: ended(values, first) for name, (first, values) in printed()}
    (remark,) = [r for r in claims.REMARKS if "Early stopping" in r]
    said = re.search(r"epoch (\d+) of digits and (\d+) of fashion", remark)
    assert ends == {"digits": int(said[1]), "fashion": int(said[2])}
    for name, (first, values) in printed():
        assert first + len(values) - 1 == {"digits": 40, "fashion": 39}[name]
        # A threshold ends it earlier.
        for threshold in (0.001, 0.01):
            assert ended(values, first, min_delta=threshold) < ends[name]
    by_key = {claim.key: claim for claim in claims.CLAIMS}
    for name, (_, values) in printed():
        assert max(values) == by_key[f"{name} log"].value


def test_the_remark_on_images_passed_is_counted():
    (remark,) = [r for r in claims.REMARKS if "images were passed" in r]
    epochs, steps, batch, passed = (
        int(number.replace(",", ""))
        for number in re.findall(r"[\d,]*\d", remark.split(";")[1])
    )
    assert batch == settings.BATCH
    assert steps == math.ceil(42_000 * 0.75 / batch)
    assert epochs * steps * batch == passed


def printed():
    return training.PRINTED.items()


def test_thresholds_of_early_stopping_are_the_thesiss(nothing_here, tmp_path):
    thresholds = [rule.get("min_delta", 0) for rule in lengths.STOPPING.values()]
    assert thresholds == [0, 0.001, 0.01]
    assert all(rule["early_stopping"] == 3 for rule in lengths.STOPPING.values())
    assert lengths.lengths(Context(tmp_path, "default", "honest", [0])) == (40, 70)


def test_what_the_thesis_does_not_print_is_no_claim():
    small = models.make(settings.SMALL).count_params()
    assert small not in [claim.value for claim in claims.CLAIMS]
    for claim in claims.CLAIMS:
        assert claim.of or claim.value is None, claim.key
        if claim.key.startswith("cited"):
            assert re.match(r"line \d+", claim.of), claim.key
            assert claim.absent, claim.key


def test_studies_that_claims_name_exist():
    said = " ".join(claim.absent for claim in claims.CLAIMS)
    named = set(re.findall(r"study `([\w-]+)`", said))
    assert named <= set(digitnet.studies.names())
    assert "the recipe `best`" in said


def test_reasons_for_mistakes_are_counted(trained, digits):
    report = trained.evaluate(digits[1])
    text = mistakes.reasons("digits", trained.evaluate(digits[0]), report)
    wrong = np.flatnonzero(report.predicted != report.labels)
    assert f"{len(wrong)} mistakes on {len(report.labels)} test images" in text
    second = [
        sorted(range(10), key=lambda k: -report.probabilities[i, k])[1] for i in wrong
    ]
    near = np.mean(np.array(second) == report.labels[wrong])
    assert f"in {near:.0%} the second guess is the true class" in text
    sure = np.mean(report.probabilities[wrong].max(1) > 0.9)
    assert f"and {sure:.0%} were answered with more than 90 % confidence" in text


def test_the_report_shows_the_thesiss_figures_in_their_order(nothing_here, tmp_path):
    run = papers.reproduce("kaggle-cnn", "smoke", out=tmp_path / "run", progress=False)
    page = run.page.read_text()
    exhibits = [e for e in run.recipe.exhibits if not e.absent]
    places = [page.index(f'id="{exhibit.slug}"') for exhibit in exhibits]
    assert places == sorted(places)
    assert len(exhibits) == 23
    log = run.table("Fig. XVII")
    assert log["epoch"].tolist() == [1]
    assert {"loss", "val_accuracy"} <= set(log.columns)
    # The thesis prints later epochs only.
    assert "val_accuracy of the thesis" not in log.columns
    assert set(run.table("filters")["images"]) == set(filters.INPUTS)
    assert set(run.table("ablation")["variant"]) == set(ablations.VARIANTS)
    assert len(run.table("lengths")) == 2 * (2 + len(lengths.STOPPING))
    figures = list((run.folder / "figures").iterdir())
    for name in kaggle_data.NAMES:
        for figure in ("confusion_matrix_training", "misclassified", "explained"):
            assert any(path.name.startswith(f"{figure}_{name}") for path in figures)
        assert len(run.table(f"confused_{name}"))
