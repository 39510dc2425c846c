"""What each rank of the tests does: as under torchrun, by its command line.

python worker.py CASE OUT
"""

import json
import os
import sys
import threading
from pathlib import Path

import numpy as np
import torch
from torch import distributed

import digitnet
from digitnet.layers import BatchNorm, Conv, Dense, Dropout, Flatten, MaxPool, ReLU

CASES = {
    # 97 samples in batches of 32: the last has one sample, fewer than ranks.
    "dense": ([Flatten(), Dense(12), ReLU(), Dense(10)], {}),
    "norm": (
        [Conv(4, 3), BatchNorm(), ReLU(), MaxPool(), Flatten(), Dense(10)],
        {"augment": "shift 1px | noise 10%", "l2": 1e-3, "clip_norm": 1.0},
    ),
    "weights": (
        [Flatten(), Dense(9), BatchNorm(), Dense(10)],
        {"weighted": True, "ema_decay": 0.9, "label_smoothing": 0.1},
    ),
    "adam": ([Flatten(), Dense(8), ReLU(), Dense(10)], {"optimizer": "adam"}),
    "dropout": ([Flatten(), Dense(8), Dropout(0.5), Dense(10)], {}),
    "stops": ([Flatten(), Dense(10)], {"stop_after": 2, "epochs": 9}),
    "bad": ([Flatten(), Dense(10)], {"learning_rate": 1e30, "epochs": 5, "l2": 1e5}),
    # With a folder of its state; the first time, rank 0 dies in epoch 3.
    "goes on": (
        [Flatten(), Dense(8), ReLU(), Dropout(0.5), Dense(10)],
        {"goes_on": True, "epochs": 4, "ema_decay": 0.9},
    ),
    "differs": ([Flatten(), Dense(10)], {"differs": True}),
    # More epochs than a rank lives.
    "dies": ([Flatten(), Dense(10)], {"dies": True, "epochs": 50_000}),
}


def count_all_reduces():
    """A list that gets the size of every tensor which is summed from now on."""
    sizes, all_reduce = [], distributed.all_reduce

    def counted(tensor):
        sizes.append(tensor.numel())
        all_reduce(tensor)

    distributed.all_reduce = counted
    return sizes


def do(case, out, all_reduced):
    out.mkdir(exist_ok=True)
    rank, ranks = digitnet.distributed.rank(), digitnet.distributed.world_size()
    network, overrides = CASES[case]
    options = {"epochs": 3, "optimizer": "sgd", "learning_rate": 0.1, **overrides}
    train, test = digitnet.data.load("digits")
    train = train[:97]
    if options.pop("differs", False) and rank == 1:
        train = train[::-1]
    if options.pop("weighted", False):
        options["sample_weight"] = np.random.default_rng(0).random(97)
    model = digitnet.Model(network, input_shape=(8, 8), seed=3)
    epoch_logs = []

    def each(epoch, logs):
        epoch_logs.append(logs)
        if epoch == stop_after:
            model.stop_training = True

        if goes_on and epoch == 3 and not begun.exists():
            begun.touch()
            os._exit(3)

    goes_on, begun = options.pop("goes_on", False), out / "begun"
    if goes_on:
        options["resume"] = out / "state"
    stop_after = options.pop("stop_after", 0)
    if options.pop("dies", False) and rank == 1:
        # After some steps: from within, as a machine that loses power.
        threading.Timer(2.0, lambda: os._exit(3)).start()
    all_reduced.clear()
    history = model.fit(
        train,
        test[:50],
        batch_size=32,
        seed=5,
        callbacks=each,
        checkpoint=out / f"checkpoint{rank}.safetensors",
        distributed=ranks > 1,
        progress=False,
        **options,
    )
    state = model.state_dict()
    np.savez(out / f"{ranks}-{rank}.npz", **state)
    about = {
        "status": history.status,
        **{name: history.get(name, []) for name in ("loss", "accuracy", "val_loss")},
        "executor": str(history.executor),
        "callback_calls": len(epoch_logs),
        "all_reduced": all_reduced,
    }
    (out / f"{ranks}-{rank}.json").write_text(json.dumps(about))


if __name__ == "__main__":
    digitnet.set_num_threads(1)
    torch.set_num_threads(1)
    digitnet.distributed.start()
    all_reduced = count_all_reduces()
    for name in sys.argv[1].split(","):
        do(name, Path(sys.argv[2]) / name, all_reduced)
