"""Recipes in quick mode against what they reached before, and the weights of a short
training against those of before, bit for bit: `pytest -m accuracy`.

The baselines are in test_baselines/, written by `metric_regression`.
"""

import pytest

import digitnet
from digitnet import papers

pytestmark = [pytest.mark.accuracy, pytest.mark.slow]

# How much worse a quick run may be: one seed on a few images says little.
TOLERANCES = {
    "best-fashion-mnist": {"accuracy": 0.02},
    "best-mnist": {"accuracy": 0.004},
    "best-optdigits": {"folds": 0.002},
    "kaggle-cnn": {
        "digits accuracy": 0.008,
        "fashion accuracy": 0.025,
        "small accuracy": 0.005,
    },
    "mlp": {"accuracy": 0.004, "f1_macro": 0.004},
    "mnistm-cnn": {"accuracy": 0.008, "auc_macro": 0.001},
    "optdigits-cnn": {"accuracy": 0.006, "log_loss": 0.015, "folds": 0.004},
    "vgg16-transfer": {
        "frozen, Fashion-MNIST test": 0.008,
        "two blocks, Fashion-MNIST test": 0.003,
        "frozen, random test": 0.04,
        "from scratch test": 0.01,
        "LeNet-5 test": 0.01,
    },
}


@pytest.mark.parametrize("name", papers.names())
def test_a_recipe_is_as_good_as_it_was(name, data_folder, tmp_path, metric_regression):
    result = papers.reproduce(name, "quick", out=tmp_path / "run", progress=False)
    measured = {key: value["mean"] for key, value in result.metrics["measured"].items()}
    tolerances = TOLERANCES[name]
    metric_regression.check(measured, metrics=list(tolerances), tolerance=tolerances)


def test_the_demos_network_is_as_good_as_it_was(metric_regression):
    def reached(seed):
        train, test = digitnet.data.load("digits")
        model = digitnet.models.make("optdigits-cnn", seed=seed)
        options = {"batch_size": 32, "learning_rate": 0.006}
        model.fit(train, epochs=20, seed=seed, progress=False, **options)
        return model.evaluate(test)

    metric_regression.check(reached)


@pytest.mark.parametrize("name", ["optdigits-cnn", "norm-cnn", "mlp"])
def test_a_short_training_gives_the_weights_it_always_gave(name, metric_regression):
    train, _ = digitnet.data.load("digits")
    model = digitnet.models.make(name, input_shape=(8, 8), seed=1)
    augment = "shift 1px | rotate 10deg | noise 5%"
    model.fit(train, epochs=2, augment=augment, seed=1, progress=False)
    metric_regression.check_weights(model)
