"""Resizing against torch's interpolate."""

import numpy as np
import pytest
from reference.optional import torch

from digitnet import _core


@pytest.mark.torch
@pytest.mark.parametrize(
    "sizes",
    [(28, 28, 48, 48), (8, 8, 28, 28), (7, 5, 3, 11), (1, 1, 4, 4), (32, 20, 32, 20)],
)
@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_resizing_is_torchs(sizes, method, rng):
    height, width, tall, wide = sizes
    plane = rng.random((height, width), dtype=np.float32)
    ours = _core.data.resize(plane, tall, wide, method)
    options = {"align_corners": False} if method == "bilinear" else {}
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(plane)[None, None], (tall, wide), mode=method, **options
    )
    np.testing.assert_allclose(ours, theirs[0, 0].numpy(), atol=1e-5)


def test_area_keeps_the_mean(rng):
    plane = rng.random((37, 53), dtype=np.float32)
    assert _core.data.resize(plane, 8, 11, "area").mean() == pytest.approx(
        plane.mean(), abs=1e-5
    )


def test_area_of_whole_blocks_is_their_mean(rng):
    plane = rng.random((12, 8), dtype=np.float32)
    blocks = plane.reshape(4, 3, 4, 2).mean((1, 3))
    np.testing.assert_allclose(
        _core.data.resize(plane, 4, 4, "area"), blocks, atol=1e-6
    )
