"""What the training loop needs of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from digitnet.data.dataset import Dataset
from digitnet.data.image_statistics import ImageStatistics
from digitnet.train.history import History


class Trainable(Protocol):
    """What `digitnet.train.fit` changes: `digitnet.Model` is one.

    Attributes:
        core: The model of the C++ core.
        classes: Class names, one an output; empty for a network that outputs images.
        history: Of the last training.
        image_statistics: Of the images of the last training.
        stop_training: A callback sets it to end the training.
        temperature: What logits are divided by.
    """

    core: Any
    classes: tuple[str, ...]
    history: History | None
    image_statistics: ImageStatistics | None
    stop_training: bool
    temperature: float

    @property
    def input_shape(self) -> tuple[int, int, int]: ...

    @property
    def max_value(self) -> float | None: ...

    @property
    def outputs_images(self) -> bool: ...

    def fix_scale(self, max_value: float | None) -> None: ...

    def warn_if_unlike(self, data: Dataset, where: str) -> None: ...

    def release_memory(self) -> None: ...

    def predict_logits(
        self, images: Any, *, device: str = "auto"
    ) -> npt.NDArray[np.float64]: ...

    def state_dict(self) -> dict[str, npt.NDArray[np.float32]]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...
