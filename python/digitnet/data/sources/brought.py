"""Named sets that the user brings: found where they usually lie, read by their content, their
numbers of images checked."""

from __future__ import annotations

import string
from dataclasses import dataclass

from digitnet._core import DataError
from digitnet.data.checks import DIGITS
from digitnet.data.dataset import Dataset
from digitnet.data.download import Files, need_files
from digitnet.data.formats.cifar import CIFAR_10
from digitnet.data.read import read_files
from digitnet.data.sources.source import Source

_CAPITALS = tuple(string.ascii_uppercase)
_LETTERS = (*_CAPITALS, *string.ascii_lowercase)
_MERGED = (*DIGITS, *_CAPITALS, *"abdefghnqrt")  # small letters unlike their capitals
_EMNIST = "Cohen et al., EMNIST: extending MNIST to handwritten letters, 2017"
_MEDMNIST = "Yang et al., MedMNIST v2, Scientific Data 2023"


@dataclass(frozen=True)
class Brought:
    """What is known of such a set."""

    name: str
    summary: str
    folders: tuple[str, ...]
    pattern: str
    content: str
    origin: str
    licence: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    counts: tuple[int, int] | None = None  # of training and test images
    names_itself: bool = True  # no other set has files of these names

    @property
    def files(self) -> Files:
        folders = [f for name in self.folders for f in (name, f"{name}/raw")]
        top = ("",) if self.names_itself else ()
        return Files((*folders, *top), self.pattern, self.content, self.origin)

    def load(self) -> tuple[Dataset, Dataset]:
        """(train, test). Raises FileNotFoundError, and DataError for other images."""
        paths = need_files(self.name, self.files)
        train, test = read_files(paths, self.name, self.pattern, self.classes)
        found = len(train), len(test)
        if self.counts is not None and found != self.counts:
            raise DataError(
                f"{self.name}: expected {self.counts[0]:,} training and {self.counts[1]:,} "
                f"test images, got {found[0]:,} and {found[1]:,}; is a file missing?"
            )
        if train.shape != self.shape:
            raise DataError(
                f"{self.name}: expected images of shape {self.shape}, got {train.shape}"
            )
        return train, test

    def source(self) -> Source:
        return Source(
            name=self.name,
            summary=self.summary,
            origin=self.origin,
            licence=self.licence,
            files=(),
            brought=(self.files,),
            load=lambda seed: self.load(),
        )


def _emnist(
    split: str, counts: tuple[int, int], classes: tuple[str, ...], what: str
) -> Brought:
    return Brought(
        name=f"emnist-{split}",
        summary=f"{counts[0]:,} + {counts[1]:,} handwritten {what} 28x28, if you have them",
        folders=("emnist", "EMNIST", "emnist/gzip", "gzip", "emnist/matlab", "matlab"),
        pattern=rf"emnist-{split}-(train|test)-(images|labels)[-.]idx\d-ubyte(\.gz)?"
        rf"|emnist-{split}\.mat|(gzip|matlab|emnist[-\w]*)\.zip",
        content=f"emnist-{split}-train-images-idx3-ubyte.gz and the three files beside it, "
        f"or emnist-{split}.mat",
        origin=_EMNIST,
        licence="public domain (NIST)",
        shape=(1, 28, 28),
        classes=classes,
        counts=counts,
    )


def _medmnist(name: str, channels: int, classes: tuple[str, ...], what: str) -> Brought:
    return Brought(
        name=name,
        summary=f"{what} 28x28, if you have them",
        folders=("medmnist", "MedMNIST", name),
        pattern=rf"{name}\.npz",
        content=f"{name}.npz",
        origin=_MEDMNIST,
        licence="CC BY-NC 4.0" if name == "dermamnist" else "CC BY 4.0",
        shape=(channels, 28, 28),
        classes=classes,
    )


_ORGANS = (
    *("bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right"),
    *("liver", "lung-left", "lung-right", "pancreas", "spleen"),
)

_SETS = (
    Brought(
        name="cifar-10",
        summary="50,000 + 10,000 photographs of ten things 32x32 in colour, if you have them",
        folders=("cifar-10", "cifar-10-batches-bin", "CIFAR10", "cifar10"),
        pattern=r"(data_batch_[1-5]|test_batch)\.bin|cifar-10-binary\.tar(\.gz)?",
        content="data_batch_1.bin to data_batch_5.bin and test_batch.bin, or "
        "cifar-10-binary.tar.gz",
        origin="Krizhevsky, Learning multiple layers of features from tiny images, 2009",
        licence="none stated",
        shape=(3, 32, 32),
        classes=CIFAR_10,
        counts=(50_000, 10_000),
    ),
    _emnist("balanced", (112_800, 18_800), _MERGED, "characters of 47 classes alike"),
    _emnist("byclass", (697_932, 116_323), (*DIGITS, *_LETTERS), "characters"),
    _emnist("bymerge", (697_932, 116_323), _MERGED, "characters of 47 classes"),
    _emnist("digits", (240_000, 40_000), DIGITS, "digits"),
    _emnist("letters", (124_800, 20_800), _CAPITALS, "letters"),
    _emnist("mnist", (60_000, 10_000), DIGITS, "digits in MNIST's numbers"),
    Brought(
        name="kmnist",
        summary="60,000 + 10,000 cursive Japanese characters 28x28, if you have them",
        folders=("kmnist", "KMNIST"),
        pattern=r"(train|t10k)-(images|labels)[-.]idx\d-ubyte(\.gz)?"
        r"|kmnist-(train|test)-(imgs|labels)\.npz",
        content="train-images-idx3-ubyte.gz and the three files beside it, or "
        "kmnist-train-imgs.npz and the three beside it",
        origin="Clanuwat et al., Deep learning for classical Japanese literature, 2018",
        licence="CC BY-SA 4.0",
        shape=(1, 28, 28),
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        counts=(60_000, 10_000),
        names_itself=False,
    ),
    Brought(
        name="qmnist",
        summary="60,000 + 60,000 digits: MNIST with all of its test digits, if you have them",
        folders=("qmnist", "QMNIST"),
        pattern=r"qmnist-(train|test)-(images|labels)[-.]idx\d-(ubyte|int)(\.gz)?",
        content="qmnist-train-images-idx3-ubyte.gz and the three files beside it",
        origin="Yadav, Bottou, Cold case: the lost MNIST digits, 2019",
        licence="BSD-style",
        shape=(1, 28, 28),
        classes=DIGITS,
        counts=(60_000, 60_000),
    ),
    Brought(
        name="usps",
        summary="7,291 + 2,007 digits of envelopes 16x16, if you have them",
        folders=("usps", "USPS"),
        pattern=r"usps(\.t)?(\.bz2)?|usps\.h5",
        content="usps.bz2 and usps.t.bz2, or usps.h5",
        origin="Hull, A database for handwritten text recognition research, 1994",
        licence="none stated",
        shape=(1, 16, 16),
        classes=DIGITS,
        counts=(7_291, 2_007),
    ),
    _medmnist(
        "bloodmnist",
        3,
        (
            *("basophil", "eosinophil", "erythroblast", "immature granulocytes"),
            *("lymphocyte", "monocyte", "neutrophil", "platelet"),
        ),
        "blood cells",
    ),
    _medmnist(
        "breastmnist", 1, ("malignant", "normal, benign"), "ultrasound of breasts"
    ),
    _medmnist(
        "dermamnist",
        3,
        (
            "actinic keratoses and intraepithelial carcinoma",
            *("basal cell carcinoma", "benign keratosis-like lesions"),
            *("dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions"),
        ),
        "skin lesions",
    ),
    _medmnist(
        "octmnist",
        1,
        (
            "choroidal neovascularization",
            *("diabetic macular edema", "drusen", "normal"),
        ),
        "retinas by optical coherence tomography",
    ),
    _medmnist("organamnist", 1, _ORGANS, "organs in axial sections"),
    _medmnist("organcmnist", 1, _ORGANS, "organs in coronal sections"),
    _medmnist("organsmnist", 1, _ORGANS, "organs in sagittal sections"),
    _medmnist(
        "pathmnist",
        3,
        (
            *("adipose", "background", "debris", "lymphocytes", "mucus"),
            *("smooth muscle", "normal colon mucosa", "cancer-associated stroma"),
            "colorectal adenocarcinoma epithelium",
        ),
        "tissue of colons",
    ),
    _medmnist("pneumoniamnist", 1, ("normal", "pneumonia"), "X-rays of chests"),
    _medmnist(
        "retinamnist", 3, ("0", "1", "2", "3", "4"), "retinas by grade of retinopathy"
    ),
    _medmnist(
        "tissuemnist",
        1,
        (
            "collecting duct, connecting tubule",
            *("distal convoluted tubule", "glomerular endothelial cells"),
            *("interstitial endothelial cells", "leukocytes", "podocytes"),
            *("proximal tubule segments", "thick ascending limb"),
        ),
        "cells of kidneys",
    ),
)


def sources() -> list[Source]:
    return [known.source() for known in _SETS]
