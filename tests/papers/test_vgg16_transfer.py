"""The recipe vgg16-transfer: what its report says of images, numbers and networks is so."""

import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import digitnet
from digitnet import papers
from digitnet.experiments.context import Context
from digitnet.papers.vgg16_transfer import base, data, networks, stages
from digitnet.papers.vgg16_transfer.claims import TABLE_1, TABLE_2

IMAGENET = ("frozen, ImageNet test", "two blocks, ImageNet test")


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """A smoke run of the honest protocol, without data."""
    folder = tmp_path_factory.mktemp("vgg16")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITNET_DATA", str(folder))
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("DIGITNET_OFFLINE", "1")
        return papers.reproduce(
            "vgg16-transfer", "smoke", out=folder / "run", progress=False
        )


@pytest.fixture
def context(nothing_here, tmp_path):
    return Context(tmp_path / "run", "smoke", "paper", [0])


def test_images_are_resized_by_nearest_and_lose_their_mean(context):
    train, _, _ = data.parts(context)
    model = networks.fresh(context, 0)
    steps = dict(model.core.preprocess)
    assert steps["resize"]["method"] == "nearest"
    np.testing.assert_allclose(steps["mean_rgb"]["mean"], train.images.mean())
    model.fix_scale(train.max_value)
    x = model.preprocessed(train[:3].images)
    side = data.side(context)
    rows = np.arange(side) * 28 // side
    grey = train[:3].images[:, rows][:, :, rows] - train.images.mean()
    expected = np.stack([grey / (255 * s) for s in data.STD], axis=1)
    np.testing.assert_allclose(x, expected, rtol=1e-4, atol=1e-5)


def test_the_report_says_the_method_that_the_model_has(findings):
    page = findings.page.read_text()
    assert "resized by nearest" in page
    assert findings.metrics["mode"] == "smoke"


def test_only_numbers_that_the_paper_prints_are_claims():
    recipe = papers.find("vgg16-transfer")
    printed = [c.value for c in recipe.claims if c.value is not None]
    assert not {14_848_586, 133_898, 138_357_544} & set(printed)
    assert all(c.of for c in recipe.claims if c.value is not None)
    assert not any(c.of for c in recipe.claims if c.value is None)
    for number, table in (("Table 1", TABLE_1), ("Table 2", TABLE_2)):
        of_table = [c.value for c in recipe.claims if c.of == number]
        assert of_table == [value for row in table.values() for value in row]
        assert len(of_table) == 12
    assert {c.value for c in recipe.claims if c.of == "Fig. 5"} >= {0.9324, 0.92}
    assert {c.value for c in recipe.claims if c.of == "Fig. 6"} == {
        0.4,
        0.01,
        0.1,
        0.02,
    }


def test_the_study_that_a_claim_is_sent_to_says_the_same_of_it():
    """Kothari's first dense layer is ImageNet's, which no stage here has."""
    (claim,) = [c for c in papers.find("vgg16-transfer").claims if c.key == "xgboost"]
    study = digitnet.studies.find("classical")
    (theirs,) = [c for c in study.claims if c.key == "VGG16 XGBoost"]
    assert (claim.value, f"vgg16-transfer, {claim.of}") == (theirs.value, theirs.of)
    for reason in (claim.absent, theirs.absent):
        assert "4,096 units" in reason


def test_every_number_of_both_tables_has_ours_beside_it(findings):
    frame = findings.to_frame()
    for number in ("Table 1", "Table 2"):
        rows = frame[frame["in the paper"] == number]
        assert len(rows) == 12
        assert not rows["measured"].str.contains("not measured").any()
        assert rows["difference"].str.len().gt(1).all()
    assert findings.table("Table 1").shape == findings.table("Table 2").shape == (3, 5)


def test_head_and_rate_are_those_that_do_best_on_the_validation_part(findings):
    heads, rates = findings.table("choice"), findings.table("rates")
    assert list(heads["head trained by"]) == list(networks.HEADS)
    assert list(rates["peak of the rate"]) == list(networks.TUNING_RATES)
    best = [frame.loc[frame.iloc[:, 1].idxmax()].iloc[0] for frame in (heads, rates)]
    chosen = f"{best[0]}; {best[1]:g} for the last two blocks."
    assert f"Chosen on the validation part: {chosen}" in findings.page.read_text()


def test_the_paper_protocol_chooses_nothing_by_its_test_images(context, monkeypatch):
    monkeypatch.setattr(networks, "parts", lambda _: pytest.fail("looked at images"))
    assert networks.chosen(context) == "paper"
    assert networks.chosen_rate(context) == networks.TUNING_RATES[0]


def test_one_seed_has_no_standard_deviation(findings):
    assert findings.metrics["seeds"] == [0]
    assert "sd" not in findings.table("test")


def test_every_figure_and_table_of_the_paper_is_made(findings):
    recipe = findings.recipe
    made = [item["of"] for item in findings.metrics["items"] if "of" in item]
    assert made == [exhibit.number for exhibit in recipe.exhibits]
    for number in range(1, 11):
        with findings.figure(f"Fig. {number}") as picture:
            assert picture.size[0] > 100
    assert made.index("Fig. 4") < made.index("Fig. 5")


def test_seconds_processor_and_memory_are_in_the_report(findings):
    seconds = findings.table("seconds")
    assert set(seconds["network"]) == set(findings.table("test")["network"])
    assert (seconds["seconds of training"] > 0).all()
    versions = findings.metrics["versions"]
    assert re.fullmatch(r"[\d.]+ GiB|unknown", versions["memory"])
    assert re.search(r", \d+ cores", versions["processor"])


def test_a_stand_in_is_said_to_be_one(findings):
    notes = " ".join(findings.notes)
    assert "a base that learned Fashion-MNIST stands in" in notes
    assert f"VGG16 with {base.PRETRAINING['smoke'].width:g} of its channels" in notes
    for key in IMAGENET:
        assert findings.metrics["not_measured"][key] == "ImageNet weights not here"


def test_imagenets_claims_are_measured_where_its_weights_are_here(
    context, tmp_path, monkeypatch
):
    file = tmp_path / "vgg16.safetensors"
    like_torchvision(file)
    monkeypatch.setattr(networks, "imagenet_weights", lambda: file)
    stages.training_stage(context)
    assert not context.record.absent
    assert set(context.record.measured) >= set(IMAGENET)
    model, _ = networks.frozen(context, "ImageNet", 0)
    stored = load_file(file)
    np.testing.assert_array_equal(
        model.state_dict()["block5_conv3.weight"], stored["features.28.weight"]
    )
    assert networks.width(context, "ImageNet") == 1 > networks.width(context)


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


# -- the base that stands in -----------------------------------------------------


@pytest.mark.parametrize("width", [1, 0.25])
def test_layers_are_those_of_the_zoos_vgg16_but_for_their_width(width):
    zoo = digitnet.models.make("vgg16-transfer").summary().rows
    ours = digitnet.Model(
        base.vgg16_layers(width, 10), (3, 48, 48), preprocess=()
    ).summary()
    assert [row["layer"] for row in ours.rows] == [row["layer"] for row in zoo]
    for mine, theirs in zip(ours.rows, zoo, strict=True):
        if mine["layer"].startswith("block"):
            assert mine["output"][0] == width * theirs["output"][0]


@pytest.fixture
def garments(digits):
    return digits[0][:60]


PRETRAINED = base.Pretraining(
    1 / 32,
    4,
    32,
    base.FROZEN,
    base.VARIED,
    (base.Phase(32, 1, 0.001), base.Phase(48, 2, 0.001)),
)


def base_start():
    layers = base.vgg16_layers(PRETRAINED.width, 40)
    return digitnet.Model(layers, (3, 32, 32), preprocess=(), seed=0).state_dict()


def test_a_base_is_trained_once_and_kept(garments, tmp_path):
    first, history = base.trained_base(PRETRAINED, garments, tmp_path)
    files = sorted(tmp_path.iterdir())
    assert [f.suffix for f in files] == [".json", ".safetensors"]  # of the last phase
    times = [f.stat().st_mtime_ns for f in files]
    again, cached = base.trained_base(PRETRAINED, garments, tmp_path)
    assert [f.stat().st_mtime_ns for f in sorted(tmp_path.iterdir())] == times
    assert dict(cached) == dict(history)
    state = first.state_dict()
    for name in ("block5_conv1", "block5_conv3"):  # they hand on what they are given
        weights = state[f"{name}.weight"]
        identity = np.zeros_like(weights)
        identity[range(len(weights)), range(len(weights)), 1, 1] = 1
        np.testing.assert_array_equal(weights, identity)
    moved = state["block4_conv1.weight"] - base_start()["block4_conv1.weight"]
    assert np.abs(moved).max() > 0
    assert history.epochs == 3
    for name, value in first.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[name], value)


def test_a_damaged_base_is_named_and_a_lost_one_trained_again(garments, tmp_path):
    settings = PRETRAINED.up_to(1)
    first, _ = base.trained_base(settings, garments, tmp_path)
    about, weights = sorted(tmp_path.iterdir())
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=f"{weights.name}: expected a whole safetens"):
        base.trained_base(settings, garments, tmp_path)
    weights.unlink()
    again, _ = base.trained_base(settings, garments, tmp_path)
    for name, value in first.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[name], value)
    for content in (b"", b"{", b"[]", b"\xff", b'{"columns": {}}'):
        about.write_bytes(content)
        with pytest.raises(ValueError, match=f"{about.name}: expected .*; delete it"):
            base.trained_base(settings, garments, tmp_path)


def test_a_base_is_not_trained_where_it_cannot_be_kept(garments, tmp_path, monkeypatch):
    (tmp_path / "digitnet").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(base, "_train_phase", lambda *_: pytest.fail("trained"))
    with pytest.raises(
        OSError, match="base: expected a folder that can be written, go"
    ):
        base.trained_base(PRETRAINED, garments)


def test_a_base_of_other_settings_or_images_is_another(garments, tmp_path):
    at = base.cache_path(PRETRAINED, garments, tmp_path)
    assert at == base.cache_path(PRETRAINED, garments[:], tmp_path)
    others = {
        base.cache_path(PRETRAINED.up_to(1), garments, tmp_path),
        base.cache_path(base.replace(PRETRAINED, batch_size=33), garments, tmp_path),
        base.cache_path(PRETRAINED, garments[:59], tmp_path),
    }
    assert len(others | {at}) == 4


def test_an_interrupted_base_goes_on_behind_its_last_leg(
    garments, tmp_path, monkeypatch
):
    whole, _ = base.trained_base(PRETRAINED, garments, tmp_path / "whole")
    with monkeypatch.context() as patch:
        train = base._train_phase

        def interrupted(settings, phase, *rest):
            if phase.pixels == 48:
                raise KeyboardInterrupt
            return train(settings, phase, *rest)

        patch.setattr(base, "_train_phase", interrupted)
        with pytest.raises(KeyboardInterrupt):
            base.trained_base(PRETRAINED, garments, tmp_path)
    trained = []

    def counted(settings, phase, *rest):
        trained.append(phase.pixels)
        return train(settings, phase, *rest)

    monkeypatch.setattr(base, "_train_phase", counted)
    resumed, history = base.trained_base(PRETRAINED, garments, tmp_path)
    assert trained == [48]
    assert history.epochs == 3
    for name, value in whole.state_dict().items():
        np.testing.assert_array_equal(resumed.state_dict()[name], value)


def test_a_base_learns_images_that_are_varied(garments):
    phase = PRETRAINED.phases[0]
    plain = base.replace(PRETRAINED, augment="")
    weights = []
    for settings in (PRETRAINED, PRETRAINED, plain):
        none = base.History()
        model, _ = base._train_phase(settings, phase, garments, None, none)
        weights.append(model.state_dict()["block4_conv1.weight"])
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.abs(weights[0] - weights[2]).max() > 0


def test_lessons_are_images_and_outlines_that_say_how_they_were_turned(garments):
    every = base.pretext_data(garments, PRETRAINED)
    assert len(every) == 240
    assert len(every.classes) == 40
    upright = every[:60]
    np.testing.assert_array_equal(upright.images[0::2], garments.images[0::2])
    lines = base.outlines(garments.images[1::2])
    np.testing.assert_array_equal(upright.images[1::2], lines)
    for turn in range(4):
        part = every[60 * turn : 60 * (turn + 1)]
        np.testing.assert_array_equal(part.labels, 4 * garments.labels + turn)
        turned_back = np.rot90(part.images, -turn, (-2, -1))
        np.testing.assert_array_equal(turned_back, upright.images)


@pytest.mark.parametrize("times", [1, 2])
def test_a_part_of_the_lessons_has_every_image(garments, times):
    part = base.pretext_data(garments, PRETRAINED, times / 4)
    turns = part.labels % 4
    assert set(turns) == {0, 1, 2, 3}
    upright = [
        np.rot90(image, -turn) for image, turn in zip(part.images, turns, strict=True)
    ]
    plain = [
        image.tobytes() for image in base.pretext_data(garments, PRETRAINED)[:60].images
    ]
    found = [np.ascontiguousarray(image).tobytes() for image in upright]
    assert sorted(found) == sorted(times * plain)


def test_an_outline_is_where_a_shape_ends():
    image = np.zeros((1, 9, 9), np.uint8)
    image[:, 2:7, 2:7] = 200
    expected = np.zeros((9, 9))
    expected[1:8, 1:8] = 255
    expected[3:6, 3:6] = 0
    np.testing.assert_array_equal(base.outlines(image)[0], expected)


def test_a_base_begins_at_the_identity():
    model = digitnet.Model(base.vgg16_layers(1 / 16, 10), (3, 32, 32), preprocess=())
    before = model.state_dict()
    base.start_at_identity(model)
    x = np.random.default_rng(0).random((2, 3, 32, 32), np.float32)
    maps = model.activations(x, ["relu1", "relu2", "block4_pool", "relu13"])
    np.testing.assert_allclose(maps["relu1"], maps["relu2"], rtol=1e-5)
    np.testing.assert_allclose(maps["block4_pool"], maps["relu13"], rtol=1e-5)
    for name in ("block1_conv1.weight", "block4_conv1.weight", "dense1.weight"):
        np.testing.assert_array_equal(model.state_dict()[name], before[name])


def test_a_garment_is_right_whichever_way_it_was_taken_to_be_turned(garments):
    class Always:
        def predict_proba(self, test):
            rows = np.zeros((len(test), 40))
            rows[np.arange(len(test)), test.labels * 4 + 3] = 1
            return rows

    assert base.garment_accuracy(Always(), garments, 4) == 1


def test_heat_maps_have_every_epoch_once():
    grid = stages.by_fives([float(i) for i in range(12)])
    values = grid.to_numpy()
    assert values.shape == (3, 5)
    assert values[np.isfinite(values)].tolist() == list(range(12))
    assert list(grid.index) == [1, 6, 11]
