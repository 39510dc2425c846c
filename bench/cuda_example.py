"""An epoch beside LibTorch's C++ way: libtorch_mnist.cpp, which is compiled here."""

from __future__ import annotations

import statistics
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch.utils import cpp_extension

import digitnet
from digitnet.layers import Conv, Dense, Dropout, Flatten, MaxPool, ReLU

BATCH = 64
IMAGES = 60_000  # LibTorch's reader takes no other number
NETWORK = [
    *(Conv(10, 5), MaxPool(2), ReLU(), Conv(20, 5), MaxPool(2), ReLU()),
    *(Flatten(), Dense(50), ReLU(), Dropout(0.5), Dense(10)),
]


def built(folder: Path) -> Path:
    """The program; its libraries are those of torch here."""
    libraries = ["torch", "torch_cpu", "c10"]
    if torch.version.cuda:
        libraries += ["torch_cuda", "c10_cuda"]
    paths = cpp_extension.library_paths()
    program = folder / "libtorch_mnist"
    subprocess.run(
        [
            *("c++", "-std=c++20", "-O2", "-o", program),
            Path(__file__).with_name("libtorch_mnist.cpp"),
            *(f"-I{path}" for path in cpp_extension.include_paths()),
            *(f"-L{path}" for path in paths),
            *(f"-Wl,-rpath,{path}" for path in paths),
            *("-Wl,--no-as-needed", *(f"-l{name}" for name in libraries), "-pthread"),
        ],
        check=True,
    )
    return program


def write_idx(train: digitnet.Dataset, folder: Path) -> None:
    """The two files that the program reads, if they are as many as MNIST's."""
    if len(train) != IMAGES:
        raise ValueError(f"train: expected {IMAGES:,} images, got {len(train):,}")
    images = np.ascontiguousarray(train.images, np.uint8)
    head = struct.pack(">4I", 2051, *images.shape[:3])
    (folder / "train-images-idx3-ubyte").write_bytes(head + images.tobytes())
    head = struct.pack(">2I", 2049, len(train))
    labels = train.labels.astype(np.uint8).tobytes()
    (folder / "train-labels-idx1-ubyte").write_bytes(head + labels)


def measure(train: digitnet.Dataset, device: str, epochs: int = 4) -> None:
    """Print the medians of all epochs but the first, and their ratio."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_idx(train, folder)
        answer = subprocess.run(
            [built(folder), folder, str(BATCH), str(epochs)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    theirs = [float(line.split()[0]) for line in answer.stdout.splitlines()]
    history = digitnet.Model(NETWORK, (28, 28)).fit(
        train,
        epochs=epochs,
        batch_size=BATCH,
        optimizer=("sgd", {"momentum": 0.5}),
        learning_rate=0.01,
        device=device,
        progress=False,
    )
    ours, other = (
        statistics.median(history["seconds"][1:]),
        statistics.median(theirs[1:]),
    )
    print(
        f"LibTorch's C++ way: {other:.3f} s an epoch; digitnet {ours:.3f} s, "
        f"{other / ours:.1f} times as fast",
        flush=True,
    )
