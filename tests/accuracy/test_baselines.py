"""Recipes in quick mode against what they reached before: `pytest -m accuracy`.

baselines.json holds, for each recipe, measured keys with the value of the run that was
looked at and how far below it a run may fall (far above it for losses).
"""

import json
from pathlib import Path

import pytest

from digitnet import papers

pytestmark = [pytest.mark.accuracy, pytest.mark.slow]
BASELINES = json.loads((Path(__file__).parent / "baselines.json").read_text())


@pytest.mark.parametrize("name", papers.names())
def test_a_recipe_is_as_good_as_it_was(name, data_folder, tmp_path):
    found = papers.reproduce(name, "quick", out=tmp_path / "run", progress=False)
    assert BASELINES[name]
    for key, (expected, tolerance) in BASELINES[name].items():
        mean = found.metrics["measured"][key]["mean"]
        worse = mean - expected if "loss" in key else expected - mean
        assert worse <= tolerance, f"{key}: expected {expected}, got {mean}"
