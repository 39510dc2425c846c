"""VGG16 of any width, and the base that stands in for ImageNet's weights.

The stand-in learned Fashion-MNIST: all training images, every other one as its outline, which
is as thin as handwriting, and each in four quarter turns, so that its features tell
directions apart, too. It is trained once and kept in the user's cache
folder, by a name that depends on its settings and data.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet import models
from digitnet._utils.files import cache_folder, check_writable, write_json
from digitnet._utils.input_files import read_json
from digitnet.data.dataset import Dataset
from digitnet.experiments.context import Context
from digitnet.layers import Conv, Dense, Dropout, Flatten, MaxPool, ReLU
from digitnet.models.model import Model
from digitnet.papers.vgg16_transfer.data import steps_for
from digitnet.train.history import History

# Channels of the blocks' convolutions, and how many a block has.
# Source: Simonyan, Zisserman, ICLR 2015, table 1, column D.
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
HEAD_UNITS = 256
FOREGROUND = 40  # pixels above it belong to a garment


def vgg16_layers(width: float, classes: int) -> list[Any]:
    """VGG16's convolutions with that fraction of their channels, and the paper's head."""
    layers: list[Any] = []
    for block, (channels, count) in enumerate(BLOCKS, 1):
        for i in range(1, count + 1):
            name = f"block{block}_conv{i}"
            kept = max(1, round(width * channels))
            layers.append(Conv(kept, 3, padding="same", init="he", name=name))
            layers.append(ReLU())
        layers.append(MaxPool(2, name=f"block{block}_pool"))
    layers += [Flatten(), Dense(HEAD_UNITS), ReLU(), Dropout(0.5)]
    return [*layers, Dense(classes)]


@dataclass(frozen=True)
class Phase:
    """A part of the base's training: the first phases see small images, which cost less."""

    pixels: int
    epochs: int
    learning_rate: float  # the peak of one cycle
    part: float = 1.0  # of the quarter turns of every image


@dataclass(frozen=True)
class Pretraining:
    """How a base is trained; a cached one is known by all of this and the data."""

    width: float
    turns: int  # quarter turns of each image, each a class of its own
    batch_size: int
    frozen: tuple[str, ...]  # patterns of layers that stay as they start
    augment: str
    phases: tuple[Phase, ...]
    version: int = 3  # of the code that trains

    def up_to(self, phase: int) -> Pretraining:
        """The same, ended behind so many phases."""
        return replace(self, phases=self.phases[:phase])


# Block 5 stays at the identity and hands on the maxima of block 4's maps: features that are
# less about garments, and worth more elsewhere.
FROZEN = ("block5*",)
VARIED = "rotate 10deg | shift 2px | zoom 10% | elastic 1px"
PRETRAINING = {
    "smoke": Pretraining(1 / 16, 4, 32, FROZEN, VARIED, (Phase(32, 1, 0.001),)),
    "quick": Pretraining(1 / 4, 4, 32, FROZEN, VARIED, (Phase(32, 2, 0.0004, 0.5),)),
    "default": Pretraining(
        1,
        4,
        32,
        FROZEN,
        VARIED,
        (Phase(32, 2, 0.00015, 0.5), Phase(48, 1, 0.0001, 0.25)),
    ),
}


def pretraining_of(context: Context) -> Pretraining:
    small = context.mode in ("smoke", "quick")
    return PRETRAINING[context.mode if small else "default"]


def outlines(images: Any) -> npt.NDArray[np.uint8]:
    """Garments as lines: where a shape ends, two pixels wide, 255; elsewhere 0."""
    inside = np.asarray(images) > FOREGROUND
    padded = np.pad(inside, ((0, 0), (1, 1), (1, 1)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    edge = windows.any(axis=(3, 4)) & ~windows.all(axis=(3, 4))
    return np.where(edge, np.uint8(255), np.uint8(0))


def pretext_data(data: Dataset, settings: Pretraining, part: float = 1.0) -> Dataset:
    """Every image, as it is or, every other one, as its outline, in so many quarter turns.

    Class K * turns + turn says what it is and how it was turned.

    Args:
        data: Upright images.
        settings: Says how many turns.
        part: Of the turns: .5 is two of four for every image, not the same two for all.
    """
    turns, labels = settings.turns, data.require_labels("pretext_data")
    names = [f"{name}, {90 * t} deg" for name in data.classes for t in range(turns)]
    drawn = data.images.copy()
    drawn[1::2] = outlines(drawn[1::2])
    images, classes = [], []
    for turn in range(turns):
        chosen = (np.arange(len(data)) // 2 + turn) % turns < part * turns
        images.append(np.rot90(drawn[chosen], turn, (-2, -1)))
        classes.append(labels[chosen] * turns + turn)
    return Dataset(
        np.concatenate(images),
        np.concatenate(classes),
        classes=names,
        max_value=data.max_value,
        name=f"{data.name}, {turns} quarter turns",
    )


def start_at_identity(model: Model) -> None:
    """Convolutions of as many maps in as out begin by handing on what they are given.

    Thirteen layers without normalisation learn faster from there than from random weights:
    the last blocks begin with what the first ones see.

    Source: Zagoruyko, Komodakis, "DiracNets", 2017, without their normalisation.
    """
    state = model.state_dict()
    for name, value in state.items():
        if value.ndim == 4 and value.shape[0] == value.shape[1]:
            maps = np.arange(len(value))
            state[name] = np.zeros_like(value)
            state[name][maps, maps, value.shape[2] // 2, value.shape[3] // 2] = 1
    model.load_state_dict(state)


def trained_base(
    settings: Pretraining, train: Dataset, folder: Path | None = None
) -> tuple[Model, History]:
    """The base by these settings, from the folder if it was trained before.

    Every phase is kept, whole or not at all, until the last one is: what is interrupted goes
    on behind the phase that was finished.

    Args:
        settings: How it is trained.
        train: Images to learn, upright.
        folder: Default: "bases" in the user's cache folder.
    Raises:
        OSError: nothing can be written there; said before anything is trained.
        ValueError: a kept file is damaged.
    """
    folder = folder or cache_folder() / "bases"
    last = len(settings.phases)
    paths = [
        cache_path(settings.up_to(phase), train, folder) for phase in range(1, last + 1)
    ]
    done = max(
        (i for i, path in enumerate(paths, 1) if _is_kept(path)),
        default=0,
    )
    if done < last:
        check_writable(folder, "base", "set XDG_CACHE_HOME to another")
    model, history = _load(paths[done - 1]) if done else (None, History())
    for phase, path in list(zip(settings.phases, paths, strict=True))[done:]:
        model, history = _train_phase(settings, phase, train, model, history)
        _save(path, settings, model, history)
    for path in paths[:-1]:
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)
    assert model is not None, "settings without phases"
    return model, history


def cache_path(settings: Pretraining, train: Dataset, folder: Path) -> Path:
    """Where it lies: a name that differs when settings or images do."""
    about = json.dumps(
        {"settings": asdict(settings), "data": train.sha256()}, sort_keys=True
    )
    key = hashlib.sha256(about.encode()).hexdigest()[:12]
    return folder / f"vgg16-width-{settings.width:g}-{key}.safetensors"


def _train_phase(
    settings: Pretraining,
    phase: Phase,
    train: Dataset,
    before: Model | None,
    history: History,
) -> tuple[Model, History]:
    """One part of the training, and the history of all up to it."""
    every = pretext_data(train, settings, phase.part)
    model = Model(
        vgg16_layers(settings.width, len(every.classes)),
        every.shape[-2:],
        every.classes,
        preprocess=steps_for(every, phase.pixels),
        seed=0,
        name=f"VGG16, width {settings.width:g}",
    )
    if before is None:
        start_at_identity(model)
    else:  # pools make one pixel of 32 and of 48: every weight fits
        model.load_weights(before, strict=True)
    rows = model.fit(
        every,
        epochs=phase.epochs,
        batch_size=settings.batch_size,
        learning_rate=phase.learning_rate,
        freeze=settings.frozen,
        augment=settings.augment,
        progress=False,
    )
    for row in zip(*rows.values(), strict=True):
        history.append(dict(zip(rows, row, strict=True)))
    history.executor = rows.executor
    return model, history


def _save(path: Path, settings: Pretraining, model: Model, history: History) -> None:
    model.save(path)
    columns, executor = dict(history), str(history.executor)
    about = {"settings": asdict(settings), "columns": columns, "executor": executor}
    write_json(path.with_suffix(".json"), about)  # last: what has one is whole


def _is_kept(path: Path) -> bool:
    return path.with_suffix(".json").is_file() and path.is_file()


def _load(path: Path) -> tuple[Model, History]:
    about = read_json(
        path.with_suffix(".json"), "columns", "executor", remedy="delete it"
    )
    history = History()
    columns = about["columns"]
    for row in zip(*columns.values(), strict=True):
        history.append(dict(zip(columns, row, strict=True)))
    history.executor = about["executor"]
    return models.load(path), history


def garment_accuracy(model: Model, test: Dataset, turns: int) -> float:
    """How often the garment is right, whichever turn it is taken for; images are upright."""
    probabilities = model.predict_proba(test).reshape(len(test), -1, turns)
    labels = test.require_labels("garment_accuracy")
    return float(np.mean(probabilities.sum(2).argmax(1) == labels))
