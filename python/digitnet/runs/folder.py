"""The folder that a training run leaves: report.html, figures, tables, model, config."""

from __future__ import annotations

import html
import json
import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitnet import plot
from digitnet._utils import html as page
from digitnet._utils.files import write_json, write_whole
from digitnet._utils.versions import versions
from digitnet.card import model_card

if TYPE_CHECKING:
    from digitnet.data.dataset import Dataset
    from digitnet.evaluation.comparison import Comparison
    from digitnet.models.model import Model
    from digitnet.plot import Display
    from digitnet.report import Report
    from digitnet.train.history import History


# What a training leaves in its folder.
FILES = frozenset(
    {
        *("report.html", "card.md", "config.json", "metrics.json", "history.csv"),
        *("model.safetensors", "*.png"),
    }
)


def write_run(
    folder: str | PathLike[str],
    model: Model,
    history: History,
    report: Report,
    config: dict[str, Any] | None = None,
    *,
    training: Dataset | None = None,
) -> Path:
    """Write everything about a run and return the path of report.html.

    The folder gets report.html (with its pictures inside, to be opened without a
    server), the same pictures as PNG, card.md, history.csv, metrics.json, config.json
    (settings, versions, hashes of the data) and model.safetensors. Files of an earlier run
    there are replaced.

    Args:
        folder: Made if it is not there.
        model, history, report: Of the training, and how it did on test images.
        config: Settings. Default: the network's name and what `fit` was told.
        training: What it learned from, for its hash.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    if config is None:
        config = {"model": model.name, **history.options}
    hashes = {"test": report.data.sha256()}
    if training is not None:
        hashes["training"] = training.sha256()
    model.save(root / "model.safetensors")
    write_whole(root / "history.csv", history.to_frame().to_csv().encode())
    write_json(root / "metrics.json", metrics_of(history, report))
    about = {"created": time.time(), "data_sha256": hashes}
    write_json(root / "config.json", {**config, **about, "versions": versions()})
    told = {f"SHA-256 of the {name} data": value for name, value in hashes.items()}
    card = model_card(model, report, about=told)
    write_whole(root / "card.md", card.encode())
    pictures = {
        title: _picture(root, name, draw)
        for name, (title, draw) in _figures(model, history, report).items()
    }
    text = _page(model, history, report, config, pictures)
    write_whole(root / "report.html", text.encode())
    return root / "report.html"


def read_history(folder: str | PathLike[str]) -> History | None:
    """The training that a run left in history.csv, or None if there is no such file.

    Raises:
        ValueError: the file is not a history.
    """
    import pandas as pd

    from digitnet.train.history import History

    path = Path(folder) / "history.csv"
    if not path.is_file():
        return None
    try:
        frame = pd.read_csv(path, index_col="epoch", dtype=float)
    except ValueError as error:
        raise ValueError(
            f"{path}: expected a run's history, one row an epoch, got {error}"
        ) from error
    history = History(monitor="val_loss" if "val_loss" in frame else "loss")
    for row in frame.to_dict("records"):
        history.append({str(name): value for name, value in row.items()})
    return history


def metrics_of(history: History, report: Report) -> dict[str, Any]:
    """What metrics.json holds."""
    return {
        "test": dict(report),
        "test_data": report.data.name,
        "test_samples": len(report.labels),
        "status": history.status,
        "epochs": history.epochs,
        "train_seconds": sum(history["seconds"]) if history.epochs else 0.0,
        "last_epoch": {name: values[-1] for name, values in history.items()},
    }


def write_comparison(
    folder: str | PathLike[str], comparison: Comparison, value: dict[str, Any]
) -> Path:
    """Write a comparison and return the path of report.html.

    The folder gets report.html, its pictures as PNG, metrics.csv and comparison.json,
    which holds `value`.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / "comparison.json", value)
    write_whole(root / "metrics.csv", comparison.table.to_csv().encode())
    figures = {"differing": ("Images on which they differ", comparison.plot)}
    if comparison.histories:
        figures["curves"] = ("Training curves", comparison.plot_curves)
    title = " and ".join(comparison.names)
    parts = [
        f"<h1>{html.escape(title)}</h1><p>{html.escape(comparison.verdict())}</p>",
        comparison.table.to_html(float_format="{:.4f}".format, na_rep=""),
    ]
    for name, (heading, draw) in figures.items():
        picture = page.image(heading, _picture(root, name, draw))
        parts.append(f"<h2>{html.escape(heading)}</h2>{picture}")
    write_whole(root / "report.html", page.document(title, parts).encode())
    return root / "report.html"


def _figures(
    model: Model, history: History, report: Report
) -> dict[str, tuple[str, Callable[[], Display]]]:
    """File name to (title, how to draw it)."""
    figures: dict[str, tuple[str, Callable[[], Display]]] = {}
    if history.epochs:
        figures["curves"] = ("Training curves", lambda: plot.training_curves(history))
    figures["confusion_matrix"] = (
        "Confusion matrix",
        lambda: plot.confusion_matrix(report.confusion),
    )
    figures["predictions"] = (
        "Predictions: true class orange, predicted green",
        lambda: plot.predictions(report),
    )
    figures["misclassified"] = (
        "Mistakes, the surest first",
        lambda: plot.misclassified(report),
    )
    figures["roc"] = ("ROC curves", lambda: plot.roc(report))
    figures["reliability"] = ("Reliability", lambda: plot.reliability(report))
    figures["feature_maps"] = (
        "Feature maps of the first test image",
        lambda: plot.feature_maps(model, report.data[0][0]),
    )
    figures["class_counts"] = (
        "Test samples of each class",
        lambda: plot.class_counts(report.data),
    )
    return figures


def _picture(root: Path, name: str, draw: Callable[[], Display]) -> bytes:
    display = draw()
    display.save(root / f"{name}.png")
    display.close()
    return (root / f"{name}.png").read_bytes()


def _page(
    model: Model,
    history: History,
    report: Report,
    config: dict[str, Any],
    pictures: dict[str, bytes],
) -> str:
    seconds = sum(history["seconds"]) if history.epochs else 0.0
    parts = [
        f"<h1>{html.escape(model.name)} on {html.escape(report.data.name)}</h1>",
        f'<p class="big">{report["accuracy"]:.2%} of {len(report.labels):,} test images are right</p>',
        f"<p>{html.escape(history.status)} after {history.epochs} epochs, {seconds:.1f} s of training</p>",
        report.to_frame().to_html(float_format="{:.4f}".format),
    ]
    for title, picture in pictures.items():
        parts.append(f"<h2>{html.escape(title)}</h2>{page.image(title, picture)}")
    confused = report.confusion.most_confused()
    if len(confused):
        parts.append(
            "<h2>Most confused</h2>"
            + confused.to_html(index=False, float_format="{:.3f}".format)
        )
    parts += [
        "<h2>Each class</h2>" + report.per_class.to_html(float_format="{:.4f}".format),
        f"<h2>Network</h2><pre>{html.escape(str(model.summary()))}</pre>",
        f"<h2>Configuration</h2><pre>{html.escape(json.dumps(config, indent=2, default=str))}</pre>",
        "<h2>Versions</h2><pre>"
        + html.escape("\n".join(f"{k}: {v}" for k, v in versions().items()))
        + "</pre>",
    ]
    return page.document(model.name, parts)
