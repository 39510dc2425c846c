"""Optional packages: an import of one that is not installed names the extra that brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# The package that is imported, and the extra of pyproject.toml that installs it.
EXTRAS = {
    "anywidget": "widget",
    "fastapi": "serve",
    "h5py": "keras",
    "mlflow": "mlflow",
    "onnx": "export",
    "optuna": "search",
    "prometheus_client": "serve",
    "pyarrow": "parquet",
    "sklearn": "sklearn",
    "tensorboard": "tensorboard",
    "torch": "torch",
    "traitlets": "widget",
    "uvicorn": "serve",
    "wandb": "wandb",
}


@contextmanager
def extra_packages(where: str) -> Iterator[None]:
    """Around imports of optional packages.

    Args:
        where: What needs them, as its caller calls it.
    Raises:
        ImportError: one is not installed; names it and its extra.
    Example:
        >>> from digitnet._utils.extras import extra_packages
        >>> with extra_packages("project by t-SNE"):
        ...     from sklearn.manifold import TSNE
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise ImportError(
            f"{where}: expected the package {package}, got none; "
            f"pip install 'digitnet[{EXTRAS[package]}]'",
            name=package,
        ) from error
