"""Recipes: each is a network and options that go together."""

import numpy as np
import pytest

import digitnet
import digitnet._core as _core

every_preset = pytest.mark.parametrize("name", digitnet.train.presets())


@every_preset
def test_a_preset_trains_its_network(name):
    recipe = digitnet.train.preset(name)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 28, 28), dtype=np.uint8)
    model = digitnet.models.make(recipe.network)
    history = model.fit(
        (images, np.arange(40) % 10), **{**recipe.options, "epochs": 1}, progress=False
    )
    assert history.status == "finished"
    assert str(history.executor).startswith("native")


@every_preset
def test_a_preset_says_what_it_is_for(name):
    recipe = digitnet.train.preset(name)
    assert recipe.name == name
    assert len(recipe.summary) > 10


@every_preset
def test_nobody_can_change_a_preset(name):
    with pytest.raises(TypeError):
        digitnet.train.preset(name).options["epochs"] = 99


@every_preset
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_gpu_gets_larger_batches_at_a_higher_rate(name, device):
    recipe = digitnet.train.preset(name)
    on_gpu = digitnet.train.preset(name, device=device)
    for option in ("batch_size", "learning_rate"):
        assert on_gpu.options[option] > recipe.options[option]
    assert {**on_gpu.options, **recipe.options} == dict(recipe.options)
    assert (on_gpu.name, on_gpu.network) == (recipe.name, recipe.network)


@every_preset
def test_auto_is_the_device_that_is_here(name, monkeypatch):
    recipe = digitnet.train.preset(name, device="auto")
    here = digitnet.train.resolve_device("auto")
    assert recipe == digitnet.train.preset(name, device=here)
    monkeypatch.setattr(_core.engine, "resolve_device", lambda device: "cuda")
    recipe = digitnet.train.preset(name, device="auto")
    assert recipe == digitnet.train.preset(name, device="cuda")


@pytest.mark.parametrize("device", ["mps", "cuda:x", "", None])
def test_a_preset_for_no_device_is_refused(device):
    with pytest.raises(ValueError, match="device: expected 'auto', 'cpu', 'cuda'"):
        digitnet.train.preset("fast", device=device)


@pytest.mark.parametrize("name", ["slow", None, ["fast"]])
def test_an_unknown_preset_lists_the_known(name):
    with pytest.raises(ValueError, match="unknown preset .*; known: fast"):
        digitnet.train.preset(name)
