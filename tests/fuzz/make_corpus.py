"""Write tests/fuzz/corpus: for each fuzzer a few small files that its reader takes, or nearly.

    python tests/fuzz/make_corpus.py

All of it is made here, by a seed; what a fuzzer found later lies beside it as found-*, and
stays.
"""

import gzip
import io
import json
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1])]

from reference import data_forms  # noqa: E402
from reference.keras_model import Builder, KerasModel, Layer  # noqa: E402

import digitnet  # noqa: E402
from digitnet.runs.command import KEPT  # noqa: E402
from digitnet.search import search  # noqa: E402
from digitnet.train import state_files  # noqa: E402

CORPUS = Path(__file__).parent / "corpus"
RNG = np.random.default_rng(0)


def idx(kind, *sizes):
    header = bytes([0, 0, 8, kind]) + b"".join(n.to_bytes(4, "big") for n in sizes)
    return header + RNG.integers(0, 10, int(np.prod(sizes)), dtype=np.uint8).tobytes()


def digit(side=24):
    image = np.full((side, side), 240, np.uint8)
    image[4:-4, side // 2 - 2 : side // 2 + 1] = 15
    return image


def csv():
    rows = RNG.integers(0, 256, (4, 16))
    lines = [f"{k}," + ",".join(map(str, row)) for k, row in enumerate(rows)]
    header = "label," + ",".join(f"pixel{i}" for i in range(16))
    return {
        "first": "\n".join(lines).encode(),
        "header": "\r\n".join([header, *lines, ""]).encode(),
        "mark": b"\xef\xbb\xbf" + "\n".join(lines).encode(),
        "last": "\n".join(f"{line[2:]},{line[0]}" for line in lines).encode(),
    }


def pictures():
    from PIL import Image

    grey = Image.fromarray(digit())
    files = {}
    for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM"):
        stream = io.BytesIO()
        grey.convert("RGB" if kind == "WEBP" else "L").save(stream, kind)
        files[kind.lower()] = stream.getvalue()
    for name, mode in (
        ("palette", "P"),
        ("bits", "1"),
        ("cmyk", "CMYK"),
        ("seen", "LA"),
    ):
        stream = io.BytesIO()
        grey.convert(mode).save(stream, "TIFF" if mode == "CMYK" else "PNG")
        files[name] = stream.getvalue()
    return files


def shaped(*sizes):
    """For the fuzzers of pictures in C++: sizes less one, then pixels."""
    pixels = (
        digit(sizes[0]) if len(set(sizes)) == 1 else RNG.integers(0, 256, sizes[:2])
    )
    return bytes(n - 1 for n in sizes) + np.asarray(pixels, np.uint8).tobytes()


def models():
    linear = digitnet.models.make("linear", (8, 8), seed=0)
    small = digitnet.Model(
        [
            *(digitnet.layers.Conv(3, 3), digitnet.layers.BatchNorm()),
            *(digitnet.layers.ReLU(), digitnet.layers.MaxPool(2)),
            *(digitnet.layers.Flatten(), digitnet.layers.Dense(10)),
        ],
        (8, 8),
        preprocess=[digitnet.preprocess.Scale()],
    )
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in (("linear", linear), ("small", small)):
            model.save(Path(folder) / "m.safetensors")
            files[name] = (Path(folder) / "m.safetensors").read_bytes()
    header = json.dumps({"__metadata__": {"digitnet": "{}"}}).encode()
    files["empty"] = len(header).to_bytes(8, "little") + header
    return files


def weights():
    """Those of `linear` in each of the formats."""
    state = digitnet.models.make("linear", (8, 8), seed=1).state_dict()
    from safetensors.numpy import save

    yield (
        "weights_safetensors",
        {
            "linear": save(state),
            "other": save({"a": np.eye(3)}),
            "cut": save(state)[:99],
        },
    )
    import torch

    files = {}
    tensors = {name: torch.tensor(value) for name, value in state.items()}
    contents = {"state": tensors, "wrapped": {"state_dict": tensors}, "list": [1, "a"]}
    for name, value in contents.items():
        stream = io.BytesIO()
        torch.save(value, stream)
        files[name] = stream.getvalue()
    yield "weights_torch", files
    import h5py

    files = {}
    for name, options in (("plain", {}), ("packed", {"compression": "gzip"})):
        stream = io.BytesIO()
        with h5py.File(stream, "w") as file:
            kernel = state["dense1.weight"].T
            file.create_dataset("dense1/dense1/kernel:0", data=kernel, **options)
            file.create_dataset("dense1/dense1/bias:0", data=state["dense1.bias"])
        files[name] = stream.getvalue()
    files["cut"] = files["plain"][:-100]
    yield "weights_hdf5", files


def keras_files():
    """Archives, and the settings of each alone."""
    builder = Builder(RNG)
    kinds = {
        "linear": [Layer("Flatten"), builder.dense(64, 10, activation="softmax")],
        "small": [
            *(builder.conv(1, 4, 3), builder.batch_norm(4)),
            *(Layer("Activation", activation="relu"), builder.pool()),
            *(Layer("Flatten"), builder.dense(36, 10, activation="softmax")),
        ],
    }
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, layers in kinds.items():
            model = KerasModel(*layers)
            path = model.save(Path(folder), "keras")
            files[name] = path.read_bytes()
            files[f"{name} config"] = model.config().encode()
    return files


def records():
    """config.json and metrics.json of a training of `digitnet train`."""
    command = dict.fromkeys(KEPT) | {"data": "digits", "model": "linear", "seed": 0}
    config = {"data_sha256": {"test": "0"}, "versions": {}, "command": command}
    metrics = {"test": {"accuracy": 0.9}, "status": "finished"}
    texts = {}
    for name, change in (
        ("whole", {}),
        ("preset", {"preset": "fast", "model": None}),
        ("empty", {"data": None}),
    ):
        about = config | {"command": command | change}
        texts[name] = f"{json.dumps(about)}\n---\n{json.dumps(metrics)}".encode()
    return texts


def journals():
    """Of a search that came to its end, and of one that was cut off."""
    train, validation = digitnet.data.load("digits")[0][:60].split(0.7)

    def build(params, seed):
        return digitnet.models.make("linear", (8, 8), seed=seed), {"epochs": 1}

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "journal"
        space = {"rate": (1e-4, 1e-1, "log"), "size": [16, 64]}
        search(build, space, train, validation, trials=2, file=file, method="random")
        whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    return {"whole": whole, "cut": b"".join(lines[:-2]), "begun": b"".join(lines[:2])}


def states():
    folder = Path(tempfile.mkdtemp())
    train, _ = digitnet.data.load("digits")
    digitnet.models.make("linear", (8, 8)).fit(
        train[:64], epochs=1, optimizer="sgd", resume=folder, progress=False
    )
    newest = state_files.newest(folder).path.read_bytes()
    return {"whole": newest, "cut": newest[:900], "text": b"{}"}


def runs():
    metrics = {
        "test": {"accuracy": 0.9},
        "status": "finished",
        "epochs": 3,
        "seconds": 2.5,
        "test_data": "digits",
    }
    config = {"kind": "training", "created": 1.7e9, "model": "linear", "seed": 0}
    both = json.dumps(metrics) + "\n---\n" + json.dumps(config)
    state = json.dumps({"settings": {"recipe": "mlp"}, "kind": "reproduce"})
    history = "epoch,loss\n1,0.5\n"
    return {
        "training": both.encode(),
        "recipe": f"{json.dumps(metrics)}\n---\n---\n{state}\n---\n{history}".encode(),
        "begun": b"\n---\n\n---\n\n---\n\n---\n" + json.dumps({"epochs": 3}).encode(),
        "bare": b"{}\n---\n{}",
        "deep": b"[" * 5000,
    }


def requests():
    image = digit(8).tolist()
    return {
        "image": json.dumps({"image": image}).encode(),
        "images": json.dumps({"images": [image, image]}).encode(),
        "picture": pictures()["png"],
        "nan": b'{"image": [[NaN]]}',
    }


def mats():
    from scipy.io import savemat

    files = {}
    arrays = {
        "X": RNG.integers(0, 256, (32, 32, 3, 2), dtype=np.uint8),
        "y": np.array([[1], [10]]),
    }
    for name, options in (("plain", {}), ("packed", {"do_compression": True})):
        stream = io.BytesIO()
        savemat(stream, arrays, **options)
        files[name] = stream.getvalue()
    files["cut"] = files["packed"][:2000]
    return files


def choices(count, length):
    """Bytes that the fuzzers of descriptions choose by."""
    return {
        f"{i:02}": RNG.integers(0, 200, length, dtype=np.uint8).tobytes()
        for i in range(count)
    }


def data_files(only=(), without=()):
    """A few images in the forms that people have, a folder of files as an archive."""
    images = RNG.integers(0, 256, (6, 4, 4), dtype=np.uint8)
    images[:, 0, 0], images[:, 0, 1] = 0, 255
    labels = np.arange(6) % 2
    sample = data_forms.Sample(images[:4], labels[:4], images[4:], labels[4:])
    files = {}
    for form in data_forms.FORMS:
        function = getattr(form, "values", (form,))[0]
        name = function.__name__
        if name in without or (only and name not in only):
            continue
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a").mkdir()
            try:
                path = function(Path(folder) / "a", sample)
            except IndexError:  # a form that needs more images
                continue
            inside = [f for f in sorted(path.rglob("*")) if f.is_file()]
            if path.is_file():
                files[name] = path.read_bytes()
            elif only:
                files |= {f.name: f.read_bytes() for f in inside}
            else:
                stream = io.BytesIO()
                with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                    for file in inside:
                        about = zipfile.ZipInfo(str(file.relative_to(path)))
                        archive.writestr(about, file.read_bytes())
                files[name] = stream.getvalue()
    return files


def all_files():
    labels, images = idx(1, 10), idx(3, 3, 4, 4)
    yield "idx", {"labels": labels, "images": images, "long": images + b"0"}
    yield (
        "idx_file",
        {"images": images, "zipped": gzip.compress(images, mtime=0), "l": labels},
    )
    yield "csv", csv()
    yield (
        "csv_file",
        {name: gzip.compress(text, mtime=0) for name, text in csv().items()},
    )
    lists = b"00000001.png 5\n00000002.png 0\n", b"a.png 1\n\nb b.png 9", b"../a.png 1"
    yield "label_list", {str(i): text for i, text in enumerate(lists)}
    yield "picture", pictures()
    yield (
        "scan",
        {"square": shaped(24, 24), "line": shaped(1, 200), "flat": b"\x09\x09\x80"},
    )
    sizes = (9, 7, 24, 24), (1, 1, 5, 9), (200, 3, 2, 2)
    yield (
        "resize",
        {
            str(i): bytes(n - 1 for n in size[:2]) + shaped(*size[2:])
            for i, size in enumerate(sizes)
        },
    )
    yield (
        "contours",
        {
            "square": b"\x03" + shaped(24, 24),
            "noise": b"\x08" + shaped(20, 31),
            "line": b"\0" + shaped(1, 9),
        },
    )
    texts = (
        "shift 2px | rotate 8deg | noise 5% p=50% | fill nearest",
        "elastic 2px sigma=4px | zoom 10% axes=2 | interpolation nearest | fill constant 5%",
        "erase 10% | brightness 20% | contrast 20% | sharpen 10% | blur 1px | crop 1px",
        "horizontal_flip 50% | channel_gain 10% | shear 5deg | fill reflect",
    )
    yield "augment", {str(i): text.encode() for i, text in enumerate(texts)}
    yield "preprocess", choices(12, 24)
    yield "layers", choices(40, 64)
    yield "model", models()
    yield from weights()
    yield "state", states()
    yield "run", runs()
    yield "request", requests()
    yield "mat", mats()
    yield "data", data_files(without=("torch_pairs",))
    yield "data_torch", data_files(only=("torch_pairs",))
    yield "weights_keras", keras_files()
    yield "record", records()
    yield "journal", journals()


def main():
    for name, files in all_files():
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if not old.name.startswith("found-"):
                old.unlink()
        for file, content in files.items():
            (folder / file).write_bytes(content)
    sizes = [path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()]
    print(f"{len(sizes)} files, {sum(sizes):,} bytes")


if __name__ == "__main__":
    main()
