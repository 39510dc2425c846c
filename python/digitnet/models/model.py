"""What a model does: it learns, is evaluated, gives features and is saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digitnet._utils.extras import extra_packages
from digitnet.data.interop import as_dataset
from digitnet.models import file, pictures, transfer
from digitnet.models.base import BaseModel
from digitnet.models.learner import Learner
from digitnet.models.weights import WeightReport, load_weights
from digitnet.report import Report

if TYPE_CHECKING:
    import torch


class Model(Learner):
    """Network, preprocessing and weights.

    Args:
        layers: A list of `digitnet.layers`, or one layer; it must end in K flat outputs, or
            in images of its input's shape (then there are no classes; see `reconstruct`).
        input_shape: (height, width) or (channels, height, width) of the raw images.
        classes: K, or the K class names. Default: 0 to K - 1.
        preprocess: Steps from raw pixels to the network's input.
        seed: Seed of the first weights.
        name: For reports.
    Raises:
        ValueError: the layers do not fit together or the input; names the layer. Another
            number of classes than outputs.
    Example:
        >>> from digitnet.layers import Dense, Flatten
        >>> model = digitnet.Model([Flatten(), Dense(10)], input_shape=(8, 8))
        >>> model.predict(np.zeros((3, 8, 8))).shape
        (3,)
    """

    def evaluate(self, data: Any, *, device: str = "auto") -> Report:
        """All metrics on labelled data: a mapping, a table in a notebook.

        Args:
            data: A Dataset or a pair (images, labels). Class names meet the model's by
                name; a set without names by its numbers.
        Raises:
            ValueError: unlabelled data, another image shape or pixel scale, a class that
                the model does not know.
        """
        self.require_classes("evaluate")
        data = as_dataset(data, "evaluate", max_value=self.max_value)
        labels = self.labels_of(data, "evaluate")
        probabilities = self._outputs(data, "evaluate", True, device)
        return Report(labels, probabilities, self.classes, data=data, model=self.name)

    def predict_picture(self, source: Any, mode: str | None = None) -> dict[str, Any]:
        """What one picture of a person's own is: a photograph, a scan, a drawing.

        Args:
            source: A file, its bytes, a PIL picture, or an array (H, W), (H, W, 3) or
                (3, H, W).
            mode: "scan" or "exact". Default: whichever fits, as of
                `digitnet.models.pictures.prepare_picture`.
        Returns:
            `label`, `confidence`, `probabilities` by class, and what was seen: `box` (top,
            left, height, width) of the digit in the picture, None for one that was taken
            as it is; `digits`, how many there are; `certainty` that there is one; `note`,
            which says so in words, or ""; `image`, what the network got.
        Raises:
            DataError: no picture, or no digit in it.
            ValueError: an unknown mode, or a picture that does not fit the model.
        Example:
            >>> model = digitnet.models.make("lenet5")
            >>> drawing = np.full((90, 60), 255, np.uint8)
            >>> drawing[15:75, 28:36] = 0
            >>> seen = model.predict_picture(drawing)
            >>> seen["box"], seen["digits"], seen["image"].shape
            ((15, 28, 61, 9), 1, (1, 28, 28))
        """
        self.require_classes("predict_picture")
        return pictures.predict_picture(self, source, mode)

    def features(
        self,
        images: Any,
        layer: str | None = None,
        *,
        device: str = "auto",
        progress: bool = True,
    ) -> npt.NDArray[np.float32]:
        """Features for another classifier: a layer's outputs for every image, (N, F) float32.

        For all layers of a few images see `activations`.

        Args:
            images: A Dataset, or what it takes.
            layer: A layer's name; maps are flattened. Default: the last map that an
                outermost layer gives.
            device: "auto", "cpu" or "cuda".
            progress: Show a bar.
        Raises:
            ValueError: no such layer.
            OutOfMemory: the features would not fit into half of the free memory.
        Example:
            >>> train, _ = digitnet.data.load("digits")
            >>> model = digitnet.models.make("optdigits-cnn")
            >>> model.features(train[:50], "max_pool2", progress=False).shape
            (50, 128)
        """
        return transfer.features(self, images, layer, device=device, progress=progress)

    # -- weights and files --------------------------------------------------------

    def load_weights(
        self,
        source: str | PathLike[str] | BaseModel | torch.nn.Module | Mapping[str, Any],
        *,
        naming: str = "auto",
        bgr: bool | None = None,
        strict: bool = False,
        skip: Iterable[str] = (),
    ) -> WeightReport:
        """Take over the weights that fit, by name; the others stay as they are, and the
        temperature becomes 1.

        Where names do not fit all of the network, layers are taken by order: the first
        convolution from the first one, and so on, if every tensor has its shape then and
        the order is beyond doubt. The report says so; ``naming`` other than "auto" and
        "order" forbids it.

        Weights of Keras keep their meaning: rows behind a Flatten, and norms there, are
        put into digitnet's order; where the file has a config (``.keras``, ``.h5`` of a
        whole model), epsilons, strides, padding, activations and pools are compared, and
        what differs is refused with what to build; where it has none, what Keras does by
        default is said where the network does otherwise.

        Weights of a Model or of its file know their classes: the layer that predicts them
        is put into the order of this model's names, or gives it its own if it has only
        numbers. All weights of such a source bring its `max_value`, too.

        Args:
            source: A Model, a torch Module or a state_dict (arrays or tensors by name), or a
                file: safetensors, torch's ``.pth`` (read without running code; a
                state_dict within a record is found), or Keras' ``.h5`` and ``.keras``
                (need h5py: ``pip install digitnet[keras]``). The content decides which
                it is. A file may hold at most 200 times its own size, or 32 MiB.
            naming: "digitnet" (also any torch module whose names are this model's),
                "torchvision" (``features.0.weight``), "keras" (``block1_conv1/kernel``,
                stored height, width, in, out) or "order". Default: by the names, else by
                order.
            bgr: The first layer takes blue first, and is turned round. Default: only for
                files of weights alone with Keras' names and shapes of VGG16 (or VGG19),
                whose published weights do; any other file is taken as it is.
            strict: Refuse, and change nothing, unless every tensor of the model is found.
            skip: Patterns of names, the model's or the source's, that are left out
                without a word, such as ``["dense3*"]``.
        Returns:
            A WeightReport.
        Warns:
            UserWarning: something stayed as it was, did not fit or was not used, or has
                a meaning that the file does not say; the report, in short.
        Raises:
            DataError: the file is damaged or no such file; a tensor is not finite.
            ValueError: nothing fits, or not everything and `strict`; lists name, expected
                and found shape; a network of another meaning. Nothing was changed.
            RuntimeError: another thread trains the model.
            ImportError: h5py is not installed.
        Example:
            >>> first = digitnet.models.make("lenet5", seed=1)
            >>> second = digitnet.models.make("lenet5", classes=3, seed=2)
            >>> print(second.load_weights(first, skip=["dense3*"]))
            8 of 8 tensors loaded from lenet5 (digitnet names)
        """
        return load_weights(
            self, source, naming=naming, bgr=bgr, strict=strict, skip=skip
        )

    def to_torch(self) -> torch.nn.Module:
        """An equal plain torch.nn.Module: raw pixels as float (N, C, H, W) in, logits out.

        Its state_dict has the same names; preprocessing and temperature are inside.

        Raises:
            ImportError: torch is not installed; names the extra.
        """
        with extra_packages("to_torch"):
            from digitnet.models import torch_module

        return torch_module.to_torch(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write weights, network and preprocessing to one safetensors file, whole or not at all.

        Raises:
            ValueError: a name that promises another program's format, such as ``m.h5``.
        """
        file.save(self, path)

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: description and weights, nothing of the core."""
        core = ("core", "predictor", "_guessing")
        more = {key: value for key, value in vars(self).items() if key not in core}
        return rebuilt, (file.described(self), self.state_dict(), more)


def rebuilt(
    about: dict[str, Any], state: dict[str, Any], more: dict[str, Any]
) -> Model:
    """The model of a description, its weights and its other attributes: for pickle."""
    shapes = {key: value.shape for key, value in state.items()}
    model = file.build(Model, about, shapes, "pickle")
    model.load_state_dict(state)
    model.temperature = about.get("temperature", 1.0)
    vars(model).update(more)
    return model
