"""scikit-learn's MLPClassifier, for networks without convolutions."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from . import BATCH, MOMENTUM, RATE


class Sklearn:
    def __init__(self, network: str, images: np.ndarray, labels: np.ndarray) -> None:
        self.x = images.reshape(len(images), -1).astype(np.float32) / images.max()
        self.y = labels
        self.model = MLPClassifier(
            (512, 512) if network == "mlp" else (),
            solver="sgd",
            alpha=0,
            batch_size=BATCH,
            learning_rate_init=RATE,
            momentum=MOMENTUM,
            nesterovs_momentum=False,
        )

    def train(self) -> None:
        self.model.partial_fit(self.x, self.y, classes=np.arange(10))

    def predict(self) -> None:
        self.model.predict_proba(self.x)
