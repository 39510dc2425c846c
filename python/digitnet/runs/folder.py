"""The folder of a training run: report.html, figures, history, metrics, model, config."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

from digitnet import plot
from digitnet._utils.files import write_json, write_whole
from digitnet._utils.folder_kinds import check_kind
from digitnet._utils.folders import Contents, replacing
from digitnet._utils.html import Page, saved_png
from digitnet._utils.versions import versions
from digitnet.card import model_card
from digitnet.data.dataset import Dataset
from digitnet.data.fingerprint import fingerprint
from digitnet.models.model import Model
from digitnet.plot import Display
from digitnet.report import Report
from digitnet.train.history import Executor, History

_FIGURES = (
    *("curves", "confusion_matrix", "predictions", "misclassified", "roc"),
    *("reliability", "feature_maps", "class_counts"),
)
# What a training leaves in its folder.
FILES = frozenset(
    {
        *("report.html", "card.md", "config.json", "metrics.json", "history.csv"),
        *("model.safetensors", *(f"{name}.png" for name in _FIGURES)),
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
    seen: Contents | None = None,
) -> Path:
    """Write everything about a run and return the path of report.html.

    The folder gets report.html (with its pictures inside, to be opened without a
    server), the same pictures as PNG, card.md, history.csv, metrics.json, config.json
    (settings, versions, hashes of the data, names of the files) and model.safetensors. It
    appears whole: an earlier run there stays until then and then goes whole, and files that
    no run writes stay for good.

    Args:
        folder: Made if it is not there.
        model: The trained model.
        history: The training.
        report: Its evaluation on test images.
        config: Settings. Default: the network's name and the options of `fit`. The keys kind,
            created, data_sha256, files, executor and versions are the folder's.
        training: The training data, for their hash.
        seen: What `digitnet._utils.folders.contents` told of the folder when the training
            began. Files of a run that were written there since get other names, and stay.
            Default: what is there now.
    Raises:
        ValueError: the folder holds results of another kind.
        OSError: it cannot be written, or not be replaced.
    Warns:
        RuntimeWarning: `training` is not what `fit` was given, or has changed since; then
            config.json has no hash of it. Or others wrote into the folder meanwhile.
    """
    if config is None:
        config = {"model": model.name, **history.options}
    check_kind(folder, "write_run.folder", "metrics.json")
    with replacing(folder, owned=FILES, seen=seen) as root:
        _write(root, model, history, report, config, training)
    return Path(folder) / "report.html"


def _write(
    root: Path,
    model: Model,
    history: History,
    report: Report,
    config: dict[str, Any],
    training: Dataset | None,
) -> None:
    hashes = {"test": report.data.sha256()}
    if training is not None and _is_what_was_learned(training, history):
        hashes["training"] = training.sha256()
    model.save(root / "model.safetensors")
    write_json(root / "metrics.json", metrics_of(history, report))
    drawings = figures_of(model, history, report)
    files = FILES - {f"{name}.png" for name in {*_FIGURES} - drawings.keys()}
    about = {
        "kind": "training",
        "created": time.time(),
        "data_sha256": hashes,
        "files": sorted(files),
    }
    if isinstance(history.executor, Executor):
        about["executor"] = asdict(history.executor)
    write_json(root / "config.json", {**config, **about, "versions": versions()})
    pictures = {
        title: saved_png(root / f"{name}.png", draw)
        for name, (title, draw) in drawings.items()
    }
    texts = texts_of(model, history, report, config, hashes, pictures, versions())
    for name, text in texts.items():
        write_whole(root / name, text.encode())


def texts_of(
    model: Model,
    history: History,
    report: Report,
    config: dict[str, Any],
    hashes: Mapping[str, str],
    pictures: Mapping[str, bytes],
    about: Mapping[str, str],
) -> dict[str, str]:
    """A run's files that people read, by name: history.csv, card.md and report.html, which
    has the pictures by title and `about` as the versions."""
    facts = {f"SHA-256 of the {name} data": value for name, value in hashes.items()}
    return {
        "history.csv": history.to_frame().to_csv(),
        "card.md": model_card(model, report, about=facts),
        "report.html": str(_page(model, history, report, config, pictures, about)),
    }


def _is_what_was_learned(training: Dataset, history: History) -> bool:
    known = history.data_fingerprint
    if known is None or known == fingerprint(training):
        return True
    warnings.warn(
        "write_run.training: expected the data that the model was trained on, got others, "
        "or they changed since; config.json has no hash of them",
        RuntimeWarning,
        stacklevel=4,
    )
    return False


def metrics_of(history: History, report: Report) -> dict[str, Any]:
    """Content of metrics.json."""
    return {
        "test": dict(report),
        "test_data": report.data.name,
        "test_samples": len(report.labels),
        "status": history.status,
        "epochs": history.epochs,
        "train_seconds": sum(history["seconds"]) if history.epochs else 0.0,
        "last_epoch": {name: values[-1] for name, values in history.items()},
    }


def figures_of(
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
        "Mistakes, the most confident first",
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


def _page(
    model: Model,
    history: History,
    report: Report,
    config: dict[str, Any],
    pictures: Mapping[str, bytes],
    about: Mapping[str, str],
) -> Page:
    seconds = sum(history["seconds"]) if history.epochs else 0.0
    page = Page(f"{model.name} on {report.data.name}")
    page.text(
        f"{report['accuracy']:.2%} of {len(report.labels):,} test images are right",
        "lead",
    )
    page.text(
        f"{history.status} after {history.epochs} epochs, {seconds:.1f} s of training"
    )
    page.section("Metrics")
    page.table(report.to_frame())
    for title, png in pictures.items():
        page.section(title)
        page.picture(title, png, caption=False)
    confused = report.confusion.most_confused()
    if len(confused):
        page.section("Most confused")
        page.table(confused, index=False, number="{:.3f}")
    page.section("Each class")
    page.table(report.per_class)
    page.section("Network")
    page.code(str(model.summary()))
    page.section("Configuration")
    page.code(json.dumps(config, indent=2, default=str))
    page.section("Versions")
    page.code("\n".join(f"{k}: {v}" for k, v in about.items()))
    return page
