"""Figures of how operations work show what digitnet computes."""

import numpy as np
import pytest

import digitnet
from digitnet import plot
from digitnet.layers import BatchNorm, Conv, Dense, Flatten, ReLU
from digitnet.plot import operations


@pytest.fixture(scope="module")
def tiny():
    return digitnet.models.make("mlp-tiny", input_shape=(8, 8), seed=1)


def test_a_neuron_adds_its_products_and_its_bias(tiny, digits):
    bias = {"dense1.bias": np.arange(5, dtype=np.float32)}
    tiny.load_state_dict(tiny.state_dict() | bias)
    image = digits[1].images[3]
    shown = plot.neuron(tiny, image, unit=2).data
    state = tiny.state_dict()
    total = state["dense1.weight"][2] @ (image.ravel() / digits[1].max_value) + 2
    assert shown["sum"] == pytest.approx(total, abs=1e-5)
    assert shown["output"] == pytest.approx(1 / (1 + np.exp(-total)), abs=1e-5)


def test_a_neuron_that_sees_no_image_is_refused(tiny, digits):
    image = digits[1].images[0]
    with pytest.raises(ValueError, match=r"neuron.unit: expected 0 to 4, got 5"):
        plot.neuron(tiny, image, unit=5)
    with pytest.raises(ValueError, match="dense2"):
        plot.neuron(tiny, image, "dense2")
    convolutional = digitnet.models.make("optdigits-cnn")
    with pytest.raises(ValueError, match=r"neuron.layer: expected weights of shape"):
        plot.neuron(convolutional, image, "conv1")


def test_pooling_keeps_the_largest_or_the_mean_of_each_window():
    image = np.arange(24.0).reshape(4, 6)
    windows = image.reshape(2, 2, 3, 2)
    shown = plot.pooling(image).data
    np.testing.assert_array_equal(shown["max"], windows.max((1, 3)))
    np.testing.assert_allclose(shown["average"], windows.mean((1, 3)))
    with pytest.raises(
        ValueError, match=r"pooling.image: expected \(H, W\), multiples"
    ):
        plot.pooling(image, 4)


def test_batch_norm_leaves_means_near_0_and_deviations_near_1(digits):
    train, test = digits
    layers = [Conv(6, 3), BatchNorm(), ReLU(), Flatten(), Dense(10)]
    model = digitnet.Model(layers, train.shape, seed=0)
    model.fit(train, epochs=2, learning_rate=1e-9, progress=False)
    frame = plot.batch_norm(model, test[:100]).data
    assert np.abs(frame["mean before"]).max() > 0.1
    assert np.abs(frame["mean after"]).max() < 0.2
    assert np.abs(frame["sd after"] - 1).max() < 0.2
    with pytest.raises(ValueError, match="unknown layer 'norm'"):
        plot.batch_norm(model, test[:5], "norm")
    with pytest.raises(ValueError, match="batch_norm.layer: expected one behind"):
        plot.batch_norm(model, test[:5], "conv1")


def test_the_mean_of_the_samples_cross_entropies_is_the_log_loss(trained, digits):
    report = trained.evaluate(digits[1])
    shown = plot.cross_entropy(report)
    assert shown.data.mean() == pytest.approx(report["log_loss"])


def test_the_drawn_loss_is_the_one_that_the_optimizer_goes_down():
    data = operations._narrow_valley()
    model = digitnet.Model(
        [Flatten(), Dense(2, bias=False)], data.shape, 2, preprocess=[]
    )
    paths = plot.optimizers({"sgd": 1.0, "rmsprop": 0.2}, steps=30).data
    for path in paths.values():
        last = path.iloc[-1]
        weights = np.zeros((2, 2), np.float32)
        weights[1] = last[["w0", "w1"]]
        model.load_state_dict({"dense1.weight": weights})
        assert model.evaluate(data)["log_loss"] == pytest.approx(last["loss"], abs=1e-5)
        assert last["loss"] < path["loss"].iloc[0]
    # The valley is what gradient descent is slow in.
    assert paths["rmsprop"]["loss"].iloc[-1] < paths["sgd"]["loss"].iloc[-1] - 0.02


def test_a_neuron_without_an_activation_gives_its_sum(digits):
    image = digits[1].images[0]
    for layers in ([Flatten(), Dense(10)], [Flatten(), Dense(12), Dense(10)]):
        model = digitnet.Model(layers, digits[1].shape, seed=0)
        shown = plot.neuron(model, image, unit=9).data
        assert shown["output"] == shown["sum"]
        assert shown["sum"] == model.activations(image)["dense1"][0, 9]


@pytest.mark.parametrize("unit", [-1, 1.5, "0", None])
def test_a_neurons_unit_is_a_whole_number(unit, tiny, digits):
    with pytest.raises(ValueError, match=r"neuron.unit: expected 0 to 4, got"):
        plot.neuron(tiny, digits[1].images[0], unit=unit)


def test_a_neuron_is_shown_one_image(tiny, digits):
    for images, count in ((digits[1][:0], 0), (digits[1].images[:3], 3)):
        with pytest.raises(ValueError, match=f"expected one image, got {count}"):
            plot.neuron(tiny, images)


@pytest.mark.parametrize("size", [0, -1, 1.5, "2", None, 65])
def test_windows_of_a_pool_are_whole(size):
    with pytest.raises(ValueError, match=r"pooling.size: expected a whole number from"):
        plot.pooling(np.zeros((4, 4)), size)


@pytest.mark.parametrize("image", ["a", None, np.zeros((0, 0)), [[1], [2, 3]], [[1j]]])
def test_what_is_no_image_is_not_pooled(image):
    with pytest.raises(ValueError, match=r"pooling.image: expected"):
        plot.pooling(image)


def test_batch_norm_refuses_what_it_cannot_show(digits):
    train, test = digits
    layers = [Conv(6, 3), BatchNorm(), ReLU(), Flatten(), Dense(10)]
    model = digitnet.Model(layers, train.shape, seed=0)
    with pytest.raises(ValueError, match="expected a batch norm, got 'relu1', a relu"):
        plot.batch_norm(model, test[:5], "relu1")
    with pytest.raises(ValueError, match="expected at least one image, got none"):
        plot.batch_norm(model, test[:0])


@pytest.mark.parametrize("count", [0, -1, 1.5, "3"])
def test_so_many_samples_of_cross_entropy_are_counted(count, trained, digits):
    report = trained.evaluate(digits[1][:20])
    with pytest.raises(ValueError, match=r"cross_entropy.count: expected a whole"):
        plot.cross_entropy(report, count)


@pytest.mark.parametrize("rates", [{}, ["sgd"], None])
def test_optimizers_need_rates(rates):
    with pytest.raises(ValueError, match=r"optimizers.rates: expected at least one"):
        plot.optimizers(rates)
