"""Explanations against torch's autograd, closed forms and their own axioms."""

import numpy as np
import pytest
from reference.optional import torch
from sklearn.decomposition import PCA

import digitnet
import digitnet._core as _core
from digitnet import features
from digitnet.features import projection
from digitnet.layers import Dense, Flatten


@pytest.fixture(params=["native", "torch"])
def executor(request, monkeypatch):
    monkeypatch.setenv("DIGITNET_EXECUTOR", request.param)


@pytest.fixture
def images(digits):
    return digits[1].images[:6]


def torch_input(model, images):
    return torch.from_numpy(model.preprocessed(images)).requires_grad_(True)


def without_preprocessing(model):
    module = model.to_torch()
    module.steps = []
    return module


@pytest.mark.torch
def test_saliency_is_autograds_gradient(trained, images, executor):
    x = torch_input(trained, images)
    logits = without_preprocessing(trained)(x)
    target = np.array([3, 1, 4, 1, 5, 9])
    logits[torch.arange(6), torch.from_numpy(target)].sum().backward()
    result = features.saliency(trained, images, target)
    np.testing.assert_allclose(result, x.grad.numpy(), rtol=1e-3, atol=1e-5)
    by_default = features.saliency(trained, images)
    predictions = trained.predict(images)
    np.testing.assert_array_equal(
        by_default, features.saliency(trained, images, predictions)
    )


def test_saliency_is_the_finite_difference_gradient(trained, images):
    """Of the model itself, without torch: a small step along the gradient."""
    gradients = features.saliency(trained, images, 2).astype(float)
    x = trained.preprocessed(images)
    network = digitnet.Model(trained.core.network, (1, 8, 8), preprocess=())
    network.load_state_dict(trained.state_dict())
    network.temperature = trained.temperature
    step = (
        1e-3
        * gradients
        / np.linalg.norm(gradients.reshape(6, -1), axis=1).reshape(6, 1, 1, 1)
    )
    up = network.predictor.predict(np.float32(x + step), None, "cpu", False)[:, 2]
    down = network.predictor.predict(np.float32(x - step), None, "cpu", False)[:, 2]
    expected = np.linalg.norm(gradients.reshape(6, -1), axis=1)
    # Kinks of ReLU and pools lie within the step of some.
    np.testing.assert_allclose((up - down) / 2e-3, expected, rtol=0.2, atol=1e-2)


@pytest.mark.torch
@pytest.mark.parametrize("layer", ["conv1", "relu3", "max_pool2", None])
def test_grad_cam_is_its_formula(layer, trained, images, executor):
    name = layer or "dropout3"
    kept = {}
    module = without_preprocessing(trained)

    def keep(module, inputs, output):
        output.retain_grad()
        kept["maps"] = output

    module.get_submodule(name).register_forward_hook(keep)
    logits = module(torch_input(trained, images))
    logits[:, 7].sum().backward()
    maps, gradients = kept["maps"].detach(), kept["maps"].grad
    expected = (maps * gradients.mean((2, 3), keepdim=True)).sum(1).clamp_min(0).numpy()
    result = features.grad_cam(trained, images, 7, layer=layer)
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-6)
    assert result.min() >= 0


def test_integrated_gradients_sum_to_the_difference(trained, images):
    target = trained.predict(images)
    shares = features.integrated_gradients(trained, images, target, steps=200)
    empty = trained.predict_logits(np.zeros((1, 8, 8), np.uint8))[0]
    logits = trained.predict_logits(images)
    expected = logits[np.arange(6), target] - empty[target]
    np.testing.assert_allclose(shares.sum((1, 2, 3)), expected, rtol=0.01, atol=0.05)
    grey = features.integrated_gradients(trained, images, target, baseline=16)
    assert not np.allclose(grey, shares)


def test_integrated_gradients_of_a_linear_model_are_weight_times_input(images):
    model = digitnet.models.make("linear", input_shape=(8, 8), seed=2)
    shares = features.integrated_gradients(model, images, 4, steps=1)
    weights = model.state_dict()["dense1.weight"][4].reshape(8, 8)
    np.testing.assert_allclose(shares[:, 0], weights * images / 16, atol=1e-5)


@pytest.mark.parametrize(("size", "stride"), [(2, 1), (3, 2), (8, 1), (1, 3), (3, 5)])
def test_occlusion_equals_its_reference_implementation(size, stride, trained, images):
    target = trained.predict(images)
    result = features.occlusion(
        trained, images, target, size=size, stride=stride, value=4
    )
    starts = [*range(0, 8 - size, stride), 8 - size]
    for i, image in enumerate(images):
        whole = trained.predict_proba(image)[0, target[i]]
        lost, times = np.zeros((8, 8)), np.zeros((8, 8))
        for top in starts:
            for left in starts:
                here = np.s_[top : top + size, left : left + size]
                covered = image.copy()
                covered[here] = 4
                lost[here] += whole - trained.predict_proba(covered)[0, target[i]]
                times[here] += 1
        expected = np.divide(lost, times, out=np.zeros((8, 8)), where=times > 0)
        np.testing.assert_allclose(result[i], expected, atol=1e-5)


def test_explanations_see_the_digit_not_its_ground(rng):
    """A model that only looks at one corner is exposed by every method."""
    model = digitnet.Model([Flatten(), Dense(2)], (8, 8), preprocess=())
    weight = np.zeros((2, 64), np.float32)
    weight[1].reshape(8, 8)[:2, :3] = 1
    model.load_state_dict({"dense1.weight": weight, "dense1.bias": np.zeros(2)})
    image = np.ones((8, 8), np.float32)
    maps = [
        np.abs(features.saliency(model, image, 1))[0, 0],
        features.integrated_gradients(model, image, 1)[0, 0],
        features.occlusion(model, image, 1, size=1, stride=1)[0],
    ]
    for attribution in maps:
        assert (attribution[:2, :3] > 1e-3).all()
        assert np.abs(attribution).sum() == pytest.approx(attribution[:2, :3].sum())


def test_maximising_a_linear_unit_draws_its_positive_weights():
    model = digitnet.models.make("linear", input_shape=(8, 8), seed=3)
    result = features.maximise(model, units=[5], l2=0, blur=0, jitter=0, rate=0.2)
    weights = model.state_dict()["dense1.weight"][5].reshape(8, 8)
    large = np.abs(weights) > 0.02
    np.testing.assert_array_equal(result.images[0, 0][large], (weights > 0)[large])


def test_maximising_excites_every_class_and_channel(trained):
    result = features.maximise(trained, units=range(10), steps=60)
    assert (result.last > result.first + 1).all()
    assert result.images.shape == (10, 1, 8, 8)
    assert result.images.min() >= 0
    assert result.images.max() <= 1
    predictions = trained.predict(np.rint(16 * result.images[:, 0]).astype(np.uint8))
    assert (predictions == np.arange(10)).mean() >= 0.9
    channels = features.maximise(trained, "conv2", [0, 3], steps=60)
    assert (channels.last > channels.first).all()


def test_maximising_is_a_function_of_the_seed(trained):
    first = features.maximise(trained, units=[1, 2], steps=5, seed=4)
    again = features.maximise(trained, units=[1, 2], steps=5, seed=4)
    other = features.maximise(trained, units=[1, 2], steps=5, seed=5)
    np.testing.assert_array_equal(first.images, again.images)
    assert not np.array_equal(first.images, other.images)


def test_regularisers_make_calmer_images(trained):
    def roughness(**options):
        base = {"l2": 0, "blur": 0, "jitter": 0, "steps": 60}
        images = features.maximise(trained, units=range(10), **base | options).images
        return np.abs(np.diff(images)).mean() + np.abs(np.diff(images, axis=2)).mean()

    rough = roughness()
    for options in ({"blur": 0.6}, {"variation": 2.0}, {"jitter": 2}):
        assert roughness(**options) < rough, options
    calm = features.maximise(trained, units=[0], l2=0.2, steps=60).images.mean()
    assert calm < features.maximise(trained, units=[0], l2=0, steps=60).images.mean()


def test_the_embedding_is_the_last_hidden_layer(trained, digits):
    part = digits[1][:40]
    embedded = features.embedding(trained, part)
    rows = [row["layer"] for row in trained.summary().rows]
    hidden = rows[rows.index("dense3") - 1]
    np.testing.assert_array_equal(embedded, trained.activations(part, [hidden])[hidden])
    weight, bias = (trained.state_dict()[f"dense3.{p}"] for p in ("weight", "bias"))
    logits = trained.predict_logits(part) * trained.temperature
    np.testing.assert_allclose(embedded @ weight.T + bias, logits, atol=1e-4)


def test_pca_is_the_plane_of_most_variance(rng):
    values = rng.normal(size=(50, 6)) * [9, 5, 1, 1, 0.5, 0.1]
    points = features.project(values)
    centred = values - values.mean(0)
    _, sizes, _ = np.linalg.svd(centred)
    np.testing.assert_allclose(np.linalg.norm(points, axis=0), sizes[:2])
    theirs = PCA(2, svd_solver="full").fit_transform(values)
    signs = np.sign((points * theirs).sum(0))
    np.testing.assert_allclose(points * signs, theirs, atol=1e-10)


@pytest.mark.parametrize(
    ("rows", "scales"),
    [
        (300, np.ones(200)),
        (50, np.ones(600)),
        (40, np.ones(900)),
        (2000, np.arange(100, 0, -1.0) ** 2),
        (50, [9, 1e-6, 1e-9, 0, 0]),
        (50, [1e200, 9e199, 1e199]),
        (50, [1e-200, 9e-201, 1e-201]),
    ],
    ids=["noise", "wide", "wider", "steep", "nearly a line", "huge", "tiny"],
)
def test_pca_is_that_of_singular_values_to_rounding(rng, rows, scales):
    values = rng.normal(size=(rows, len(scales))) * scales
    points = features.project(values)
    u, sizes, _ = np.linalg.svd(values - values.mean(0), full_matrices=False)
    expected = u[:, :2] * sizes[:2]
    expected *= np.sign((points / sizes[0] * expected / sizes[0]).sum(0))
    np.testing.assert_allclose(points, expected, atol=1e-11 * sizes[0])
    assert (features.project(values) == points).all()


def test_pca_of_noise_passes_over_the_rows_a_few_times(rng, monkeypatch):
    passes, blocks = [], projection._blocks
    monkeypatch.setattr(
        projection, "_blocks", lambda values: passes.append(1) or blocks(values)
    )
    assert features.project(rng.normal(size=(2000, 784))).any() and len(passes) < 20


def test_pca_of_equal_rows_is_a_point():
    np.testing.assert_array_equal(features.project(np.ones((9, 4))), 0)


def test_maps_do_not_depend_on_how_many_images_are_explained(trained, digits):
    part = digits[1][:70]
    few = digits[1][:3]
    for explained in (
        lambda data: features.saliency(trained, data),
        lambda data: features.grad_cam(trained, data),
        lambda data: features.integrated_gradients(trained, data, steps=3),
        lambda data: features.occlusion(trained, data),
        *(
            lambda data, name=name: trained.activations(data)[name]
            for name in trained.layer_names()
        ),
    ):
        np.testing.assert_array_equal(explained(part)[:3], explained(few))


def test_outputs_that_do_not_fit_are_refused_before_they_are_computed(
    trained, digits, monkeypatch
):
    needed = []
    monkeypatch.setattr(
        _core.engine, "require_memory", lambda *given: needed.append(given)
    )
    outputs = trained.activations(digits[1][:70])
    total = sum(values.nbytes for values in outputs.values())
    assert needed == [(total, "the outputs of 70 images")]


def test_tsne_keeps_neighbours(trained, digits):
    part = digits[1][:150]
    points = features.project(features.embedding(trained, part), "tsne", seed=1)
    assert points.shape == (150, 2)
    distance = ((points[:, None] - points) ** 2).sum(-1)
    np.fill_diagonal(distance, np.inf)
    assert (part.labels[distance.argmin(1)] == part.labels).mean() > 0.85


def test_the_most_activating_images_are_those_of_the_strongest_maps(trained, digits):
    data = digits[0][100:700]
    maps = np.concatenate(
        [trained.activations(data[i : i + 300], ["conv2"])["conv2"] for i in (0, 300)]
    )
    strengths = maps[:, 5].mean((1, 2))
    indices, activations = features.most_activating(trained, data, "conv2", 5, 7)
    np.testing.assert_allclose(activations, np.sort(strengths)[::-1][:7], atol=1e-4)
    np.testing.assert_allclose(strengths[indices], activations, atol=1e-4)
    _, logits = features.most_activating(trained, data, "dense3", 8, 3)
    ours = trained.predict_logits(data)[:, 8] * trained.temperature
    np.testing.assert_allclose(logits, np.sort(ours)[::-1][:3], atol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m, x: features.saliency(m, x, 10),
            "saliency.target: expected classes 0",
        ),
        (
            lambda m, x: features.saliency(m, x, 1.5),
            "saliency.target: expected classes",
        ),
        (lambda m, x: features.saliency(m, x[:, :7]), "expected images of shape"),
        (
            lambda m, x: features.grad_cam(m, x, layer="x"),
            "unknown layer 'x'; known: conv",
        ),
        (
            lambda m, x: features.grad_cam(m, x, layer="dense1"),
            "grad_cam.layer: expected a layer that gives a map, got 'dense1'",
        ),
        (
            lambda m, x: features.integrated_gradients(m, x, steps=0),
            "integrated_gradients.steps: expected",
        ),
        (
            lambda m, x: features.occlusion(m, x, size=9),
            "occlusion.size: expected a whole",
        ),
        (
            lambda m, x: features.saliency(m, x, [1, 2]),
            "expected classes 0 to 9, one or one an image",
        ),
        (
            lambda m, x: features.occlusion(m, x, size=2.5),
            "occlusion.size: expected a whole number",
        ),
        (
            lambda m, x: features.occlusion(m, x, value=np.nan),
            "occlusion.value: expected a finite number",
        ),
        (
            lambda m, x: features.integrated_gradients(m, x, baseline=np.inf),
            "integrated_gradients.baseline: expected a finite number",
        ),
        (
            lambda m, x: features.maximise(m, seed=-1),
            "maximise.seed: expected a whole number",
        ),
        (
            lambda m, x: features.maximise(m, units=[0.5]),
            "maximise.units: expected a whole number",
        ),
        (
            lambda m, x: features.most_activating(m, (x, [0] * 6), "conv1", 1, 0),
            "most_activating.count: expected a whole number from 1",
        ),
        (
            lambda m, x: features.embedding(m, digitnet.Dataset(x)[[]]),
            "embedding.data: expected at least one image",
        ),
        (
            lambda m, x: digitnet.plot.explanations(m, digitnet.Dataset(x)[[]]),
            "explanations.images: expected at least one image",
        ),
        (
            lambda m, x: digitnet.plot.most_activating(m, (x, [0] * 6), "conv1", []),
            "most_activating.units: expected at least one",
        ),
        (
            lambda m, x: features.occlusion(m, x, stride=-1),
            "occlusion.stride: expected",
        ),
        (lambda m, x: features.maximise(m, "x"), "unknown layer 'x'; known: conv1"),
        (
            lambda m, x: features.maximise(m, "conv1", 16),
            "unit: expected 0 to 15, got 16",
        ),
        (
            lambda m, x: features.maximise(m, units=[]),
            "maximise.units: expected at least",
        ),
        (lambda m, x: features.maximise(m, blur=1), "maximise.blur: expected 0 to 0.8"),
        (lambda m, x: features.maximise(m, rate=0), "maximise.rate: expected 0 < rate"),
        (
            lambda m, x: features.most_activating(m, (x, [0] * 6), "no", 1),
            "unknown layer 'no'; known: conv1",
        ),
        (
            lambda m, x: features.most_activating(m, (x, [0] * 6), "conv1", 99),
            "most_activating.unit: expected 0 to 15, got 99",
        ),
        (lambda m, x: features.project(x.reshape(6, -1), "umap"), "known: pca, tsne"),
        (lambda m, x: features.project(x.reshape(6, -1)[:2]), "at least 4 rows"),
        (lambda m, x: features.project(x.reshape(-1, 1)), "rows of 2 numbers"),
        # scikit-learn's t-SNE ends the process on these.
        (lambda m, x: features.project(np.ones((9, 4)), "tsne"), "4 different rows"),
        (
            lambda m, x: features.project(1 + 1e-300 * np.eye(9), "tsne"),
            "4 different rows",
        ),
        (lambda m, x: features.project(np.full((9, 4), np.nan)), "finite numbers"),
    ],
)
def test_wrong_questions_are_refused(call, message, trained, images):
    with pytest.raises(ValueError, match=message):
        call(trained, images)
