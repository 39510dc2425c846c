"""Pictures of a person's own: read without options, whatever they are drawn on."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

import digitnet
from digitnet import DataError
from digitnet.data.photographs import ALL_TOGETHER, DISTURBANCES, make_photograph
from digitnet.models.pictures import prepare, prepare_picture


@pytest.fixture(scope="module")
def model():
    return digitnet.models.make("lenet5", classes=[str(k) for k in range(10)], seed=0)


@pytest.fixture(scope="module")
def seven():
    """A 7 as MNIST would hold it."""
    picture = Image.new("L", (112, 112))
    draw = ImageDraw.Draw(picture)
    draw.line([(30, 20), (80, 20), (48, 92)], 255, width=12, joint="curve")
    small = np.asarray(picture.resize((28, 28), Image.Resampling.BOX))
    return digitnet._core.data.scan(small.astype(np.float32), "mnist", 28)["image"]


def likeness(first, second):
    return np.corrcoef(first.ravel(), second.ravel())[0, 1]


@pytest.mark.parametrize("ways", [(), *((w,) for w in DISTURBANCES), ALL_TOGETHER])
def test_a_photograph_becomes_the_digit_that_was_written(ways, model, seven):
    alike = [
        likeness(
            prepare(model, make_photograph(seven, ways, size=(260, 230), seed=seed)),
            seven,
        )
        for seed in range(5)
    ]
    assert np.median(alike) > 0.75, alike


def drawn(size, ink=0, paper=255, mode="L"):
    picture = Image.new(mode, size, paper)
    width, height = size
    points = [(0.3, 0.2), (0.7, 0.2), (0.45, 0.82)]
    ImageDraw.Draw(picture).line(
        [(x * width, y * height) for x, y in points],
        ink,
        width=max(2, round(0.09 * min(size))),
    )
    return picture


DRAWINGS = {
    "small": drawn((28, 28)),
    "small and bright": drawn((28, 28), 255, 0),
    "square": drawn((100, 100)),
    "wide": drawn((400, 300)),
    "bright": drawn((100, 100), 255, 0),
    "in colour": drawn((200, 200), (30, 60, 170), (250, 250, 245), "RGB"),
    "see-through": drawn((150, 150), (0, 0, 0, 255), (0, 0, 0, 0), "RGBA"),
    "two colours": drawn((90, 90)).convert("1"),
    "large": drawn((1900, 2000)),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_needs_no_option(name, model, seven):
    seen = prepare_picture(model, DRAWINGS[name])
    assert likeness(seen.image, seven) > 0.65
    assert seen.digits == 1
    assert seen.note == ""


def test_every_source_of_a_picture_is_the_same(model, tmp_path):
    picture = drawn((120, 90), (30, 60, 170), (250, 250, 245), "RGB")
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    (tmp_path / "a.png").write_bytes(stream.getvalue())
    array = np.asarray(picture)
    sources = [
        tmp_path / "a.png",
        stream.getvalue(),
        picture,
        array,
        array.transpose(2, 0, 1),
        array / 255,
    ]
    first, *others = (model.predict_picture(source) for source in sources)
    for other in others:
        np.testing.assert_allclose(other.pop("image"), first["image"], atol=2)
        assert other["label"] == first["label"]
        assert other["box"] == first["box"]


def test_images_of_the_training_set_are_taken_as_they_are(data_folder, model):
    _, test = digitnet.data.load("mnist")
    some = test.images[:500]
    taken = [np.array_equal(prepare(model, image)[0], image) for image in some]
    assert np.mean(taken) > 0.99


def test_clothes_are_never_scanned():
    model = digitnet.models.make("lenet5", classes=[f"garment {k}" for k in range(10)])
    shirt = np.full((28, 28), 230, np.uint8)
    np.testing.assert_array_equal(prepare(model, shirt)[0], shirt)


def test_several_digits_and_none_are_said(model):
    two = Image.new("L", (240, 120), 255)
    two.paste(drawn((100, 100)), (10, 10))
    two.paste(drawn((100, 100)), (130, 10))
    seen = model.predict_picture(two)
    assert seen["digits"] == 2
    assert seen["certainty"] < 0.6
    assert seen["note"].startswith("2 digits were found; the largest one")
    with pytest.raises(DataError, match="picture: scan: expected ink"):
        model.predict_picture(np.full((90, 80), 200, np.uint8))


def test_the_box_is_in_the_pixels_of_the_picture(model):
    picture = np.full((3000, 2000), 240, np.uint8)
    picture[1000:1900, 700:800] = 20
    top, left, height, width = model.predict_picture(picture)["box"]
    assert top == pytest.approx(1000, abs=12)
    assert left == pytest.approx(700, abs=12)
    assert height == pytest.approx(900, abs=24)
    assert width == pytest.approx(100, abs=24)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((2, 3, 4, 5)), r"expected an array \(H, W\)"),
        (np.zeros((0, 5)), r"expected an array \(H, W\)"),
        (np.full((9, 9), np.nan), "expected finite numbers"),
        (np.full((9, 9), 300.0), "expected pixels from 0 to 255"),
        ("nothing.png", "nothing.png"),
    ],
)
def test_what_is_no_picture_is_refused(source, message, model):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        model.predict_picture(source)


def test_a_photograph_is_the_same_twice_and_names_its_disturbances(seven):
    first, again, other = (
        make_photograph(seven, DISTURBANCES, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    with pytest.raises(ValueError, match="unknown disturbance 'rain'; known: shade"):
        make_photograph(seven, ["rain"])
    with pytest.raises(ValueError, match="make_photograph.size: expected"):
        make_photograph(seven, size=(10, 10))
