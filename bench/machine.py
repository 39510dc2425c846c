"""What a run of the benchmark was made on, and its chart."""

from __future__ import annotations

import importlib.metadata
import time
from pathlib import Path
from typing import Any

import numpy as np

from digitnet._utils.versions import versions


def gemm_rate() -> float:
    """GFLOP/s of a 1024 x 1024 product by torch, the best of a few."""
    import torch

    a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
    best = np.inf
    for _ in range(20):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * 1024**3 / best / 1e9


def copy_rate() -> float:
    """GB/s of copying 256 MB, read and written, the best of a few."""
    a = np.ones(2**26, np.float32)
    b = np.empty_like(a)
    best = np.inf
    for _ in range(8):
        start = time.perf_counter()
        np.copyto(b, a)
        best = min(best, time.perf_counter() - start)
    return 2 * a.nbytes / best / 1e9


def describe() -> dict[str, Any]:
    """Versions, hardware, and the machine's own rates."""
    about: dict[str, Any] = dict(versions())
    for peer in (
        "keras",
        "tensorflow-cpu",
        "kornia",
        "scikit-learn",
        "pandas",
        "scipy",
    ):
        try:
            about[peer] = importlib.metadata.version(peer)
        except importlib.metadata.PackageNotFoundError:
            about[peer] = "not installed"
    about["matrix product"] = f"{gemm_rate():.0f} GFLOP/s"
    about["memory copy"] = f"{copy_rate():.1f} GB/s"
    return about


def chart(results: list[dict[str, Any]], path: Path) -> None:
    """How many times digitnet is ahead of the fastest peer, a bar a question."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names = [r["question"] for r in results][::-1]
    ratios = [r["ratio"] for r in results][::-1]
    figure, ax = plt.subplots(
        figsize=(8, 0.36 * len(names) + 1.2), layout="constrained"
    )
    bars = ax.barh(names, ratios, color=["C0" if r >= 1 else "C3" for r in ratios])
    ax.bar_label(bars, [f"{r:.1f}x" for r in ratios], padding=3)
    ax.axvline(1, color="black", linewidth=1)
    ax.set_xlabel("times ahead of the fastest peer in the same run")
    ax.margins(x=0.12)
    figure.savefig(path, dpi=120)
    plt.close(figure)
