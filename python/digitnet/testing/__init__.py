"""Regression checks of networks, for pytest: what was reached before is the baseline.

The fixture `metric_regression` is there wherever digitnet is installed:

    def test_accuracy(metric_regression):
        def reached(seed):
            train, test = digitnet.data.load("digits")
            model = digitnet.models.make("optdigits-cnn", seed=seed)
            model.fit(train, epochs=10, seed=seed, progress=False)
            return model.evaluate(test)

        metric_regression.check(reached)

The first run writes a baseline beside the test; commit it. `pytest --help` has the flags
under "digitnet".
"""

from digitnet.models.weights import weights_sha256
from digitnet.testing.baseline import Baseline
from digitnet.testing.regression import MetricRegression

__all__ = ["Baseline", "MetricRegression", "weights_sha256"]
