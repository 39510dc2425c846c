"""Questions that need no network: augmentation and reading files."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

import digitnet

SHIFT, TURN, ZOOM = 2.0, 10.0, 0.1


def in_turn(
    work: dict[str, Callable[[], object]], rounds: int
) -> dict[str, list[float]]:
    """Milliseconds of each, one after the other, in this process."""
    for function in work.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, function in work.items():
            start = time.perf_counter()
            function()
            times[name].append(1000 * (time.perf_counter() - start))
    return times


def augmenters(images: np.ndarray) -> dict[str, Callable[[], object]]:
    """uint8 in, float32 out: shift, rotate and zoom in one affine map, bilinear."""
    import kornia

    pipeline = digitnet.augment.Pipeline(
        f"shift {SHIFT}px | rotate {TURN}deg | zoom {ZOOM}"
    )
    x = torch.from_numpy(images)
    affine = kornia.augmentation.RandomAffine(
        degrees=TURN,
        translate=(SHIFT / 28, SHIFT / 28),
        scale=(1 - ZOOM, 1 + ZOOM),
        p=1.0,
    )

    return {
        "digitnet": lambda: pipeline(images),
        "kornia": lambda: affine(x.float()),
        "torch grid_sample": lambda: grid_samples(x.float()),
        "keras": keras_layers(images),
        "scipy": lambda: scipy_affine(images),
    }


def grid_samples(x: torch.Tensor) -> torch.Tensor:
    """The same by affine_grid and grid_sample."""
    count = len(x)
    turn = (torch.rand(count) * 2 - 1) * (TURN * torch.pi / 180)
    size = 1 + (torch.rand(count) * 2 - 1) * ZOOM
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = turn.cos() / size
    theta[:, 1, 0] = turn.sin() / size
    theta[:, 0, 1] = -theta[:, 1, 0]
    theta[:, :, 2] = (torch.rand(count, 2) * 2 - 1) * SHIFT / 14
    grid = torch.nn.functional.affine_grid(theta, list(x.shape), align_corners=False)
    return torch.nn.functional.grid_sample(x, grid, align_corners=False)


def keras_layers(images: np.ndarray) -> Callable[[], object]:
    """One layer an operation, as Keras has them, in one compiled function."""
    import keras
    import tensorflow as tf

    shift, share = SHIFT / 28, {"fill_mode": "constant", "interpolation": "bilinear"}
    layers = keras.Sequential(
        [
            keras.layers.RandomTranslation(shift, shift, **share),
            keras.layers.RandomRotation(TURN / 360, **share),
            keras.layers.RandomZoom((-ZOOM, ZOOM), **share),
        ]
    )
    x = np.moveaxis(images, 1, -1)
    run = tf.function(lambda batch: layers(tf.cast(batch, tf.float32), training=True))
    return lambda: run(x).numpy()


def scipy_affine(images: np.ndarray) -> np.ndarray:
    from scipy.ndimage import affine_transform

    rng = np.random.default_rng(0)
    out = np.empty(images.shape, np.float32)
    for i, image in enumerate(images):
        turn = np.radians(rng.uniform(-TURN, TURN))
        matrix = np.array(
            [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
        ) / rng.uniform(1 - ZOOM, 1 + ZOOM)
        offset = rng.uniform(-SHIFT, SHIFT, 2) + 13.5 - matrix @ [13.5, 13.5]
        out[i, 0] = affine_transform(
            image[0].astype(np.float32), matrix, offset, order=1
        )
    return out


def operations() -> dict[str, object]:
    """Every operation and kornia's counterpart, by our text."""
    import kornia.augmentation as k

    return {
        "shift 2px": k.RandomAffine(0, translate=(2 / 28, 2 / 28), p=1.0),
        "rotate 10deg": k.RandomRotation(10.0, p=1.0),
        "zoom 10%": k.RandomAffine(0, scale=(0.9, 1.1), p=1.0),
        "shear 10deg": k.RandomShear(10.0, p=1.0),
        "crop 4px": k.RandomCrop((28, 28), padding=4, p=1.0),
        "horizontal_flip 50%": k.RandomHorizontalFlip(p=0.5),
        "vertical_flip 50%": k.RandomVerticalFlip(p=0.5),
        "elastic 1px sigma=4px": k.RandomElasticTransform(
            kernel_size=(25, 25), sigma=(4.0, 4.0), p=1.0
        ),
        "erase 33%": k.RandomErasing(scale=(0.02, 0.33), p=1.0),
        "brightness 20%": k.RandomBrightness((0.8, 1.2), p=1.0),
        "contrast 20%": k.RandomContrast((0.8, 1.2), p=1.0),
        "noise 5%": k.RandomGaussianNoise(0.0, 0.05, p=1.0),
        "blur 1px": k.RandomGaussianBlur((7, 7), (0.1, 1.0), p=1.0),
        "sharpen 100%": k.RandomSharpness(1.0, p=1.0),
    }


def operation(
    text: str, peer: Callable[..., object], images: np.ndarray
) -> dict[str, Callable[[], object]]:
    """uint8 in; kornia's paint on 0 to 1."""
    pipeline = digitnet.augment.Pipeline(text)
    x = torch.from_numpy(images)
    return {
        "digitnet": lambda: pipeline(images),
        "kornia": lambda: peer(x.float() / 255),
    }


def csv_readers(folder: Path, images: np.ndarray, labels: np.ndarray) -> dict:
    """Kaggle's form: a header, a label and 784 pixels a line."""
    import pandas as pd

    path = folder / "train.csv"
    header = ",".join(["label", *(f"pixel{i}" for i in range(784))])
    table = np.column_stack([labels, images.reshape(len(images), -1)])
    np.savetxt(path, table, fmt="%d", delimiter=",", header=header, comments="")
    return {
        "digitnet": lambda: digitnet.data.read_csv(path),
        "pandas": lambda: pd.read_csv(path).to_numpy(np.uint8),
        "numpy": lambda: np.loadtxt(path, np.uint8, delimiter=",", skiprows=1),
    }


def idx_readers(folder: Path, images: np.ndarray) -> dict[str, Callable[[], object]]:
    """A file of images, not compressed; NumPy's way is torchvision's."""
    path = folder / "images-idx3-ubyte"
    head = np.array([0x803, len(images), 28, 28], ">i4").tobytes()
    path.write_bytes(head + images.tobytes())

    def numpy_way() -> object:
        raw = np.frombuffer(path.read_bytes(), np.uint8, offset=16)
        return raw.reshape(-1, 28, 28).copy()

    def torchvision_way() -> object:
        raw = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
        return raw[16:].view(-1, 28, 28).clone()

    return {
        "digitnet": lambda: digitnet.data.read_idx(path),
        "numpy": numpy_way,
        "torchvision's way": torchvision_way,
    }


def questions(rounds: int) -> Iterator[tuple[str, str, dict[str, list[float]]]]:
    """(question, unit, milliseconds of each contender)."""
    train, _ = digitnet.data.load("mnist")
    images = train.images[:10_000].reshape(-1, 1, 28, 28).copy()
    for count in (128, 1000):
        work = augmenters(images[:count])
        yield f"augment {count} images", "ms", in_turn(work, 3 * rounds)
    everyone = train.images.reshape(-1, 1, 28, 28).copy()
    for text, peer in operations().items():
        work = operation(text, peer, everyone)
        yield f"{text}, 60,000 images", "ms", in_turn(work, min(rounds, 3))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        readers = csv_readers(folder, images, train.labels[:10_000])
        yield "read CSV, 10,000 images", "ms", in_turn(readers, min(rounds, 3))
        yield (
            "read IDX, 10,000 images",
            "ms",
            in_turn(idx_readers(folder, images), rounds),
        )
