"""Recipes: each is a network and options that go together."""

import numpy as np
import pytest

import digitnet

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


@pytest.mark.parametrize("name", ["slow", None, ["fast"]])
def test_an_unknown_preset_lists_the_known(name):
    with pytest.raises(ValueError, match="unknown preset .*; known: fast"):
        digitnet.train.preset(name)
