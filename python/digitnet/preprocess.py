"""Deterministic steps before a network: `Scale()`, `Resize(48, 48)`, `Standardise()`.

They belong to the model, run in C++ and are saved with it.

Example:
    >>> from digitnet.preprocess import Resize, Scale
    >>> model = digitnet.models.make("lenet5", input_shape=(8, 8),
    ...                              preprocess=[Scale(), Resize(28, 28)])
    >>> model.preprocessed(np.zeros((1, 8, 8), np.uint8)).shape
    (1, 1, 28, 28)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from digitnet import _core
from digitnet._factories import documented, options_of, signature_of

Step = tuple[str, dict[str, Any]]


def describe() -> list[dict[str, Any]]:
    """Every step with its class name, summary and options."""
    return _core.models.describe_steps()


def _step(entry: dict[str, Any]) -> Callable[..., Step]:
    def make(*args: Any, **kwargs: Any) -> Step:
        return entry["name"], options_of(entry["class_name"], entry, args, kwargs)

    return make


__all__ = ["Step", "describe"]
for _entry in describe():
    _name = _entry["class_name"]
    _function = documented(_step(_entry), _name, _entry, __name__)
    _function.__signature__ = signature_of(_entry)  # type: ignore[attr-defined]
    globals()[_name] = _function
    __all__.append(_name)
