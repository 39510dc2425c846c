"""Folders of pictures."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

import digitnet
from digitnet import DataError


@pytest.fixture
def folder(tmp_path, rng):
    pixels = rng.integers(0, 256, (2, 3, 6, 5), dtype=np.uint8)
    for k, name in enumerate(["cat", "dog"]):
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.fromarray(pixels[k, i]).save(tmp_path / name / f"{i}.png")
    return tmp_path, pixels


def test_each_folder_is_a_class(folder):
    path, pixels = folder
    (path / "cat" / "notes.txt").write_text("not a picture")
    data = digitnet.data.read_folder(path)
    np.testing.assert_array_equal(data.images, pixels.reshape(6, 6, 5))
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.classes == ("cat", "dog")


def test_one_colour_picture_makes_the_set_colour(folder, rng):
    path, pixels = folder
    colour = rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    Image.fromarray(colour).save(path / "dog" / "9.png")
    data = digitnet.data.read_folder(path)
    assert data.shape == (3, 6, 5)
    np.testing.assert_array_equal(data.images[-1], colour.transpose(2, 0, 1))
    assert digitnet.data.read_folder(path, colour=False).shape == (1, 6, 5)


def test_sizes_that_differ_are_named(folder):
    path, _ = folder
    Image.new("L", (7, 7)).save(path / "dog" / "9.png")
    with pytest.raises(DataError, match=r"dog/9.png: expected \(6, 5\) pixels"):
        digitnet.data.read_folder(path)


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"x" * 50]
)
def test_a_broken_picture_is_named(folder, content):
    path, _ = folder
    (path / "dog" / "9.png").write_bytes(content)
    with pytest.raises(DataError, match="9.png: expected a"):
        digitnet.data.read_folder(path)


def test_a_truncated_picture_is_named(folder):
    path, _ = folder
    whole = (path / "dog" / "0.png").read_bytes()
    (path / "dog" / "0.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="0.png: expected a"):
        digitnet.data.read_folder(path)


def test_a_class_without_pictures_is_named(folder):
    path, _ = folder
    (path / "eel").mkdir()
    with pytest.raises(DataError, match="eel: expected pictures, got none"):
        digitnet.data.read_folder(path)


def test_too_few_folders_and_no_folder_are_refused(tmp_path):
    (tmp_path / "only").mkdir()
    with pytest.raises(DataError, match="at least two, got 1"):
        digitnet.data.read_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="expected a folder"):
        digitnet.data.read_folder(tmp_path / "nowhere")


def test_a_picture_as_large_as_a_house_is_refused_before_it_is_decoded(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("1", (9000, 9000)).save(tmp_path / name / "x.png")
    with pytest.raises(DataError, match="expected at most 50000000 pixels"):
        digitnet.data.read_folder(tmp_path)


def test_see_through_becomes_white(tmp_path):
    from digitnet.data.readers import read_picture

    Image.new("RGBA", (3, 2), (0, 0, 0, 0)).save(tmp_path / "x.png")
    assert read_picture(tmp_path / "x.png").min() == 255


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize(
    ("form", "mode"),
    [
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("TIFF", "RGB"),
        ("WEBP", "RGB"),
    ],
)
def test_a_photograph_stands_as_its_orientation_says(form, mode, orientation, rng):
    pixels = rng.integers(0, 255, (6, 4), dtype=np.uint8)
    exif, content = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    options = {"lossless": True} if form == "WEBP" else {}
    Image.fromarray(pixels).convert(mode).save(content, form, exif=exif, **options)
    with Image.open(io.BytesIO(content.getvalue())) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture).convert("L"))
    shown = digitnet.data.readers.read_picture(content.getvalue())
    np.testing.assert_array_equal(shown, expected)
    assert shown.shape == ((4, 6) if 5 <= orientation <= 8 else (6, 4))
