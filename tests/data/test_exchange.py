"""What other libraries' images become, what they get, and who shares memory."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from reference.optional import torch

import digitnet
from digitnet import Dataset


class OnlyArray:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


class OnlyDlpack:
    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def needs_torch(value):
    return pytest.param(value, marks=pytest.mark.torch)


def pixels(rng, count=6, side=5):
    values = rng.integers(0, 256, (count, side, side), dtype=np.uint8)
    values[0, 0, 0] = 255
    return values


@pytest.mark.parametrize(
    "give",
    [
        OnlyArray,
        OnlyDlpack,
        needs_torch(lambda a: torch.from_numpy(a).float().requires_grad_()),
        needs_torch(lambda a: torch.from_numpy(a).to(torch.bfloat16)),
        needs_torch(lambda a: torch.from_numpy(a).float().to_sparse()),
        lambda a: pd.DataFrame(a.reshape(len(a), -1)),
        lambda a: pd.DataFrame(a.reshape(len(a), -1)).astype("Int64"),
        lambda a: [Image.fromarray(image) for image in a],
        needs_torch(lambda a: [torch.from_numpy(image) for image in a]),
        lambda a: tuple(Image.fromarray(image).convert("P") for image in a),
    ],
    ids=[
        *("array", "dlpack", "trained", "bfloat16", "sparse", "frame", "nullable"),
        *("pictures", "tensors", "palettes"),
    ],
)
def test_whoever_brings_the_pixels_they_are_the_same(give, rng):
    expected = pixels(rng) & 0xF8  # exact in eight bits of precision
    expected[0, 0, 0] = 248
    data = Dataset(give(expected))
    shown = data.images if data.shape[0] == 1 else data.images[:, 0]
    np.testing.assert_array_equal(shown, expected)


def test_a_picture_with_transparency_is_drawn_on_white():
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    clear.putpixel((1, 1), (10, 20, 30, 255))
    data = Dataset([clear])
    assert data.shape == (3, 4, 4)
    assert data.images[0, :, 0, 0].tolist() == [255, 255, 255]
    assert data.images[0, :, 1, 1].tolist() == [10, 20, 30]


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_contiguous_bytes_and_fractions_are_shared(kind):
    mine = (np.ones((3, 5, 5)) * (7 if kind == np.uint8 else 0.5)).astype(kind)
    data = Dataset(mine)
    assert np.shares_memory(data.images, mine)
    assert not np.shares_memory(Dataset(mine[:, ::-1]).images, mine)


@pytest.mark.torch
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_contiguous_tensors_are_shared(kind):
    mine = (np.ones((3, 5, 5)) * (7 if kind == np.uint8 else 0.5)).astype(kind)
    assert np.shares_memory(Dataset(torch.from_numpy(mine)).images, mine)


@pytest.mark.torch
def test_a_set_for_torch_has_the_raw_pixels_and_shares_them(digits):
    train = Dataset(digits[0].images.copy(), digits[0].labels)
    tensors = train.torch()
    image, label = tensors[7]
    np.testing.assert_array_equal(image[0], train.images[7])
    assert (label, label.dtype) == (train.labels[7], torch.int64)
    tensors.tensors[0][0, 0, 0, 0] = 9
    assert train.images[0, 0, 0] == 9
    part = train[5:9].torch()
    part.tensors[0][:] = 0
    assert train.images[5:9].any()
    assert len(Dataset(train.images).torch()[0]) == 1  # no labels


@pytest.mark.torch
def test_a_read_only_set_is_copied_for_torch():
    mine = np.zeros((2, 4, 4), np.uint8)
    mine.flags.writeable = False
    Dataset(mine).torch().tensors[0][:] = 1
    assert not mine.any()


@pytest.mark.torch
def test_a_model_trains_and_evaluates_on_torchs_sets(digits):
    train, test = digits
    loader = torch.utils.data.DataLoader(train.torch(), batch_size=100)

    def fitted(data):
        model = digitnet.models.make("linear", input_shape=(8, 8))
        model.fit(data, train.torch(), epochs=1, progress=False)
        return model

    first, second = fitted(train), fitted(loader)
    np.testing.assert_array_equal(
        first.predict_logits(test), second.predict_logits(test.torch())
    )
    assert first.evaluate(test.torch())["accuracy"] == first.evaluate(test)["accuracy"]


@pytest.mark.torch
@pytest.mark.parametrize("batch", [None, 1, 4, 100])
def test_loaders_and_sets_give_the_same(batch, rng):
    images = torch.from_numpy(pixels(rng, 10)[:, None])
    pairs = torch.utils.data.TensorDataset(images, torch.arange(10))
    source = (
        pairs if batch is None else torch.utils.data.DataLoader(pairs, batch_size=batch)
    )
    data = digitnet.data.from_torch(source)
    np.testing.assert_array_equal(data.images, images[:, 0])
    assert data.labels.tolist() == list(range(10))


def pictures(sizes):
    """As torchvision's sets: pictures with whole numbers, and names of classes."""

    class Pictures(torch.utils.data.Dataset):
        classes = ("cat", "dog", "cow")

        def __len__(self):
            return len(sizes)

        def __getitem__(self, index):
            return Image.new("L", (sizes[index],) * 2, index), index % 3

    return Pictures()


@pytest.mark.torch
def test_pictures_and_names_of_classes_come_along():
    data = digitnet.data.from_torch(pictures([6] * 5))
    assert (data.classes, data.name) == (("cat", "dog", "cow"), "Pictures")
    assert data.images[:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert data.labels.tolist() == [0, 1, 2, 0, 1]


@pytest.mark.torch
def test_what_cannot_be_stacked_is_refused():
    with pytest.raises(ValueError, match=r"from_torch: expected images of one size"):
        digitnet.data.from_torch(pictures([6, 7]))
    with pytest.raises(ValueError, match="from_torch: expected at least one sample"):
        digitnet.data.from_torch(pictures([]))
    with pytest.raises(TypeError, match="from_torch: expected a torch Dataset"):
        digitnet.data.from_torch([1, 2])


@pytest.mark.torch
def test_an_endless_set_is_refused_at_once():
    class Endless(torch.utils.data.IterableDataset):
        def __iter__(self):
            while True:
                yield torch.zeros(1, 4, 4), 0

    for source in (Endless(), torch.utils.data.DataLoader(Endless(), batch_size=2)):
        with pytest.raises(TypeError, match="expected a set with a length"):
            digitnet.data.from_torch(source)


def test_a_frame_becomes_the_set_that_it_came_from(digits):
    data = digits[1]
    again = digitnet.data.from_frame(data.to_frame(), name="again")
    assert again.sha256() == data.sha256()
    colour = pd.DataFrame(np.zeros((2, 12), np.uint8)).assign(answer=[0, 1])
    shaped = digitnet.data.from_frame(colour, "answer", shape=(3, 2, 2), classes=2)
    assert shaped.shape == (3, 2, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "y"}, "from_frame.label: expected a column 'y'"),
        ({"shape": (3, 3)}, "from_frame.shape: expected 64 pixels"),
    ],
)
def test_frames_that_do_not_fit_are_refused(digits, options, message):
    with pytest.raises(ValueError, match=message):
        digitnet.data.from_frame(digits[0].to_frame(), **options)


def test_a_frame_with_gaps_is_refused():
    frame = pd.DataFrame({f"p{i}": [1, None] for i in range(4)}, dtype="Int64")
    with pytest.raises(ValueError, match="expected finite pixels"):
        digitnet.data.from_frame(frame, None)


@pytest.mark.torch
def test_weights_go_to_torch_and_come_back(digits):
    model = digitnet.models.make("norm-cnn", input_shape=(8, 8), seed=3)
    module = model.to_torch()
    other = digitnet.models.make("norm-cnn", input_shape=(8, 8), seed=4)
    other.load_state_dict(module.state_dict())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, other.state_dict()[name])
    module.load_state_dict(
        {name: torch.from_numpy(v) for name, v in other.state_dict().items()}
    )


@pytest.mark.torch
@pytest.mark.parametrize("give", [lambda m: m, lambda m: m.state_dict()])
def test_a_plain_torch_networks_weights_fit_by_name(give):
    module = torch.nn.Sequential()
    module.add_module("flatten1", torch.nn.Flatten())
    module.add_module("dense1", torch.nn.Linear(64, 10))
    model = digitnet.models.make("linear", input_shape=(8, 8))
    report = model.load_weights(give(module))
    assert report.loaded == ["dense1.weight", "dense1.bias"]
    weight = module.state_dict()["dense1.weight"].numpy()
    np.testing.assert_array_equal(model.state_dict()["dense1.weight"], weight)


def test_one_colour_picture_may_be_predicted_alone():
    model = digitnet.models.make("mnistm-cnn", input_shape=(3, 16, 16))
    picture = Image.new("RGB", (16, 16), (1, 2, 3))
    alone = model.predict_proba(picture)
    assert alone.shape == (1, 10)
    turned = np.asarray(picture).transpose(2, 0, 1)[None]
    np.testing.assert_array_equal(alone, model.predict_proba(turned))
