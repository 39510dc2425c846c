"""One contender in a process of its own. Reads a word a line from standard input and
answers each with seconds: `train`, `predict`; `memory` answers with MiB at the peak.

    python bench/worker.py CONTENDER NETWORK IMAGES
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import contenders
import numpy as np


def data_for(network: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Real MNIST (digits for 8x8 networks), repeated where there are not enough."""
    import digitnet

    name = "digits" if network == "optdigits-cnn" else "mnist"
    train, _ = digitnet.data.load(name)
    rows = np.arange(count) % len(train)
    images = train.images[rows]
    # densenet121 takes 32 x 32.
    border = (digitnet.models.make(network).input_shape[-1] - images.shape[-1]) // 2
    images = np.pad(images, [(0, 0)] + 2 * [(border, border)])
    return np.ascontiguousarray(images), train.labels[rows]


def peak_mib() -> float:
    """Of this process since it began; getrusage would count the parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def main() -> None:
    name, network, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    answers = sys.stdout
    sys.stdout = sys.stderr  # libraries may print; only numbers go to the parent
    contender = contenders.make(name, network, *data_for(network, count))
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        if line.strip() == "memory":
            contender.train()
            print(peak_mib(), file=answers, flush=True)
            continue
        getattr(contender, line.strip())()
        print(time.perf_counter() - start, file=answers, flush=True)


if __name__ == "__main__":
    main()
