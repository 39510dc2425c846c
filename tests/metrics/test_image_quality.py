"""PSNR and SSIM against their definitions, window by window."""

import numpy as np
import pytest

from digitnet import metrics


@pytest.fixture
def pair(rng):
    targets = rng.random((4, 2, 17, 13))
    noisy = np.clip(targets + rng.normal(0, 0.2, targets.shape), 0, 1)
    return noisy.astype(np.float32), targets.astype(np.float32)


def slow_ssim(a, b, full):
    """Wang et al., 2004, equation 13, one window at a time."""
    away = np.arange(-5, 6)
    weights = np.exp(-(away[:, None] ** 2 + away**2) / (2 * 1.5**2))
    weights /= weights.sum()
    c1, c2 = (0.01 * full) ** 2, (0.03 * full) ** 2
    values = []
    for y in range(a.shape[0] - 10):
        for x in range(a.shape[1] - 10):
            p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
            m, n = (weights * p).sum(), (weights * q).sum()
            v, w = (weights * (p - m) ** 2).sum(), (weights * (q - n) ** 2).sum()
            both = (weights * (p - m) * (q - n)).sum()
            top = (2 * m * n + c1) * (2 * both + c2)
            values.append(top / ((m**2 + n**2 + c1) * (v + w + c2)))
    return np.mean(values)


@pytest.mark.parametrize("full", [1.0, 255.0])
def test_ssim_is_the_papers_equation(pair, full):
    noisy, targets = (p.astype(float) * full for p in pair)
    expected = [
        np.mean([slow_ssim(a, b, full) for a, b in zip(x, y, strict=True)])
        for x, y in zip(noisy, targets, strict=True)
    ]
    np.testing.assert_allclose(metrics.ssim(noisy, targets, full), expected, atol=1e-5)


def test_psnr_is_its_definition(pair):
    noisy, targets = (p.astype(float) for p in pair)
    errors = ((noisy - targets) ** 2).mean((1, 2, 3))
    np.testing.assert_allclose(
        metrics.psnr(*pair), 10 * np.log10(1 / errors), rtol=1e-5
    )


def test_the_same_image_is_perfect(pair):
    targets = pair[1]
    assert np.isposinf(metrics.psnr(targets, targets)).all()
    np.testing.assert_allclose(metrics.ssim(targets, targets), 1)
    one = metrics.ssim(targets[:, 0], targets[:, 0])  # (N, H, W) too
    assert one.shape == (4,)


@pytest.mark.parametrize(
    ("images", "targets", "full", "message"),
    [
        (
            np.zeros((2, 10, 20)),
            np.zeros((2, 10, 20)),
            1,
            "ssim.images: .* at least 11",
        ),
        (
            np.zeros((2, 12, 12)),
            np.zeros((2, 12, 13)),
            1,
            "targets: expected the shape",
        ),
        (np.zeros((12, 12)), np.zeros((12, 12)), 1, "expected shape .*got 2 dimension"),
        (np.zeros((2, 12, 12)), np.zeros((2, 12, 12)), 0, "max_value: expected a posi"),
    ],
)
def test_wrong_images_are_refused(images, targets, full, message):
    with pytest.raises(ValueError, match=message):
        metrics.ssim(images, targets, full)


def test_the_old_name_of_the_targets_warns(pair):
    noisy, targets = pair
    with pytest.warns(
        DeprecationWarning, match="psnr: 'wanted' is now called 'targets'"
    ):
        old = metrics.psnr(noisy, wanted=targets)
    np.testing.assert_array_equal(old, metrics.psnr(noisy, targets))
