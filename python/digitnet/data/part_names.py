"""What the names of files, folders and arrays say: which part of a data set, and whether
images or labels."""

from __future__ import annotations

import re
from collections.abc import Iterable

TRAIN, VALID, TEST = "train", "valid", "test"
IMAGES, LABELS, NAMES = "images", "labels", "names"

_PARTS = {
    TRAIN: ("train", "training", "trn", "tra", "tr"),
    VALID: ("validation", "validate", "valid", "val", "dev"),
    TEST: ("testing", "test", "tst", "tes", "te", "t10k", "eval"),
}
_ROLES = {
    IMAGES: ("images", "image", "imgs", "img", "pixels", "data", "features", "x"),
    LABELS: (
        *("labels", "label", "lbl", "targets", "target", "classes", "class", "y"),
        *("digit", "category", "categories"),
    ),
    NAMES: ("label_names", "class_names", "target_names", "mapping"),
}
_PART_OF = {word: part for part, words in _PARTS.items() for word in words}
_ROLE_OF = {
    word: role
    for role, words in _ROLES.items()
    for word in words
    if "_" not in word  # several words are looked for at once
}
# Words written together, as in x_train, Xtrain, trainX, testimages; short ones mean
# something only when they stand alone.
_JOINED = re.compile(
    rf"(?P<a>{'|'.join(_ROLE_OF)})?"
    rf"(?P<part>{'|'.join(sorted(_PART_OF, key=len, reverse=True))})"
    rf"(?P<b>{'|'.join(_ROLE_OF)})?"
)
# Endings say how a file is packed or written, not what it is of.
_ENDING = re.compile(
    r"|gz|bz2|xz|zip|idx\d?|u?byte|int|csv|tsv|txt|data|npz|npy|mat|h5|hdf5|pt|pth|bin|parquet"
)
# LIBSVM's sets call them usps and usps.t.
_LIBSVM_TEST = re.compile(r"\.t(\.(gz|bz2|xz|zip))?$")


def part_and_role(name: str) -> tuple[str, str]:
    """The part ("train", "valid", "test" or "") and the role ("images", "labels", "names"
    or "") that a name says.

    Example:
        >>> from digitnet.data.part_names import part_and_role
        >>> part_and_role("t10k-images-idx3-ubyte.gz"), part_and_role("yTrain")
        (('test', 'images'), ('train', 'labels'))
        >>> part_and_role("latest_data_x"), part_and_role("val_labels")
        (('', 'images'), ('valid', 'labels'))
    """
    part = TEST if _LIBSVM_TEST.search(name) else ""
    role = ""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    if any(word in spaced for word in _ROLES[NAMES]):
        role = NAMES
    for word in re.split(r"[^a-z0-9]+", spaced):
        match = _JOINED.fullmatch(word)
        if match:
            part = part or _PART_OF[match["part"]]
            word = match["a"] or match["b"] or ""
        role = role or _ROLE_OF.get(word, "")
    return part, role


def part_of(names: Iterable[str]) -> str:
    """The part that the last of these names says that says one.

    Example:
        >>> from digitnet.data.part_names import part_of
        >>> part_of(["mnist_png", "testing", "7", "12.png"]), part_of(["pets"])
        ('test', '')
    """
    found = [part for name in names if (part := part_and_role(name)[0])]
    return found[-1] if found else ""


def stem_of(name: str) -> str:
    """A file's name without endings and without what it says of part and role: files that
    belong together have the same.

    Example:
        >>> from digitnet.data.part_names import stem_of
        >>> stem_of("emnist-letters-train-images-idx3-ubyte.gz"), stem_of("data_batch_3.bin")
        ('emnist letters', 'batch 3')
    """
    words = re.split(r"[^a-z0-9]+", _LIBSVM_TEST.sub("", name).lower())
    kept = [word for word in words if not _ENDING.fullmatch(word)]
    return " ".join(
        word for word in kept if not (word in _ROLE_OF or _JOINED.fullmatch(word))
    )
