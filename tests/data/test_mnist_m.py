"""MNIST-M: the generator and the official archive's form."""

import numpy as np
import pytest
from PIL import Image

import digitnet
from digitnet import DataError, Dataset
from digitnet.data import make_mnist_m, read_photographs, read_picture_list


@pytest.fixture
def photos(rng):
    sizes = [(40, 33), (28, 28), (31, 90)]
    return [rng.integers(0, 256, (3, *size), dtype=np.uint8) for size in sizes]


@pytest.fixture
def grey(rng):
    images = rng.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    return Dataset(images, rng.integers(0, 10, 60), max_value=255)


def expected_image(image, photos, seed, index, binary=False):
    """The definition: the patch is drawn by (seed, index) from stream 5."""
    from reference.augment import Draws

    draws = Draws(seed, "shift", 0, index)
    draws.address = (5, index >> 32, index % 2**32)
    photo = photos[draws.below(len(photos))].astype(int)
    top = draws.below(photo.shape[1] - 27)
    left = draws.below(photo.shape[2] - 27)
    digit = np.where(image > 0, 255, 0) if binary else image.astype(int)
    return np.abs(photo[:, top : top + 28, left : left + 28] - digit)


@pytest.mark.parametrize("binary", [False, True])
def test_a_digit_is_the_difference_to_a_patch(binary, grey, photos):
    mnist_m = make_mnist_m(grey, photos, seed=9, first_index=5, binary=binary)
    for i in range(len(grey)):
        expected = expected_image(grey.images[i], photos, 9, 5 + i, binary)
        np.testing.assert_array_equal(mnist_m.images[i], expected)
    np.testing.assert_array_equal(mnist_m.labels, grey.labels)
    assert mnist_m.shape == (3, 28, 28)
    assert mnist_m.images.dtype == np.uint8


def test_photograph_and_corner_follow_the_seed_alone(grey, photos):
    whole = make_mnist_m(grey, photos, seed=2).images
    part = make_mnist_m(grey[40:], photos, seed=2, first_index=40).images
    np.testing.assert_array_equal(part, whole[40:])
    assert not np.array_equal(make_mnist_m(grey, photos, seed=3).images, whole)


def test_a_folder_of_photographs_is_read_in_order_of_names(grey, photos, tmp_path):
    for name, photo in zip("bca", photos, strict=True):
        Image.fromarray(photo.transpose(1, 2, 0)).save(tmp_path / f"{name}.png")
    (tmp_path / "Thumbs.db").write_bytes(b"no picture")
    read = read_photographs(tmp_path)
    for photo, expected in zip(read, [photos[2], photos[0], photos[1]], strict=True):
        np.testing.assert_array_equal(photo, expected)
    np.testing.assert_array_equal(
        make_mnist_m(grey, tmp_path).images, make_mnist_m(grey, read).images
    )


def test_wrong_photographs_are_named(grey, photos, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"read_photographs: expected a folder"):
        make_mnist_m(grey, tmp_path / "none")
    with pytest.raises(DataError, match="expected photographs, got none"):
        make_mnist_m(grey, tmp_path)
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff no")
    with pytest.raises(DataError, match=r"bad\.jpg"):
        make_mnist_m(grey, tmp_path)
    with pytest.raises(ValueError, match="expected at least one photograph"):
        make_mnist_m(grey, [])
    small = [*photos, np.zeros((3, 27, 40), np.uint8)]
    for wrong in (small, [photos[0][0]], [photos[0].transpose(1, 2, 0)]):
        with pytest.raises(ValueError, match=r"mnist_m.photos: expected shape \(3, h"):
            make_mnist_m(grey, wrong)
    with pytest.raises(ValueError, match="expected uint8 arrays, got float64"):
        make_mnist_m(grey, [photos[0] / 255])


def test_wrong_digits_are_refused(photos, digits, rng):
    with pytest.raises(ValueError, match="expected max_value 255"):
        make_mnist_m(digits[0], photos)
    for images in (
        rng.random((3, 28, 28)).astype(np.float32),
        np.zeros((3, 3, 28, 28), np.uint8),
    ):
        with pytest.raises(ValueError, match="expected grey uint8 images"):
            make_mnist_m(Dataset(images, max_value=255), photos)


@pytest.fixture
def archive(tmp_path, rng):
    """The official archive's form, small."""
    pixels = rng.integers(0, 256, (5, 3, 32, 32), dtype=np.uint8)
    folder = tmp_path / "mnist_m" / "mnist_m_train"
    folder.mkdir(parents=True)
    for i, image in enumerate(pixels):
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{i:08}.png")
    labels = tmp_path / "mnist_m" / "mnist_m_train_labels.txt"
    labels.write_text("".join(f"{i:08}.png {9 - i}\n" for i in (3, 0, 4)))
    return folder, labels, pixels


def test_a_list_says_which_pictures_in_which_order(archive):
    folder, labels, pixels = archive
    data = read_picture_list(folder, labels)
    np.testing.assert_array_equal(data.images, pixels[[3, 0, 4]])
    assert data.labels.tolist() == [6, 9, 5]
    assert read_picture_list(folder, labels, colour=False).shape == (1, 32, 32)


def test_the_official_set_is_read_when_it_is_there(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITNET_DATA", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(
        FileNotFoundError, match=r"mnist_m: expected a folder of mnist_m_"
    ):
        digitnet.data.load("mnist-m-official")
    monkeypatch.setenv("DIGITNET_DATA", str(tmp_path))
    folder, labels, _ = archive
    (folder.parent / "mnist_m_test").symlink_to(folder)
    (folder.parent / "mnist_m_test_labels.txt").symlink_to(labels)
    train, test = digitnet.data.load("mnist-m-official")
    assert (len(train), len(test), train.shape) == (3, 3, (3, 32, 32))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "labels.txt: expected lines"),
        (b"\n \n", "labels.txt: expected lines"),
        (b"00000000.png\n", "line 1: expected a file's name and a label"),
        (b"00000000.png 1\n00000001.png ten\n", "line 2: expected a label from 0 to 9"),
        (b"00000000.png 10\n", "line 1: expected a label from 0 to 9, got '10'"),
        (b"00000000.png -1\n", "line 1: expected a label"),
        (b"../etc/passwd 1\n", "line 1: expected a file's name without folders"),
        (b"00000000.png 1\n00000000.png 2\n", "line 2: expected each file once"),
        (b"00000000.png 99999999999999999999\n", "line 1: expected a label"),
    ],
)
def test_a_wrong_list_names_the_line(text, message, archive):
    folder, labels, _ = archive
    labels.write_bytes(text)
    with pytest.raises(DataError, match=message):
        read_picture_list(folder, labels)


def test_a_listed_picture_that_is_absent_broken_or_of_another_size_is_named(archive):
    folder, labels, pixels = archive
    labels.write_text("00000000.png 1\n00000009.png 2\n")
    with pytest.raises(FileNotFoundError, match=r"00000009\.png"):
        read_picture_list(folder, labels)
    (folder / "00000009.png").write_bytes(b"\x89PNG no")
    with pytest.raises(DataError, match=r"00000009\.png"):
        read_picture_list(folder, labels)
    Image.fromarray(pixels[0, :, :30].transpose(1, 2, 0)).save(folder / "00000009.png")
    with pytest.raises(DataError, match=r"00000009\.png: expected \(32, 32\) pixels"):
        read_picture_list(folder, labels)


def test_colour_goes_all_the_way(grey, photos, tmp_path):
    """Train, evaluate, look, save, load and predict a picture file, in colour."""
    data = make_mnist_m(grey, photos, seed=1)
    model = digitnet.models.make("lenet5", input_shape=data.shape, seed=1)
    model.fit(data, epochs=1, augment="shift 2px | noise 5%", progress=False)
    report = model.evaluate(data)
    assert 0 <= report["accuracy"] <= 1
    digitnet.plot.sample_grid(data).close()
    digitnet.plot.feature_maps(model, data.images[0]).close()
    model.save(tmp_path / "m.safetensors")
    again = digitnet.models.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(
        again.predict_proba(data.images), model.predict_proba(data.images)
    )
    from digitnet.models.pictures import prepare

    Image.fromarray(data.images[3].transpose(1, 2, 0)).save(tmp_path / "d.png")
    np.testing.assert_array_equal(
        prepare(again, tmp_path / "d.png").reshape(3, 28, 28), data.images[3]
    )
