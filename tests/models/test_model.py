"""What a model predicts, and what it refuses to predict."""

import numpy as np
import pytest
from reference.optional import torch

import digitnet
from digitnet.layers import Dense, Flatten


def test_one_image_is_an_image(trained, digits):
    image, _ = digits[1][0]
    assert trained.predict(image).shape == (1,)
    assert trained.predict(image[None]).tolist() == trained.predict(image).tolist()


@pytest.mark.torch
def test_arrays_tensors_and_sets_give_the_same_predictions(trained, digits):
    test = digits[1]
    expected = trained.predict_proba(test)
    for form in (test.images, torch.from_numpy(test.images), test.images.astype(float)):
        np.testing.assert_array_equal(trained.predict_proba(form), expected)


def test_predictions_of_a_subset_are_those_of_the_whole_set(trained, digits):
    rows = [5, 3, 200]
    np.testing.assert_allclose(
        trained.predict_proba(digits[1][rows]),
        trained.predict_proba(digits[1])[rows],
        atol=1e-6,
    )


def test_another_scale_than_at_the_first_fit_is_refused(trained, digits):
    other = digitnet.Dataset(digits[1].images * 15, digits[1].labels)
    with pytest.raises(
        ValueError, match="max_value: expected 16 as at the first fit, got 255"
    ):
        trained.evaluate(other)
    with pytest.raises(ValueError, match="predict: expected pixels from 0 to 16"):
        trained.predict(digits[1].images * 15)
    with pytest.raises(ValueError, match=r"fit.data.max_value: expected 16, got 255"):
        trained.fit(other, progress=False)


def test_dark_images_go_by_the_models_scale(trained):
    dark = np.ones((2, 8, 8), np.uint8)
    assert trained.preprocessed(dark).max() == pytest.approx(1 / 16)


def test_predicting_with_an_untrained_model_does_not_fix_its_scale(digits):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    model.predict(np.full((1, 8, 8), 200, np.uint8))
    assert model.max_value is None
    model.fit(digits[0], epochs=1, progress=False)
    assert model.max_value == 16


@pytest.mark.parametrize(
    "images",
    [
        np.full((1, 8, 8), np.nan),
        np.full((1, 8, 8), -1.0),
        np.zeros((0, 8, 8)),
        "text",
        None,
    ],
)
def test_nonsense_is_refused(trained, images):
    with pytest.raises(ValueError, match="predict"):
        trained.predict(images)


def test_evaluate_needs_labels_of_its_classes(trained, digits):
    with pytest.raises(ValueError, match="expected labels"):
        trained.evaluate(digitnet.Dataset(digits[1].images, max_value=16))
    with pytest.raises(
        ValueError, match="evaluate.labels: expected classes 0 to 9, got 11"
    ):
        trained.evaluate(
            digitnet.Dataset(digits[1].images[:1], [11], classes=12, max_value=16)
        )
    with pytest.raises(TypeError, match="expected a Dataset, a torch set or a pair"):
        trained.evaluate(digits[1].images)


def test_state_dict_goes_out_and_in(trained, digits):
    other = digitnet.models.make("optdigits-cnn", seed=9)
    other.load_state_dict(trained.state_dict())
    other.temperature = trained.temperature  # no weight
    np.testing.assert_array_equal(
        other.predict_logits(digits[1]), trained.predict_logits(digits[1])
    )


def test_a_wrong_state_dict_changes_nothing(trained):
    model = digitnet.models.make("linear")
    before = model.state_dict()
    for wrong in (
        {},
        {**before, "more": np.zeros(1)},
        {"dense1.weight": np.ones((10, 784)), "dense1.bias": np.ones(9)},
        {"dense1.weight": np.ones((10, 784)), "dense1.bias": np.full(10, 1e300)},
        {"dense1.weight": np.ones((10, 784)), "dense1.bias": np.full(10, np.nan)},
    ):
        with pytest.raises(ValueError, match="load_state_dict: expected"):
            model.load_state_dict(wrong)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.torch
def test_the_torch_module_agrees_on_all_test_images(trained, digits):
    test = digits[1]
    with torch.no_grad():
        x = torch.from_numpy(test.images[:, None].astype(np.float32))
        theirs = torch.softmax(trained.to_torch()(x).double(), 1).numpy()
    np.testing.assert_allclose(trained.predict_proba(test), theirs, atol=1e-5)


@pytest.mark.torch
def test_the_torch_modules_weights_are_copies(trained):
    before = trained.state_dict()["dense1.weight"]
    module = trained.to_torch()
    with torch.no_grad():
        module.dense1.weight.zero_()
    np.testing.assert_array_equal(trained.state_dict()["dense1.weight"], before)


def test_the_summary_adds_up():
    model = digitnet.models.make("lenet5")
    summary = model.summary()
    assert summary.total("parameters") == 61_706
    assert summary.total("multiply_adds") == 416_520
    assert [row["output"] for row in summary.rows][:3] == [
        (6, 28, 28),
        (6, 28, 28),
        (6, 14, 14),
    ]
    assert "61,706 parameters" in str(summary)
    assert "<table" in summary._repr_html_()
    assert list(summary.to_frame()["layer"])[0] == "conv1"


@pytest.mark.torch
def test_activations_are_the_torch_modules(trained, digits):
    test = digits[1][:3]
    activations = trained.activations(test)
    module = trained.to_torch()
    x = torch.from_numpy(test.images[:, None].astype(np.float32)) / 16
    with torch.no_grad():
        for name, layer in module.named_children():
            x = layer(x)
            np.testing.assert_allclose(
                activations[name], x.numpy(), atol=1e-5, err_msg=name
            )
    assert list(activations) == [name for name, _ in module.named_children()]


def test_activations_of_an_unknown_layer_list_the_known_ones(trained, digits):
    with pytest.raises(ValueError, match="unknown layer 'conv9'; known: conv1, relu1"):
        trained.activations(digits[1][:1], ["conv9"])


@pytest.mark.torch
def test_a_device_that_is_not_there_says_so(trained, digits):
    if torch.cuda.is_available():
        pytest.skip("a GPU is here")
    with pytest.raises(
        RuntimeError, match="device: expected a GPU for 'cuda', got none"
    ):
        trained.predict(digits[1], device="cuda")
    with pytest.raises(ValueError, match="device: expected 'auto', 'cpu'"):
        trained.predict(digits[1], device="tpu")


def test_the_core_itself_refuses_another_shape(trained):
    wrong, predictor = np.zeros((2, 1, 9, 9), np.uint8), trained.predictor
    units, features = np.zeros(2, np.int64), digitnet._core.features
    calls = [
        lambda: trained.core.preprocessed(wrong),
        lambda: predictor.predict(wrong, None, "cpu", True),
        lambda: features.activations(predictor, wrong, []),
        lambda: features.saliency(predictor, wrong, units),
        lambda: features.grad_cam(predictor, wrong, "conv1", units),
        lambda: features.integrated_gradients(predictor, wrong, units, 2, 0),
        lambda: features.occlusion(predictor, wrong, units, 2, 1, 0),
        lambda: features.unit_activations(predictor, wrong, None, "conv1", 0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="images: expected shape 1x8x8, got 1x9x9"):
            call()


def test_a_seed_is_a_whole_number_from_0():
    for seed in (-1, 2**64, 1.5, "a", None):
        with pytest.raises(
            ValueError, match="Model.seed: expected a whole number from 0"
        ):
            digitnet.models.make("linear", seed=seed)


@pytest.mark.parametrize("classes", [["a"] * 10, [*range(9), "0"]])
def test_equal_class_names_are_refused(classes):
    with pytest.raises(ValueError, match="classes: expected different names"):
        digitnet.models.make("linear", input_shape=(8, 8), classes=classes)


@pytest.mark.parametrize("classes", [3, ["a", "b", "c"]])
def test_another_number_of_classes_than_outputs_is_refused(classes):
    with pytest.raises(ValueError, match=r"Model\.classes: expected 10 .*, got 3"):
        digitnet.Model([Flatten(), Dense(10)], (8, 8), classes=classes)
    with pytest.raises(ValueError, match="expected none for a network that makes"):
        digitnet.Model([digitnet.layers.ReLU()], (8, 8), classes=classes)


def test_a_number_of_classes_that_is_right_gives_their_numbers_as_names():
    model = digitnet.Model([Flatten(), Dense(3)], (8, 8), classes=3)
    assert model.classes == ("0", "1", "2")


def test_classes_may_come_from_a_generator():
    names = (f"class {k}" for k in range(3))
    model = digitnet.Model([Flatten(), Dense(3)], (8, 8), classes=names)
    assert model.classes == ("class 0", "class 1", "class 2")


def test_a_subclass_with_its_own_fit_can_train_a_head(digits):
    class Logged(digitnet.Model):
        def fit(self, data, **options):
            return super().fit(data, **options)

    layers = [digitnet.layers.Conv(2, 3), digitnet.layers.ReLU(), Flatten(), Dense(10)]
    model = Logged(layers, (8, 8))
    assert model.fit_head(digits[0], epochs=1, progress=False).epochs == 1


def test_features_of_no_images_are_no_rows(trained, digits):
    layer = trained.layer_names()[-1]
    assert len(trained.features(digits[1][:0], layer, progress=False)) == 0
