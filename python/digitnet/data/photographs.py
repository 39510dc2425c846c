"""Photographs of handwritten digits, made of a data set's images with known answers: paper,
pen and light as they are on a table, to try how well pictures are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils.arrays import as_whole
from digitnet._utils.registry import check_name

Floats = npt.NDArray[np.float32]

DISTURBANCES = (
    *("shade", "shadow", "ruled", "grid", "edge", "specks", "noise", "blur"),
    *("pencil", "thin_pen", "blue_ink", "red_ink", "dark_paper"),
)
# What can be on one photograph at once.
ALL_TOGETHER = (
    "shade",
    "shadow",
    "ruled",
    "edge",
    "specks",
    "noise",
    "blur",
    "blue_ink",
)
_INKS = {"blue_ink": (35, 55, 150), "red_ink": (185, 40, 45), "pencil": (125, 125, 128)}
_MAX_SIDE = 8000


def make_photograph(
    image: Any,
    disturbances: Iterable[str] = (),
    *,
    size: tuple[int, int] = (240, 200),
    seed: int = 0,
) -> npt.NDArray[np.uint8]:
    """A photograph of one handwritten digit on paper.

    Args:
        image: The digit, bright on dark, (H, W), from 0 to 255.
        disturbances: Names among `DISTURBANCES`: "shade" that falls off across the paper, a
            "shadow" with a border, "ruled" lines, a "grid", the "edge" of the sheet on a
            table, "specks", "noise", "blur"; "pencil", "thin_pen", "blue_ink", "red_ink"
            instead of a black pen, and "dark_paper" under bright ink.
        size: (height, width) in pixels.
        seed: Of everything that is drawn. The same gives the same photograph.
    Returns:
        uint8 (height, width, 3).
    Raises:
        ValueError: an unknown disturbance, or a size below 40 or above 8,000.
    Example:
        >>> from digitnet.data import load, make_photograph
        >>> digit = load("digits")[0].images[0] * 15
        >>> make_photograph(digit, ["shade", "ruled"], seed=3).shape
        (240, 200, 3)
    """
    ways = [*disturbances]
    for way in ways:
        check_name("disturbance", way, DISTURBANCES)
    height, width = (as_whole(n, "make_photograph.size", 40, _MAX_SIDE) for n in size)
    rng = np.random.default_rng(as_whole(seed, "make_photograph.seed"))
    ink, box = _written(np.asarray(image, np.float32), height, width, ways, rng)
    paper = _paper(height, width, ways, rng)
    colour = np.array(
        next((_INKS[w] for w in ways if w in _INKS), (40, 38, 42)), np.float32
    )
    if "dark_paper" in ways:
        colour = 255 - (255 - colour) * 0.1
    ink = ink[..., None]
    photograph = paper * (1 - ink) + colour * ink
    photograph = _on_table(photograph, box, ways, rng)
    photograph *= _light(height, width, ways, rng)[..., None]
    if "blur" in ways:
        photograph = _blurred(
            photograph, rng.uniform(0.006, 0.012) * min(height, width)
        )
    spread = rng.uniform(14, 24) if "noise" in ways else 1.5
    photograph += rng.normal(0, spread, photograph.shape).astype(np.float32)
    return np.rint(np.clip(photograph, 0, 255)).astype(np.uint8)


def _written(
    image: Floats, height: int, width: int, ways: list[str], rng: np.random.Generator
) -> tuple[Floats, tuple[int, int, int, int]]:
    """How much of each pixel is ink, 0 to 1, and (top, left, bottom, right) of the digit."""
    rows, columns = np.nonzero(image > image.max() * 0.2)
    top, left = max(rows.min() - 2, 0), max(columns.min() - 2, 0)
    digit = image[top : rows.max() + 3, left : columns.max() + 3] / image.max()
    tall = round(min(height, width) * rng.uniform(0.45, 0.65))
    scale = tall / max(digit.shape)
    shape = max(4, round(digit.shape[0] * scale)), max(4, round(digit.shape[1] * scale))
    large = _core.data.resize(np.ascontiguousarray(digit), *shape, "bilinear")
    level = 0.72 if "thin_pen" in ways else 0.45
    strength = np.clip(
        (_blurred(large, scale * 0.35) - level) * scale * 0.5 + 0.5, 0, 1
    )
    if "pencil" in ways:
        grain = _cloud(shape, 2, rng) + rng.normal(0, 0.25, shape)
        strength *= np.clip(0.8 + 0.5 * grain, 0.25, 1)
    margin = min(height, width) // 8
    y = int(rng.integers(margin, max(margin + 1, height - shape[0] - margin)))
    x = int(rng.integers(margin, max(margin + 1, width - shape[1] - margin)))
    ink = np.zeros((height, width), np.float32)
    ink[y : y + shape[0], x : x + shape[1]] = strength
    return ink, (y, x, y + shape[0], x + shape[1])


def _paper(
    height: int, width: int, ways: list[str], rng: np.random.Generator
) -> Floats:
    brightness = rng.uniform(40, 75) if "dark_paper" in ways else rng.uniform(222, 245)
    tint = np.array([1, rng.uniform(0.98, 1), rng.uniform(0.93, 1)], np.float32)
    fibres = 2.5 * _cloud((height, width), 3, rng)
    paper = (brightness + fibres)[..., None] * tint
    for way, turned in (("ruled", False), ("grid", False), ("grid", True)):
        if way in ways:
            lines = _rules(height, width, turned, rng)[..., None]
            colour = np.array(
                (205, 215, 230) if "dark_paper" in ways else (140, 165, 205), np.float32
            )
            paper = paper * (1 - lines) + colour * lines
    if "specks" in ways:
        for _ in range(int(rng.integers(15, 40))):
            radius = rng.uniform(0.003, 0.009) * min(height, width)
            y, x = rng.uniform(0, height), rng.uniform(0, width)
            reach = int(radius) + 2
            rows = slice(max(0, int(y) - reach), int(y) + reach)
            columns = slice(max(0, int(x) - reach), int(x) + reach)
            v, u = np.mgrid[rows, columns]
            if v.size and v.max() < height and u.max() < width:
                spot = np.clip(radius - np.hypot(v - y, u - x) + 0.5, 0, 1)[..., None]
                paper[rows, columns] *= 1 - rng.uniform(0.3, 0.7) * spot
    return paper.astype(np.float32)


def _rules(height: int, width: int, turned: bool, rng: np.random.Generator) -> Floats:
    """Lines at equal distances, level or upright, a little tilted."""
    side = width if turned else height
    apart = side * rng.uniform(0.1, 0.2)
    thick = max(1.0, 0.006 * min(height, width) * rng.uniform(0.7, 1.3))
    tilt = np.tan(np.deg2rad(rng.uniform(-2.5, 2.5)))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    place = (x + tilt * y if turned else y + tilt * x) + rng.uniform(0, apart)
    off = np.abs((place % apart) - apart / 2)
    lines: Floats = np.clip(thick / 2 - off + 0.5, 0, 1).astype(np.float32)
    return lines


def _on_table(
    photograph: Floats,
    box: tuple[int, int, int, int],
    ways: list[str],
    rng: np.random.Generator,
) -> Floats:
    """With the sheet's edge, beyond which the table is seen."""
    if "edge" not in ways:
        return photograph
    height, width = photograph.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    tilt = np.tan(np.deg2rad(rng.uniform(-6, 6)))
    # How far the table is seen from each side, which leaves the digit on the paper.
    free = (box[0], height - box[2], box[1], width - box[3])
    side = int(rng.integers(4))
    seen = max(3.0, free[side] * rng.uniform(0.2, 0.6))
    across = (y, height - y, x, width - x)[side]
    along = (x - width / 2) if side < 2 else (y - height / 2)
    beyond = seen - across + tilt * along
    table = np.clip(beyond + 0.5, 0, 1)[..., None]
    grain = 8 * _cloud((height, width), 6, rng)[..., None]
    wood = np.array((110, 80, 55), np.float32) * rng.uniform(0.6, 1.3) + grain
    return (photograph * (1 - table) + wood * table).astype(np.float32)


def _light(
    height: int, width: int, ways: list[str], rng: np.random.Generator
) -> Floats:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = y / height - 0.5, x / width - 0.5
    light = np.ones((height, width), np.float32)
    if "shade" in ways:
        angle = rng.uniform(0, 2 * np.pi)
        across = np.cos(angle) * x + np.sin(angle) * y
        light *= 1 - rng.uniform(0.35, 0.55) * np.clip(across + 0.5, 0, 1) ** 1.3
    if "shadow" in ways:
        angle = rng.uniform(0, 2 * np.pi)
        beyond = np.cos(angle) * x + np.sin(angle) * y - rng.uniform(-0.25, 0.25)
        soft = rng.uniform(0.01, 0.04)
        light *= 1 - rng.uniform(0.3, 0.5) * np.clip(beyond / soft + 0.5, 0, 1)
    return light


def _cloud(shape: tuple[int, int], cell: int, rng: np.random.Generator) -> Floats:
    """Smooth noise of about unit size, with structures of some pixels."""
    coarse = rng.normal(0, 1, (shape[0] // cell + 2, shape[1] // cell + 2))
    return np.asarray(
        _core.data.resize(coarse.astype(np.float32), shape[0], shape[1], "bilinear")
        if max(shape) <= 4096
        else np.kron(coarse, np.ones((cell, cell)))[: shape[0], : shape[1]],
        np.float32,
    )


def _blurred(picture: Floats, sigma: float) -> Floats:
    """Gaussian, channel by channel; borders go on."""
    radius = max(1, round(2.5 * sigma))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-3)) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    result = picture
    for axis in (0, 1):
        pad = [(0, 0)] * picture.ndim
        pad[axis] = (radius, radius)
        wide = np.pad(result, pad, mode="edge")
        length = picture.shape[axis]
        result = sum(  # type: ignore[assignment]
            w * np.take(wide, range(i, i + length), axis) for i, w in enumerate(weights)
        )
    return result
