"""digitnet, as a user calls it."""

import numpy as np

import digitnet

from . import BATCH, MOMENTUM, RATE


class Digitnet:
    def __init__(self, network: str, images: np.ndarray, labels: np.ndarray) -> None:
        self.model = digitnet.models.make(network)
        self.data = digitnet.Dataset(images, labels, max_value=int(images.max()))
        self.optimizer = digitnet.train.optimizer("sgd", momentum=MOMENTUM)
        self.images = images

    def train(self) -> None:
        self.model.fit(
            self.data,
            epochs=1,
            batch_size=BATCH,
            optimizer=self.optimizer,
            learning_rate=RATE,
            schedule="constant",
            progress=False,
        )

    def predict(self) -> None:
        self.model.predict_logits(self.images)
