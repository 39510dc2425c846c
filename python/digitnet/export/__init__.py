"""Export of models: ONNX, torch.export, a model card.

Example:
    >>> import pathlib, tempfile
    >>> train, test = digitnet.data.load("digits")
    >>> model = digitnet.models.make("linear", input_shape=(8, 8))
    >>> history = model.fit(train, epochs=1, progress=False)
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "card.md"
    >>> "# linear" in digitnet.export.export(model, file, "card").read_text()
    True
"""

from __future__ import annotations

import io
from collections.abc import Callable
from os import PathLike
from pathlib import Path

from digitnet._utils.extras import extra_packages
from digitnet._utils.files import check_target, write_whole
from digitnet._utils.registry import find_named
from digitnet.card import model_card
from digitnet.export.onnx_file import onnx_bytes
from digitnet.models.model import Model

__all__ = ["export", "formats"]


def torch_bytes(model: Model) -> bytes:
    """What `torch.export.load` reads: float32 (N, C, H, W) to logits (N, K), any N."""
    with extra_packages("export"):
        import torch

    # Two images, because torch takes a dimension of one for fixed.
    example = torch.zeros((2, *model.input_shape))
    count = torch.export.Dim("N", min=1)
    program = torch.export.export(
        model.to_torch(), (example,), dynamic_shapes=({0: count},)
    )
    content = io.BytesIO()
    torch.export.save(program, content)
    return content.getvalue()


_FORMATS: dict[str, tuple[str, str, Callable[[Model], bytes]]] = {
    "onnx": (".onnx", "raw pixels in, logits and probabilities out", onnx_bytes),
    "torch": (
        ".pt2",
        "a program of torch.export: raw pixels in, logits out",
        torch_bytes,
    ),
    "card": (".md", "a model card", lambda model: model_card(model).encode()),
}


def formats() -> list[dict[str, str]]:
    """Name, suffix and summary of each format."""
    return [
        {"name": name, "suffix": suffix, "summary": summary}
        for name, (suffix, summary, _) in _FORMATS.items()
    ]


def export(model: Model, path: str | PathLike[str], format: str | None = None) -> Path:
    """Write a model for another program, whole or not at all.

    The preprocessing is inside: what reads the file gives it raw pixels, float32
    (N, C, H, W) from 0 to the model's max_value, any N.

    Args:
        model: What to write.
        path: The file.
        format: "onnx" (needs ``pip install digitnet[export]``; checked by onnx, and by
            onnxruntime if that is installed), "torch" or "card". Default: by the suffix.
    Returns:
        The path.
    Raises:
        ValueError: unknown format, lists the known; a model that was never fitted, whose
            max_value is not set.
        ImportError: onnx or torch is not installed; names the extra.
        RuntimeError: the written model would predict differently; nothing is written.
    """
    target = check_target(path)
    if format is None:
        by_suffix = {suffix: name for name, (suffix, _, _) in _FORMATS.items()}
        format = by_suffix.get(target.suffix.lower(), target.suffix or "none")
    _, _, content_of = find_named("format", format, _FORMATS)
    if format != "card" and model.max_value is None:
        raise ValueError(
            f"export.model: expected a fitted model, got {model!r}, whose "
            "max_value is not set"
        )
    write_whole(target, content_of(model))
    return target
