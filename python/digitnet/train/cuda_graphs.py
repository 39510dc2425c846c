"""Training steps captured as CUDA graphs: the GPU repeats them without the host.

What is recorded is cpp/engine/torch/captured_steps.cpp.

`Model.fit` uses it by itself on a GPU; `DIGITNET_CAPTURE=0` asks for every step singly.
"""

from __future__ import annotations

import os
from collections.abc import Callable

WARM_UPS = 3  # LibTorch chooses kernels and makes room in the first ones
Work = Callable[[], None]


class Recorder:
    """Records work of the core on one GPU.

    Warming up and recording happen on one stream beside the current one; graphs share
    their memory, for they are repeated one after the other.

    Attributes:
        generator: Where the work takes its random numbers from.
    """

    def __init__(self, device: str) -> None:
        import torch

        self.generator = torch.Generator(device)
        self._device = torch.device(device)
        self._stream = torch.cuda.Stream(self._device)
        self._pool: object | None = None

    def __call__(self, warm_up: Work, work: Work) -> Work:
        """What repeats `work`; `warm_up` does the same and may be done at once."""
        import torch

        with torch.cuda.device(self._device):
            current = torch.cuda.current_stream()
            self._stream.wait_stream(current)
            with torch.cuda.stream(self._stream):
                for _ in range(WARM_UPS):
                    warm_up()
            current.wait_stream(self._stream)
            graph = torch.cuda.CUDAGraph()
            graph.register_generator_state(self.generator)
            # Other threads may go on using the GPU meanwhile.
            with torch.cuda.graph(
                graph,
                pool=self._pool,
                stream=self._stream,
                capture_error_mode="thread_local",
            ):
                work()
            self._pool = graph.pool()
        return graph.replay


def recorder_for(device: str) -> Recorder | None:
    """Who records the steps on this device: nobody on a CPU."""
    setting = os.environ.get("DIGITNET_CAPTURE", "1")
    if setting not in ("0", "1"):
        raise ValueError(f"DIGITNET_CAPTURE: expected '0' or '1', got {setting!r}")
    return Recorder(device) if device.startswith("cuda") and setting == "1" else None
