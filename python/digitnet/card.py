"""A model card: what a trained network is, what it learned from, how well it does.

The form is that of Mitchell et al., "Model cards for model reporting", FAT* 2019, with the
front matter that model hubs read.
"""

from __future__ import annotations

import json
from typing import Any

from digitnet._build_info import VERSION
from digitnet._utils.text import code_span, fenced, markdown
from digitnet.models.base import BaseModel
from digitnet.report import Report
from digitnet.train.history import History

_METRICS = (
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "log_loss",
    "calibration_error",
)


def model_card(
    model: BaseModel,
    report: Report | None = None,
    *,
    about: dict[str, Any] | None = None,
) -> str:
    """Markdown about a model.

    Args:
        model: Its training is described too, if it was trained in this process.
        report: How it did on test images; without one the card says that there are none.
        about: More facts, such as hashes of the data: a line each.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> history = model.fit(train, epochs=1, progress=False)
        >>> card = digitnet.card.model_card(model, model.evaluate(test))
        >>> [line for line in card.splitlines() if line.startswith("## ")]
        ['## Network', '## Training', '## Results', '## Use']
    """
    channels, height, width = model.input_shape
    scale = f"0 to {model.max_value:g}" if model.max_value else "of any scale"
    lines = [
        _front_matter(model, report),
        f"# {markdown(model.name)}",
        "",
        f"A classifier of images of {height}x{width} pixels and {channels} "
        f"channel{'s' if channels > 1 else ''}, {scale}, into "
        f"{len(model.classes)} classes: {', '.join(map(markdown, model.classes))}."
        if model.classes
        else f"A network that makes images of {height}x{width} pixels of such images.",
        "",
        "## Network",
        "",
        f"{model.count_params():,} parameters; weights, layers and preprocessing are in one "
        "safetensors file without code.",
        "",
        fenced(str(model.summary())),
        "",
        *_training(model.history, about or {}),
        *_results(report),
        "## Use",
        "",
        "```python",
        "import digitnet",
        "",
        'model = digitnet.models.load("model.safetensors")',
        "labels = model.predict(images)  # raw pixels; the model prepares them",
        "```",
        "",
    ]
    return "\n".join(lines)


def _front_matter(model: BaseModel, report: Report | None) -> str:
    task = "image-to-image" if model.outputs_images else "image-classification"
    lines = [
        "---",
        "library_name: digitnet",
        f"pipeline_tag: {task}",
        "tags: [digitnet]",
    ]
    if report is not None:
        lines += [
            "model-index:",
            f"- name: {json.dumps(model.name)}",
            "  results:",
            "  - task: {type: image-classification}",
            f"    dataset: {{name: {json.dumps(report.data.name)}, "
            f"type: {json.dumps(report.data.name)}}}",
            "    metrics:",
        ]
        lines += [
            f"    - {{type: {name}, value: {report[name]:.6f}}}" for name in _METRICS
        ]
    return "\n".join([*lines, "---", ""])


def _training(history: History | None, about: dict[str, Any]) -> list[str]:
    lines = ["## Training", ""]
    if history is None or not history.epochs:
        lines.append("Its training was not recorded.")
    else:
        seconds = sum(history["seconds"])
        lines.append(
            f"{history.status} after {history.epochs} epochs and {seconds:.1f} s; "
            f"{history.executor or 'unknown executor'}; digitnet {VERSION}."
        )
        options = {
            k: v for k, v in history.options.items() if v not in (None, "", [], 0)
        }
        options.pop("lr_scales", None)  # a number a parameter
        lines += ["", "| option | value |", "| --- | --- |"]
        lines += [
            f"| {markdown(key)} | {code_span(str(value))} |"
            for key, value in options.items()
        ]
    if about:
        lines += [
            "",
            *(f"- {key}: {markdown(str(value))}" for key, value in about.items()),
        ]
    return [*lines, ""]


def _results(report: Report | None) -> list[str]:
    if report is None:
        return ["## Results", "", "It was not evaluated for this card.", ""]
    lines = [
        "## Results",
        "",
        f"On the {len(report.labels):,} images of {markdown(report.data.name)}:",
        "",
        "| metric | value |",
        "| --- | ---: |",
        *(f"| {name} | {report[name]:.4f} |" for name in _METRICS),
        "",
        "| class | images | precision | recall |",
        "| --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {markdown(str(name))} | {row['support']:.0f} | {row['precision']:.4f} | "
        f"{row['recall']:.4f} |"
        for name, row in report.per_class.iterrows()
    ]
    confused = report.confusion.most_confused(3)
    if len(confused):
        pairs = (
            f"{markdown(row['true'])} taken for {markdown(row['predicted'])} "
            f"({row['count']})"
            for _, row in confused.iterrows()
        )
        lines += ["", "Most confused: " + ", ".join(pairs) + "."]
    lines += [
        "",
        "It was measured on images like those that it learned from; on others (other "
        "writers, scans, inverted or shifted images) expect less.",
    ]
    return [*lines, ""]
