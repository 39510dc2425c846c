"""Files in the forms that people have, made of a few images: a function a form."""

import bz2
import csv
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
from dataclasses import dataclass

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
from PIL import Image

LETTERS = ["ant", "bee", "cat"]


@dataclass
class Sample:
    """Images of digits, and their parts."""

    train: np.ndarray  # uint8 (30, 12, 12)
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def make_sample(rng):
    images = rng.integers(0, 256, (40, 12, 12), dtype=np.uint8)
    images[:, 0, 0], images[:, 0, 1] = 0, 255
    labels = np.arange(40) % 10
    return Sample(images[:30], labels[:30], images[30:], labels[30:])


def parts(sample):
    yield "train", sample.train, sample.train_labels
    yield "test", sample.test, sample.test_labels


# -- IDX -------------------------------------------------------------------------

_IDX = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx(array, kind="u1"):
    header = struct.pack(">HBB", 0, _IDX[kind], array.ndim)
    return (
        header
        + struct.pack(f">{array.ndim}i", *array.shape)
        + (array.astype(f">{kind}").tobytes())
    )


def torchvision(folder, sample):
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, images, labels in parts(sample):
        part = {"test": "t10k"}.get(part, part)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
        (raw / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"other"))
        (raw / f"{part}-labels-idx1-ubyte.gz").unlink()
    return folder / "MNIST"


def kaggle_idx(folder, sample):
    for part, images, labels in parts(sample):
        part = {"test": "t10k"}.get(part, part)
        for name, array in (("images.idx3", images), ("labels.idx1", labels)):
            inside = folder / f"{part}-{name}-ubyte"
            inside.mkdir()
            file = inside / f"{part}-{name.replace('.', '-')}-ubyte"
            file.write_bytes(idx(array))
    return folder


def packed_idx_without_endings(folder, sample):
    for part, images, labels in parts(sample):
        (folder / f"{part}-images").write_bytes(lzma.compress(idx(images)))
        (folder / f"{part}-labels").write_bytes(bz2.compress(idx(labels)))
    return folder


def qmnist(folder, sample):
    for part, images, labels in parts(sample):
        columns = np.stack([labels] + [np.arange(len(labels)) + 100] * 7, axis=1)
        (folder / f"qmnist-{part}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(idx(images))
        )
        (folder / f"qmnist-{part}-labels-idx2-int.gz").write_bytes(
            gzip.compress(idx(columns, "i4"))
        )
    return folder


def emnist_idx(folder, sample):
    for part, images, labels in parts(sample):
        for name, array in (
            ("images-idx3", images.swapaxes(1, 2)),
            ("labels-idx1", labels),
        ):
            (folder / f"emnist-digits-{part}-{name}-ubyte").write_bytes(idx(array))
    return folder


# -- text ------------------------------------------------------------------------


def _rows(images, labels, first=True):
    for image, label in zip(images, labels, strict=True):
        pixels = [str(value) for value in image.ravel()]
        yield [str(label), *pixels] if first else [*pixels, str(label)]


def kaggle(folder, sample):
    header = ["label", *(f"pixel{i}" for i in range(sample.train[0].size))]
    for part, images, labels in parts(sample):
        with (folder / f"{part}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *_rows(images, labels)])
    (folder / "sample_submission.csv").write_text("ImageId,Label\n1,0\n2,0\n")
    (folder / "README.md").write_text("# Digits\n\nSee the paper.\n")
    return folder


def zipped_csv(folder, sample):
    path = folder / "digits.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, images, labels in parts(sample):
            text = "\n".join(",".join(row) for row in _rows(images, labels))
            archive.writestr(f"mnist_{part}.csv", text)
        archive.writestr("__MACOSX/._mnist_train.csv", b"\x00\x05\x16\x07")
    return path


def libsvm(folder, sample):
    for part, images, labels in parts(sample):
        lines = [
            f"{label + 1} "
            + " ".join(
                f"{i + 1}:{float(v) / 255!r}" for i, v in enumerate(image.ravel()) if v
            )
            for image, label in zip(images, labels, strict=True)
        ]
        text = "\n".join(lines).encode()
        ending = {"train": "", "test": ".t"}[part]
        (folder / f"usps{ending}.bz2").write_bytes(bz2.compress(text))
    return folder


# -- arrays ----------------------------------------------------------------------


def keras(folder, sample):
    np.savez(
        folder / "mnist.npz",
        x_train=sample.train,
        y_train=sample.train_labels,
        x_test=sample.test,
        y_test=sample.test_labels,
    )
    return folder / "mnist.npz"


def kmnist(folder, sample):
    for part, images, labels in parts(sample):
        np.savez_compressed(folder / f"kmnist-{part}-imgs.npz", images)
        np.savez_compressed(folder / f"kmnist-{part}-labels.npz", labels)
    return folder


def medmnist(folder, sample):
    arrays = {}
    for part, images, labels in parts(sample):
        arrays |= {f"{part}_images": images, f"{part}_labels": labels[:, None]}
    arrays |= {"val_images": sample.test, "val_labels": sample.test_labels[:, None]}
    np.savez_compressed(folder / "bloodmnist.npz", **arrays)
    return folder / "bloodmnist.npz"


def pairs_of_npy(folder, sample):
    for part, images, labels in parts(sample):
        np.save(folder / f"X_{part}.npy", np.asfortranarray(images[..., None] / 255))
        np.save(folder / f"y_{part}.npy", np.eye(10)[labels])
    return folder


def emnist_mat(folder, sample):
    def part(images, labels):
        return {
            "images": images.swapaxes(1, 2).reshape(len(images), -1),
            "labels": labels[:, None].astype(float),
            "writers": np.arange(len(images))[:, None] + 1000,
        }

    dataset = {
        "train": part(sample.train, sample.train_labels),
        "test": part(sample.test, sample.test_labels),
        "mapping": np.array([[k, 48 + k] for k in range(10)]),
    }
    path = folder / "emnist-digits.mat"
    scipy.io.savemat(path, {"dataset": dataset}, do_compression=True)
    return path


def images_last_mat(folder, sample):
    for part, images, labels in parts(sample):
        scipy.io.savemat(
            folder / f"{part}.mat",
            {"X": images.transpose(1, 2, 0), "y": labels[:, None]},
        )
    return folder


def usps_h5(folder, sample):
    with h5py.File(folder / "usps.h5", "w") as file:
        for part, images, labels in parts(sample):
            rows = (images / 255).reshape(len(images), -1).astype(np.float32)
            file[f"{part}/data"], file[f"{part}/target"] = rows, labels
    return folder / "usps.h5"


def matlab_7_3(folder, sample):
    path = folder / "digits.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for part, images, labels in parts(sample):
            for name, array in ((f"{part}_x", images), (f"{part}_y", labels[:, None])):
                file[name] = array.T
                file[name].attrs["MATLAB_class"] = np.bytes_("uint8")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + struct.pack("<H", 0x200) + b"IM")
    return path


def torch_pairs(folder, sample):
    import torch

    inside = folder / "MNIST" / "processed"
    inside.mkdir(parents=True)
    for part, images, labels in parts(sample):
        name = {"train": "training", "test": "test"}[part]
        torch.save((torch.tensor(images), torch.tensor(labels)), inside / f"{name}.pt")
    return folder


def hugging_face(folder, sample):
    names = {"info": {"features": {"label": {"names": [str(k) for k in range(10)]}}}}
    (folder / "data").mkdir()
    for part, images, labels in parts(sample):
        pictures = [{"bytes": png(image), "path": None} for image in images]
        table = pa.table({"image": pictures, "label": labels})
        table = table.replace_schema_metadata({"huggingface": json.dumps(names)})
        pq.write_table(table, folder / "data" / f"{part}-00000-of-00001.parquet")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    return folder


def parquet_of_pixels(folder, sample):
    for part, images, labels in parts(sample):
        columns = {
            f"pixel{i}": images.reshape(len(images), -1)[:, i]
            for i in range(sample.train[0].size)
        }
        pq.write_table(
            pa.table({"class": labels, **columns}), folder / f"{part}.parquet"
        )
    return folder


# -- pictures --------------------------------------------------------------------


def png(image):
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def folders_of_pictures(folder, sample):
    for part, images, labels in parts(sample):
        name = {"train": "training", "test": "testing"}[part]
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            inside = folder / "mnist_png" / name / str(label)
            inside.mkdir(parents=True, exist_ok=True)
            (inside / f"{i:03}.png").write_bytes(png(image))
            (inside / ".ipynb_checkpoints").mkdir(exist_ok=True)
            (inside / ".ipynb_checkpoints" / "1.png").write_bytes(b"no picture")
            (inside / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    return folder


def zipped_pictures(folder, sample):
    (folder / "x").mkdir()
    folders_of_pictures(folder / "x", sample)
    path = folder / "digits.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((folder / "x").rglob("*")):
            archive.write(file, file.relative_to(folder / "x"))
        archive.writestr("__MACOSX/mnist_png/._x.png", b"\x00\x05\x16\x07")
    return path


def tarred_pictures(folder, sample):
    (folder / "x").mkdir()
    folders_of_pictures(folder / "x", sample)
    with tarfile.open(folder / "digits.tar.gz", "w:gz") as archive:
        archive.add(folder / "x" / "mnist_png", "mnist_png")
    return folder / "digits.tar.gz"


def named_pictures(folder, sample):
    for part, images, labels in parts(sample):
        (folder / part).mkdir()
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            (folder / part / f"{label}_img{i:02}.png").write_bytes(png(image))
    return folder


def listed_pictures(folder, sample):
    for part, images, labels in parts(sample):
        (folder / part).mkdir()
        rows = [["id", "filename", "digit"]]
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            (folder / part / f"{part}{i:03}.png").write_bytes(png(image))
            rows.append([str(i), f"{part}{i:03}.png", str(label)])
        with (folder / part / "labels.csv").open("w", newline="") as file:
            csv.writer(file, delimiter=";").writerows(rows)
    return folder


FORMS = [
    torchvision,
    kaggle_idx,
    packed_idx_without_endings,
    qmnist,
    emnist_idx,
    kaggle,
    zipped_csv,
    libsvm,
    keras,
    kmnist,
    medmnist,
    pairs_of_npy,
    emnist_mat,
    images_last_mat,
    usps_h5,
    matlab_7_3,
    pytest.param(torch_pairs, marks=pytest.mark.torch),
    hugging_face,
    parquet_of_pixels,
    folders_of_pictures,
    zipped_pictures,
    tarred_pictures,
    named_pictures,
    listed_pictures,
]
