"""Dimension reduction: rows of numbers as points of a plane."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._utils.extras import extra_packages

Doubles = npt.NDArray[np.float64]

# At once: they stay in a core's cache, and between two blocks Ctrl-C is heard.
_BLOCK_VALUES = 2**17
_MAX_SQUARE = (
    800  # columns of which all products are taken: in noise no step gets nearer
)
# Of Lanczos' steps: beyond so many a direction is as good as another.
_MAX_STEPS = 300
_TOLERANCE = 1e-14  # of the largest eigenvalue


def project(values: npt.NDArray[Any], method: str = "pca", *, seed: int = 0) -> Doubles:
    """Rows of numbers as points of a plane: (N, 2).

    Args:
        values: (N, F).
        method: "pca", the two directions of most variance; "tsne", neighbours stay
            neighbours, by scikit-learn (minutes for more than a few thousand rows).
        seed: Seed of t-SNE.
    Raises:
        ValueError: unknown method, too few rows or columns, numbers that are not finite;
            fewer than 4 different rows for t-SNE.
        ImportError: t-SNE without scikit-learn; names the extra.
    """
    given = np.asarray(values)
    if given.ndim != 2 or len(given) < 4 or given.shape[1] < 2:
        raise ValueError(
            "project.values: expected at least 4 rows of 2 numbers (N, F), got shape "
            f"{given.shape}"
        )
    values = np.empty(given.shape)
    for rows in _blocks(values):
        values[rows] = given[rows]
    if not all(np.isfinite(values[rows]).all() for rows in _blocks(values)):
        raise ValueError("project.values: expected finite numbers, got NaN or infinity")
    if method == "pca":
        return _principal_components(values)
    if method == "tsne":
        if len(np.unique(values, axis=0)) < 4:  # scikit-learn ends the process
            raise ValueError(
                "project.values: expected at least 4 different rows for t-SNE, got fewer; "
                "take another layer, or method='pca'"
            )
        with extra_packages("project by t-SNE"):
            from sklearn.manifold import TSNE
        perplexity = min(30.0, (len(values) - 1) / 3)
        return TSNE(
            2, perplexity=perplexity, init="pca", random_state=seed
        ).fit_transform(values)
    raise ValueError(f"unknown projection '{method}'; known: pca, tsne")


def _blocks(values: Doubles) -> Iterator[slice]:
    size = max(1, _BLOCK_VALUES // values.shape[1])
    for first in range(0, len(values), size):
        yield slice(first, first + size)


def _principal_components(values: Doubles) -> Doubles:
    """The first two, each with the sign that makes its largest loading positive.

    `values` are used up: centred, then without their first component.
    """
    mean = sum(values[rows].sum(0) for rows in _blocks(values)) / len(values)
    scale = 0.0
    for rows in _blocks(values):
        values[rows] -= mean
        scale = max(scale, np.abs(values[rows]).max())
    for rows in _blocks(values):  # squares would overflow or vanish
        values[rows] /= scale or 1.0
    points = np.empty((len(values), 2))
    for column in points.T:
        loading = _leading_direction(values)
        loading *= np.sign(loading[np.abs(loading).argmax()])
        for rows in _blocks(values):
            column[rows] = values[rows] @ loading
            values[rows] -= np.outer(column[rows], loading)
    return points * scale


def _leading_direction(values: Doubles) -> Doubles:
    """The unit vector along which centred rows vary most, (F,)."""
    if values.shape[1] > _MAX_SQUARE:
        return _by_lanczos(values)
    products = sum(values[rows].T @ values[rows] for rows in _blocks(values))
    return np.asarray(np.linalg.eigh(products)[1][:, -1])


def _by_lanczos(values: Doubles) -> Doubles:
    """The same of rows of many numbers, nearly where no direction stands out.

    By Lanczos' method with full reorthogonalisation; a step is a pass over the rows.
    Source: Golub, Van Loan, Matrix computations, 4th edition, section 10.3.
    """
    most = min(values.shape[1], _MAX_STEPS)
    basis = np.empty((most + 1, values.shape[1]))
    basis[0] = np.random.default_rng(0).normal(size=values.shape[1])
    basis[0] /= np.linalg.norm(basis[0])
    projected = np.zeros((most + 1, most + 1))  # tridiagonal
    for count in range(1, most + 1):
        newest, so_far = basis[count - 1], basis[:count]
        step = sum(values[r].T @ (values[r] @ newest) for r in _blocks(values))
        projected[count - 1, count - 1] = step @ newest
        for _ in range(2):  # once leaves rounding errors
            step = step - (so_far @ step) @ so_far
        length = np.linalg.norm(step)
        largest = projected[:count, :count].diagonal().max()
        last = count == most or length <= _TOLERANCE * largest
        if last or count % (5 + count // 10) == 0:  # seldom: it costs more each time
            sizes, vectors = np.linalg.eigh(projected[:count, :count])
            if last or length * abs(vectors[-1, -1]) <= _TOLERANCE * sizes[-1]:
                break
        projected[count, count - 1] = projected[count - 1, count] = length
        basis[count] = step / length
    direction = vectors[:, -1] @ so_far
    return np.asarray(direction / np.linalg.norm(direction))
