"""A network that can be trained, asked, looked into and saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils.arrays import (
    Images,
    as_array,
    as_floats,
    as_images,
    as_whole,
    guess_max_value,
)
from digitnet._utils.deprecation import warn_renamed
from digitnet.data.dataset import Dataset, as_dataset
from digitnet.data.interop import from_torch, is_torch
from digitnet.layers import as_sequence
from digitnet.models.summary import Summary
from digitnet.models.transfer import features, fit_head
from digitnet.models.weights import load_weights
from digitnet.report import Report
from digitnet.train.fit import fit
from digitnet.train.history import History

if TYPE_CHECKING:
    import torch


class Model:
    """Network, preprocessing and weights.

    Args:
        layers: A list of `digitnet.layers`, or one layer; it must end in K flat outputs, or
            in images of its input's shape (then there are no classes, and it is used by `reconstruct`).
        input_shape: (height, width) or (channels, height, width) of the raw images.
        classes: Class names. Default: 0 to K - 1.
        preprocess: Steps from raw pixels to the network's input.
        seed: Of the first weights.
        name: For reports.
    Raises:
        ValueError: the layers do not fit together or the input; names the layer.
    Example:
        >>> from digitnet.layers import Dense, Flatten
        >>> model = digitnet.Model([Flatten(), Dense(10)], input_shape=(8, 8))
        >>> model.predict(np.zeros((3, 8, 8))).shape
        (3,)
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
        self._core = _core.models.Model(
            as_sequence(layers),
            [int(s) for s in input_shape],
            list(preprocess),
            as_whole(seed, "Model.seed"),
        )
        self._predictor = _core.models.Predictor(self._core)
        count = 0 if self.outputs_images else self._core.outputs
        if classes is None or isinstance(classes, int) or not count:
            classes = [str(k) for k in range(count)]
        self.classes = tuple(str(k) for k in classes)
        if len(self.classes) != count:
            raise ValueError(
                f"Model.classes: expected {count} names, one an output, got {len(self.classes)}"
            )
        self.name = name
        self.history: History | None = None
        self.stop_training = False  # a callback sets it to end the run
        self._scale: float | None = None  # max_value of the first fit

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of raw images."""
        return self._core.input_shape

    @property
    def max_value(self) -> float | None:
        """The pixel value of full intensity, known since the first fit."""
        return self._scale

    @property
    def outputs_images(self) -> bool:
        """Whether it gives images of its input's shape instead of classes."""
        return self._core.outputs_images

    @property
    def makes_images(self) -> bool:
        """The old name of `outputs_images`."""
        warn_renamed("Model", "makes_images", "outputs_images")
        return self.outputs_images

    def count_params(self) -> int:
        """How many numbers are trained."""
        return self._core.count_params()

    def summary(self) -> Summary:
        """Shapes, parameters, multiply-adds and memory, layer by layer."""
        name, reason = self._core.executor("cpu")
        executor = {
            "name": name,
            "reason": reason,
            "memory_bytes": 0 if reason else self._core.native_bytes(64),
        }
        return Summary(self.name, self._core.summary(), self.input_shape, executor)

    # -- training ---------------------------------------------------------------

    fit = fit
    fit_head = fit_head

    def adapt(self, images: Any) -> None:
        """Set batch norms' running statistics to those of images of another domain.

        Weights stay; labels are not read. A copy of the model keeps the old ones.

        Args:
            images: At least two: a Dataset, or what it takes.
        Raises:
            ValueError: a network without batch norm.
        Source:
            Li et al., "Revisiting batch normalization for practical domain adaptation",
            ICLR workshop 2017.
        Example:
            >>> train, test = digitnet.data.load("digits")
            >>> model = digitnet.models.make("norm-cnn", input_shape=(8, 8))
            >>> history = model.fit(train, epochs=1, progress=False)
            >>> model.adapt(test)
        """
        base, rows = self._images(images, "adapt")
        _core.train.adapt_statistics(self._core, base, rows)

    # -- asking -----------------------------------------------------------------

    def _images(self, images: Any, where: str) -> tuple[Images, Any]:
        """Images checked against this model: (base array, rows or None).

        A model that was never fitted goes by the scale of what it is shown.
        """
        scale = self.max_value
        if is_torch(images):
            images = from_torch(images, max_value=scale)
        if isinstance(images, Dataset):
            base, rows, largest = images._base, images._rows, images.max_value
        else:
            base, rows = as_images(self._several(images, where), where), None
            largest = scale or guess_max_value(_core.data.largest_pixel(base), where)
        if base.shape[1:] != self.input_shape:
            raise ValueError(
                f"{where}: expected images of shape {self.input_shape}, "
                f"got {tuple(base.shape[1:])}"
            )
        if scale is not None and largest != scale:
            raise ValueError(
                f"{where}.max_value: expected {scale:g} as at the first fit, got {largest:g}"
            )
        _core.data.check_images(base, largest, where)
        self._core.max_value = largest
        return base, rows

    def _several(self, images: Any, where: str) -> npt.NDArray[Any]:
        """An array of images, of which one may have come alone."""
        array = as_array(images, where)
        channels, height, width = self.input_shape
        one = array.shape in (self.input_shape, (height, width))
        one |= channels == 3 and array.shape == (height, width, 3)
        return array[None] if one else array

    def _need_layers(self, layers: Sequence[str] | None) -> list[str]:
        """The names, or those of all layers; ValueError lists the known ones."""
        known = [row["layer"] for row in self._core.summary()]
        wanted = known if layers is None else list(layers)
        for name in wanted:
            if name not in known:
                raise ValueError(f"unknown layer '{name}'; known: {', '.join(known)}")
        return wanted

    def _fix_scale(self, max_value: float) -> None:
        self._scale = self._core.max_value = max_value

    def _need_classes(self, where: str) -> None:
        if self.outputs_images:
            raise ValueError(
                f"{where}: expected a network with classes, got one that makes images; "
                "use reconstruct()"
            )

    def _ask(
        self, images: Any, where: str, probabilities: bool, device: str
    ) -> npt.NDArray[np.float64]:
        self._need_classes(where)
        base, rows = self._images(images, where)
        return self._predictor.predict(base, rows, device, probabilities)

    def predict_proba(
        self, images: Any, *, device: str = "auto"
    ) -> npt.NDArray[np.float64]:
        """Probabilities of the classes, float64 (N, K), rows summing to 1.

        Args:
            images: A Dataset, or what it takes; one image (H, W) too.
            device: "auto", "cpu" or "cuda".
        """
        return self._ask(images, "predict", True, device)

    def predict_logits(
        self, images: Any, *, device: str = "auto"
    ) -> npt.NDArray[np.float64]:
        """The network's outputs before softmax, float64 (N, K)."""
        return self._ask(images, "predict", False, device)

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
        base, rows = self._images(images, "reconstruct")
        made = self._predictor.predict(base, rows, device, False)
        return made.reshape(-1, *self._core.output_shape).astype(np.float32)

    def restore(self, images: Any, *, device: str = "auto") -> npt.NDArray[np.float32]:
        """The old name of `reconstruct`."""
        warn_renamed("Model", "restore", "reconstruct")
        return self.reconstruct(images, device=device)

    def evaluate(self, data: Any, *, device: str = "auto") -> Report:
        """All metrics on labelled data: a mapping, a table in a notebook.

        Args:
            data: A Dataset or a pair (images, labels).
        Raises:
            ValueError: unlabelled data, another image shape or pixel scale.
        """
        self._need_classes("evaluate")
        data = as_dataset(data, "evaluate", max_value=self.max_value)
        labels = data._need_labels("evaluate")
        _core.data.check_labels(labels, len(self.classes), "evaluate.labels")
        probabilities = self._ask(data, "evaluate", True, device)
        return Report(labels, probabilities, self.classes, data=data, model=self.name)

    # -- looking inside ---------------------------------------------------------

    def preprocessed(self, images: Any) -> npt.NDArray[np.float32]:
        """What the network sees of raw images: float32 (N, C, H, W)."""
        base, rows = self._images(images, "preprocessed")
        return self._core.preprocessed(base if rows is None else base[rows])

    def activations(
        self, images: Any, layers: Sequence[str] | None = None
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Outputs of layers for a few images, by layer name, in order.

        Args:
            images: At most 1,000 images; everything is returned at once.
            layers: Names from `summary()`. Default: all.
        Raises:
            ValueError: unknown layer; lists the known ones.
        """
        base, rows = self._images(images, "activations")
        base = base if rows is None else base[rows]
        if len(base) > 1000:
            raise ValueError(
                f"activations: expected at most 1000 images, got {len(base)}"
            )
        wanted = self._need_layers(layers)
        found = _core.features.activations(self._core, base, wanted)
        return {name: found[name] for name in wanted if name in found}

    features = features

    # -- weights ----------------------------------------------------------------

    load_weights = load_weights

    def state_dict(self) -> dict[str, npt.NDArray[np.float32]]:
        """Copies of all weights and running statistics, by name as in torch."""
        return {name: self._core.get(name) for name in self._core.parameter_names}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set all weights; nothing changes if one is missing, unknown, misshapen or not finite."""
        own = self.state_dict()
        missing = sorted(own.keys() - state.keys())
        unknown = sorted(state.keys() - own.keys())
        if missing or unknown:
            raise ValueError(
                f"load_state_dict: expected {sorted(own)}, got missing {missing} "
                f"and unknown {unknown}"
            )
        values = {}
        for name, value in state.items():
            array = as_array(value, f"load_state_dict.{name}")
            if array.shape != own[name].shape:
                raise ValueError(
                    f"load_state_dict: expected shape {own[name].shape} for '{name}', "
                    f"got {array.shape}"
                )
            floats = as_floats(array)
            if floats is None:
                raise ValueError(
                    f"load_state_dict: expected finite weights of 32 bits for '{name}', "
                    "got others"
                )
            values[name] = floats
        for name, array in values.items():
            self._core.set(name, array)

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: description and weights, nothing of the core."""
        from digitnet.models.file import described, rebuilt

        core = ("_core", "_predictor")
        more = {key: value for key, value in vars(self).items() if key not in core}
        return rebuilt, (described(self), self.state_dict(), more)

    def to_torch(self) -> torch.nn.Module:
        """An equal plain torch.nn.Module: raw pixels as float (N, C, H, W) in, logits out.

        Its state_dict has the same names; the preprocessing is inside.
        """
        from digitnet.models.torch_module import to_torch

        return to_torch(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write weights, network and preprocessing to one safetensors file, whole or not at all."""
        from digitnet.models.file import save

        save(self, path)

    def __repr__(self) -> str:
        return f"Model('{self.name}', input {self.input_shape}, {self.count_params():,} parameters)"

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()
