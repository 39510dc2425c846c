"""Standard streams as they come: terminals, files, none at all (windowed programs)."""

from __future__ import annotations

from typing import Any


def is_terminal(stream: Any) -> bool:
    """Whether a person reads the stream; a stand-in need not say."""
    asked = getattr(stream, "isatty", None)
    return asked is not None and bool(asked())


def write_anything(stream: Any) -> None:
    """Let the stream escape what its encoding lacks, instead of failing there."""
    if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
