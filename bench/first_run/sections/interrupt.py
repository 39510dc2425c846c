"""How soon a training answers Ctrl-C, at several moments, and that weights stay good."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
from context import Context
from trials import images

import digitnet

MOST_SECONDS = 0.2
AFTER = (0.05, 0.4, 1.5)  # seconds of training: while it is captured, and later


def answered(
    context: Context, model: digitnet.Model, data: digitnet.Dataset, after: float
) -> float:
    """Seconds from Ctrl-C to the end of a training that would take minutes."""
    sent = [0.0]

    def press() -> None:
        sent[0] = time.perf_counter()
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, press)
    try:
        timer.start()
        model.fit(
            data,
            epochs=2_000,
            batch_size=256 if context.on_gpu else 16,
            device=context.device,
            progress=False,
        )
    except KeyboardInterrupt:
        return time.perf_counter() - sent[0]
    finally:
        timer.cancel()
    raise RuntimeError("expected KeyboardInterrupt, got the end of 2,000 epochs")


def run(context: Context) -> None:
    # Whoever started this in the background may have had it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    data = images((28, 28), 60_000 if context.on_gpu else 2_000)
    for name in ("lenet5", "resnet18") if context.on_gpu else ("lenet5",):
        model = digitnet.models.make(name, seed=0)
        # The first fit of a process loads kernels.
        model.fit(
            data[:512], epochs=1, device=context.device, progress=False, batch_size=64
        )
        for after in AFTER:
            spent = answered(context, model, data, after)
            key = f"{name}, {after} s after its beginning"
            context.put(key, round(spent, 3))
            print(f"{key}: {1e3 * spent:.0f} ms", flush=True)
            context.expect(
                spent <= MOST_SECONDS or not context.on_gpu,  # where a step is long
                f"Ctrl-C: an answer within {MOST_SECONDS} s expected, {key}: {spent:.2f} s",
            )
            good = all(np.isfinite(v).all() for v in model.state_dict().values())
            context.expect(good, f"{key}: weights that are no numbers")
