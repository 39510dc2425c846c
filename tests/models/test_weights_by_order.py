"""The same network under other names: taken by order where that is beyond doubt."""

import numpy as np
import pytest
from reference.optional import Module, nn, torch

import digitnet
from digitnet.layers import (
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    MaxPool,
    ReLU,
)

LAYERS = [
    *(Conv(4, 3), ReLU(), MaxPool(2), Conv(4, 3, padding=1), ReLU(), Flatten()),
    *(Dense(8), ReLU(), Dense(3)),
]


def network(layers=LAYERS, **options):
    return digitnet.Model(layers, (1, 8, 8), preprocess=(), **options)


def tutorial(*parts):
    """LAYERS in torch, as a Sequential of parts under these names."""
    first = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2)]
    second = [nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()]
    last = [nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 3)]
    if not parts:
        return nn.Sequential(*first, *second, *last).eval()
    if len(parts) == 2:
        first, second = [*first, *second], last
    whole = nn.Sequential()
    for name, layers in zip(parts, (first, second, last), strict=False):
        whole.add_module(name, nn.Sequential(*layers))
    return whole.eval()


def assert_equal(model, module, **options):
    images = np.random.default_rng(2).random((6, *model.input_shape), np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(model.predict_logits(images), expected, atol=1e-5)


def sources(module, folder):
    """In memory, as torch saves it, and as safetensors does, in the alphabet's order."""
    from safetensors.torch import save_file

    torch.save(module.state_dict(), folder / "m.pth")
    save_file(module.state_dict(), folder / "m.safetensors")
    return module, folder / "m.pth", folder / "m.safetensors"


@pytest.mark.torch
@pytest.mark.parametrize(
    "parts",
    [
        (),  # 0.weight, 3.weight
        ("layer1", "layer2", "fc"),
        ("stack", "linear_relu_stack"),
        ("features", "classifier"),  # torchvision's names, other numbers
    ],
)
def test_tutorials_names_are_taken_by_order(parts, tmp_path):
    torch.manual_seed(3)
    module = tutorial(*parts)
    for source in sources(module, tmp_path):
        model = network()
        report = model.load_weights(source, strict=True)
        assert report.naming == "order"
        assert "by order: conv1 from" in str(report)
        assert_equal(model, module)


class PyTorchExample(Module):
    """The network of PyTorch's basic MNIST example."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, 1)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = nn.functional.relu(self.conv2(nn.functional.relu(self.conv1(x))))
        x = torch.flatten(nn.functional.max_pool2d(x, 2), 1)
        return nn.functional.log_softmax(self.fc2(nn.functional.relu(self.fc1(x))), 1)


@pytest.mark.torch
def test_torch_example_takes_the_examples_own_file(tmp_path):
    torch.manual_seed(4)
    module = PyTorchExample().eval()
    for source in sources(module, tmp_path):
        model = digitnet.models.make("torch-example", preprocess=())
        report = model.load_weights(source, strict=True)
        assert ("dense1", "fc1") in report.by_order
        images = np.random.default_rng(1).random((3, 1, 28, 28), np.float32)
        with torch.no_grad():
            expected = module(torch.from_numpy(images)).exp().numpy()
        np.testing.assert_allclose(model.predict_proba(images), expected, atol=1e-6)


@pytest.mark.torch
def test_norms_that_are_listed_behind_all_convolutions_are_taken():
    """Torch lists layers as they were made, which need not be as they run."""
    torch.manual_seed(5)
    module = nn.Module()
    module.a, module.b = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3)
    module.n, module.m = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
    module.out = nn.Linear(64, 2)
    for norm in (module.n, module.m):
        nn.init.normal_(norm.weight)
        norm.running_var.uniform_(0.5, 2)
    module.eval()
    module.forward = lambda x: module.out(
        module.m(module.b(module.n(module.a(x)))).flatten(1)
    )
    layers = [Conv(4, 3), BatchNorm(), Conv(4, 3), BatchNorm(), Flatten(), Dense(2)]
    model = network(layers)
    report = model.load_weights(module, strict=True)
    assert report.by_order[-2:] == [("batch_norm2", "m"), ("dense1", "out")]
    assert_equal(model, module)


@pytest.mark.torch
@pytest.mark.parametrize(
    "prefix",
    [
        *("module.", "_orig_mod.", "model.", "net.", "module.model."),
        *(
            "module._orig_mod.",
            "_orig_mod.module.",
            "model.module._orig_mod.net.",
            "my.own.",
        ),
    ],
)
def test_what_wrappers_put_before_every_name_is_left_out(prefix):
    first = network(seed=7)
    state = {f"{prefix}{k}": torch.from_numpy(v) for k, v in first.state_dict().items()}
    second = network(seed=8)
    report = second.load_weights(state, strict=True)
    assert report.naming == "digitnet"
    assert f"'{prefix}' was left out before every name" in str(report)
    for name, value in second.state_dict().items():
        np.testing.assert_array_equal(value, first.state_dict()[name])


@pytest.mark.torch
def test_of_a_model_and_its_average_the_model_is_taken():
    first, second = network(seed=7), network(seed=8)
    state = {f"model.{key}": value for key, value in first.state_dict().items()}
    average = {f"ema.{key}": value + 1 for key, value in state.items()}
    with pytest.warns(UserWarning, match=r"not used: ema\.model\."):
        second.load_weights({**average, **state})
    for name, value in second.state_dict().items():
        np.testing.assert_array_equal(value, first.state_dict()[name])


@pytest.mark.torch
def test_names_of_a_users_own_are_taken_by_order_from_within_the_wrapper():
    first, second = network(seed=7), network(seed=8)
    state = first.state_dict()
    own = {f"model.part_{name}": value for name, value in state.items()}
    with pytest.warns(UserWarning, match="not used: class_weights"):
        report = second.load_weights({**own, "class_weights": np.ones(3)})
    assert report.naming == "order"
    for name, value in second.state_dict().items():
        np.testing.assert_array_equal(value, state[name])


def test_two_networks_that_would_fit_are_not_chosen_between():
    model = network(seed=7)
    state = {
        f"{who}.{key}": value
        for who in ("student", "teacher")
        for key, value in model.state_dict().items()
    }
    with pytest.raises(ValueError, match=r"under 'student\.', 'teacher\.'; give one"):
        model.load_weights(state)
    one = {
        k.removeprefix("student."): v
        for k, v in state.items()
        if k.startswith("student.")
    }
    assert model.load_weights(one, strict=True).is_whole


# -- refused ---------------------------------------------------------------------------


def renamed(model, **names):
    """A state with other layer names, in this order."""
    state = model.state_dict()
    return {
        f"{new}.{part}": state[f"{old}.{part}"]
        for old, new in names.items()
        for part in ("weight", "bias")
    }


NAMES = {"conv1": "first", "conv2": "second", "dense1": "hidden", "dense2": "out"}


def test_an_order_is_taken_whole_or_not_at_all():
    source, model = network(seed=1), network(seed=2)
    before = model.state_dict()
    state = renamed(source, **NAMES)
    state["hidden.weight"] = state["hidden.weight"][:, 1:]
    with pytest.raises(
        ValueError,
        match=r"by order: dense1.weight from hidden: expected \(8, 36\), got",
    ):
        model.load_weights(state)
    del state["hidden.weight"], state["hidden.bias"]
    with pytest.raises(ValueError, match=r"2 of kind dense layer .*, got out"):
        model.load_weights(state)
    more = renamed(source, **NAMES) | {"norm.weight": np.ones(3, np.float32)}
    with pytest.raises(ValueError, match=r"by order: expected no layer norm, got norm"):
        model.load_weights(more)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_file_without_an_order_is_not_guessed_at(tmp_path):
    """Two convolutions of one shape, whose names do not count: which is the first?"""
    from safetensors.numpy import save_file

    layers = [Conv(1, 3, padding=1), ReLU(), Conv(1, 3, padding=1), Flatten(), Dense(2)]
    source, model = network(layers, seed=1), network(layers, seed=2)
    names = {"conv1": "stem", "conv2": "body", "dense1": "head"}
    path = tmp_path / "m.safetensors"
    save_file(renamed(source, **names), path)
    with pytest.raises(
        ValueError, match=r"expected an order of layers or .*(body|stem), (stem|body)"
    ):
        model.load_weights(path)
    save_file(renamed(source, **names | {"conv1": "c9", "conv2": "c10"}), path)
    model.load_weights(path, strict=True)  # names that count
    assert model.load_weights(renamed(source, **names)).naming == "order"  # as given
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, source.state_dict()[name])


def test_shapes_may_leave_no_choice(tmp_path):
    from safetensors.numpy import save_file

    source, model = network(seed=1), network(seed=2)
    names = {"conv1": "stem", "conv2": "body", "dense1": "neck", "dense2": "head"}
    save_file(renamed(source, **names), tmp_path / "m.safetensors")
    report = model.load_weights(tmp_path / "m.safetensors", strict=True)
    assert report.by_order[:2] == [("conv1", "stem"), ("conv2", "body")]
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, source.state_dict()[name])


def test_names_that_say_otherwise_win_over_the_order():
    """dense1 and dense2 of one shape, listed the other way round."""
    layers = [Flatten(), Dense(64), ReLU(), Dense(64), ReLU(), Dense(2)]
    source, model = network(layers, seed=1), network(layers, seed=2)
    state = renamed(source, dense2="dense2", dense1="dense1", dense3="out")
    with pytest.warns(UserWarning, match=r"left as it was: dense3.weight"):
        report = model.load_weights(state)
    assert report.naming == "digitnet" and not report.by_order
    for name in ("dense1.weight", "dense2.weight"):
        np.testing.assert_array_equal(
            model.state_dict()[name], source.state_dict()[name]
        )


def test_by_names_only_and_by_order_only_can_be_asked_for():
    source, model = network(seed=1), network(seed=2)
    state = renamed(source, **NAMES | {"conv1": "conv1"})
    with pytest.warns(UserWarning, match=r"2 of 8 tensors loaded"):
        model.load_weights(state, naming="digitnet")
    assert model.load_weights(state, naming="order", strict=True).naming == "order"
    with pytest.raises(
        ValueError, match=r"load_weights: by order: expected 0|by order"
    ):
        network([Flatten(), Dense(3)]).load_weights(state, naming="order")


# -- what is left out --------------------------------------------------------------------


def test_what_is_to_stay_is_named_and_not_warned_of():
    source, model = network(seed=1), network([*LAYERS[:-1], Dense(5)], seed=2)
    head = model.state_dict()["dense2.weight"]
    report = model.load_weights(source, skip=["dense2.*"])
    assert report.is_whole and len(report.loaded) == 6
    np.testing.assert_array_equal(model.state_dict()["dense2.weight"], head)
    with pytest.raises(ValueError, match=r"load_weights.skip: .*, got 'dense9\*'"):
        model.load_weights(source, skip=["dense9*"])
    by_order = model.load_weights(renamed(source, **NAMES), skip=["dense2.*", "out.*"])
    assert by_order.naming == "order" and by_order.is_whole


@pytest.mark.torch
def test_counters_and_optimizers_are_not_warned_of():
    layers = [Conv(4, 3), BatchNorm(), Flatten(), Dense(2)]
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    module.append(nn.Linear(144, 2))
    report = network(layers).load_weights(module, strict=True)
    assert report.unexpected_keys == ["1.num_batches_tracked"] and report.is_whole


# -- epsilon -------------------------------------------------------------------------------


def with_norm(epsilon):
    layers = [Conv(4, 3), BatchNorm(epsilon=epsilon), Flatten(), Dense(2)]
    return network(layers)


@pytest.mark.torch
def test_norms_of_another_epsilon_are_refused_whatever_tells_it(tmp_path):
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, eps=1e-3))
    module.extend([nn.Flatten(), nn.Linear(144, 2)])
    source = with_norm(1e-3)
    source.save(tmp_path / "m.safetensors")
    for one in (module, source, tmp_path / "m.safetensors"):
        with pytest.raises(
            ValueError, match=r"build BatchNorm\(epsilon=0.001, name='ba"
        ):
            with_norm(1e-5).load_weights(one)
        with_norm(1e-3).load_weights(one, strict=True)
    torch.save(module.state_dict(), tmp_path / "m.pth")  # does not tell
    with_norm(1e-5).load_weights(tmp_path / "m.pth", strict=True)
    with pytest.warns(
        UserWarning, match=r"batch_norm1: torch's default epsilon is 1e-05"
    ):
        with_norm(1e-3).load_weights(tmp_path / "m.pth", strict=True)


def test_trees_of_arrays_are_refused_by_name():
    tree = {"params": {"Dense_0": {"kernel": np.zeros((64, 3)), "bias": np.zeros(3)}}}
    with pytest.raises(digitnet.DataError, match=r"got a dict for 'params'"):
        network([Flatten(), Dense(3)]).load_weights(tree)
