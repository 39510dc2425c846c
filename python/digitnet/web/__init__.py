"""Static files for browsers: the drawing pad of the page and of the notebook's widget."""

from pathlib import Path


def text(name: str) -> str:
    """One of the files beside this one."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
