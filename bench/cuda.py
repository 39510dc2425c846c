"""On a GPU: time to an accuracy, epochs, and PyTorch on the same card in the same run.

    python bench/cuda.py

Peers: PyTorch eager (data resident, channels-last, fused Adam) and torch.compile
(max-autotune), both without augmentation, and LibTorch's C++ way. Medians of rounds in
which all take turns; every clock waits for the card.
"""

from __future__ import annotations

import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils import cpp_extension

import digitnet
from digitnet.layers import Conv, Dense, Dropout, Flatten, MaxPool, ReLU
from digitnet.preprocess import GreyToRGB, Resize, Scale

ROUNDS, BATCH = 5, 512
PEAK = 989e12  # dense bfloat16 operations a second of an H100 or H200 (SXM)
AUGMENT = "shift 2px | rotate 10deg | zoom 10%"
# Name: (network, its options, augmentation)
EPOCHS = {
    "lenet5": ("lenet5", {}, None),
    "kaggle-cnn, augmented": ("kaggle-cnn", {}, AUGMENT),
    "m5, augmented": ("m5", {}, AUGMENT),
    "resnet18": ("resnet18", {}, None),
    "vgg16 at 48x48": (
        "vgg16-transfer",
        {"preprocess": [GreyToRGB(), Resize(48, 48), Scale()]},
        None,
    ),
}


def timed(work: Callable[[], None]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def by_digitnet(
    name: str, train: digitnet.Dataset, precision: str, *, capture: bool
) -> Callable[[], float]:
    """Seconds of an epoch that comes after one in which its steps are recorded."""
    network, options, augment = EPOCHS[name]
    model = digitnet.models.make(network, (28, 28), **options)

    def epoch() -> float:
        os.environ["DIGITNET_CAPTURE"] = str(int(capture))
        history = model.fit(
            train,
            epochs=3,
            batch_size=BATCH,
            augment=augment,
            precision=precision,
            device="cuda",
            progress=False,
        )
        return float(statistics.median(history["seconds"][1:]))

    return epoch


def by_pytorch(
    name: str, train: digitnet.Dataset, precision: str, *, compiled: bool
) -> Callable[[], float]:
    network, options, _ = EPOCHS[name]
    model = digitnet.models.make(network, (28, 28), **options)
    model.fix_scale(255)
    module = model.to_torch().cuda().to(memory_format=torch.channels_last).train()
    step = torch.compile(module, mode="max-autotune") if compiled else module
    optimizer = torch.optim.Adam(module.parameters(), fused=True)
    images = torch.from_numpy(train.images)[:, None].cuda()
    labels = torch.from_numpy(train.labels).cuda()

    def work() -> None:
        order = torch.randperm(len(images), device="cuda")
        for first in range(0, len(images) - BATCH + 1, BATCH):
            chosen = order[first : first + BATCH]
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cuda", torch.bfloat16, precision == "bfloat16"):
                logits = step(images[chosen].float())
            torch.nn.functional.cross_entropy(logits.float(), labels[chosen]).backward()
            optimizer.step()

    return lambda: timed(work)


def epochs(train: digitnet.Dataset) -> None:
    print(f"epochs of {len(train):,} images, batch {BATCH}, medians of {ROUNDS} rounds")
    for name, (network, options, _) in EPOCHS.items():
        model = digitnet.models.make(network, (28, 28), **options)
        work = 6 * model.summary().total("multiply_adds") * len(train)
        for precision in ("float32", "bfloat16"):
            contenders = {
                "digitnet, captured": by_digitnet(name, train, precision, capture=True),
                "digitnet, step by step": by_digitnet(
                    name, train, precision, capture=False
                ),
                "PyTorch eager, not augmented": by_pytorch(
                    name, train, precision, compiled=False
                ),
                "torch.compile, not augmented": by_pytorch(
                    name, train, precision, compiled=True
                ),
            }
            seconds: dict[str, list[float]] = {who: [] for who in contenders}
            for turn in range(ROUNDS + 1):  # the first warms up
                for who, epoch in contenders.items():
                    spent = epoch()
                    if turn:
                        seconds[who].append(spent)
            for who, values in seconds.items():
                median = statistics.median(values)
                print(
                    f"  {name:<22} {precision:<9} {who:<29} {1e3 * median:9.1f} ms"
                    f" {work / median / 1e12:7.2f} TFLOP/s"
                    f" {work / median / PEAK:6.1%} of the card's bfloat16 rate"
                )


EXAMPLE = [
    *(Conv(10, 5), MaxPool(2), ReLU(), Conv(20, 5), MaxPool(2), ReLU()),
    *(Flatten(), Dense(50), ReLU(), Dropout(0.5), Dense(10)),
]


def built_example(folder: Path) -> Path:
    """LibTorch's C++ way as a program; its libraries are those of torch here."""
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


def cpp_example(train: digitnet.Dataset) -> None:
    """An epoch of one network beside LibTorch's C++ way, batch by batch of 64."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        head = struct.pack(">4I", 2051, *train.images.shape[:3])
        images = np.ascontiguousarray(train.images, np.uint8)
        (folder / "train-images-idx3-ubyte").write_bytes(head + images.tobytes())
        labels = (
            struct.pack(">2I", 2049, len(train))
            + train.labels.astype(np.uint8).tobytes()
        )
        (folder / "train-labels-idx1-ubyte").write_bytes(labels)
        program = built_example(folder)
        answer = subprocess.run(
            [program, folder, "64", "4"], check=True, capture_output=True, text=True
        )
    theirs = [float(line.split()[0]) for line in answer.stdout.splitlines()]
    model = digitnet.Model(EXAMPLE, (28, 28))
    history = model.fit(
        train,
        epochs=4,
        batch_size=64,
        optimizer=("sgd", {"momentum": 0.5}),
        learning_rate=0.01,
        device="cuda",
        progress=False,
    )
    ours = statistics.median(history["seconds"][1:])
    other = statistics.median(theirs[1:])
    print(
        f"  LibTorch's C++ way: {other:.3f} s an epoch; digitnet {ours:.3f} s, "
        f"{other / ours:.1f} times as fast"
    )


def augmentation(train: digitnet.Dataset) -> None:
    """What augmentation adds to an epoch of the smallest network."""
    spent = {}
    for augment in (None, AUGMENT, f"{AUGMENT} | elastic 2px"):
        model = digitnet.models.make("linear")
        history = model.fit(
            train,
            epochs=5,
            batch_size=BATCH,
            augment=augment,
            device="cuda",
            progress=False,
        )
        spent[augment] = statistics.median(history["seconds"][1:])
    for augment, seconds in spent.items():
        print(
            f"  linear, {augment or 'as they are'}: {1e3 * seconds:.1f} ms an epoch, "
            f"{1e3 * (seconds - spent[None]):.1f} ms of them for augmentation"
        )


def to_accuracy(name: str, train: digitnet.Dataset, test: digitnet.Dataset) -> None:
    recipe = digitnet.train.preset(name)
    scores, spent = [], []
    for seed in range(-1, 10):  # the first warms up
        model = digitnet.models.make(recipe.network, seed=max(0, seed))

        def work(model: digitnet.Model = model, seed: int = seed) -> None:
            model.fit(
                train,
                seed=max(0, seed),
                device="cuda",
                progress=False,
                **recipe.options,
            )

        seconds = timed(work)
        if seed >= 0:
            spent.append(seconds)
            scores.append(model.evaluate(test, device="cuda")["accuracy"])
    print(
        f"preset {name}: {np.mean(scores):.2%} (sd {np.std(scores, ddof=1):.2%}, 10 seeds) "
        f"in {statistics.median(spent):.3f} s"
    )


def main() -> int:
    if not torch.cuda.is_available():
        print("bench/cuda.py: expected a GPU, got none", file=sys.stderr)
        return 1
    digitnet.show_versions()
    train, test = digitnet.data.load("mnist")
    for name in ("fast", "accurate"):
        to_accuracy(name, train, test)
    augmentation(train)
    cpp_example(train)
    epochs(train)
    return 0


if __name__ == "__main__":
    sys.exit(main())
