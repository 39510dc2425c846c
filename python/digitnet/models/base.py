"""What a model is: network, preprocessing and weights; predictions and activations."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Real
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils.arrays import (
    Images,
    as_array,
    as_images,
    as_real,
    as_whole,
    guess_max_value,
)
from digitnet._utils.deprecation import warn_renamed
from digitnet._utils.pieces import pieces
from digitnet._utils.registry import check_name
from digitnet._utils.text import plain_name, shortened
from digitnet.data.class_names import matched, names_of_outputs, settled
from digitnet.data.dataset import Dataset
from digitnet.data.image_checks import (
    check_pixels,
    compared_once,
    require_scale,
    require_shape,
)
from digitnet.data.image_statistics import ImageStatistics
from digitnet.data.interop import from_torch, is_torch
from digitnet.layers import as_sequence
from digitnet.models.holds_weights import HoldsWeights
from digitnet.models.summary import Summary
from digitnet.train.history import Executor, History
from digitnet.train.training_guard import writing


class BaseModel(HoldsWeights):
    """What can be read off a model; `Model` adds training, evaluation and files.

    Rooms that only look at models are typed with this class.

    Attributes:
        core: The model of the C++ core, see cpp/models/model.h.
        classes: Class names, one an output; empty for a network that outputs images.
        name: For reports.
        history: Of the last training, or None.
        image_statistics: Of the images of the last training, or None; see
            `digitnet.data.image_statistics`.
        stop_training: A callback sets it to end the training.
    """

    def __init__(
        self,
        layers: Any,
        input_shape: Sequence[int] = (1, 28, 28),
        classes: int | Sequence[str] | None = None,
        preprocess: Sequence[Any] = ("scale",),
        seed: int = 0,
        name: str = "custom",
    ) -> None:
        self.core = _core.models.Model(
            as_sequence(layers),
            [int(s) for s in input_shape],
            list(preprocess),
            as_whole(seed, "Model.seed"),
        )
        self.predictor = _core.models.Predictor(self.core)
        self.classes = names_of_outputs(
            classes, 0 if self.outputs_images else self.core.outputs
        )
        self.name = plain_name(str(name), "Model.name")
        self.history: History | None = None
        self.image_statistics: ImageStatistics | None = None
        self.stop_training = False
        self._scale: float | None = None  # max_value of the first fit
        self._guessing = threading.RLock()  # while the core goes by a guessed scale

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of raw images."""
        return self.core.input_shape

    @property
    def max_value(self) -> float | None:
        """The pixel value of full intensity, known since the first fit, or since
        `load_weights` took over all of a model that knows it."""
        return self._scale

    @property
    def temperature(self) -> float:
        """What logits are divided by before softmax: 1, or what calibration chose.

        A training begins with 1 and ends with what suits the data that it held out (see
        `Model.fit`); other weights (`load_state_dict`, `load_weights`) bring it back to 1.

        Raises:
            ValueError: set to something else than a number from .001 to 1,000, or for a
                network that outputs images.
        Source:
            Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2.
        """
        value: float = self.core.temperature
        return value

    @temperature.setter
    def temperature(self, value: float) -> None:
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ValueError(f"model.temperature: expected a number, got {value!r:.60}")
        with writing(self.core, "temperature"):
            self.core.temperature = as_real(value)

    @property
    def outputs_images(self) -> bool:
        """Whether it gives images of its input's shape instead of classes."""
        return self.core.outputs_images

    @property
    def makes_images(self) -> bool:
        """The old name of `outputs_images`."""
        warn_renamed("Model", "makes_images", "outputs_images")
        return self.outputs_images

    def count_params(self) -> int:
        """How many numbers are trained."""
        return self.core.count_params()

    def summary(self) -> Summary:
        """Shapes, parameters, multiply-adds and memory, layer by layer."""
        executor = Executor(**_core.engine.executor("cpu"))
        native = executor.engine == "native"
        runs_on = {
            "name": executor.name,
            "reason": executor.reason,
            "memory_bytes": self.core.native_bytes(64) if native else 0,
        }
        return Summary(self.name, self.core.summary(), self.input_shape, runs_on)

    # -- predictions ------------------------------------------------------------

    @contextmanager
    def checked_images(self, images: Any, where: str) -> Iterator[tuple[Images, Any]]:
        """Images checked against this model: (array (M, C, H, W), rows of it or None: all).

        A model without a scale goes by that of what it is shown, until the block ends;
        other threads wait for that, and nothing of it stays. One that learned from images
        warns of those that clearly differ from them, once until the block ends.

        Args:
            images: A Dataset, or what it takes; one image too.
            where: The function's name, for errors.
        Raises:
            ValueError: another shape or pixel scale, or pixels out of range; says what to
                type.
        Warns:
            UserWarning: images that are inverted against those it learned from, or have rows
                and columns exchanged; or only zeros and ones.
        """
        if self._scale is not None:
            base, rows, largest = self._checked(images, where, self._scale)
            if self.image_statistics is not None:
                self.image_statistics.warn_if_unlike(base, rows, largest, where)
            with compared_once():
                yield base, rows
            return
        with self._guessing:
            known = self._scale or self.core.max_value or None
            base, rows, largest = self._checked(images, where, known)
            with self.at_scale(largest), compared_once():
                yield base, rows

    @contextmanager
    def at_scale(self, guess: float) -> Iterator[None]:
        """The core goes by this scale within the block, if none is known."""
        with self._guessing:
            before = self.core.max_value
            self.core.max_value = before or guess
            try:
                yield
            finally:
                if self._scale is None:
                    self.core.max_value = before

    def _checked(
        self, images: Any, where: str, scale: float | None
    ) -> tuple[Images, Any, float]:
        knows_scale = isinstance(images, Dataset)
        if is_torch(images):
            images = from_torch(images, max_value=scale)
        if isinstance(images, Dataset):
            (base, rows), largest = images.storage, images.max_value
        else:
            base, rows = as_images(self.as_batch(images, where), where), None
            largest = scale or guess_max_value(_core.data.largest_pixel(base), where)
        require_shape(base.shape, self.input_shape, where)
        if scale is not None:
            require_scale(largest, scale, where, " as at the first fit")
        if knows_scale:
            _core.data.check_images(base, largest, where)
        else:
            check_pixels(base, largest, where)
        return base, rows, largest

    def warn_if_unlike(self, data: Dataset, where: str) -> None:
        """UserWarning if images clearly are not as those it learned from: inverted, or with
        rows and columns exchanged."""
        if self.image_statistics is not None:
            self.image_statistics.warn_if_unlike(*data.storage, data.max_value, where)

    def labels_of(self, data: Dataset, where: str) -> npt.NDArray[np.int64]:
        """A set's labels as this model counts its classes: by name where both have names.

        Raises:
            ValueError: an unlabelled set, or a class that the model does not know.
        """
        fixed = settled(self.classes, self.max_value)
        data = matched(data, self.classes, where, fixed=fixed)
        labels = data.require_labels(where)
        _core.data.check_labels(labels, len(self.classes), f"{where}.labels")
        return labels

    def as_batch(self, images: Any, where: str) -> npt.NDArray[Any]:
        """An array of images (N, ...); one image alone, a row of pixels or channels last
        too, becomes a batch of one."""
        if isinstance(images, str | PathLike):
            raise ValueError(
                f"{where}: expected images, got the path '{shortened(str(images))}'; "
                "prepare(model, path) of digitnet.models.pictures reads one"
            )
        array = as_array(images, where)
        channels, height, width = self.input_shape
        one = array.shape in (
            self.input_shape,
            (height, width),
            (height, width, channels),
            (channels * height * width,),
        )
        if not one:
            return array
        if array.ndim == 1:
            return array.reshape(1, channels, height, width)
        return array[None]

    def require_layers(self, layers: Sequence[str] | None) -> list[str]:
        """The names, or those of all layers; ValueError lists the known ones."""
        names = self.layer_names()
        requested = names if layers is None else list(layers)
        for name in requested:
            check_name("layer", name, names)
        return requested

    def layer_names(self) -> list[str]:
        """Names of all layers, as in `summary()`."""
        return [row["layer"] for row in self.core.summary()]

    def fix_scale(self, max_value: float | None) -> None:
        """Set the pixel value of full intensity, as the first fit does; None: not known."""
        with self._guessing:
            self._scale = max_value
            self.core.max_value = max_value or 0.0

    def release_memory(self) -> None:
        """Give back the memory that predictions keep; the next one takes it again."""
        self.predictor.clear()

    def require_classes(self, where: str) -> None:
        """ValueError for a network that outputs images; `where` is named in it."""
        if self.outputs_images:
            raise ValueError(
                f"{where}: expected a network with classes, got one that makes images; "
                "use reconstruct()"
            )

    def _outputs(
        self, images: Any, where: str, probabilities: bool, device: str
    ) -> npt.NDArray[np.float64]:
        self.require_classes(where)
        with self.checked_images(images, where) as (base, rows):
            return self.predictor.predict(base, rows, device, probabilities)

    def predict_proba(
        self, images: Any, *, device: str = "auto"
    ) -> npt.NDArray[np.float64]:
        """Probabilities of the classes, float64 (N, K), rows summing to 1.

        Args:
            images: A Dataset, or what it takes; one image (H, W) too.
            device: "auto", "cpu" or "cuda".
        """
        return self._outputs(images, "predict", True, device)

    def predict_logits(
        self, images: Any, *, device: str = "auto"
    ) -> npt.NDArray[np.float64]:
        """The network's outputs before softmax, divided by the temperature: float64 (N, K)."""
        return self._outputs(images, "predict", False, device)

    def predict(self, images: Any, *, device: str = "auto") -> npt.NDArray[np.int64]:
        """The most probable class of each image, int64 (N,)."""
        return self.predict_logits(images, device=device).argmax(axis=1)

    def reconstruct(
        self, images: Any, *, device: str = "auto"
    ) -> npt.NDArray[np.float32]:
        """What a network that makes images gives for noisy ones: float32 (N, C, H, W).

        Values are on the scale of the network's input, 0 to 1 for the usual preprocessing.

        Args:
            images: A Dataset, or what it takes; one image too.
            device: "auto", "cpu" or "cuda".
        Raises:
            ValueError: a network with classes.
        """
        if not self.outputs_images:
            raise ValueError(
                "reconstruct: expected a network that makes images, got one with classes"
            )
        with self.checked_images(images, "reconstruct") as (base, rows):
            outputs = self.predictor.predict(base, rows, device, False)
        return outputs.reshape(-1, *self.core.output_shape).astype(np.float32)

    def restore(self, images: Any, *, device: str = "auto") -> npt.NDArray[np.float32]:
        """The old name of `reconstruct`."""
        warn_renamed("Model", "restore", "reconstruct")
        return self.reconstruct(images, device=device)

    # -- looking inside ---------------------------------------------------------

    def preprocessed(self, images: Any) -> npt.NDArray[np.float32]:
        """What the network sees of raw images: float32 (N, C, H, W)."""
        with self.checked_images(images, "preprocessed") as (base, rows):
            return self.core.preprocessed(base if rows is None else base[rows])

    def activations(
        self, images: Any, layers: Sequence[str] | None = None
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Outputs of layers for a few images, by layer name, in order.

        The last one's are the logits times the temperature.

        Args:
            images: At most 1,000 images; everything is returned at once.
            layers: Names from `summary()`. Default: all.
        Raises:
            ValueError: unknown layer; lists the known ones.
        """
        requested = self.require_layers(layers)
        outputs: dict[str, npt.NDArray[np.float32]] = {}
        with self.checked_images(images, "activations") as (base, rows):
            base = base if rows is None else base[rows]
            if len(base) > 1000:
                raise ValueError(
                    f"activations: expected at most 1000 images, got {len(base)}"
                )
            for part in pieces(len(base)):
                found = _core.features.activations(
                    self.predictor, base[part], requested
                )
                if not outputs:
                    outputs = _room_for(found, len(base))
                for name, values in found.items():
                    outputs[name][part] = values
        return {name: outputs[name] for name in requested if name in outputs}

    def __repr__(self) -> str:
        return f"Model('{self.name}', input {self.input_shape}, {self.count_params():,} parameters)"

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


def _room_for(
    found: dict[str, npt.NDArray[np.float32]], count: int
) -> dict[str, npt.NDArray[np.float32]]:
    """Arrays for so many samples of which some were found."""
    shapes = {name: (count, *values.shape[1:]) for name, values in found.items()}
    floats = sum(math.prod(shape) for shape in shapes.values())
    _core.engine.require_memory(4 * floats, f"the outputs of {count} images")
    return {name: np.empty(shape, np.float32) for name, shape in shapes.items()}
