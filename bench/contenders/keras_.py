"""Keras on TensorFlow, with its own fit and predict."""

import keras
import numpy as np

import digitnet

from . import BATCH, MOMENTUM, RATE


def keras_layer(layer: dict) -> keras.Layer:
    kind, options = layer["kind"], layer["options"]
    if kind == "conv":
        return keras.layers.Conv2D(
            options["channels"],
            options["kernel"],
            padding="same" if options["padding"] == "same" else "valid",
            use_bias=bool(options["bias"]),
        )
    if kind == "dense":
        return keras.layers.Dense(options["units"], use_bias=bool(options["bias"]))
    if kind == "dropout":
        return keras.layers.Dropout(options["rate"])
    return {
        "batch_norm": keras.layers.BatchNormalization,
        "max_pool": keras.layers.MaxPooling2D,
        "flatten": keras.layers.Flatten,
        "relu": keras.layers.ReLU,
        "sigmoid": lambda: keras.layers.Activation("sigmoid"),
    }[kind]()


class Keras:
    def __init__(self, network: str, images: np.ndarray, labels: np.ndarray) -> None:
        tree = digitnet.models.make(network).core.network.to_dict()
        shape = images.shape[-2:]
        self.x = images.reshape(-1, *shape, 1).astype(np.float32) / images.max()
        self.y = labels
        self.model = keras.Sequential(
            [
                keras.Input((*shape, 1)),
                *(keras_layer(layer) for layer in tree["layers"]),
            ]
        )
        self.model.compile(
            optimizer=keras.optimizers.SGD(RATE, momentum=MOMENTUM),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )

    def train(self) -> None:
        self.model.fit(self.x, self.y, batch_size=BATCH, epochs=1, verbose=0)

    def predict(self) -> None:
        self.model.predict(self.x, batch_size=1000, verbose=0)
